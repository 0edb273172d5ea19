"""The table of authentication mechanisms, with the published example of GMAC."""

from __future__ import annotations

import pytest

from dlms_fw._core import Key, SecurityContext
from dlms_fw.errors import AuthenticationError, ConfigurationError, SecurityError
from dlms_fw.hls import GMAC, MECHANISM_NAMES, MECHANISMS, Handshake

CLIENT_TITLE = bytes.fromhex("4D4D4D0000000001")
SERVER_TITLE = bytes.fromhex("4D4D4D0000BC614E")
CTOS = b"K56iVagY"
STOC = b"P6wRJ21F"


def context(own: bytes, peer: bytes, counter: int, **changed: object) -> SecurityContext:
    keys = {
        "global_unicast_encryption_key": Key(bytes(range(16))),
        "authentication_key": Key(bytes(range(0xD0, 0xE0))),
    }
    return SecurityContext(
        0,
        0,
        system_title=own,
        peer_system_title=peer,
        invocation_counter=counter,
        counter_limit=counter + 8,
        **{**keys, **changed},  # type: ignore[arg-type]
    )


def pair(**changed: object) -> tuple[Handshake, Handshake]:
    client = context(CLIENT_TITLE, SERVER_TITLE, 1)
    server = context(SERVER_TITLE, CLIENT_TITLE, 0x0123_4567, **changed)
    return (
        Handshake(own_challenge=CTOS, peer_challenge=STOC, context=client),
        Handshake(own_challenge=STOC, peer_challenge=CTOS, context=server),
    )


def prove(handshake: Handshake) -> bytes:
    function = MECHANISMS[GMAC].prove
    assert function is not None
    return function(handshake)


def check(handshake: Handshake, proof: bytes) -> None:
    function = MECHANISMS[GMAC].check
    assert function is not None
    function(handshake, proof)


@pytest.mark.proves("acse-hls-gmac")
def test_the_published_example() -> None:
    client, server = pair()
    pass_3, pass_4 = prove(client), prove(server)
    assert pass_3.hex().upper() == "10000000011A52FE7DD3E72748973C1E28"
    assert pass_4.hex().upper() == "1001234567FE1466AFB3DBCD4F9389E2B7"
    check(server, pass_3)
    check(client, pass_4)


@pytest.mark.fault("S-15")
@pytest.mark.fault("S-16")
def test_a_proof_that_is_not_the_peers() -> None:
    client, server = pair()
    pass_3, pass_4 = prove(client), prove(server)
    wrong = [pass_3, b"", pass_4[:-1], pass_4 + b"\0", bytes(17)]
    wrong += [bytes([*pass_4[:i], pass_4[i] ^ 1, *pass_4[i + 1 :]]) for i in range(len(pass_4))]
    for proof in wrong:
        with pytest.raises(SecurityError):
            check(client, proof)
    check(client, pass_4)


@pytest.mark.fault("S-17")
def test_a_proof_with_other_protection_or_suite() -> None:
    client, server = pair()
    pass_4 = prove(server)
    for control in (0x00, 0x11, 0x20, 0x30, 0x50):
        with pytest.raises(SecurityError):
            check(client, bytes([control]) + pass_4[1:])


@pytest.mark.fault("S-16")
def test_an_old_counter_in_a_proof() -> None:
    _, server = pair()
    pass_4 = prove(server)
    for known, fine in {0x0123_4566: True, 0x0123_4567: False, 0x0123_4568: False}.items():
        keyed = context(CLIENT_TITLE, SERVER_TITLE, 1, peer_invocation_counter=known)
        client = Handshake(own_challenge=CTOS, peer_challenge=STOC, context=keyed)
        if fine:
            check(client, pass_4)
            continue
        with pytest.raises(SecurityError) as caught:
            check(client, pass_4)
        assert caught.value.kind == "replay"
        assert keyed.peer_invocation_counter == known


def test_other_keys() -> None:
    client, server = pair(authentication_key=Key(bytes(16)))
    with pytest.raises(AuthenticationError):
        check(client, prove(server))


def test_gmac_needs_keys() -> None:
    with pytest.raises(ConfigurationError):
        prove(Handshake(own_challenge=CTOS, peer_challenge=STOC))


@pytest.mark.fault("S-13")
@pytest.mark.fault("S-14")
@pytest.mark.parametrize("length", [0, 1, 7, 65, 255])
def test_challenges_that_are_refused(length: int) -> None:
    mechanism = MECHANISMS[GMAC]
    mechanism.check_challenges(CTOS, bytes(8))
    mechanism.check_challenges(CTOS, bytes(64))
    with pytest.raises(AuthenticationError) as caught:
        mechanism.check_challenges(CTOS, bytes(length))
    assert caught.value.kind == "challenge"
    with pytest.raises(AuthenticationError, match="our own"):
        mechanism.check_challenges(CTOS, CTOS)


def test_the_table() -> None:
    assert {name: mechanism.id for name, mechanism in MECHANISM_NAMES.items()} == {
        "none": 0,
        "lls": 1,
        "hls-manufacturer": 2,
        "hls-md5": 3,
        "hls-sha1": 4,
        "hls-gmac": 5,
        "hls-sha256": 6,
        "hls-ecdsa": 7,
    }
    for mechanism in MECHANISMS.values():
        assert mechanism.high_level is bool(mechanism.challenge_lengths)
        assert (mechanism.prove is None) is (mechanism.check is None)
