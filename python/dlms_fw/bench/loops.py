"""The event loops that can be measured: asyncio's own, and uvloop where it is installed."""

from __future__ import annotations

import asyncio
from typing import Literal, TypeAlias

from dlms_fw.errors import ConfigurationError

Loop: TypeAlias = Literal["asyncio", "uvloop"]


def runner(kind: Loop) -> asyncio.Runner:
    """Runs coroutines on such a loop. Raises ConfigurationError where it is not installed."""
    if kind == "asyncio":
        return asyncio.Runner()
    try:
        import uvloop
    except ModuleNotFoundError:
        raise ConfigurationError(
            "uvloop is not installed", code="configuration.extra", hint="pip install 'dlms-fw[uvloop]'"
        ) from None
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)
