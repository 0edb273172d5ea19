"""Teach the library a vendor's container, without making a package of it first.

A plug-in is a module with NAME, MAGIC and parse; this file is one. In earnest it is announced in the
pyproject.toml of a package of yours; here `main` makes the few files that an installed package would have.

python vendor_container.py
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import stage

from dlms_fw import Image
from dlms_fw.containers import Container
from dlms_fw.errors import ImageRejected

NAME = "acme"
MAGIC = b"ACME"
HEADER = 4 + 6 + 4


def parse(data: bytes) -> Container:
    """Magic, identifier (6 octets), payload length (4 octets), payload; nothing else."""
    length = int.from_bytes(data[10:14], "big")
    if len(data) < HEADER or len(data) != HEADER + length:
        raise ImageRejected("this ACME file is cut off, or too long", reason="container")
    return Container(
        format=NAME, image_identifier=data[4:10], payload_offset=HEADER, payload_length=length, part=1
    )


def announce(folder: Path) -> None:
    """What `pip install` of a package with this plug-in would do."""
    metadata = folder / "acme_meters-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-meters\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[dlms_fw.containers]\nacme = vendor_container\n")
    sys.path.insert(0, str(folder))


def main() -> None:
    payload = os.urandom(1000)
    with stage.temporary_folder() as folder:
        announce(folder)
        file = folder / "firmware.acme"
        file.write_bytes(MAGIC + b"ACM200" + len(payload).to_bytes(4, "big") + payload)
        image = Image.open(file)
        print(f"{image.container}: {image.image_identifier!r}, {image.payload.nbytes} octets of payload")
        file.write_bytes(file.read_bytes()[:-1])
        try:
            Image.open(file)
        except ImageRejected as error:
            print("refused, as it should be:", error)


if __name__ == "__main__":
    main()
