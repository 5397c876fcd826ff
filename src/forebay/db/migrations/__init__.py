"""The history of the tables, as Alembic reads it. Only `forebay.db.migrate` runs it."""
