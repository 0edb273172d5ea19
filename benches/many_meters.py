"""How much memory many simulated meters take in one process: made, talked to, and upgraded.

Each has its own identity, a memory of its own, and the objects that act or that somebody has asked for. The
process is fresh, and its peak is what counts.
"""

from __future__ import annotations

import argparse
import logging
import resource

from benches.fleet_parties import resident_octets
from dlms_fw.containers import dfw
from dlms_fw.containers.description import Version
from dlms_fw.cosem import AssociationLN
from dlms_fw.cosem.well_known import CURRENT_ASSOCIATION
from dlms_fw.image import Image
from dlms_fw.signing_keys import generate
from dlms_fw.simulation import CIPHERED, Simulation
from dlms_fw.transfer import TransferPolicy

MIB = 1024 * 1024


def peak_octets() -> int:
    """The most that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run(meters: int, image_kib: int, model: str, *, objects_act: bool) -> None:
    logging.disable(logging.WARNING)
    vendor = generate()
    image = Image.from_bytes(
        dfw.build(
            bytes(image_kib * 1024),
            image_identifier=b"BENCH1",
            part=1,
            meter_type="MCS301",
            firmware_version=Version(2, 0, 0),
            key=vendor,
        )
    )
    simulation = Simulation()
    begin = resident_octets()

    def report(what: str) -> None:
        grown = resident_octets() - begin
        print(
            f"{what:<24} {resident_octets() / MIB:>7.1f} MiB resident, peak {peak_octets() / MIB:>7.1f} MiB, "
            f"{grown / meters / 1024:>6.1f} KiB a meter"
        )

    print(f"{'the library':<24} {begin / MIB:>7.1f} MiB")
    made = [
        simulation.meter(
            CIPHERED,
            model=model,
            trusted=(vendor.public_key(),),
            image_block_size=1024,
            objects_act=objects_act,
        )
        for _ in range(meters)
    ]
    report(f"{meters} meters made")
    for meter in made:
        with meter.client() as client:
            client.get(AssociationLN(CURRENT_ASSOCIATION).object_list)
    report("object lists read")
    if image_kib:
        for meter in made:
            with meter.client() as client:
                assert client.upgrade(image, TransferPolicy(meter_type="MCS301")).outcome == "activated"
        report(f"upgraded, {image_kib} KiB each")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meters", type=int, default=1000)
    parser.add_argument("--image-kib", type=int, default=64)
    parser.add_argument("--model", default="mcs301")
    parser.add_argument(
        "--firmware-only", action="store_true", help="Objects act when they are asked for only."
    )
    given = parser.parse_args()
    run(given.meters, given.image_kib, given.model, objects_act=not given.firmware_only)


if __name__ == "__main__":
    main()
