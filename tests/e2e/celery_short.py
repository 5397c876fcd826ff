"""The Celery application of tests in which a message that nobody acknowledged comes again after a second."""

from forebay.celery_app import app

again = {"visibility_timeout": 1, "unacked_restore_interval": 1, "unacked_restore_throttle": 1}
app.conf.broker_transport_options = {**app.conf.broker_transport_options, **again}
