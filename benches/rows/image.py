"""Row 23: what it takes to read an image and to know that its vendor signed it, beside its digest alone."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from benches.rows import Options, row
from dlms_fw.bench.measure import calls, compare
from dlms_fw.bench.table import Figure, Line, Row, Target
from dlms_fw.containers import dfw
from dlms_fw.containers.description import Version
from dlms_fw.image import Image
from dlms_fw.signing_keys import PrivateKey, generate

MIB = 1 << 20
ALLOWANCE = 0.0001
"""Seconds for what does not depend on the size: the header, and one verification on the curve."""


def container(size: int, key: PrivateKey | None = None) -> bytes:
    """A container with a payload of so many octets."""
    return dfw.build(
        bytes(range(256)) * (size // 256),
        image_identifier=b"BENCH1",
        part=1,
        meter_type="MCS301",
        firmware_version=Version(2, 0, 0),
        key=key,
    )


def rows(options: Options) -> Iterator[Row]:
    """The row."""
    yield row(23, _lines(options))


def _lines(options: Options) -> Iterator[Line]:
    key = generate()
    data, trusted = container(MIB if options.quick else 64 * MIB, key), (key.public_key(),)
    found = compare(
        calls(lambda: Image.from_bytes(data, trusted=trusted)),
        calls(lambda: sha256(data).digest()),
        rounds=options.rounds,
        operations=1,
    )
    yield Line(
        "opened with a trusted key, less 0.1 ms",
        Figure(found.ours),
        "hashlib.sha256",
        Figure(found.baseline),
        max(0.0, found.ours - ALLOWANCE) / found.baseline,
        Target.at_most(1.05),
    )
    found = compare(
        calls(lambda: Image.from_bytes(data)),
        calls(lambda: sha256(data).digest()),
        rounds=options.rounds,
        operations=1,
    )
    yield found.line(
        "opened without a key: the payload's own digest, too", "hashlib.sha256", None, speed=False
    )
