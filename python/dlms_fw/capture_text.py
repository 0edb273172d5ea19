"""Octets out of what people paste and programs log: hex in any usual form, a message per line or in a block.

Time stamps, direction marks and words around the hex are passed over. Lines of nothing but hex belong
together; an empty line ends what they make up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["messages", "octets_of"]

_STAMPS = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|\d\d[./]\d\d[./]\d{2,4}"
    r"|(?<![0-9A-Fa-f:])\d\d:\d\d:\d\d[.,]\d+"
    r"|^\s*\[?\d\d:\d\d:\d\d\]?(?=\s)"
)
_RUN = re.compile(
    r"(?<![0-9A-Za-z])(?:0[xX])?[0-9A-Fa-f]{2}(?:[\s:,\-]*(?:0[xX])?[0-9A-Fa-f]{2})*(?![0-9A-Za-z])"
)
_ONLY_HEX = re.compile(r"\s*(?:0[xX])?[0-9A-Fa-f][0-9A-Fa-fxX\s:,\-]*")


def octets_of(text: str) -> bytes | None:
    """The octets of a text that is nothing but hex digits, with 0x, spaces, colons, commas or hyphens."""
    if not _ONLY_HEX.fullmatch(text):
        return None
    digits = re.sub(r"0[xX]|[\s:,\-]", "", text)
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return None


def messages(text: str) -> Iterator[bytes]:
    """The messages in a text: blocks of hex lines, and the longest run of hex in every other line."""
    block: list[str] = []
    for line in [*text.splitlines(), ""]:
        line = line.partition("#")[0]
        if line.strip() and octets_of(line) is not None:
            block.append(line)
            continue
        if block:
            yield b"".join(octets_of(part) or b"" for part in block)
            block = []
        found = [octets for run in _RUN.findall(_STAMPS.sub(" ", line)) if (octets := octets_of(run))]
        longest = max(found, key=len, default=b"")
        if len(longest) > 1:
            yield longest
