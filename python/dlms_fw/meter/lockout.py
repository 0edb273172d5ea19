"""Who is locked out after wrong passwords, and until when: for a time, or until the demand is reset.

A lock for a time does not outlast the power, as its clock does not; the other one does, and is in memory
before it holds.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Final

from dlms_fw.cosem.script_table import ScriptTable
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.live.scripts import LiveScriptTable
from dlms_fw.meter.security_memory import SecurityMemory

DEMAND_RESET_SCRIPTS: Final = LogicalName("0-0:10.0.1.255")
"""The script table whose scripts end a billing period: maximum demand indicators begin anew."""


class DemandResetScripts(LiveScriptTable, interface=ScriptTable, own={"on_reset"}):
    """That script table; ``on_reset`` is called after one of its scripts has run."""

    on_reset: Callable[[], None] = staticmethod(lambda: None)

    def execute(self, script_identifier: int) -> None:
        """Run a script. Raises CosemFault."""
        super().execute(script_identifier)
        if script_identifier:
            self.on_reset()


class Lockout:
    """The failures and the locks of the clients of one meter.

    Args:
        config: After how many failures, and until when.
        memory: Where locks are kept that outlast the power; without one there are none.
        monotonic: The time, in seconds.
    """

    def __init__(
        self, config: MeterConfig, memory: SecurityMemory | None, monotonic: Callable[[], float]
    ) -> None:
        self._tries = config.authentication_tries
        self._seconds = config.lockout_seconds
        self._until_reset = config.lockout_ends == "at-demand-reset"
        self._memory = memory
        self._monotonic = monotonic
        self._failures: dict[int, int] = {}
        kept = frozenset() if memory is None else memory.state.locked
        self._until: dict[int, float] = dict.fromkeys(kept, math.inf)

    @property
    def locks(self) -> bool:
        """Whether anybody is locked out."""
        return bool(self._until)

    @property
    def locked(self) -> frozenset[int]:
        """The addresses of the clients that are locked out."""
        return frozenset(self._until)

    def succeeded(self, client_sap: int) -> None:
        """A client has proved itself; its failures are forgotten."""
        self._failures.pop(client_sap, None)

    def failed(self, client_sap: int) -> bool:
        """A client has shown a wrong secret; whether it is locked out now."""
        if self._tries == 0:
            return False
        failures = self._failures.pop(client_sap, 0) + 1
        if failures < self._tries:
            self._failures[client_sap] = failures
            return False
        self._until[client_sap] = math.inf if self._until_reset else self._monotonic() + self._seconds
        self._keep()
        return True

    def let_in_again(self) -> frozenset[int]:
        """The clients whose time is over; they are locked no more."""
        now = self._monotonic()
        over = frozenset(sap for sap, until in self._until.items() if now >= until)
        for client_sap in over:
            del self._until[client_sap]
        return over

    def demand_reset(self) -> frozenset[int]:
        """The demand was reset: those who were locked out until then are locked no more."""
        over = frozenset(sap for sap, until in self._until.items() if until == math.inf)
        for client_sap in over:
            del self._until[client_sap]
        if over:
            self._keep()
        return over

    def _keep(self) -> None:
        locked = frozenset(sap for sap, until in self._until.items() if until == math.inf)
        # A memory that fails must not let anybody in, nor keep anybody out for ever.
        if self._memory is not None and locked != self._memory.state.locked:
            with contextlib.suppress(OSError):
                self._memory.commit(locked=locked)
