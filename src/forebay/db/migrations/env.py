"""Run by Alembic: uses the connection, and the transaction, that `forebay.db.migrate` has opened."""

from __future__ import annotations

from alembic import context

from forebay.db.migrate import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
