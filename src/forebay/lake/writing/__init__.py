"""Deliveries into tables: who owns a day, what gives way, one commit. Everything that adds rows goes through here."""
