"""Bars in TimescaleDB or PostgreSQL: tables, one upsert a batch, positions in Kafka. The only sink that speaks SQL."""

from forebay.errors import UsageError

try:  # here, since every file of this room begins with it
    import psycopg  # noqa: F401
except ModuleNotFoundError as error:
    raise UsageError(
        f"TimescaleDB needs {error.name}, which is not installed", remedy="install it: pip install 'forebay[timescale]'"
    ) from error
