"""A simulated meter as the one under test: its declaration and its bench, ready to run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Literal

from dlms_fw._core import Key
from dlms_fw.conformance.benches.simulated import SimulatedBench
from dlms_fw.conformance.declaration import AttributeName, Declaration
from dlms_fw.conformance.firmware import Firmware
from dlms_fw.conformance.images import Images
from dlms_fw.containers import dfw
from dlms_fw.cosem import well_known
from dlms_fw.driver import public_profile
from dlms_fw.image import Image, Version
from dlms_fw.meter.activation_table import Confirmation
from dlms_fw.meter.clients import MANAGEMENT
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.model import MeterModel
from dlms_fw.meter.model_files import load_model
from dlms_fw.meter.model_settings import configured
from dlms_fw.profiles import HdlcSettings, Profile
from dlms_fw.security import Keys, SecurityPolicy
from dlms_fw.signing_keys import PrivateKey, generate

CLIENT_SYSTEM_TITLE: Final = b"DFWTEST\x01"
_SETTINGS: Final[dict[str, Any]] = {
    "image_block_size": 64,
    "sync_every_blocks": 1,
    "image_size_limit": 1 << 20,
    "schedule_grace_seconds": 3600.0,
}
"""Small blocks make small images; each one is durable when it is acknowledged."""
_CONFIRMED_BY: Final[Mapping[Confirmation, Literal["itself", "call", "read-back"]]] = {
    "self-test": "itself",
    "call": "call",
    "read-back": "read-back",
    "never": "itself",
}
_BLOCKS: Final = 7
_COUNTER_OF_THE_GROUP: Final = 2
_UPGRADES: Final = 40
_MUTATIONS: Final = 300
_LOWER_ADDRESS: Final = 17
_USER: Final = 1


def fresh_profile() -> Profile:
    """A management client with keys that nobody else has."""
    return Profile(
        name="conformance",
        client_sap=MANAGEMENT,
        mechanism=5,
        security_policy=SecurityPolicy.AUTHENTICATED_ENCRYPTED,
        system_title=CLIENT_SYSTEM_TITLE,
        keys=Keys(
            global_unicast_encryption_key=Key(os.urandom(16)),
            authentication_key=Key(os.urandom(16)),
            global_broadcast_encryption_key=Key(os.urandom(16)),
            master_key=Key(os.urandom(16)),
        ),
        first_invocation_counter=1,
    )


def simulated(
    profile: Profile | None = None, *, model: str = "mcs301", **changes: Any
) -> tuple[Declaration, SimulatedBench]:
    """A simulated meter for the clients of a profile.

    Args:
        profile: The management client's; by default one with fresh keys.
        model: As ``dlms-fw sim --model`` takes it.
        changes: Of the meter's configuration.
    """
    profile = profile or fresh_profile()
    signing_key = generate()
    kind = load_model(model)
    settings = _SETTINGS | {"trusted": (signing_key.public_key(),)} | changes
    config = configured(kind, profile, **settings)
    declaration = Declaration(
        name=f"simulated {config.model}",
        clients=_clients(kind, profile),
        referencing=config.ways_of_referencing,
        writable=AttributeName(18, well_known.IMAGE_TRANSFER, 5),
        other_value=b"\x03\x00",
        profile_generic=well_known.STANDARD_EVENT_LOG,
        lockout_tries=config.authentication_tries or None,
        lockout_s=config.lockout_seconds,
        fraud_log=well_known.FRAUD_DETECTION_EVENT_LOG,
        user=None if config.users is None else next(iter(config.users)),
        mutations=_MUTATIONS,
        firmware=_firmware(config, signing_key),
    )
    return declaration, SimulatedBench(config)


def complete(model: str = "mcs301") -> tuple[Declaration, SimulatedBench]:
    """A simulated meter that has all that cases ask for, as far as its model goes."""
    hdlc = HdlcSettings(server_lower=_LOWER_ADDRESS, address_size=4)
    profile = replace(fresh_profile(), client_user_id=_USER, hdlc=hdlc)
    return simulated(profile, model=model, referencing="both", users={_USER: "conformance"})


def _clients(model: MeterModel, profile: Profile) -> dict[str, Profile]:
    """Who may talk to a meter of a model, by role."""
    public = public_profile(profile)
    found = {"management": profile, "public": public, "low": public}
    for sap in model.saps("reading"):
        found["reading"] = replace(profile, client_sap=sap)
    if profile.keys.global_broadcast_encryption_key is not None:
        for sap in model.saps("pre-established"):
            found["broadcast"] = _speaking_to_groups(profile, sap)
    return found


def _speaking_to_groups(profile: Profile, sap: int) -> Profile:
    """The same client on an association that is always there."""
    return replace(
        profile,
        client_sap=sap,
        mechanism=0,
        pre_established=True,
        invocation_counter_object=_COUNTER_OF_THE_GROUP,
        client_user_id=None,
    )


def _firmware(config: MeterConfig, signing_key: PrivateKey) -> Firmware:
    """The firmware side of a simulated meter, with an image of a few blocks; the last one is short."""
    statements: dict[str, Any] = {
        "image_identifier": config.model[:3].encode().ljust(config.image_identifier_length, b"1"),
        "part": 1,
        "meter_type": config.model,
        "firmware_version": Version(2, 0, 0),
        "key": signing_key,
    }
    overhead = len(dfw.build(b"?", **statements)) - 1
    size = _BLOCKS * config.image_block_size - config.image_block_size // 3 - overhead
    good = Image.from_bytes(dfw.build(bytes(n % 251 for n in range(max(1, size))), **statements))
    return Firmware(
        images=Images(good=good, signing_key=signing_key),
        parts=tuple(range(config.part_count)),
        largest_image=config.image_size_limit,
        newest_first=config.identifiers_order == "newest-first",
        verifies_itself=config.self_verify,
        keeps_transfer=config.transfer_after_restart == "kept",
        confirmed_by=_CONFIRMED_BY[config.confirmation],
        blocks_at_risk=config.sync_every_blocks - 1,
        takes_older=config.allow_downgrade,
        late_activation="fires",
        grace_s=config.schedule_grace_seconds,
        upgrades=_UPGRADES,
    )
