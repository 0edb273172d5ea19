"""Our client, live with a meter that is built on gurux-dlms: every mechanism and form of service it knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from dlms_fw import axdr
from dlms_fw._core import (
    ActionRequest,
    GetRequest,
    Key,
    PrivateKey,
    RequestList,
    ResponseList,
    SetRequest,
)
from dlms_fw.client import Client
from dlms_fw.enums import SecuritySuite
from dlms_fw.errors import AssociationRejected, AuthenticationError
from dlms_fw.journal import Journal
from dlms_fw.profiles import Profile
from dlms_fw.security import AsymmetricKeys, Keys, MessageProtection, SecurityPolicy
from interop import CLIENT_TITLE, METER_TITLE, NAME, gurux_meter
from interop_live import (
    CLIENT_KEY,
    GENERAL_GLO_CIPHERING,
    GLO_SERVICES,
    MECHANISMS,
    METER_KEY,
    METER_SCALAR,
    SCHEMES,
    SECRET,
    SIGNING_SUITE,
)
from peers import fixed_keys

NAME_OBJECT, NOTES = bytes((0, 0, 42, 0, 0, 255)), bytes((0, 0, 96, 50, 0, 255))
IMAGE = bytes((0, 0, 44, 0, 0, 255))
DENIED, UNDEFINED = 3, 4
BESIDE = {0x60, 0x61, 0x62, 0x63, 0xC0, 0xC4}
"""Associations, and the public client's GET of the invocation counter; ciphered clients cannot send it."""


class Meter:
    """Their meter, with a client SAP for each mechanism, and the way of ours to it."""

    def __init__(self, folder: Path, framing: str, *mechanisms: str, suite: int = 0, **config: Any) -> None:
        self._folder = folder
        self._scheme = SCHEMES[framing]
        self._suite = suite
        self._general = config.get("general_ciphering", False)
        self._ciphered = config.get("ciphered", False)
        self._saps = {mechanism: sap for sap, mechanism in enumerate(mechanisms, 1)}
        self._keys = {
            "global_unicast_encryption_key": fixed_keys.ENCRYPTION_KEYS[suite].hex(),
            "authentication_key": fixed_keys.AUTHENTICATION_KEYS[suite].hex(),
        }
        others = {str(sap): mechanism for mechanism, sap in self._saps.items()}
        signing = {"signing_key": METER_SCALAR.hex(), "peer_signing_key": bytes(CLIENT_KEY.public).hex()}
        config = signing | config
        config = {"framing": framing, "security": mechanisms[0], "suite": suite, "others": others} | config
        self._peer = gurux_meter(folder, **(self._keys | config))

    def __enter__(self) -> Self:
        self._port = self._peer.report()["port"]
        return self

    def __exit__(self, *error: object) -> None:
        self._peer.__exit__(*error)

    def tags(self) -> set[int]:
        """Of all APDUs, once the meter has ended."""
        return set(self._peer.finish()["tags"])

    @contextmanager
    def client(
        self, mechanism: str, secret: bytes = SECRET, signing_key: PrivateKey = CLIENT_KEY
    ) -> Iterator[Client]:
        """Our client, associated."""
        more: dict[str, Any] = {}
        if mechanism == "hls-gmac" or self._ciphered:
            more = {
                "keys": Keys(**{name: Key(bytes.fromhex(octets)) for name, octets in self._keys.items()}),
                "security_policy": SecurityPolicy.AUTHENTICATED_ENCRYPTED,
                "security_suite": SecuritySuite(self._suite),
                "protection": MessageProtection(ciphering="general" if self._general else "service-specific"),
            }
        if mechanism == "hls-ecdsa":
            more |= {
                "asymmetric_keys": AsymmetricKeys(signing_key=signing_key, peer_signing_key=METER_KEY.public),
                "security_suite": SecuritySuite(SIGNING_SUITE),
            }
        elif mechanism not in ("none", "hls-gmac"):
            more = {"password": Key(secret)}
        if mechanism in ("hls-gmac", "hls-sha256", "hls-ecdsa"):
            more |= {"system_title": CLIENT_TITLE, "meter_system_title": METER_TITLE}
        profile = Profile(client_sap=self._saps[mechanism], mechanism=MECHANISMS[mechanism], **more)
        with (
            Journal(self._folder / "journal") as journal,
            Client(f"{self._scheme}://127.0.0.1:{self._port}", profile, journal=journal) as client,
        ):
            yield client


def use(client: Client, notes: bytes) -> None:
    """Every service, in every form that there is for it."""
    written = axdr.octet_string.encode(notes)
    assert client.exchange(SetRequest(1, NOTES, 2, written)).result == 0
    assert client.exchange(GetRequest(1, NOTES, 2)).data == written
    found = client.exchange(
        RequestList([GetRequest(1, NAME_OBJECT, 2), GetRequest(1, bytes(6), 2), GetRequest(18, IMAGE, 5)])
    )
    assert isinstance(found, ResponseList)
    name = axdr.octet_string.encode(NAME.encode())
    assert [(it.result, it.data) for it in found.items] == [(0, name), (UNDEFINED, None), (0, b"\x03\x01")]
    short = axdr.octet_string.encode(b"short")
    kept = client.exchange(
        RequestList([SetRequest(1, NOTES, 2, short), SetRequest(1, NAME_OBJECT, 2, short)])
    )
    assert isinstance(kept, ResponseList)
    assert [it.result for it in kept.items] == [0, DENIED]
    start = axdr.structure(axdr.octet_string, axdr.double_long_unsigned).encode((notes, 100))
    assert client.exchange(ActionRequest(18, IMAGE, 1, start)).result == 0


PASSWORDS = ("lls", "hls-md5", "hls-sha1", "hls-sha256")


@pytest.fixture(scope="module")
def meter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Meter]:
    with Meter(tmp_path_factory.mktemp("meter"), "wrapper", "none", *PASSWORDS, "hls-ecdsa") as meter:
        yield meter


@pytest.mark.proves("interop-live-meter")
@pytest.mark.parametrize("mechanism", ["none", *PASSWORDS, "hls-ecdsa"])
def test_our_client_knows_their_mechanisms(meter: Meter, mechanism: str) -> None:
    with meter.client(mechanism) as client:
        use(client, b"notes")


@pytest.mark.parametrize("mechanism", PASSWORDS)
def test_their_meter_refuses_another_secret(meter: Meter, mechanism: str) -> None:
    with pytest.raises((AuthenticationError, AssociationRejected)), meter.client(mechanism, b"another!"):
        pass


def test_their_meter_refuses_another_signing_key(meter: Meter) -> None:
    with pytest.raises(AuthenticationError), meter.client("hls-ecdsa", signing_key=METER_KEY):
        pass


@pytest.mark.proves("interop-live-meter", "interop-live-suites")
@pytest.mark.parametrize(
    ("framing", "suite", "general"),
    [("hdlc", 0, False), ("wrapper", 0, True), ("wrapper", 1, False), ("wrapper", 2, False)],
)
def test_our_client_ciphers_in_all_suites(tmp_path: Path, framing: str, suite: int, general: bool) -> None:
    with Meter(tmp_path, framing, "hls-gmac", suite=suite, general_ciphering=general) as meter:
        with meter.client("hls-gmac") as client:
            use(client, b"notes")
        assert meter.tags() - BESIDE == ({GENERAL_GLO_CIPHERING} if general else GLO_SERVICES)


@pytest.mark.proves("interop-live-signatures")
@pytest.mark.parametrize(
    ("framing", "ciphered", "general"),
    [
        ("hdlc", False, False),
        ("hdlc", True, False),
        ("hdlc", True, True),
        ("wrapper", True, False),
        ("wrapper", True, True),
    ],
)
def test_our_client_signs_their_challenge(
    tmp_path: Path, framing: str, ciphered: bool, general: bool
) -> None:
    config = {"ciphered": ciphered, "general_ciphering": general}
    with Meter(tmp_path, framing, "hls-ecdsa", suite=SIGNING_SUITE, **config) as meter:
        with meter.client("hls-ecdsa") as client:
            use(client, b"notes")
        if ciphered:
            assert meter.tags() - BESIDE == ({GENERAL_GLO_CIPHERING} if general else GLO_SERVICES)


@pytest.mark.proves("interop-live-blocks")
@pytest.mark.parametrize("mechanism", ["none", "hls-gmac"])
def test_our_client_sends_and_receives_in_blocks(tmp_path: Path, mechanism: str) -> None:
    small = {"max_pdu_size": 120, "max_info": 90}
    with Meter(tmp_path, "hdlc", mechanism, **small) as meter, meter.client(mechanism) as client:
        use(client, bytes(range(256)) * 4)
