"""AES-GCM of the core against `cryptography`: the same octets at all lengths around which something ends."""

from __future__ import annotations

import random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dlms_fw._core import Key, SecurityContext
from dlms_fw.errors import AuthenticationError

OURS, THEIRS = b"DFW\x00\x00\x00\x00\x01", b"DFW\x00\x00\x00\x00\x02"
BOTH = 0x30
#: Around blocks, groups hashed together and pieces of the key stream; a block of 1 KiB; several pieces.
LENGTHS = [
    *range(1, 66),
    *(edge + off for edge in (255, 512, 1024, 1051, 1152, 2048, 2304, 4096) for off in range(-17, 18)),
    65_000,
]


def context(suite: int, counter: int = 1, own: bytes = OURS, peer: bytes = THEIRS) -> SecurityContext:
    return SecurityContext(
        suite,
        BOTH,
        system_title=own,
        peer_system_title=peer,
        global_unicast_encryption_key=Key(encryption_key(suite)),
        authentication_key=Key(authentication_key(suite)),
        invocation_counter=counter,
        counter_limit=0xFFFF_FFFF,
    )


def encryption_key(suite: int) -> bytes:
    return bytes(range(32 if suite == 2 else 16))


def authentication_key(suite: int) -> bytes:
    return bytes(range(64, 96 if suite == 2 else 80))


def sealed_by_cryptography(suite: int, title: bytes, counter: int, apdu: bytes) -> bytes:
    """Content and tag."""
    control = bytes((BOTH | suite,))
    iv = title + counter.to_bytes(4, "big")
    cipher = AESGCM(encryption_key(suite))
    return cipher.encrypt(iv, apdu, control + authentication_key(suite))[:-4]


@pytest.mark.proves("primitives-wycheproof")
@pytest.mark.parametrize("suite", [0, 1, 2])
def test_the_same_octets_at_every_length(suite: int) -> None:
    noise = random.Random(suite)
    sender, receiver = context(suite), context(suite, own=THEIRS, peer=OURS)
    for counter, length in enumerate(LENGTHS, 1):
        apdu = b"\xc3" + noise.randbytes(length - 1)
        sealed = sender.seal(apdu)
        assert sealed.endswith(sealed_by_cryptography(suite, OURS, counter, apdu)), length
        assert receiver.open(sealed) == apdu


@pytest.mark.parametrize("length", [1, 200, 1100])
def test_a_changed_bit_anywhere_is_noticed_and_nothing_is_given_out(length: int) -> None:
    sealed = context(0).seal(b"\xc3" + bytes(length - 1))
    content = len(sealed) - length - 12
    receiver = context(0, own=THEIRS, peer=OURS)
    for position in range(content, len(sealed), 7):
        damaged = bytearray(sealed)
        damaged[position] ^= 0x10
        with pytest.raises(AuthenticationError):
            receiver.open(damaged)
    assert receiver.open(sealed) == b"\xc3" + bytes(length - 1)
