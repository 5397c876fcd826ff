"""The relational tables: the data model, readable from top to bottom. Instants are UTC, dates are session dates."""

from __future__ import annotations

import sqlalchemy as sa

from forebay.db.conditions import (
    CLAIMABLE,
    HAS_FAILED,
    HELD,
    HELD_BACK,
    NOT_CLOSED,
    NOT_SATISFIED,
    RUN_WAITS,
    UNSETTLED,
    only,
)
from forebay.db.files_view import FILES_VIEW
from forebay.db.types import ByteOrdered, Instant, JsonByAnybody, JsonValue, RowId, entered_column
from forebay.model.task import TaskState

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    # what is to be done
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("destination", sa.Text, nullable=False),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("table_name", sa.Text, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("end_date", sa.Date, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("etag", sa.Text),  # the vendor's revision of the file, as listed
    sa.Column("size", sa.BigInteger),
    sa.Column("last_modified", Instant),
    sa.Column("priority", sa.Integer, nullable=False),
    # how far it has come
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("available_at", Instant, nullable=False),  # not claimed before
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),  # further attempts used up
    sa.Column("upload_attempt", sa.Integer, nullable=False, server_default="0"),  # how many of them were uploads
    sa.Column("throttled_since", Instant),  # since when every answer has been a 429
    sa.Column("crashes", sa.Integer, nullable=False, server_default="0"),
    sa.Column("error_kind", sa.Text),
    sa.Column("error_message", sa.Text),
    sa.Column("rows", sa.BigInteger),
    sa.Column("bytes", sa.BigInteger),
    # who holds it
    sa.Column("worker_id", sa.Text),
    sa.Column("lease_token", sa.BigInteger, nullable=False, server_default="0"),  # grows with every claim
    sa.Column("lease_expires_at", Instant),
    # what holds it back: `paused`, `after:<destination>`, or both with a comma
    sa.Column("hold", sa.Text),
    # when
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    *(sa.Column(entered_column(state), Instant) for state in TaskState),
    sa.UniqueConstraint("destination", "key"),
    sa.Index("ix_tasks_claim", sa.text("priority DESC"), "id", "available_at", **only(CLAIMABLE)),
    sa.Index("ix_tasks_lease", "lease_expires_at", **only(HELD)),
    sa.Index("ix_tasks_hold", "hold", "key", **only(HELD_BACK)),
    # For counts. Not by status alone: SQLite would take such an index for a claim too, and sort every waiting task.
    sa.Index(None, "destination", "status"),
    sa.Index(None, "table_name", "symbol", "start_date"),
    # What has just changed, and what failed last.
    sa.Index("ix_tasks_changed", sa.text("updated_at DESC"), "id"),
    sa.Index("ix_tasks_failed", sa.text("updated_at DESC"), "id", **only(HAS_FAILED)),
    sqlite_autoincrement=True,  # a deleted task's id must not return: a late lease could fit the new row
)
"""One leased unit of work. `key` is unique for a destination."""

coverage = sa.Table(
    "coverage",
    metadata,
    sa.Column("destination", sa.Text, primary_key=True),
    sa.Column("table_name", sa.Text, primary_key=True),
    sa.Column("symbol", sa.Text, primary_key=True),  # * is every symbol
    sa.Column("start_date", sa.Date, primary_key=True),
    sa.Column("end_date", sa.Date, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("rows", sa.BigInteger),
    sa.Column("bytes", sa.BigInteger),
    sa.Column("sha256", sa.Text),
    sa.Column("etag", sa.Text),
    sa.Column("size", sa.BigInteger),
    sa.Column("last_modified", Instant),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("details", sa.JSON, nullable=False),
    sa.Column("checked_at", Instant, nullable=False),
    sa.Column("expires_at", Instant),  # from then on it covers nothing
    sa.Index("ix_coverage_not_satisfied", "destination", "table_name", "verdict", "source", **only(NOT_SATISFIED)),
    sqlite_with_rowid=False,  # stored in the order of its key: ranges of symbols are read in one sweep
)
"""What is known of a partition at a destination, from one source, with its evidence."""

places = sa.Table(
    "places",
    metadata,
    sa.Column("destination", sa.Text, primary_key=True),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("since", Instant, nullable=False),
)
"""Where a destination was when its coverage was recorded."""

feeds = sa.Table(
    "feeds",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("feed", sa.JSON, nullable=False),
    sa.Column("remembered_at", Instant, nullable=False),
)
"""The feeds that commands named, so that their gaps go on being counted."""

files_upstream = sa.Table(
    "files_upstream",
    metadata,
    sa.Column("dataset", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("etag", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("last_modified", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),  # when this revision was first listed
    sqlite_with_rowid=False,
)
"""What the vendor's newest listing said of each flat file."""

entitlements = sa.Table(
    "entitlements",
    metadata,
    sa.Column("dataset", sa.Text, primary_key=True),
    sa.Column("first_day", sa.Date, nullable=False),  # the oldest session date that the user's plan serves
    sa.Column("asked_at", Instant, nullable=False),
)
"""How far back the user's plan reaches, as the vendor last answered."""

rate_grants = sa.Table(
    "rate_grants",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("granted_at", Instant, nullable=False, index=True),
    sa.Column("interactive", sa.Boolean, nullable=False, server_default=sa.false()),  # a person waits for it
    sqlite_autoincrement=True,  # a grant that was taken back must not be mistaken for a later one
)
"""The REST calls of the last minute, and those already promised for the next."""

rate_pause = sa.Table(
    "rate_pause",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("until", Instant),
    sa.Column("lowered_to", sa.Integer),  # calls a minute just after the last 429
    sa.Column("clean_since", Instant),  # when the minutes without a 429 began
)
"""One row: until when the vendor wants no call, and what it bore then. Whoever grants a call holds its lock."""

files_earlier = sa.Table(
    "files_earlier",
    metadata,
    sa.Column("file_key", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("retry_count", sa.Integer, nullable=False),
    sa.Column("error_message", sa.Text),
    sa.Column("worker_id", sa.Text),
    sa.Column("created_at", Instant),
    sa.Column("updated_at", Instant),
    sa.Column("settled_at", Instant),  # when it was turned into coverage or a task
    sa.Index("ix_files_earlier_open", "file_key", **only(UNSETTLED)),
)
"""What the tracker of the system before Forebay said of each file, if its database was taken over."""

universe = sa.Table(
    "universe",
    metadata,
    sa.Column("ticker", sa.Text, primary_key=True),
    sa.Column("category", sa.Text, primary_key=True),
    # tells those apart who bore one ticker in turn: the FIGI, or `until <date>`, or nothing for who bears it now
    sa.Column("bearer", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("exchange", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("figi", sa.Text),
    sa.Column("listed", sa.Date),  # first day of trading, where it is known
    sa.Column("delisted", sa.Date),  # from this day on it is not traded
    sa.Column("as_of", sa.Date, nullable=False),  # the row was so on this day
    sa.Index("ix_universe_category", "category", "active", "as_of"),
    sqlite_with_rowid=False,
)
"""Who is and was listed in each category, as far as the vendor was asked."""

universe_refreshes = sa.Table(
    "universe_refreshes",
    metadata,
    sa.Column("category", sa.Text, primary_key=True),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("listings", sa.Integer, nullable=False),
    sa.Column("refreshed_at", Instant, nullable=False),
)
"""The newest date as of which each category is known as a whole."""

symbol_registry = sa.Table(
    "symbol_registry",
    metadata,
    # which symbol is kept, and how; other programs, too, may add rows
    sa.Column("symbol", ByteOrdered, primary_key=True),
    sa.Column("strategy", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False, server_default="idle"),
    sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("description", sa.Text, nullable=False, server_default=""),
    sa.Column("metadata", JsonByAnybody, nullable=False, server_default="{}"),
    # what became of that
    sa.Column("last_backfill", Instant),
    sa.Column("last_snapshot", Instant),
    sa.Column("last_stream", Instant),
    sa.Column("error_message", sa.Text),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),  # since one succeeded
    sa.Column("retry_at", Instant),  # not run again before
    # who runs it
    sa.Column("worker_id", sa.Text),
    sa.Column("lease_token", sa.BigInteger, nullable=False, server_default="0"),  # grows with every change of hands
    sa.Column("lease_expires_at", Instant),
    sa.Column("claimed_at", Instant),  # when it was last run, or began to be
    # when
    sa.Column("created_at", Instant, nullable=False, server_default=sa.func.now()),
    sa.Column("updated_at", Instant, nullable=False, server_default=sa.func.now()),
)
"""The symbols that a service keeps, each with its strategy and status."""

schedule = sa.Table(
    "schedule",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("enabled", sa.Boolean, nullable=False),  # whether jobs are to be run
    sa.Column("leader", sa.Text),  # the daemon that runs them
    sa.Column("leads_until", Instant),
)
"""One row: what the daemons agree on."""

schedule_jobs = sa.Table(
    "schedule_jobs",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("done_until", Instant, nullable=False),  # no run of up to then is owed
    sa.Column("next_run_at", Instant),
    sa.Column("started_at", Instant),
    sa.Column("finished_at", Instant),
    sa.Column("error", sa.Text),
    sa.Column("runs", sa.BigInteger, nullable=False),
)
"""Each job's newest run, and its next."""

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("asked", sa.Text, nullable=False),  # JSON in one spelling: equal orders have equal texts
    sa.Column("state", sa.Text, nullable=False),
    # who carries it out
    sa.Column("service", sa.Text),
    sa.Column("lease_expires_at", Instant),  # it was stopped then, unless it is renewed
    # when
    sa.Column("ordered_at", Instant, nullable=False),
    sa.Column("started_at", Instant),
    sa.Column("finished_at", Instant),
    # what came of it
    sa.Column("completed", sa.BigInteger, nullable=False),
    sa.Column("failed", sa.BigInteger, nullable=False),
    sa.Column("records", sa.BigInteger, nullable=False),
    sa.Column("errors", JsonValue, nullable=False),
    sa.Column("error", sa.Text),
    sa.Index("ix_runs_waiting", "asked", unique=True, **only(RUN_WAITS)),
    sa.Index("ix_runs_ordered_at", "ordered_at", "id"),
)
"""What was ordered over HTTP, and what became of it. An order that waits is not doubled."""

streams = sa.Table(
    "streams",
    metadata,
    sa.Column("cluster", sa.Text, primary_key=True),
    # who streams it
    sa.Column("worker_id", sa.Text),
    sa.Column("lease_expires_at", Instant),
    # how it is
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("subscriptions", JsonValue, nullable=False),
    sa.Column("started_at", Instant),
    sa.Column("heard_until", Instant),  # what came before is with every sink
    sa.Column("last_message", Instant),
    sa.Column("lag", sa.Float),
    sa.Column("reconnects", sa.BigInteger, nullable=False),
    sa.Column("gap_seconds", sa.Float, nullable=False),
    sa.Column("counts", JsonValue, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("updated_at", Instant, nullable=False),
)
"""Live data: one row for each cluster, since an account has one connection to each."""

interruptions = sa.Table(
    "interruptions",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("cluster", sa.Text, nullable=False),
    sa.Column("subscriptions", JsonValue, nullable=False),
    sa.Column("began", Instant, nullable=False),
    sa.Column("ended", Instant),  # none while it lasts
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    # what became of it
    sa.Column("closed_at", Instant),
    sa.Column("evidence", JsonValue, nullable=False),
    sa.Column("error", sa.Text),
    sa.Index("ix_interruptions_open", "cluster", "began", **only(NOT_CLOSED)),
)
"""When live data were not heard, and how that was made good."""

consumers = sa.Table(
    "consumers",
    metadata,
    sa.Column("worker_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("lease_expires_at", Instant),  # none once it has ended
    sa.Column("started_at", Instant),
    sa.Column("updated_at", Instant, nullable=False),
    # since it was started
    sa.Column("lag", sa.BigInteger),
    sa.Column("last_stored", Instant),
    sa.Column("counts", JsonValue, nullable=False),
    sa.Column("topics", JsonValue, nullable=False),
)
"""Processes that store what Kafka carries; kept for a day after their end."""

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),  # the condition and whose it is
    sa.Column("condition", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("remedy", sa.Text, nullable=False),
    sa.Column("raised_at", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),  # when it was last found to be so
    sa.Column("told_at", Instant),  # when somebody was last told; none while nobody was
    sa.Column("cleared_at", Instant),  # it is no more, and that is still to be told
)
"""What is wrong now, and who knows: one row for each condition that is raised."""

sa.event.listen(metadata, "after_create", sa.DDL(FILES_VIEW))  # type: ignore[no-untyped-call]
