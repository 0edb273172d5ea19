"""The other end of fleet.py, in a process of its own: many simulated meters on memory, each at its own port.

Arguments: how many, `plain` or `ciphered`, the image block size. The first line printed is a JSON list of
URLs; after that each line read is answered with the CPU seconds and the resident octets of this process.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from time import process_time

from benches.fleet_parties import meter_of, resident_octets
from benches.parties import meter_config
from dlms_fw.endpoint import Endpoint
from dlms_fw.fleet import FILES_BESIDE, allow_open_files
from dlms_fw.meter.activation import ActivationTimings
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.serve import MeterServer

REBOOT_SECONDS = 1.0


async def serve(count: int, *, ciphered: bool, block_size: int) -> None:
    common = replace(
        meter_config(ciphered=ciphered, block_size=block_size),
        timings=ActivationTimings(install_seconds=0.0, reboot_seconds=REBOOT_SECONDS, self_test_seconds=0.0),
    )
    allow_open_files(2 * count + FILES_BESIDE)
    servers = []
    for number in range(count):
        memory = SimulatedMedium()
        server = MeterServer(
            meter_of(common, number),
            lambda memory=memory: memory,  # type: ignore[misc]
            Endpoint.parse("tcp://127.0.0.1:0", listen=True),
        )
        await server.start()
        servers.append(server)
    print(json.dumps([server.url for server in servers]), flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(process_time(), resident_octets(), flush=True)


def main(count: str, protection: str, block_size: str) -> None:
    asyncio.run(serve(int(count), ciphered=protection == "ciphered", block_size=int(block_size)))


if __name__ == "__main__":
    main(*sys.argv[1:])
