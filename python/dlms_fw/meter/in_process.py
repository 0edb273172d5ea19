"""``sim:``, a simulated meter in the client's own process: for tries, documentation and tests.

It lives in memory and as long as the client that has opened it, on the operating system's clock. It has the
keys and the secrets of the client's profile, takes images signed by anybody, and is quick to restart.
"""

from __future__ import annotations

import os
import time
from typing import Final

from dlms_fw.meter.activation import ActivationTimings
from dlms_fw.meter.memory import MemoryMedium
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.meter.profiles import mcs301
from dlms_fw.profiles import Profile
from dlms_fw.transports.base import no_answer
from dlms_fw.transports.loopback import AsyncLoopbackTransport, LoopbackTransport

_TIMINGS: Final = ActivationTimings(install_seconds=0.1, reboot_seconds=0.5, self_test_seconds=0.1)
_CHALLENGE_OCTETS: Final = 32
_COUNTERS_SINCE: Final = 1_780_000_000
_COUNTERS_PER_SECOND: Final = 8


class _SystemTime:
    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)


class InProcessMeter:
    """A meter for the clients of one profile."""

    def __init__(self, profile: Profile) -> None:
        config = mcs301.configured(profile, timings=_TIMINGS, verify_seconds=0.1, owner_idle_seconds=1.0)
        self.meter = SimulatedMeter(
            MemoryMedium(), config, _SystemTime(), challenge=lambda: os.urandom(_CHALLENGE_OCTETS)
        )
        if profile.counter_key is not None:
            # Without a memory it must not begin again where an earlier one of the same name has been.
            used = int((time.time() - _COUNTERS_SINCE) * _COUNTERS_PER_SECOND)
            self.meter.units.counters.reserve(profile.counter_key.fingerprint, used)

    def open(self, deadline: float) -> LoopbackTransport:
        """A connection to it. Raises TransportError while it reboots, ResponseTimeout."""
        if time.monotonic() >= deadline:
            raise no_answer("connecting to the meter in this process")
        self.meter.advance()
        opened: list[LoopbackTransport] = []
        connection = self.meter.connect("wrapper", lambda: opened[0].cut() if opened else None)
        opened.append(LoopbackTransport(connection, clock=time.monotonic, sleep=time.sleep))
        return opened[0]

    async def open_async(self, deadline: float) -> AsyncLoopbackTransport:
        """As :meth:`open`; the meter answers at once, so nothing holds the loop up."""
        return AsyncLoopbackTransport(self.open(deadline))
