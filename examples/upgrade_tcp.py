"""Upgrade one meter, blocking, over the TCP wrapper or HDLC.

python upgrade_tcp.py                                          a simulated meter, nothing needed
python upgrade_tcp.py hdlc+tcp                                 the same over HDLC
python upgrade_tcp.py URL IMAGE vendor.pem meters.toml NAME    a real one, over either
"""

from __future__ import annotations

import os
import sys

import stage

import dlms_fw
from dlms_fw import journal


def upgrade(
    url: str,
    image: dlms_fw.Image,
    profile: dlms_fw.Profile,
    records: dlms_fw.Journal,
    policy: dlms_fw.TransferPolicy | None = None,
) -> None:
    with dlms_fw.connect(url, profile, journal=records) as client:
        result = client.upgrade(image, policy)
    print(f"{result.outcome}: {result.blocks_sent} blocks in {result.seconds:.1f} s")


def main(arguments: list[str]) -> None:
    if len(arguments) > 1:
        url, file, vendor, config, name = arguments
        image = dlms_fw.Image.open(file)
        image.verify(trusted=[vendor])  # raises ImageRejected
        with dlms_fw.Journal(journal.default_path(os.environ)) as records:
            upgrade(url, image, dlms_fw.load_profile(config, name), records)
        return
    image = stage.signed_image()
    image.verify(trusted=[stage.VENDOR.public_key()])
    with (
        stage.temporary_folder() as folder,
        dlms_fw.Journal(folder / "journal.sqlite3") as records,
        stage.simulated_meter(*arguments) as meter,
    ):
        upgrade(meter.url, image, stage.PROFILE, records, stage.POLICY)


if __name__ == "__main__":
    main(sys.argv[1:])
