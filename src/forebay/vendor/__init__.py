"""The vendor's wire: its REST service, its flat files, its spelling.

Nothing here knows a ledger, a lake or a setting.
"""
