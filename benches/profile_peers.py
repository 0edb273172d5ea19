"""Decodes a profile with the peers of the tests, in their own environment; times on standard output as JSON.

Run by `bench_profile.py`. The octets come on standard input; nothing of ours is imported here.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from time import process_time
from typing import Any

from dlms_cosem.dlms_data import DlmsDataParser
from gurux_dlms.GXByteBuffer import GXByteBuffer
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.internal._GXDataInfo import _GXDataInfo


def gurux(octets: bytes) -> Any:
    """All values, as the objects that gurux-dlms makes of them."""
    return _GXCommon.getData(None, GXByteBuffer(octets), _GXDataInfo())


def dlms_cosem(octets: bytes) -> Any:
    """All values, as the objects that dlms-cosem makes of them."""
    return DlmsDataParser().parse(octets)[0].value


def milliseconds(decode: Callable[[bytes], Any], octets: bytes, rows: int) -> float:
    """CPU time of one decoding."""
    gc.collect()
    gc.disable()
    start = process_time()
    decoded = decode(octets)
    elapsed = process_time() - start
    gc.enable()
    if len(decoded) != rows:
        raise SystemExit(f"{decode.__name__} found {len(decoded)} rows of {rows}")
    return elapsed * 1e3


def main() -> None:
    """Rows and rounds are the arguments."""
    rows, rounds = int(sys.argv[1]), int(sys.argv[2])
    octets = sys.stdin.buffer.read()
    times = {
        name: [milliseconds(decode, octets, rows) for _ in range(rounds)]
        for name, decode in (("gurux-dlms", gurux), ("dlms-cosem", dlms_cosem))
    }
    json.dump(times, sys.stdout)


if __name__ == "__main__":
    main()
