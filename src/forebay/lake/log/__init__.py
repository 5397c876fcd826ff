"""The Delta log: what belongs to a table, version by version. It is followed and written here; no rows are read."""
