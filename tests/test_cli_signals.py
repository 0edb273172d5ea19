"""What a signal does to a command: it ends it, once, and is never lost."""

from __future__ import annotations

import os
import signal

import pytest

from dlms_fw.cli import target
from dlms_fw.cli.target import STOPPING_SIGNALS, signals_interrupt


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Finaliser:
    """Python drops what is raised where it ends."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("name", [*STOPPING_SIGNALS, "SIGINT"])
def test_it_ends_the_block(name: str) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)
    reached: list[str] = []

    def command() -> None:
        with signals_interrupt():
            os.kill(os.getpid(), number)
            reached.append("the next line")

    with pytest.raises(KeyboardInterrupt):
        command()
    assert not reached
    assert signal.getsignal(number) is before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_that_python_drops_is_told_at_the_end() -> None:
    reached: list[str] = []

    def command() -> None:
        with signals_interrupt():
            Finaliser()
            reached.append("the next line")

    with pytest.raises(KeyboardInterrupt):
        command()
    assert reached


@pytest.mark.parametrize(("seconds", "breaks_in"), [(0.0, False), (2.9, False), (3.0, True), (60.0, True)])
def test_a_second_one_breaks_into_the_cleaning_up_only_when_it_is_meant(
    seconds: float, breaks_in: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(target, "time", clock)
    cleaned: list[str] = []

    def command() -> None:
        with signals_interrupt():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            finally:
                clock.now += seconds
                os.kill(os.getpid(), signal.SIGINT)
                cleaned.append("all")

    with pytest.raises(KeyboardInterrupt):
        command()
    assert bool(cleaned) is not breaks_in
