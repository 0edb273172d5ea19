"""Our own client under test: upgrades of a simulated meter that is brought into a state first.

Some cases turn the direction round: the meter is known, and what the client makes of it is judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from dlms_fw.client import Client
from dlms_fw.conformance.images import Images
from dlms_fw.conformance.verdicts import Failed, expect
from dlms_fw.containers import dfw
from dlms_fw.enums import ImageTransferStatus
from dlms_fw.errors import DlmsError
from dlms_fw.image import Image, Version
from dlms_fw.journal import Journal
from dlms_fw.memory_journal import MemoryJournal
from dlms_fw.meter.event_log import StandardEvent
from dlms_fw.meter.firmware import FirmwareUnit
from dlms_fw.signing_keys import generate
from dlms_fw.simulation import CIPHERED, Simulation
from dlms_fw.transfer import TransferPolicy, TransferResult
from dlms_fw.transports.base import Transport

BLOCK_SIZE: Final = 64
BLOCKS: Final = 8
_PAYLOAD: Final = bytes(range(BLOCK_SIZE * (BLOCKS - 4)))
_OTHER_TITLE: Final = b"OTHER\x00\x00\x01"
NEVER: Final = TransferPolicy(activate="never", strategy="sequential")
AT_ONCE: Final = TransferPolicy(strategy="sequential")


class Killed(BaseException):
    """The client's process has ended. Not an ``Exception``: nothing of the client may catch it."""


class ClientBench:
    """A simulated meter, our client with its records, and somebody else with another image.

    Args:
        changes: Of the meter's configuration.

    Attributes:
        image: Ours.
        foreign: Somebody else's.
    """

    def __init__(self, **changes: Any) -> None:
        key = generate()
        settings: dict[str, Any] = {"trusted": (key.public_key(),), "image_block_size": BLOCK_SIZE}
        self.simulation = Simulation()
        self.meter = self.simulation.meter(CIPHERED, **(settings | changes))
        good = Image.from_bytes(
            dfw.build(
                _PAYLOAD,
                image_identifier=b"OURS01",
                part=1,
                meter_type=self.meter.config.model,
                firmware_version=Version(2, 0, 0),
                key=key,
            )
        )
        self.images = Images(good=good, signing_key=key)
        self.image = good
        self.foreign = self.images.variant(image_identifier=b"THEIRS", firmware_version=Version(1, 5, 0))
        self._journal: Journal = MemoryJournal()

    # The client

    def upgrade(
        self,
        image: Image | None = None,
        policy: TransferPolicy = NEVER,
        *,
        until: Callable[[], bool] | None = None,
        journal: Journal | None = None,
    ) -> TransferResult | DlmsError | None:
        """Have our client upgrade the meter.

        Args:
            image: Ours where none is given.
            policy: How far.
            until: Where this becomes true, the client is killed before it sends anything more.
            journal: Somebody else's records.

        Returns:
            What came of it: a result, the error that was raised, or ``None`` where the client was killed.
        """
        simulation, meter = self.simulation, self.meter

        def opened(deadline: float) -> Transport:
            transport = meter.open(deadline)
            return transport if until is None else _Doomed(transport, until)

        client = Client(
            meter.endpoint,
            replace(meter.profile, system_title=_OTHER_TITLE) if journal else meter.profile,
            journal=journal or self._journal,
            open_transport=opened,
            clock=simulation.time.monotonic,
            sleep=simulation.sleep,
            wall_clock=simulation.now,
            challenge=simulation.challenge,
        )
        try:
            with client:
                return client.upgrade(image or self.image, policy)
        except DlmsError as error:
            return error
        except Killed:
            return None

    def foreign_upgrade(
        self, policy: TransferPolicy = NEVER, until: Callable[[], bool] | None = None
    ) -> None:
        """Have somebody else, whose records we do not have, upgrade the meter; then they are gone."""
        self.upgrade(self.foreign, policy, until=until, journal=MemoryJournal())
        self.simulation.sleep(2 * self.meter.config.owner_idle_seconds)

    # What the meter is and has

    @property
    def status(self) -> ImageTransferStatus:
        """image_transfer_status."""
        return self._firmware.image_store.image_transfer_status

    def is_activating(self) -> bool:
        """Whether it is in status 5."""
        return self.status == ImageTransferStatus.ACTIVATION_INITIATED

    @property
    def blocks(self) -> int:
        """How many blocks it has."""
        return sum(self._firmware.image_store.image_transferred_blocks_status)

    @property
    def running(self) -> bytes:
        """The identifier of the application that runs."""
        return self._firmware.running(1).identifier

    @property
    def remembered(self) -> object:
        """All that the meter has decided; the same value where nothing was written."""
        return self._firmware.memory.state

    def count(self, event: StandardEvent) -> int:
        """How often the meter has logged an event."""
        entries = self.meter.powered.units.standard_log.entries
        return sum(entry.code == event for entry in entries)

    @property
    def _firmware(self) -> FirmwareUnit:
        return self.meter.powered.units.firmware


class _Doomed:
    """A medium whose client dies at a moment."""

    def __init__(self, transport: Transport, is_time: Callable[[], bool]) -> None:
        self._transport = transport
        self._is_time = is_time
        self.close = transport.close

    def send(self, data: bytes, deadline: float) -> None:
        """Sends, unless it is time."""
        if self._is_time():
            self._transport.close()
            raise Killed
        self._transport.send(data, deadline)

    def receive(self, deadline: float) -> bytes:
        """Receives."""
        return self._transport.receive(deadline)


def expect_outcome(ended: TransferResult | DlmsError | None, outcome: str, what: str) -> TransferResult:
    """Raises Failed unless an upgrade has ended with this outcome."""
    if not isinstance(ended, TransferResult):
        raise Failed(f"{what} to end {outcome}", repr(ended))
    expect(ended.outcome == outcome, f"{what} to end {outcome}", ended.outcome)
    return ended


def expect_error(ended: TransferResult | DlmsError | None, kind: type[DlmsError], what: str) -> None:
    """Raises Failed unless an upgrade has ended with an error of this kind."""
    expect(isinstance(ended, kind), f"{what} to end with {kind.__name__}", repr(ended))
