"""Draws the tables of `docs/reference/interoperability.md` from what is known of the peers.

PYTHONPATH=tests python -m differential.page
"""

from __future__ import annotations

from pathlib import Path

from differential import known
from differential.compare import THEY_ENCODE, WE_ENCODE
from differential.known_absent import ABSENT

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "interoperability.md"
BEGIN = "<!-- drawn by tests/differential/page.py -->\n"
_WAYS = {(WE_ENCODE,): "reading", (THEY_ENCODE,): "writing", (WE_ENCODE, THEY_ENCODE): "both"}


def tables() -> str:
    """All tables, with their headings."""
    lines: list[str] = []
    for peer in known.SCRIPTS:
        lines += [
            f"### {peer}",
            "",
            "| where it differs | when it is | by the standard |",
            "|---|---|---|",
            *(f"| {it.name} | {_WAYS[it.directions]} | {it.reason} |" for it in known.DIFFERENCES[peer]),
            "",
            "| what it does not have | |",
            "|---|---|",
            *(f"| {it.what} | {it.reason} |" for it in ABSENT[peer]),
            "",
        ]
    return "\n".join(lines)


def fresh() -> str:
    """The whole page, with its tables drawn anew."""
    kept, _, _ = PAGE.read_text("utf-8").partition(BEGIN)
    return kept + BEGIN + "\n" + tables()


if __name__ == "__main__":
    PAGE.write_text(fresh(), "utf-8")
