"""What both ends of fleet.py share: who each meter is, and how much memory a process has."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from benches.joined import METER_TITLE
from dlms_fw._core import Key
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.profiles import Profile
from dlms_fw.security import Keys


def title_of(number: int) -> bytes:
    return METER_TITLE[:4] + (0x10000 + number).to_bytes(4, "big")


def keys_of(number: int) -> Keys:
    """Each meter has keys of its own, as it should be."""
    return Keys(
        global_unicast_encryption_key=Key(b"unicast " + number.to_bytes(8, "big")),
        authentication_key=Key(b"authentic" + number.to_bytes(7, "big")),
    )


def meter_of(common: MeterConfig, number: int) -> MeterConfig:
    own = replace(
        common,
        system_title=title_of(number),
        logical_device_name=b"MCS00406" + str(number).zfill(8).encode(),
    )
    if common.global_unicast_encryption_key is None:
        return own
    keys = keys_of(number)
    return replace(
        own,
        global_unicast_encryption_key=keys.global_unicast_encryption_key,
        authentication_key=keys.authentication_key,
    )


def profile_of(common: Profile, number: int) -> Profile:
    if common.keys.global_unicast_encryption_key is None:
        return common
    return replace(common, keys=keys_of(number), meter_system_title=title_of(number))


def resident_octets() -> int:
    """What the process has in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
