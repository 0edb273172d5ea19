"""A group of the meters of the tests on one medium, in virtual time."""

from __future__ import annotations

import meters
from dlms_fw.conformance.benches.group import SimulatedGroup
from dlms_fw.image import Image
from dlms_fw.meter.connection import Framing
from dlms_fw.transports.faults import LinkProfile
from meters import VENDOR_KEY


class GroupBench(SimulatedGroup):
    """Meters on a bus; made inside a running loop."""

    def __init__(
        self,
        framing: Framing = "wrapper",
        link: LinkProfile | None = None,
        *,
        seed: int = 0,
        volatile: bool = False,
    ) -> None:
        super().__init__(
            framing,
            link,
            seed=seed,
            volatile=volatile,
            trusted=(VENDOR_KEY.public_key(),),
            timings=meters.TIMINGS,
        )


def image(blocks: int = 12) -> Image:
    return Image.from_bytes(meters.container(blocks=blocks))
