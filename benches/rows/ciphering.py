"""Rows 6 and 7: one APDU protected and unprotected in suite 0, beside `cryptography` doing the bare AES-GCM.

Ours does more in its time: header, length and the next counter, and on opening policy, title and replay.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benches.joined import CLIENT_TITLE, ENCRYPTION_KEY, METER_TITLE, security
from benches.plain_python import AAD, TAG, opened
from benches.rows import Options, chosen
from dlms_fw.bench.measure import Work, calls, compare
from dlms_fw.bench.table import Line, Row, Target


def rows(options: Options) -> Iterator[Row]:
    return chosen(options, {6: protected, 7: unprotected})


def sealing(size: int) -> Callable[[int], Work]:
    """Seals an ACTION request of so many octets again and again, each time with the next counter."""
    apdu = b"\xc3" + bytes(size - 1)

    def run(context: Any, operations: int) -> None:
        deque(map(context.seal, repeat(apdu, operations)), maxlen=0)

    return lambda operations: Work(
        lambda context: run(context, operations), lambda: security(CLIENT_TITLE, METER_TITLE)
    )


def sealed_by_cryptography(size: int) -> Callable[[int], Work]:
    """The bare encryption; always the same nonce, which makes no difference to its time."""
    nonce = CLIENT_TITLE + bytes(4)
    return calls(AESGCM(ENCRYPTION_KEY).encrypt, nonce, b"\xc3" + bytes(size - 1), AAD)


def answers(size: int, count: int) -> list[bytes]:
    """So many sealed ACTION responses of that many octets, as a meter sends them."""
    meter = security(METER_TITLE, CLIENT_TITLE)
    return [meter.seal(b"\xc7" + bytes(size - 1)) for _ in range(count)]


def opening(size: int) -> Callable[[int], Work]:
    def make(operations: int) -> Work:
        apdus = answers(size, operations)
        return Work(
            lambda context: deque(map(context.open, apdus), maxlen=0),
            lambda: security(CLIENT_TITLE, METER_TITLE),
        )

    return make


def opened_by_cryptography(size: int) -> Callable[[int], Work]:
    """The bare decryption by `Cipher`, which alone takes a tag of 12 octets."""
    apdu = answers(size, 1)[0]
    header = len(apdu) - TAG - size
    return calls(opened, METER_TITLE, apdu[header - 4 : header], apdu[header:])


def protected(options: Options) -> Iterator[Line]:
    for size, bound in ((128, 0.4), (1024, 0.65)):
        found = compare(sealing(size), sealed_by_cryptography(size), rounds=options.rounds)
        yield found.line(f"{size:,} octets", "AESGCM.encrypt", Target.at_most(bound), speed=False)


def unprotected(options: Options) -> Iterator[Line]:
    for size, bound in ((5, 0.06), (1024, 0.15)):
        found = compare(opening(size), opened_by_cryptography(size), rounds=options.rounds)
        yield found.line(f"{size:,} octets", "Cipher(GCM, 12)", Target.at_most(bound), speed=False)
