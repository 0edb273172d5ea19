"""Where a transfer is shown as lines and where as a bar, and what that needs."""

from __future__ import annotations

import io
import sys

import pytest

from dlms_fw.cli.progress import Bar, shown
from dlms_fw.errors import ConfigurationError
from dlms_fw.events import Phase, PhaseFinished, PhaseOutcome, PhaseStarted


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["a file", "a terminal"])
def test_each_phase_ends_as_a_line(stream: io.StringIO) -> None:
    with shown(stream) as show:
        show(PhaseStarted(0.0, Phase.INITIATE))
        show(PhaseFinished(0.25, Phase.INITIATE, PhaseOutcome.DONE, 0.25))
        assert isinstance(show, Bar) == stream.isatty()
    assert "ok  initiate      0.25 s" in stream.getvalue()


def test_only_a_terminal_needs_the_package_that_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    with shown(io.StringIO()) as show:
        show(PhaseStarted(0.0, Phase.INITIATE))
    with pytest.raises(ConfigurationError, match="needs rich") as caught, shown(Terminal()):
        pass
    assert caught.value.hint == "pip install 'dlms-fw[cli]'"
