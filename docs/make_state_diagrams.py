"""Draws the state tables into the documentation, from the tables themselves.

``--check`` only says whether they are fresh.

Run it after a change of a table: ``python docs/make_state_diagrams.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dlms_fw.enums import ImageTransferStatus
from dlms_fw.transfer.table import ROWS, START, TERMINAL, Outcome, Ownership, TransferState

PAGE = Path(__file__).parent / "image_transfer.md"


def drawing() -> dict[str, str]:
    """What stands between the markers, by the name of the marker."""
    return {"diagram": _diagram(), "transitions": _transitions(), "start": _start()}


def _diagram() -> str:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {_name(next(iter(ROWS)))}"]
    for state, row in ROWS.items():
        targets: dict[TransferState, list[str]] = {}
        for outcome, move in row.moves.items():
            if move.state is not state:
                targets.setdefault(move.state, []).append(outcome.value)
        lines += [
            f"    {_name(state)} --> {_name(target)}: {', '.join(names)}" for target, names in targets.items()
        ]
    lines += [f"    {_name(state)} --> [*]" for state in TransferState if state in TERMINAL]
    return "\n".join([*lines, "```"])


def _transitions() -> str:
    lines = ["| state | asks the meter | outcome | next state | meaning |", "|---|---|---|---|---|"]
    for state, row in ROWS.items():
        first = True
        for outcome in Outcome:
            if (move := row.moves.get(outcome)) is None:
                continue
            head = f"| `{_name(state)}` | {row.asks} " if first else "| | "
            lines.append(f"{head}| {outcome.value} | `{_name(move.state)}` | {move.meaning} |")
            first = False
    return "\n".join(lines)


def _start() -> str:
    moves = ROWS[TransferState.READ_STATUS].moves
    lines = [
        "| image_transfer_status | " + " | ".join(whose.value for whose in Ownership) + " |",
        "|---|" + "---|" * len(Ownership),
    ]
    for status in ImageTransferStatus:
        cells = (moves[START[whose][status]].meaning for whose in Ownership)
        lines.append(
            f"| {status.value} {status.name.lower().replace('_', ' ')} | " + " | ".join(cells) + " |"
        )
    return "\n".join(lines)


def _name(state: TransferState) -> str:
    return state.name


def redrawn(page: str) -> str:
    """The page with everything between the markers drawn anew."""
    for name, text in drawing().items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        head, rest = page.split(begin)
        tail = rest.split(end)[1]
        page = f"{head}{begin}\n{text}\n{end}{tail}"
    return page


def main(arguments: list[str]) -> int:
    """Draw, or with ``--check`` compare."""
    page = PAGE.read_text(encoding="utf-8")
    fresh = redrawn(page)
    if arguments == ["--check"]:
        if fresh != page:
            sys.stderr.write(f"{PAGE.name} is stale: run {Path(__file__).name}\n")
        return int(fresh != page)
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
