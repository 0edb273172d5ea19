"""A simulated meter as the one under test: its declaration and its bench, ready to run."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Final

from dlms_fw._core import Key
from dlms_fw.conformance.benches.simulated import SimulatedBench
from dlms_fw.conformance.declaration import Declaration
from dlms_fw.driver import public_profile
from dlms_fw.meter.clients import MANAGEMENT, READING
from dlms_fw.meter.profiles import mcs301
from dlms_fw.profiles import Profile
from dlms_fw.security import Keys, SecurityPolicy

CLIENT_SYSTEM_TITLE: Final = b"DFWTEST\x01"


def fresh_profile() -> Profile:
    """A management client with keys that nobody else has."""
    return Profile(
        name="conformance",
        client_sap=MANAGEMENT,
        mechanism=5,
        security_policy=SecurityPolicy.AUTHENTICATED_ENCRYPTED,
        system_title=CLIENT_SYSTEM_TITLE,
        keys=Keys(global_unicast_encryption_key=Key(os.urandom(16)), authentication_key=Key(os.urandom(16))),
        first_invocation_counter=1,
    )


def simulated(profile: Profile | None = None, **changes: Any) -> tuple[Declaration, SimulatedBench]:
    """A simulated meter for the clients of a profile; ``changes`` are of the meter's configuration."""
    profile = profile or fresh_profile()
    config = mcs301.configured(profile, **changes)
    public = public_profile(profile)
    declaration = Declaration(
        name=f"simulated {config.model}",
        clients={
            "management": profile,
            "reading": replace(profile, client_sap=READING),
            "public": public,
            "low": public,
        },
        referencing=config.ways_of_referencing,
    )
    return declaration, SimulatedBench(config)
