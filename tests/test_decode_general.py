"""general-ciphering and general-signing as `dlms_fw.decode` shows them: opened with the keys given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlms_fw._core import RANDOMNESS_LENGTH, GetRequest, GetResponse, Key, PrivateKey, SecurityContext
from dlms_fw.decode import DecodingKeys, decode, shown
from dlms_fw.decoding_keys import load_decoding_keys
from dlms_fw.elliptic_keys import public_key_in
from dlms_fw.errors import ConfigurationError
from dlms_fw.security import KEY_INFORMATION

CLIENT, METER = b"DFW00001", b"MCS00002"
GET = GetRequest(8, bytes((0, 0, 1, 0, 0, 255)), 2, invoke_id_and_priority=0xC1).encode()
ANSWER = GetResponse(0, b"\x11\x2a", invoke_id_and_priority=0xC1).encode()
ENCRYPTED, AUTHENTICATED, SIGNED = 0x20, 0x10, 0x40
CURVES = {1: ("P-256", 32), 2: ("P-384", 48)}
AGREED = ("one-pass-diffie-hellman", "static-unified")


def private(suite: int, seed: int) -> PrivateKey:
    curve, width = CURVES[suite]
    return PrivateKey(curve, bytes([seed]) * width)


def symmetric(suite: int, seed: int) -> Key:
    return Key(bytes([seed]) * (32 if suite == 2 else 16))


def side(suite: int, kind: str | None, policy: int, *, meter: bool = False, **more: Any) -> SecurityContext:
    """The client's protection, or the meter's."""
    titles, seeds = ((METER, CLIENT), (3, 1)) if meter else ((CLIENT, METER), (1, 3))
    context = SecurityContext(
        suite,
        policy,
        system_title=titles[0],
        peer_system_title=titles[1],
        global_unicast_encryption_key=symmetric(suite, 7),
        authentication_key=symmetric(suite, 8),
        invocation_counter=1,
        counter_limit=100,
    )
    context.use_general_protection(
        bytes(range(RANDOMNESS_LENGTH)),
        key_information=None if kind == "signed" else kind,
        signing_key=private(suite, seeds[0]),
        key_agreement_key=private(suite, seeds[0] + 1),
        peer_signing_key=private(suite, seeds[1]).public,
        peer_key_agreement_key=private(suite, seeds[1] + 1).public,
        master_key=symmetric(suite, 9),
        **more,
    )
    return context


def known(suite: int, *, client: bool = False) -> DecodingKeys:
    """The symmetric keys, and the private key of one side with the public ones of the other."""
    own, others = (2, (3, 4)) if client else (4, (1, 2))
    return DecodingKeys(
        global_unicast_encryption_key=symmetric(suite, 7),
        authentication_key=symmetric(suite, 8),
        master_key=symmetric(suite, 9),
        private_keys=(private(3 - suite, 5), private(suite, own)),
        public_keys=tuple(private(suite, seed).public for seed in others),
    )


@pytest.mark.proves("decode-general-ciphering")
@pytest.mark.parametrize("suite", [1, 2])
@pytest.mark.parametrize("kind", KEY_INFORMATION)
@pytest.mark.parametrize("policy", [AUTHENTICATED, ENCRYPTED, AUTHENTICATED | ENCRYPTED, 0x70])
def test_it_is_opened_with_the_keys(suite: int, kind: str, policy: int) -> None:
    octets = side(suite, kind, policy).seal(GET)
    assert octets[0] == (0xDF if policy & SIGNED else 0xDD)
    tree = decode(octets, keys=known(suite))
    assert tree.understood, shown(tree)
    opened = tree.find("deciphered" if policy & ENCRYPTED else "verified")
    assert opened is not None
    assert opened.derived
    assert opened.find("instance-id").text == "0-0:1.0.0.255  clock"  # type: ignore[union-attr]


@pytest.mark.proves("decode-general-ciphering")
@pytest.mark.parametrize("changed", [{"older_algorithm_ids": True}, {"header_authenticated": False}])
@pytest.mark.parametrize("kind", AGREED)
def test_it_is_opened_in_the_way_of_other_meters(kind: str, changed: dict[str, bool]) -> None:
    octets = side(1, kind, AUTHENTICATED | ENCRYPTED, **changed).seal(GET)
    assert decode(octets, keys=known(1)).find("get-request") is not None


@pytest.mark.proves("decode-general-ciphering")
def test_static_keys_open_both_directions_with_the_private_key_of_one_side() -> None:
    request = side(1, "static-unified", AUTHENTICATED | ENCRYPTED).seal(GET)
    answer = side(1, "static-unified", AUTHENTICATED | ENCRYPTED, meter=True).seal(ANSWER)
    for client in (False, True):
        keys = known(1, client=client)
        assert decode(request, keys=keys).find("get-request") is not None
        assert decode(answer, keys=keys).find("get-response") is not None


@pytest.mark.parametrize("kind", KEY_INFORMATION)
def test_without_its_key_it_is_shown_as_it_is(kind: str) -> None:
    octets = side(1, kind, AUTHENTICATED | ENCRYPTED).seal(GET)
    wrong = DecodingKeys(
        global_unicast_encryption_key=symmetric(1, 1),
        authentication_key=symmetric(1, 8),
        master_key=symmetric(1, 1),
        private_keys=(private(1, 6),),
        public_keys=known(1).public_keys,
    )
    for keys in (None, wrong, replace(known(1), authentication_key=symmetric(1, 1))):
        tree = decode(octets, keys=keys)
        assert tree.understood
        assert tree.find("get-request") is None
        assert tree.find("ciphered-content") is not None


@pytest.mark.proves("decode-damaged")
@pytest.mark.parametrize("kind", ["wrapped", *AGREED])
def test_a_cut_or_changed_one_is_a_tree_and_never_opened(kind: str) -> None:
    octets = side(1, kind, AUTHENTICATED | ENCRYPTED).seal(GET)
    for cut in range(1, len(octets)):
        tree = decode(octets[:cut], "apdu", keys=known(1))
        assert tree.length == cut
        assert not tree.understood
    damaged = bytearray(octets)
    damaged[-20] ^= 1
    assert decode(bytes(damaged), keys=known(1)).find("get-request") is None


def test_the_file_of_keys_names_them(tmp_path: Path) -> None:
    pair = private(1, 3)
    (tmp_path / "public").write_text(bytes(pair.public).hex())
    file = tmp_path / "keys.toml"
    file.write_text('master_key = "env:MASTER"\npublic_keys = ["file:public", "env:OTHER"]\n')
    environ = {"MASTER": "09" * 16, "OTHER": bytes(private(2, 3).public).hex()}
    keys = load_decoding_keys(file, environ=environ)
    assert keys.master_key == symmetric(1, 9)
    assert keys.public_keys == (pair.public, public_key_in(environ["OTHER"]))
    assert keys.private_keys == ()
    file.write_text('private_keys = ["env:OTHER"]\npublic_keys = "env:OTHER"\npublic_key = []\n')
    with pytest.raises(ConfigurationError, match="private_keys: what it refers to") as refused:
        load_decoding_keys(file, environ=environ)
    assert "public_keys: a list of references" in str(refused.value)
    assert "did you mean public_keys" in str(refused.value)
