"""Upgrade several meters at once in one event loop.

python upgrade_async.py
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import replace

import stage

import dlms_fw

PROFILES = [
    replace(stage.PROFILE, meter_system_title=bytes.fromhex(title), keys=stage.fresh_keys())
    for title in ("4D43530460BC614E", "4D43530460BC614F")
]
"""One for each meter, because a key belongs to one meter."""


async def upgrade(url: str, profile: dlms_fw.Profile, image: dlms_fw.Image, records: dlms_fw.Journal) -> str:
    title = (profile.meter_system_title or b"").hex().upper()
    async with await dlms_fw.connect_async(url, profile, journal=records) as client:
        result = await client.upgrade(image, stage.POLICY)
    return f"{title}: {result.outcome}, {result.blocks_sent} blocks"


async def upgrade_all(urls: list[str], image: dlms_fw.Image, records: dlms_fw.Journal) -> None:
    upgrades = (upgrade(url, profile, image, records) for url, profile in zip(urls, PROFILES, strict=True))
    for line in await asyncio.gather(*upgrades):
        print(line)


def main() -> None:
    image = stage.signed_image()
    with ExitStack() as stack:
        folder = stack.enter_context(stage.temporary_folder())
        records = stack.enter_context(dlms_fw.Journal(folder / "journal.sqlite3"))
        meters = [stack.enter_context(stage.simulated_meter(profile=profile)) for profile in PROFILES]
        asyncio.run(upgrade_all([meter.url for meter in meters], image, records))


if __name__ == "__main__":
    main()
