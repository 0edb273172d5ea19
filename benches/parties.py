"""Who takes part in bench_transfer.py: one client and one meter with test keys, and an image for them."""

from __future__ import annotations

from benches.joined import AUTHENTICATION_KEY, CLIENT_TITLE, ENCRYPTION_KEY, METER_TITLE
from dlms_fw import hls
from dlms_fw._core import Key
from dlms_fw.image import Image
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.profiles import mcs301
from dlms_fw.profiles import HdlcSettings, Profile
from dlms_fw.security import Keys, SecurityPolicy

IDENTIFIER = b"BENCH1"
PDU_SIZE = 8192


def profile(*, ciphered: bool) -> Profile:
    """Plain without any authentication, or HLS with GMAC and everything authenticated and encrypted."""
    hdlc = HdlcSettings(max_info_field_length=2030, window_size=1)
    if not ciphered:
        return Profile(name="plain", client_sap=1, max_pdu_size=PDU_SIZE, hdlc=hdlc)
    return Profile(
        name="ciphered",
        client_sap=1,
        mechanism=hls.GMAC,
        security_policy=SecurityPolicy.AUTHENTICATED_ENCRYPTED,
        system_title=CLIENT_TITLE,
        meter_system_title=METER_TITLE,
        keys=Keys(
            global_unicast_encryption_key=Key(ENCRYPTION_KEY), authentication_key=Key(AUTHENTICATION_KEY)
        ),
        max_pdu_size=PDU_SIZE,
        hdlc=hdlc,
    )


def meter_config(*, ciphered: bool, block_size: int) -> MeterConfig:
    """A meter that takes raw images and does not pause to verify them."""
    return mcs301.configured(
        profile(ciphered=ciphered),
        image_block_size=block_size,
        image_size_limit=256 * 1024 * 1024,
        accept_raw=True,
        verify_seconds=0.0,
    )


def image(size: int) -> Image:
    """A raw image of that many octets."""
    return Image.raw(bytes(range(256)) * (size // 256), IDENTIFIER, part=1)
