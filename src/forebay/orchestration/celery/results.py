"""Where Celery keeps what became of a hint. The ledger knows better: a result that cannot be kept is let go."""

from __future__ import annotations

from typing import Any

from celery.backends.redis import RedisBackend
from celery.exceptions import BackendError
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from structlog import get_logger

log = get_logger()


class Results(RedisBackend):  # type: ignore[misc]  # Celery has no types
    """Redis, but a task does not fail for its sake."""

    def store_result(self, task_id: str, result: Any, state: str, *args: Any, **kwargs: Any) -> Any:
        """Keep a state and what goes with it, or say in the log that it was not kept."""
        try:
            return super().store_result(task_id, result, state, *args, **kwargs)
        except (RedisError, OperationalError, BackendError, OSError) as error:
            log.warning("result_not_kept", task=task_id, state=state, reason=str(error))
            return result

    def on_task_call(self, producer: Any, task_id: str) -> None:
        """Whoever sends hints waits for none of them: subscribing to each would cost more than sending it."""
