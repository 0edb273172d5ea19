"""Firmware files of vendors without a container of ours: octets and an identifier that somebody vouches for.

Nothing inside can be checked here, so the meter alone judges such an image.
"""

from __future__ import annotations

from dlms_fw.containers.description import Container

NAME = "raw"


def describe(size: int, *, image_identifier: bytes, part: int | None = None) -> Container:
    """All ``size`` octets are payload; type, hardware, version and signature are not known."""
    return Container(
        format=NAME,
        image_identifier=image_identifier,
        payload_offset=0,
        payload_length=size,
        part=part,
    )
