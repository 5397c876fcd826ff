"""`forebay demo`: what a newcomer types first."""

from __future__ import annotations

from forebay.cli.demo import _without_settings


def test_a_folder_that_cannot_be_made(shell, home):
    """It names the folder and the way out, and starts nothing."""
    (home.folder / "demo").write_text("a file")
    shell.refuses("demo", code=1, says="the folder demo cannot be made", next_step="--folder")


def test_it_cannot_reach_what_is_the_users(monkeypatch):
    """Settings of the user's environment are not handed on: no ledger, bucket or broker of theirs is used."""
    for name in ("DATABASE_URL", "B2_BUCKET_NAME", "MASSIVE_API_KEY", "FOREBAY_ENV_FILE", "CELERY_BROKER_URL"):
        monkeypatch.setenv(name, "mine")
    assert "mine" not in _without_settings().values()
    assert "PATH" in _without_settings()
