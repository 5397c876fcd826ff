"""Which queue has which kind of task, and what Celery calls it."""

from __future__ import annotations

from forebay.model.task import TaskKind

DISCOVERY, DOWNLOAD, DEFAULT = "discovery", "download", "default"
QUEUES = (DISCOVERY, DOWNLOAD, DEFAULT)
_QUEUE_OF = {
    TaskKind.IDENTIFY: DISCOVERY,
    TaskKind.LOAD: DOWNLOAD,
    TaskKind.MIRROR: DOWNLOAD,
    TaskKind.FETCH: DOWNLOAD,
    TaskKind.SNAPSHOT: DOWNLOAD,
}


def queue_of(kind: TaskKind) -> str:
    """The queue whose workers run tasks of this kind."""
    return _QUEUE_OF.get(kind, DEFAULT)


def task_name(kind: TaskKind) -> str:
    """What Celery and Flower call tasks of this kind."""
    return f"forebay.{kind}"
