from __future__ import annotations

import socket
from datetime import timedelta

import pytest

from forebay.telemetry.pulse import pulse, pulses
from forebay.testing import FakeClock


def test_a_loop_that_goes_round_is_seen(tmp_path):
    """The age is that of the last round, told within five seconds; it grows while the loop hangs."""
    clock = FakeClock()
    with pulse(tmp_path / "services", "worker", clock.now) as beat:
        clock.advance(30)
        assert {"worker": timedelta(seconds=30)} == pulses(tmp_path / "services", clock.now())
        beat()
        assert {"worker": timedelta(0)} == pulses(tmp_path / "services", clock.now())
        clock.advance(4)
        beat()
        assert {"worker": timedelta(seconds=4)} == pulses(tmp_path / "services", clock.now())


@pytest.mark.parametrize("ended_by", [None, KeyboardInterrupt])
def test_an_end_leaves_no_sign(tmp_path, ended_by):
    """Whether it was told to stop or an error ended it: what has ended is not silent, it is gone."""
    clock = FakeClock()
    try:
        with pulse(tmp_path, "consume", clock.now):
            if ended_by:
                raise ended_by
    except KeyboardInterrupt:
        pass
    assert {} == pulses(tmp_path, clock.now())


def test_other_machines_are_their_own_affair(tmp_path):
    """Containers that share a volume do not answer for each other."""
    (tmp_path / "another-container.worker.pulse").touch()
    assert {} == pulses(tmp_path, FakeClock().now())


def test_a_full_disk_ends_no_work(tmp_path, capsys):
    """A file that cannot be touched is a warning in the log, and the loop goes on."""
    (tmp_path / "services").write_text("a file where a folder should be")
    with pulse(tmp_path / "services" / "deeper", "worker", FakeClock().now) as beat:
        beat()
    assert "pulse_not_kept" in capsys.readouterr().out


def test_systemd_hears_each_process(tmp_path, monkeypatch):
    """Whom systemd has started tells it that it is up, and feeds its watchdog; without systemd nobody is told."""
    clock, place = FakeClock(), str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(place)
        systemd.settimeout(0)
        with pulse(tmp_path, "stream", clock.now):
            pass
        monkeypatch.setenv("NOTIFY_SOCKET", place)
        with pulse(tmp_path, "worker", clock.now) as beat:
            clock.advance(30)
            beat()
        heard = [systemd.recv(100) for _ in range(2)]
        with pytest.raises(BlockingIOError):
            systemd.recv(100)
    assert [b"READY=1\nWATCHDOG=1"] * 2 == heard
    with pulse(tmp_path, "worker", clock.now):
        assert {"worker": timedelta(0)} == pulses(tmp_path, clock.now())
