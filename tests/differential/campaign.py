"""A run over all kinds with one referee, and the table of what it came to.

PYTHONPATH=tests python -m differential.campaign dlms-cosem --seed 7 --values 2000 --only get-request
"""

from __future__ import annotations

import argparse

from differential import (
    access,
    associations,
    compact,
    data,
    general_blocks,
    known,
    links,
    secured,
    services,
    short_names,
)
from differential.compare import THEY_ENCODE, WE_ENCODE, Tally, compare, judge_one
from differential.kinds import Kind
from differential.known_absent import Absent
from differential.referee import Referee

KINDS: tuple[Kind, ...] = (
    *data.KINDS,
    *compact.KINDS,
    *services.KINDS,
    *access.KINDS,
    *short_names.KINDS,
    *general_blocks.KINDS,
    *associations.KINDS,
    *secured.KINDS,
    *links.KINDS,
)
RECORDED_VALUES = 32_000


def run(peer: str, seed: int, values: int, only: tuple[str, ...] = ()) -> Tally:
    """So many values in each direction, over all kinds that the referee knows."""
    kinds = [kind for kind in KINDS if not only or kind.name in only]
    with Referee(known.SCRIPTS[peer]) as referee:
        return compare(
            referee,
            kinds,
            known.DIFFERENCES[peer],
            seed,
            values,
            known.WORDS[peer],
            known.DIALECTS[peer],
        )


def judge(referee: Referee, peer: str, absent: Absent) -> Tally:
    """What comes of the one value that shows what a referee lacks."""
    (kind,) = (kind for kind in KINDS if kind.name == absent.kind)
    return judge_one(referee, kind, absent.direction, absent.value, known.DIALECTS[peer])


def table(peer: str, tally: Tally) -> str:
    """Counts by kind, and by known difference, in Markdown."""
    lines = [f"| {peer} | we encode, they decode | they encode, we decode |", "|---|---:|---:|"]
    kinds = [kind.name for kind in KINDS]
    for name in kinds:
        counts = [tally.equal[name, direction] for direction in (WE_ENCODE, THEY_ENCODE)]
        if any(counts):
            lines.append(f"| {name} | {counts[0] or ''} | {counts[1] or ''} |")
    lines.append(f"| all equal | {tally.cases(WE_ENCODE)} | {tally.cases(THEY_ENCODE)} |")
    lines += ["", f"| known differences with {peer} | cases |", "|---|---:|"]
    lines += [f"| {it.name} | {tally.known[it.name]} |" for it in known.DIFFERENCES[peer]]
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("peer", choices=known.SCRIPTS)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--values", type=int, default=2_000)
    parser.add_argument("--only", action="append", default=[])
    arguments = parser.parse_args()
    tally = run(arguments.peer, arguments.seed, arguments.values, tuple(arguments.only))
    print(table(arguments.peer, tally))
    by_kind: dict[str, list[str]] = {}
    for case in tally.differs:
        by_kind.setdefault(case.split(", seed")[0], []).append(case)
    for name, cases in by_kind.items():
        print(f"\n{name}: {len(cases)} differ, such as", *cases[:2], sep="\n")


if __name__ == "__main__":
    main()
