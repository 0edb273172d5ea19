"""A simulated meter for the peers' clients, and the clients, which do one order after another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dlms_fw._core import Key, PrivateKey
from dlms_fw.endpoint import Endpoint
from dlms_fw.enums import AuthenticationMechanism, SecuritySuite
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.object_tables import object_table
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.meter.storage import Directory
from dlms_fw.security import AsymmetricKeys, SecurityPolicy
from interop import CLIENT_TITLE, METER_TITLE
from peers import fixed_keys
from peers.run import Peer

SECRET = b"interop!"
SCHEMES = {"wrapper": "tcp", "hdlc": "hdlc+tcp"}
MECHANISMS = {
    "none": AuthenticationMechanism.LOWEST_LEVEL,
    "lls": AuthenticationMechanism.LOW_LEVEL,
    "hls-md5": AuthenticationMechanism.HIGH_LEVEL_MD5,
    "hls-sha1": AuthenticationMechanism.HIGH_LEVEL_SHA1,
    "hls-gmac": AuthenticationMechanism.HIGH_LEVEL_GMAC,
    "hls-sha256": AuthenticationMechanism.HIGH_LEVEL_SHA256,
    "hls-ecdsa": AuthenticationMechanism.HIGH_LEVEL_ECDSA,
}
GENERAL_GLO_CIPHERING = 0xDB
GLO_SERVICES = {0xC8, 0xC9, 0xCB, 0xCC, 0xCD, 0xCF}
"""glo-get, glo-set and glo-action, requests and responses."""
SIGNING_SUITE = 1
"""That of P-256; the peers sign with no other curve."""
CLIENT_SCALAR = fixed_keys.SCALARS[SIGNING_SUITE]
METER_SCALAR = bytes(range(0x41, 0x61))
CLIENT_KEY = PrivateKey(fixed_keys.CURVES[SIGNING_SUITE], CLIENT_SCALAR)
METER_KEY = PrivateKey(fixed_keys.CURVES[SIGNING_SUITE], METER_SCALAR)


def our_meter(
    folder: Path, framing: str, mechanism: str, suite: int = 0, *, ciphered: bool = False, **changes: Any
) -> BackgroundMeter:
    """Our simulated meter, for one mechanism; with HLS 5 every APDU is ciphered always."""
    ciphered, signs = ciphered or mechanism == "hls-gmac", mechanism == "hls-ecdsa"
    if signs:
        suite = SIGNING_SUITE
        keys = AsymmetricKeys(signing_key=METER_KEY, peer_signing_key=CLIENT_KEY.public)
        changes = {"asymmetric_keys": keys} | changes
    config = MeterConfig(
        mechanism=MECHANISMS[mechanism],
        security_policy=SecurityPolicy.AUTHENTICATED_ENCRYPTED if ciphered else SecurityPolicy.NONE,
        password=None if mechanism in ("none", "hls-gmac", "hls-ecdsa") else Key(SECRET),
        system_title=METER_TITLE,
        security_suite=SecuritySuite(suite),
        global_unicast_encryption_key=Key(fixed_keys.ENCRYPTION_KEYS[suite]),
        authentication_key=Key(fixed_keys.AUTHENTICATION_KEYS[suite]),
        **changes,
    )
    endpoint = Endpoint.parse(f"{SCHEMES[framing]}://127.0.0.1:0", listen=True)
    return BackgroundMeter(config, lambda: Directory(folder / "state"), endpoint)


def listed_objects(client_sap: int = 1) -> int:
    """How many objects a client finds in the object list of our meter."""
    entries = object_table(MeterConfig()).entries.values()
    return sum(client_sap in entry.rights for entry in entries)


class Visitor(Peer):
    """A peer's client that takes orders."""

    def __init__(self, script: str) -> None:
        super().__init__(script, {})
        self.tags: list[int] = []
        """Of all APDUs of the last association in their order, over wrapper, where the peer says so."""

    def visit(self, meter: BackgroundMeter, mechanism: str, *steps: list[Any], **changes: Any) -> list[Any]:
        """The results of the steps of one association with our meter."""
        return self.visit_url(meter.url, mechanism, *steps, **changes)

    def visit_url(self, url: str, mechanism: str, *steps: list[Any], **changes: Any) -> list[Any]:
        """The results of the steps of one association with the meter there."""
        suite = changes.get("suite", 0)
        order = {
            "host": "127.0.0.1",
            "port": Endpoint.parse(url).port,
            "framing": "hdlc" if url.startswith("hdlc") else "wrapper",
            "client_sap": 1,
            "server_sap": 1,
            "max_pdu_size": 1_024,
            "max_info": 256,
            "authentication": mechanism,
            "password": SECRET.hex(),
            "counter": 1,
            "suite": suite,
            "system_title": CLIENT_TITLE.hex(),
            "global_unicast_encryption_key": fixed_keys.ENCRYPTION_KEYS[suite].hex(),
            "authentication_key": fixed_keys.AUTHENTICATION_KEYS[suite].hex(),
            "signing_key": CLIENT_SCALAR.hex(),
            "peer_signing_key": bytes(METER_KEY.public).hex(),
            "steps": steps,
        }
        self.send(order | changes)
        report = self.report()
        if "refused" in report:
            raise AssertionError(report["refused"])
        self.tags = report.get("tags", [])
        results: list[Any] = report["results"]
        return results
