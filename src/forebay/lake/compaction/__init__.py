"""Upkeep of tables: files put together, proved and exchanged, old ones vacuumed. The rows stay as they are."""
