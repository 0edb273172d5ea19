"""What must be known of a meter's firmware before image transfer and activation can be judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from dlms_fw.conformance.images import Images
from dlms_fw.transfer import MeterObjects

THOUSAND: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCodes:
    """Codes in the standard event log; ``None`` where the meter logs nothing of the kind.

    The defaults are those of the MCS301 (manual, page 74) and of IDIS practice.
    """

    transfer_started: int | None = 30
    transfer_finished: int | None = 31
    ready: int | None = 17
    verification_failed: int | None = 51
    activated: int | None = 18
    activation_failed: int | None = 32
    memory_error: int | None = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Firmware:
    """The firmware side of a meter, as its maker says it is.

    Attributes:
        images: What may be sent to it.
        objects: Where it keeps its objects.
        parts: Firmware parts (value group B) that it has.
        largest_image: Octets of the largest image that it takes; 0 where that is not known.
        newest_first: Whether the running identifier stands first in an array of identifiers.
        verifies_itself: Whether it verifies without image_verify after the last block.
        keeps_transfer: Whether a transfer survives a restart; a verified image always does.
        confirmed_by: What confirms a new firmware: ``itself``, a further image_activate (``call``), or a
            client that reads its identifier (``read-back``).
        blocks_at_risk: How many acknowledged blocks a power cut may cost.
        pads_last_block: Whether the last block must be filled up.
        shows_signature: Whether image_to_activate_info has the signature of the image.
        takes_older: Whether it takes an image with a version below the running one.
        takes_equal: Whether it takes an image with the running version.
        late_activation: What a scheduled activation does whose time has passed without power, or by a jump of
            the clock: it ``fires`` within ``grace_s``, or it ``lapses``.
        grace_s: Seconds.
        events: Codes in its event log.
        event_has_part: Whether an event has the firmware part in its third column.
        verification_s: Within so many seconds a verification ends.
        activation_s: Within so many seconds an activation ends, restart included.
        clock_tolerance_s: So much may the clock be off after an upgrade.
        upgrades: How often IT-49 upgrades it.
    """

    images: Images
    objects: MeterObjects = field(default_factory=MeterObjects)
    parts: tuple[int, ...] = (0, 1, 2)
    largest_image: int = 0
    newest_first: bool = True
    verifies_itself: bool = False
    keeps_transfer: bool = True
    confirmed_by: Literal["itself", "call", "read-back"] = "itself"
    blocks_at_risk: int = 0
    pads_last_block: bool = False
    shows_signature: bool = True
    takes_older: bool = False
    takes_equal: bool = True
    late_activation: Literal["fires", "lapses"] = "lapses"
    grace_s: float = 0.0
    events: EventCodes = field(default_factory=EventCodes)
    event_has_part: bool = True
    verification_s: float = 1800.0
    activation_s: float = 3600.0
    clock_tolerance_s: float = 5.0
    upgrades: int = THOUSAND
