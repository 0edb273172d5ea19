"""High level security by mechanisms other than GMAC, on both sides, with and without ciphering.

The digests of the published challenges were made with another implementation (``openssl dgst``), so that
what is checked here is the order of what goes into them.
"""

from __future__ import annotations

import hmac
from dataclasses import replace

import pytest

from dlms_fw._core import AssociationResponse, Key
from dlms_fw.errors import AssociationRejected, AuthenticationError, ConfigurationError, LocalProtocolError
from dlms_fw.hls import MECHANISM_NAMES, Handshake, ManufacturerMechanism, Mechanism, mechanism_of
from dlms_fw.profiles import Profile
from dlms_fw.session.events import Associated, AssociationFailed
from dlms_fw.session.states import State
from harness import CLIENT_TITLE, FULL, KEYS, METER_TITLE, Pair, server_client

CTOS = b"K56iVagY"
STOC = b"P6wRJ21F"
OTHER_TITLE = bytes.fromhex("4D4D4D0000000001")
SECRET = Key(b"12345678")


def _turned_prove(handshake: Handshake) -> bytes:
    assert handshake.secret is not None
    return hmac.digest(handshake.secret.expose(), handshake.peer_challenge[::-1], "sha256")


def _turned_check(handshake: Handshake, proof: bytes) -> bool:
    assert handshake.secret is not None
    expected = hmac.digest(handshake.secret.expose(), handshake.own_challenge[::-1], "sha256")
    return hmac.compare_digest(expected, proof)


TURNED = ManufacturerMechanism(prove=_turned_prove, check=_turned_check)
"""A mechanism that a manufacturer might have thought of."""


def profile(name: str, *, ciphered: bool) -> Profile:
    mechanism = MECHANISM_NAMES[name]
    plain = Profile(
        name=name,
        client_sap=1,
        mechanism=mechanism.id,
        manufacturer=TURNED if name == "hls-manufacturer" else None,
        password=Key(b"a secret of 24 characters"),
        system_title=CLIENT_TITLE,
    )
    return replace(plain, security_policy=FULL, keys=KEYS) if ciphered else plain


WAYS = [
    pytest.param(name, ciphered, id=f"{name}{' ciphered' if ciphered else ''}")
    for name in ("hls-manufacturer", "hls-md5", "hls-sha1", "hls-sha256")
    for ciphered in (False, True)
]
ways = pytest.mark.parametrize(("name", "ciphered"), WAYS)


@pytest.mark.parametrize(
    ("name", "pass_3", "pass_4"),
    [
        pytest.param(
            "hls-md5",
            "53D4537E37DAB4FF089629E25557AF9F",
            "870F56D7F2BA75482CA41BE31A21630B",
            marks=pytest.mark.proves("acse-hls-md5"),
        ),
        pytest.param(
            "hls-sha1",
            "6DBD949D1B1EFDD6FE5F9EA627877E986E8708CB",
            "900162368EE99CD4765ECE8E9075D3DE84C44A95",
            marks=pytest.mark.proves("acse-hls-sha1"),
        ),
        pytest.param(
            "hls-sha256",
            "67342BAA6815DA654EEFBB879B6A23DA0D2BB0404ABBB1A738631241A6B96516",
            "5DA97807E1B30B5D95A5B48BDA34C4232130F761E57C316CCDEF70322605A90D",
            marks=pytest.mark.proves("acse-hls-sha256"),
        ),
    ],
)
def test_the_published_challenges(name: str, pass_3: str, pass_4: str) -> None:
    mechanism = MECHANISM_NAMES[name]
    client = Handshake(
        own_challenge=CTOS,
        peer_challenge=STOC,
        own_system_title=OTHER_TITLE,
        peer_system_title=CLIENT_TITLE,
        secret=SECRET,
    )
    meter = Handshake(
        own_challenge=STOC,
        peer_challenge=CTOS,
        own_system_title=CLIENT_TITLE,
        peer_system_title=OTHER_TITLE,
        secret=SECRET,
    )
    assert mechanism.prove is not None
    assert mechanism.check is not None
    assert mechanism.prove(client).hex().upper() == pass_3
    assert mechanism.prove(meter).hex().upper() == pass_4
    mechanism.check(meter, bytes.fromhex(pass_3))
    mechanism.check(client, bytes.fromhex(pass_4))
    for changed in (
        replace(client, secret=Key(b"12345679")),
        replace(client, own_challenge=STOC),
        *([replace(client, own_system_title=METER_TITLE)] if mechanism.needs_titles else ()),
    ):
        with pytest.raises(AuthenticationError):
            mechanism.check(changed, bytes.fromhex(pass_4))


@ways
@pytest.mark.parametrize("hdlc", [False, True])
@pytest.mark.proves("acse-hls-manufacturer", "acse-hls-md5", "acse-hls-sha1", "acse-hls-sha256")
def test_each_proves_itself_to_the_other(name: str, ciphered: bool, hdlc: bool) -> None:
    pair = Pair(profile(name, ciphered=ciphered), hdlc=hdlc)
    pair.associate()
    assert pair.session.state is State.ASSOCIATED
    assert pair.meter.events == [Associated(1, MECHANISM_NAMES[name].id)]
    assert pair.get().result == 0
    aare = next(data for mine, data in pair.wire if not mine and b"\x61" in data[8:12])
    assert (b"\xa1\x09\x06\x07\x60\x85\x74\x05\x08\x01" + bytes([3 if ciphered else 1])) in aare
    pair.drive(pair.session.release())
    assert pair.session.state is State.CONNECTED


@ways
@pytest.mark.fault("S-16")
@pytest.mark.fault("S-38")
def test_another_secret_is_refused(name: str, ciphered: bool) -> None:
    """The meter does not take our proof, and we do not try again."""
    ours = profile(name, ciphered=ciphered)
    pair = Pair(ours, client=server_client(replace(ours, password=Key(b"another one"))))
    with pytest.raises(AuthenticationError, match="did not accept our proof"):
        pair.associate()
    assert pair.meter.events == [AssociationFailed(1, "proof")]
    assert pair.session.state is State.CONNECTED
    assert not pair.meter.requests


@pytest.mark.parametrize("name", ["hls-manufacturer", "hls-md5", "hls-sha1", "hls-sha256"])
class TestLies:
    """What a meter without the secret might try."""

    def started(self, name: str) -> tuple[Pair, bytes]:
        pair = Pair(profile(name, ciphered=False))
        pair.connect()
        _, pass_3 = pair.session.receive(pair.meter.receive(pair.session.associate()))
        assert pair.session.state is State.AUTHENTICATING
        return pair, pass_3

    def answer(self, pass_3: bytes, proof: bytes) -> bytes:
        apdu = bytes((0xC7, 1, pass_3[10], 0, 1, 0, 9, len(proof))) + proof
        return bytes((0, 1, 0, 1, 0, 1, 0, len(apdu))) + apdu

    @pytest.mark.fault("S-15")
    def test_our_own_proof(self, name: str) -> None:
        pair, pass_3 = self.started(name)
        length = {"hls-md5": 16, "hls-sha1": 20}.get(name, 32)
        with pytest.raises(AuthenticationError, match="our own proof"):
            pair.session.receive(self.answer(pass_3, pass_3[-length:]))

    @pytest.mark.fault("S-16")
    def test_a_wrong_proof(self, name: str) -> None:
        pair, pass_3 = self.started(name)
        with pytest.raises(AuthenticationError, match="could not prove itself"):
            pair.session.receive(self.answer(pass_3, bytes(32)))
        assert pair.session.state is State.CONNECTED
        with pytest.raises(LocalProtocolError):
            pair.session.release()

    @pytest.mark.fault("S-13")
    @pytest.mark.fault("S-14")
    @pytest.mark.parametrize("challenge", [b"", bytes(7), bytes(65), (1).to_bytes(16, "big")])
    def test_a_challenge_that_is_refused(self, name: str, challenge: bytes) -> None:
        pair = Pair(profile(name, ciphered=False))
        pair.connect()
        aare = AssociationResponse.decode(pair.meter.receive(pair.session.associate())[8:])
        lie = AssociationResponse(
            aare.application_context,
            aare.result,
            aare.diagnostic,
            aare.user_information,
            mechanism=aare.mechanism,
            authentication_value=challenge,
            responding_ap_title=aare.responding_ap_title,
        ).encode()
        with pytest.raises(AuthenticationError) as caught:
            pair.session.receive(bytes((0, 1, 0, 1, 0, 1, 0, len(lie))) + lie)
        assert caught.value.kind == "challenge"

    @pytest.mark.fault("S-14")
    @pytest.mark.fault("S-37")
    def test_a_meter_never_challenges_with_our_challenge(self, name: str) -> None:
        pair = Pair(profile(name, ciphered=False), challenge=lambda: (1).to_bytes(16, "big"))
        pair.connect()
        data = pair.session.associate()
        with pytest.raises(ConfigurationError, match="not random"):
            pair.meter.receive(data)


@pytest.mark.fault("S-13")
def test_our_own_challenges_have_their_bounds() -> None:
    for octets in (7, 65):
        pair = Pair(profile("hls-sha256", ciphered=False), client_challenge=lambda n=octets: bytes(n))
        pair.connect()
        with pytest.raises(LocalProtocolError):
            pair.session.associate()


def test_mechanism_6_binds_the_titles() -> None:
    """A meter that is told another title of ours does not believe the proof."""
    ours = profile("hls-sha256", ciphered=False)
    pair = Pair(ours, client=server_client(ours, client_system_title=OTHER_TITLE))
    with pytest.raises(AssociationRejected, match="calling ap title"):
        pair.associate()
    with pytest.raises(ConfigurationError, match="system_title: missing"):
        replace(ours, system_title=None).check()


@pytest.mark.parametrize("answer", [False, None, 1, "yes"])
def test_a_manufacturers_check_must_say_true(answer: object) -> None:
    def careless(_handshake: Handshake, _proof: bytes) -> bool:
        return answer  # type: ignore[return-value]

    row: Mechanism = mechanism_of(2, ManufacturerMechanism(prove=_turned_prove, check=careless))
    assert row.check is not None
    with pytest.raises(AuthenticationError):
        row.check(Handshake(own_challenge=CTOS, peer_challenge=STOC), b"x")


def test_what_is_missing_is_said() -> None:
    for name in ("hls-md5", "hls-sha256"):
        with pytest.raises(ConfigurationError, match="password: missing"):
            replace(profile(name, ciphered=False), password=None).check()
    with pytest.raises(ConfigurationError, match="two functions"):
        replace(profile("hls-manufacturer", ciphered=False), manufacturer=None).check()
    row = MECHANISM_NAMES["hls-sha256"]
    assert row.prove is not None
    bare = Handshake(own_challenge=CTOS, peer_challenge=STOC)
    with pytest.raises(ConfigurationError, match="secret"):
        row.prove(bare)
    with pytest.raises(ConfigurationError, match="titles"):
        row.prove(replace(bare, secret=SECRET))


@pytest.mark.proves("acse-client-user")
def test_users_of_a_client() -> None:
    ours = profile("hls-sha256", ciphered=False)
    known = server_client(ours, users=frozenset({7, 200}))
    for user in (7, 200):
        pair = Pair(replace(ours, client_user_id=user), client=known)
        pair.associate()
        assert pair.meter.session.association.client_user_id == user
    for stranger in (None, 8):
        pair = Pair(replace(ours, client_user_id=stranger), client=known)
        with pytest.raises(AssociationRejected, match="calling ae invocation identifier") as caught:
            pair.associate()
        assert caught.value.hint is not None
        assert "client_user_id" in caught.value.hint
