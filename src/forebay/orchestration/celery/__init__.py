"""Celery as a transport of hints: set up, sent, run and swept. Only here, and where it begins, is it imported."""
