"""Upgrade a group of meters: the blocks to all of them at once, by multicast on the loopback interface.

python upgrade_group.py
"""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack
from dataclasses import replace

import stage
from stage import simulated_meter, temporary_folder

import dlms_fw
from dlms_fw import Keys
from dlms_fw._core import Key
from dlms_fw.multicast import Group, Member, MulticastReport, MulticastUpgrade

GROUP_ADDRESS, GROUP_PORT = "239.20.0.1", stage.free_udp_port()
GROUP_KEYS = Keys(
    authentication_key=stage.PROFILE.keys.authentication_key,
    global_broadcast_encryption_key=Key(os.urandom(16)),
)
GROUP_PROFILE = dlms_fw.Profile(
    name="group",
    client_sap=102,
    pre_established=True,
    security_policy=dlms_fw.SecurityPolicy.AUTHENTICATED_ENCRYPTED,
    system_title=stage.PROFILE.system_title,
    keys=GROUP_KEYS,
    invocation_counter_object=2,
)


def profile_of(number: int) -> dlms_fw.Profile:
    """Each meter has a unicast key of its own; the authentication key is that of the group, too."""
    keys = replace(stage.fresh_keys(), authentication_key=GROUP_KEYS.authentication_key)
    return replace(stage.PROFILE, meter_system_title=b"MCS\x00" + number.to_bytes(4, "big"), keys=keys)


async def upgrade(image: dlms_fw.Image, members: list[Member], records: dlms_fw.Journal) -> MulticastReport:
    group = Group(f"udp://{GROUP_ADDRESS}:{GROUP_PORT}", GROUP_PROFILE, interface="127.0.0.1")
    return await MulticastUpgrade(image, members, group, stage.POLICY, journal=records).run()


def main() -> None:
    image = stage.signed_image()
    with ExitStack() as running:
        folder = running.enter_context(temporary_folder())
        records = running.enter_context(dlms_fw.Journal(folder / "journal.sqlite3"))
        members = []
        for number in range(3):
            profile = profile_of(number)
            meter = running.enter_context(
                simulated_meter(
                    "udp",
                    profile=profile,
                    global_broadcast_encryption_key=GROUP_KEYS.global_broadcast_encryption_key,
                    multicast_groups=(f"{GROUP_ADDRESS}%127.0.0.1:{GROUP_PORT}",),
                )
            )
            members.append(Member(meter.url, profile))
        report = asyncio.run(upgrade(image, members, records))
    for row in report.members:
        print(f"{row.meter}: {row.outcome}, {row.blocks_by_multicast} blocks from the group")


if __name__ == "__main__":
    main()
