"""Runs the symbols of the registry: who is run, phase by phase, and what is written down of it."""
