"""What the examples need to run by themselves: keys, an image, and a simulated meter.

Not an example of anything. With a real meter all of this comes from files: see docs/tutorial.md.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dlms_fw import Image, Keys, Profile, SecurityPolicy, TransferPolicy, Version, hls
from dlms_fw._core import Key
from dlms_fw.containers import dfw
from dlms_fw.endpoint import Endpoint
from dlms_fw.meter.activation import ActivationTimings
from dlms_fw.meter.profiles import mcs301
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.meter.storage import Directory
from dlms_fw.signing_keys import generate

VENDOR = generate()


def fresh_keys() -> Keys:
    """The keys of one meter; no two share one."""
    return Keys(global_unicast_encryption_key=Key(os.urandom(16)), authentication_key=Key(os.urandom(16)))


PROFILE = Profile(
    name="management",
    client_sap=1,
    mechanism=hls.GMAC,
    security_policy=SecurityPolicy.AUTHENTICATED_ENCRYPTED,
    system_title=bytes.fromhex("4D4D4D0000BC614E"),
    meter_system_title=bytes.fromhex("4D43530460BC614E"),
    keys=fresh_keys(),
)
POLICY = TransferPolicy(verify_poll_first_seconds=0.2, reconnect_first_seconds=0.3)
"""A simulated meter is quicker than a real one, so there is no need to wait as long."""


def signed_image(size: int = 64 * 1024) -> Image:
    """An image for the simulated meter, signed by the vendor."""
    container = dfw.build(
        os.urandom(size),
        image_identifier=bytes.fromhex("4D4353010200"),
        part=1,
        meter_type="MCS301",
        firmware_version=Version(2, 0, 0),
        key=VENDOR,
    )
    return Image.from_bytes(container)


@contextlib.contextmanager
def simulated_meter(
    scheme: str = "tcp", *, profile: Profile = PROFILE, **changes: Any
) -> Iterator[BackgroundMeter]:
    """A simulated MCS301 in a thread for this profile; ``changes`` are fields of its configuration."""
    settings = {"trusted": (VENDOR.public_key(),), "timings": ActivationTimings(reboot_seconds=0.3)}
    config = mcs301.configured(profile, **(settings | changes))
    with (
        tempfile.TemporaryDirectory() as folder,
        BackgroundMeter(
            config, lambda: Directory(folder), Endpoint.parse(f"{scheme}://127.0.0.1:0", listen=True)
        ) as meter,
    ):
        yield meter


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for files that nobody needs afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
