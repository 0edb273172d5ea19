"""Ciphering: glo-ciphering of one APDU (suite 0, 12-octet tag), beside `cryptography` doing the bare AES-GCM.

`AESGCM` makes a tag of 16 octets, of which DLMS sends 12; it cannot open such a tag, so what opens is
`Cipher(GCM(min_tag_length=12))`. Ours does more in the same time: it frames the security header and length,
takes the next invocation counter, and on opening checks policy, title and replay.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benches.joined import CLIENT_TITLE, ENCRYPTION_KEY, METER_TITLE, security
from benches.plain_python import AAD
from benches.rows.ciphering import opened_by_cryptography, opening, sealed_by_cryptography, sealing

SIZES = [64, 128, 256, 512, 1024, 2000]


def test_the_two_sides_make_the_same_octets() -> None:
    apdu, counter = b"\xc3" + bytes(63), (1).to_bytes(4, "big")
    theirs = AESGCM(ENCRYPTION_KEY).encrypt(CLIENT_TITLE + counter, apdu, AAD)[:-4]
    ours = security(CLIENT_TITLE, METER_TITLE).seal(apdu)
    assert ours == bytes((203, 5 + len(theirs), 0x30)) + counter + theirs


@pytest.mark.parametrize("size", SIZES)
def test_seal(compare: Callable[..., None], size: int) -> None:
    compare(
        f"seal, {size}", sealing(size), sealed_by_cryptography(size), beside="AESGCM.encrypt", octets=size
    )


@pytest.mark.parametrize("size", SIZES)
def test_open(compare: Callable[..., None], size: int) -> None:
    compare(
        f"open, {size}", opening(size), opened_by_cryptography(size), beside="Cipher(GCM, 12)", octets=size
    )
