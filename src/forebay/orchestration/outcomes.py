"""How an attempt that raised ends. The only place that turns an error into an outcome."""

from __future__ import annotations

from forebay.errors import (
    CapReached,
    ForebayError,
    LakeError,
    NotPublishedYet,
    OutOfReach,
    PermanentError,
    RateLimited,
    SinkError,
    StoreError,
    TemporaryError,
)
from forebay.model.task import Discard, Outcome, Retry, Snooze


def outcome_of(error: ForebayError) -> Outcome:
    """Snooze, retry or discard, as the error's remedy says; an error that says neither is tried again."""
    reason = str(error) if not error.remedy else f"{error} ({error.remedy})"
    upload = isinstance(error, LakeError | SinkError | StoreError)
    match error:
        case NotPublishedYet() | CapReached() | OutOfReach():
            return Snooze(error.until, reason, error.kind)
        case RateLimited():
            return Retry(error.kind, reason, after=error.retry_after, counted=False)
        case TemporaryError():
            return Retry(error.kind, reason, after=error.retry_after, upload=upload)
        case PermanentError():
            return Discard(error.kind, reason)
        case _:
            return Retry(error.kind, reason, upload=upload)
