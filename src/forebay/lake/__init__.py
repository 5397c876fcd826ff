"""Bars at rest: checked, staged, committed to Delta tables, and read again. Knows no vendor and no ledger.

Every file is in one of the rooms below; `pyproject.toml` says which may import which.
"""
