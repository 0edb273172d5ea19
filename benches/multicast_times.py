"""How long an image takes to a group on one medium, in virtual time, against one meter after the other.

    python -m benches.multicast_times [--image-kib 64] [--members 1,10,100] [--medium plc]

Real clients and real simulated meters on a bus that takes its time; nothing is measured by the clock on the
wall. Unicast is one ordinary upgrade over the same medium, times the number of members, with one confirmed
block after the other. What only comes once for each meter, identification, initiation and verification, is in
"whole" on both sides; "blocks" is the time for blocks and for asking what has arrived, associations included,
and all that comes after the last look at the group.
"""

from __future__ import annotations

import argparse

from benches.street import BLOCK_SIZE, MEDIA, image, seconds_altogether, seconds_for_blocks, to_group, to_one


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--image-kib", type=int, default=64)
    arguments.add_argument("--members", default="1,10,100")
    arguments.add_argument("--medium", choices=[medium.link.name for medium in MEDIA])
    told = arguments.parse_args()
    what = image(told.image_kib * 1024)
    print(f"{len(what.data):,} octets in blocks of {BLOCK_SIZE}\n")
    print("| medium | members | passes | looks | group: blocks | whole | alone: blocks | whole | times |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for medium in (each for each in MEDIA if told.medium in {None, each.link.name}):
        one = to_one(medium, what, "sequential")
        for members in map(int, told.members.split(",")):
            report = to_group(medium, what, members)
            blocks, blocks_alone = seconds_for_blocks(report), seconds_for_blocks(one) * members
            print(
                f"| {medium.name} | {members} | {report.blocks_sent / (report.blocks_total or 1):.2f} "
                f"| {report.looks} | {blocks:,.0f} s | {seconds_altogether(report):,.0f} s "
                f"| {blocks_alone:,.0f} s | {seconds_altogether(one) * members:,.0f} s "
                f"| {blocks_alone / blocks:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
