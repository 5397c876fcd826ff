"""Every error Forebay raises on purpose. Foreign errors become one of these where they enter, cause kept.

ForebayError                       what happened, to what; `remedy` says what to do next
├── TemporaryError                 try again, after `retry_after` seconds when that is known
├── PermanentError                 trying again cannot help
├── NotPublishedYet                try again later; counts no attempt
├── OutOfReach                     this process cannot get it; another may, or a later one
│
│   where it came from (combined with one of the three above)
├── VendorError
│   ├── VendorUnavailable    temporary   no answer, a 5xx, a cut connection
│   │   └── BudgetUnavailable temporary  the Redis that counts calls does not answer, so nothing is asked
│   ├── RateLimited          temporary   429
│   ├── PageRejected         temporary   an answer that is not what was asked for
│   ├── RevisionChanged      temporary   a file was replaced while it was being read
│   ├── NotEntitled          permanent   the plan does not include it
│   ├── WrongKey             permanent   the vendor does not know the key
│   ├── BadRequest           permanent   the vendor refuses the question
│   │   └── NotKnown         permanent   the vendor knows no such ticker
│   └── FileNotFound         permanent   no such object in the bucket
├── CheckFailed              permanent   the data contradict themselves or their name
├── LakeError, LedgerError, StoreError
│   ├── NoSuchTable                      the lake has no table of that name, or none at all
│   ├── LedgerUnavailable    temporary   the database is locked, away or restarting
│   ├── StoreUnavailable     temporary   a destination did not answer, or broke off
│   │   └── ObjectChanged    temporary   an object is gone or was replaced since it was looked at
│   ├── StoreFull                        no room for this file
│   ├── CapReached                       a destination's daily cap; goes on by itself later
│   └── NewerVersion         permanent   written by a later Forebay
├── SinkError
│   ├── SinkUnavailable      temporary   Kafka, TimescaleDB or Redis did not answer, or did not keep up
│   ├── SinkRefused          permanent   it answers, and will not: no such user, no right, no room
│   └── PositionMoved                    another consumer has stored these messages
├── BrokerUnavailable        temporary   the Redis that carries hints to workers does not answer
├── LeaseLost                            another worker holds the task now
└── UsageError                           a setting, flag or file of the user's is wrong
    ├── UnknownSymbol                    the registry has no such symbol
    └── KnownSymbol                      the registry has it already
"""

from __future__ import annotations

from datetime import datetime


class ForebayError(Exception):
    """Something Forebay can name. `str(error)` says what happened, to which file, row or setting."""

    kind = "error"
    """Stable word for ledger rows and logs."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy
        """The next step for the person who reads it; may be empty."""


class TemporaryError(ForebayError):
    """Worth another attempt."""

    kind = "temporary"

    def __init__(self, message: str, *, remedy: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after = retry_after
        """Seconds to wait first, where the other side said so."""


class PermanentError(ForebayError):
    """Another attempt would end the same way."""

    kind = "permanent"


class NotPublishedYet(ForebayError):
    """The vendor has not published it yet; look again at `until` (UTC). Counts no attempt."""

    kind = "not_published"

    def __init__(self, message: str, *, until: datetime, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.until = until


class OutOfReach(ForebayError):
    """This process has no way to the data; another may have: look again at `until` (UTC). Counts no attempt."""

    kind = "out_of_reach"

    def __init__(self, message: str, *, until: datetime, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.until = until


class VendorError(ForebayError):
    """The vendor's side of the wire."""


class VendorUnavailable(VendorError, TemporaryError):
    """No answer in time, a 5xx, or a connection that was cut."""

    kind = "vendor_unavailable"


class BudgetUnavailable(VendorUnavailable):
    """The Redis that counts the calls of all workers gave no answer: nothing is asked of the vendor meanwhile.

    To the ledger it is a vendor that does not answer.
    """


class RateLimited(VendorError, TemporaryError):
    """HTTP 429. The wait counts no attempt."""

    kind = "rate_limited"


class PageRejected(VendorError, TemporaryError):
    """A 200 whose content is not what was asked for: another ticker, a bar outside the window, no JSON."""

    kind = "page_rejected"


class RevisionChanged(VendorError, TemporaryError):
    """A flat file was replaced between two reads of it."""

    kind = "revision_changed"


class NotEntitled(VendorError, PermanentError):
    """The user's plan does not include this dataset, endpoint or date."""

    kind = "not_entitled"


class WrongKey(VendorError, PermanentError):
    """The vendor does not know the key, or its signature does not match."""

    kind = "wrong_key"


class BadRequest(VendorError, PermanentError):
    """HTTP 400 or 404 on REST: the question itself is refused."""

    kind = "bad_request"


class NotKnown(BadRequest):
    """HTTP 404 on REST with the vendor's own words: no such ticker, contract or company."""

    kind = "not_known"


class FileNotFound(VendorError, PermanentError):
    """The bucket has no such object."""

    kind = "file_not_found"


class CheckFailed(PermanentError):
    """Data that contradict themselves or the name they came under; they go to quarantine."""

    kind = "check_failed"


class Damaged(CheckFailed):
    """A compressed file that is cut short or does not add up. The file may be so, or the way it came."""

    kind = "damaged"


class LakeError(ForebayError):
    """The lake's folder or tables."""

    kind = "lake"


class NoSuchTable(LakeError):
    """The lake has no such table, or there is no lake yet."""

    kind = "no_such_table"


class LedgerError(ForebayError):
    """The ledger's database."""

    kind = "ledger"


class LedgerUnavailable(LedgerError, TemporaryError):
    """The ledger's database is locked, busy, away or restarting."""

    kind = "ledger_unavailable"


class StoreError(ForebayError):
    """A destination's storage: full, unreadable, refusing."""

    kind = "store"


class StoreUnavailable(StoreError, TemporaryError):
    """A destination gave no answer in time, a 5xx, or cut the connection."""

    kind = "store_unavailable"


class StoreFull(StoreError):
    """A destination has no room for this file; a smaller one may still fit."""

    kind = "store_full"


class ObjectChanged(StoreUnavailable):
    """An object is gone or was replaced since it was looked at; look again."""

    kind = "object_changed"


class CapReached(StoreError):
    """A destination's daily cap is used up; look again at `until` (UTC). Counts no attempt."""

    kind = "cap_reached"

    def __init__(self, message: str, *, until: datetime, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.until = until


class NewerVersion(LakeError, LedgerError, PermanentError):
    """A lake or ledger written by a later Forebay than this one."""

    kind = "newer_version"


class SinkError(ForebayError):
    """Where data are sent on to: Kafka, TimescaleDB, Redis."""

    kind = "sink"


class SinkUnavailable(SinkError, TemporaryError):
    """A sink gave no answer in time, or has no room in its buffer yet. What it took before is not lost."""

    kind = "sink_unavailable"


class SinkRefused(SinkError, PermanentError):
    """A sink answers, and refuses: it knows no such user, grants no right, or has a table of another form."""

    kind = "sink_refused"


class PositionMoved(SinkError):
    """Another consumer stored messages of these partitions meanwhile; what this one read of them is void."""

    kind = "position_moved"


class BrokerUnavailable(TemporaryError):
    """The Redis that carries hints to workers gave no answer, or refused one. The ledger has lost nothing."""

    kind = "broker_unavailable"


class LeaseLost(ForebayError):
    """The lease of a task expired and another worker took it; this worker's result is void."""

    kind = "lease_lost"


class UsageError(ForebayError):
    """A setting, a flag or a file of the user's is wrong. Exit code 2."""

    kind = "usage"


class UnknownSymbol(UsageError):
    """A symbol that is not in the registry."""

    kind = "unknown_symbol"


class KnownSymbol(UsageError):
    """A symbol that was to be added and is in the registry already."""

    kind = "known_symbol"
