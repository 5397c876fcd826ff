"""Bars at rest: checked, staged, committed to Delta tables, and read again. Knows no vendor and no ledger."""
