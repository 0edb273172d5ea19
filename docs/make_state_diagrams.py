"""Draws the state tables into the documentation, from the tables themselves.

The one of the transfer goes into ``image_transfer.md``; the one of the meter's activation into
``activation.md``, with what must come of it by ``activation.toml``. ``--check`` only says whether they are
fresh.

Run it after a change of a table: ``python docs/make_state_diagrams.py``.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drawn_pages import draw_or_check, redrawn

from dlms_fw.enums import ImageTransferStatus
from dlms_fw.meter import activation_table
from dlms_fw.transfer.table import ROWS, START, TERMINAL, Outcome, Ownership, TransferState

HERE = Path(__file__).parent
STEPS = ("none", "install", "start", "test", "confirm", "discard")


def drawings() -> dict[Path, dict[str, str]]:
    """What stands between the markers of each page, by the name of the marker."""
    return {
        HERE / "image_transfer.md": {"diagram": _diagram(), "transitions": _transitions(), "start": _start()},
        HERE / "activation.md": _activation(),
    }


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


def _activation() -> dict[str, str]:
    expected = tomllib.loads((HERE / "activation.toml").read_text(encoding="utf-8"))
    return {
        "diagram": _steps_diagram(),
        "steps": _steps_table(),
        "ends": _ends(expected["ends"]),
        "outcomes": _outcomes(expected["rows"]),
    }


def _steps_diagram() -> str:
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> IDLE"]
    for step, row in activation_table.ROWS.items():
        lines += [
            f"    {step.name} --> {move.step.name}: {outcome.value}" for outcome, move in row.moves.items()
        ]
    return "\n".join([*lines, "```"])


def _steps_table() -> str:
    lines = ["| step | what goes on | outcome | next step | meaning |", "|---|---|---|---|---|"]
    for step, row in activation_table.ROWS.items():
        head = f"| `{step.name}` | {row.what} "
        for outcome, move in row.moves.items():
            lines.append(f"{head}| {outcome.value} | `{move.step.name}` | {move.meaning} |")
            head = "| | "
    return "\n".join(lines)


def _ends(ends: Mapping[str, Any]) -> str:
    lines = ["| end | what | status | newest event | afterwards |", "|---|---|---|---|---|"]
    lines += [
        f"| {name} | {end['what']} | {end['image_transfer_status']} | {end['event']} | {end['then']} |"
        for name, end in ends.items()
    ]
    return "\n".join(lines)


def _outcomes(rows: list[dict[str, Any]]) -> str:
    names = ["no power off", *STEPS[1:]]
    lines = [
        f"| firmware | confirmation | {' | '.join(names)} | why |",
        "|---|---|" + "---|" * len(names) + "---|",
    ]
    for row in rows:
        cells = " | ".join(row["ends"][step] for step in STEPS)
        lines.append(f"| `{row['firmware']}` | {row['confirmation']} | {cells} | {row['why']} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Draw, or with ``--check`` compare."""
    pages = {path: redrawn(path.read_text(encoding="utf-8"), drawing) for path, drawing in drawings().items()}
    return draw_or_check(pages, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
