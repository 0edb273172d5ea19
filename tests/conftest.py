"""For every test: a signal that is sent arrives; of tests that take turns only those of today are run."""

from __future__ import annotations

import signal
from datetime import date
from zlib import crc32

import pytest


def pytest_configure() -> None:
    """A shell starts background jobs with SIGINT ignored, nohup ignores SIGHUP, and children inherit that.

    A handler is not inherited; one that does nothing leaves this process as it was told to be.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rotate-all", action="store_true", help="run all tests that take turns, not only today's"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """``@pytest.mark.rotating(n)``: each test is run on one day of n; ``make soak`` runs all of them."""
    if config.getoption("--rotate-all"):
        return
    today = date.today().toordinal()
    waiting = [item for item in items if _waits(item, today)]
    if waiting:
        config.hook.pytest_deselected(items=waiting)
        items[:] = [item for item in items if not _waits(item, today)]


def _waits(item: pytest.Item, day: int) -> bool:
    marker = item.get_closest_marker("rotating")
    if marker is None or item.get_closest_marker("soak") is not None:
        return False
    turns: int = marker.args[0]
    return (crc32(item.nodeid.encode()) + day) % turns != 0
