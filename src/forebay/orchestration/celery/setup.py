"""How Celery is set up: queues, acknowledgement, limits, time-outs. Broker and results are one Redis, or two."""

from __future__ import annotations

import ssl
import warnings
from typing import Any

from celery import Celery
from celery.exceptions import CPendingDeprecationWarning

from forebay.orchestration.celery.queues import DEFAULT, QUEUES
from forebay.settings import Settings

_RESULTS = "forebay.orchestration.celery.results:Results"
_WAIT = 5.0
"""Seconds for a connection to be made."""
_AGAIN = {"max_retries": 1, "interval_start": 0.2}
"""Enough for a connection that went stale while Redis was started anew. The sweep sends again what was not sent."""


def make_celery(settings: Settings) -> Celery:
    """A Celery application without tasks yet; opens no connection. Raises UsageError when no Redis is set."""
    url, results = settings.queue.require_url(), settings.queue.results_url
    warnings.filterwarnings("ignore", category=CPendingDeprecationWarning)  # about choices that are made below
    app = Celery("forebay", broker=url)
    app.backend_cls = f"{_RESULTS}+{results}"  # as a setting, CELERY_RESULT_BACKEND in the environment would replace it
    app.conf.update(_messages(), **_workers(settings), **_connections(url, results))
    return app


def _messages() -> dict[str, Any]:
    return {
        "task_queues": {name: {"routing_key": name} for name in QUEUES},
        "task_default_queue": DEFAULT,
        "task_create_missing_queues": False,
        "accept_content": ["json"],
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,  # the next one that gets it finds the row held, or takes it over
        "task_track_started": True,
        "task_publish_retry_policy": _AGAIN,
        "result_expires": 6 * 3600,
        "enable_utc": True,
    }


def _workers(settings: Settings) -> dict[str, Any]:
    worker = settings.worker
    return {
        "worker_concurrency": worker.concurrency,
        "worker_max_tasks_per_child": worker.max_tasks_per_child or None,
        "worker_prefetch_multiplier": 1,
        "worker_enable_prefetch_count_reduction": False,  # a hint that is fetched early costs nobody anything
        "worker_cancel_long_running_tasks_on_connection_loss": False,  # the lease holds, whatever the broker does
        "worker_send_task_events": True,
        "worker_proc_alive_timeout": 60,
        "worker_redirect_stdouts": False,
        "worker_hijack_root_logger": False,
    }


def _connections(url: str, results: str) -> dict[str, Any]:
    """Lost connections are made again for as long as it takes; nothing waits for ever on a dead one."""
    options = {"socket_timeout": 30, "socket_connect_timeout": _WAIT, "socket_keepalive": True}
    settings: dict[str, Any] = {
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_connection_timeout": _WAIT,
        "broker_transport_options": {**options, "health_check_interval": 10},
        "redis_socket_timeout": 10.0,
        "redis_socket_connect_timeout": _WAIT,
        "result_backend_transport_options": {"retry_policy": _AGAIN},
    }
    tls = {"ssl_cert_reqs": ssl.CERT_REQUIRED}
    if url.startswith("rediss:"):
        settings["broker_use_ssl"] = tls
    if results.startswith("rediss:"):
        settings["redis_backend_use_ssl"] = tls
    return settings
