"""Ciphering: glo-ciphering of one APDU (suite 0, 12-octet tag), beside `cryptography` doing the bare AES-GCM.

`AESGCM` makes a tag of 16 octets, of which DLMS sends 12; it cannot open such a tag, so what opens is
`Cipher(GCM(min_tag_length=12))`. Ours does more in the same time: it frames the security header and length,
takes the next invocation counter, and on opening checks policy, title and replay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benches.conftest import Work
from benches.joined import AUTHENTICATION_KEY, CLIENT_TITLE, ENCRYPTION_KEY, METER_TITLE, security

SIZES = [64, 128, 256, 512, 1024, 2000]
AAD = b"\x30" + AUTHENTICATION_KEY


def plain(size: int) -> bytes:
    """An ACTION request of that many octets; only its first octet matters here."""
    return b"\xc3" + bytes(size - 1)


def nonce(counter: int) -> bytes:
    return CLIENT_TITLE + counter.to_bytes(4, "big")


def test_the_two_sides_make_the_same_octets() -> None:
    ours = security(CLIENT_TITLE, METER_TITLE).seal(plain(64))
    theirs = AESGCM(ENCRYPTION_KEY).encrypt(nonce(1), plain(64), AAD)[:-4]
    assert ours == bytes((203, 5 + len(theirs), 0x30)) + (1).to_bytes(4, "big") + theirs


@pytest.mark.parametrize("size", SIZES)
def test_seal(compare: Callable[..., None], size: int) -> None:
    apdu = plain(size)

    def ours(operations: int) -> Work:
        def run(context: Any) -> None:
            for _ in range(operations):
                context.seal(apdu)

        return Work(run, lambda: security(CLIENT_TITLE, METER_TITLE))

    def theirs(operations: int) -> Work:
        cipher = AESGCM(ENCRYPTION_KEY)

        def run(_: object) -> None:
            for counter in range(1, operations + 1):
                cipher.encrypt(nonce(counter), apdu, AAD)

        return Work(run)

    compare(f"seal, {size}", ours, theirs, beside="AESGCM.encrypt", octets=size)


@pytest.mark.parametrize("size", SIZES)
def test_open(compare: Callable[..., None], size: int) -> None:
    def sealed(operations: int) -> list[bytes]:
        sender = security(METER_TITLE, CLIENT_TITLE)
        return [sender.seal(b"\xc7" + bytes(size - 1)) for _ in range(operations)]

    def ours(operations: int) -> Work:
        apdus = sealed(operations)

        def run(context: Any) -> None:
            for apdu in apdus:
                context.open(apdu)

        return Work(run, lambda: security(CLIENT_TITLE, METER_TITLE))

    def theirs(operations: int) -> Work:
        apdus = sealed(operations)
        header = len(apdus[0]) - 12 - size
        key = algorithms.AES(ENCRYPTION_KEY)

        def run(_: object) -> None:
            for apdu in apdus:
                tag = modes.GCM(METER_TITLE + apdu[header - 4 : header], apdu[-12:], min_tag_length=12)
                opener = Cipher(key, tag).decryptor()
                opener.authenticate_additional_data(AAD)
                opener.update(apdu[header:-12]) + opener.finalize()

        return Work(run)

    compare(f"open, {size}", ours, theirs, beside="Cipher(GCM, 12)", octets=size)
