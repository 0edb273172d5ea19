"""A group of the meters of the tests on one medium, in virtual time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import meters
from dlms_fw.conformance.benches.group import SimulatedGroup, forged
from dlms_fw.cosem import ImageTransfer
from dlms_fw.image import Image
from dlms_fw.journal import Journal
from dlms_fw.meter.connection import Framing
from dlms_fw.multicast import MulticastReport
from dlms_fw.transports.faults import LINKS, LinkProfile
from meters import VENDOR_KEY

IMAGE_TRANSFER = ImageTransfer("0-0:44.0.0.255")
SLOW = replace(LINKS["plc"], loss=0.0)


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


@contextmanager
def journal_in_memory() -> Iterator[Journal]:
    """A journal whose writes cost nothing, where the system has a folder for that."""
    memory = Path("/dev/shm")
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
        Journal(Path(folder) / "journal.sqlite3") as opened,
    ):
        yield opened


def outcomes(report: MulticastReport) -> list[str]:
    return [member.outcome for member in report.members]


def group_message(number: int, value: bytes, *, counter: int) -> bytes:
    """A block as any member could make it: it holds the key of the group."""
    return forged(IMAGE_TRANSFER.image_block_transfer(number, value), counter=counter)
