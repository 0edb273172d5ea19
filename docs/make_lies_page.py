"""Draws the page of the misbehaving meter: what it can do, and what comes of it, found out by doing it.

``--check`` only says whether the page and ``tests/snapshots/lies.txt`` are fresh.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parent / "tests"
sys.path.insert(0, str(TESTS))

import lying  # noqa: E402 (it lies beside the tests that use it)
from dlms_fw.meter.lies.kinds import KINDS, Phase  # noqa: E402

PAGE = HERE / "reference" / "misbehaving-meter.md"
SNAPSHOT = TESTS / "snapshots" / "lies.txt"
_TITLES: dict[Phase, str] = {
    "start": "Before the first block",
    "transfer": "The blocks",
    "check": "Completeness, verification, and what would be activated",
    "activation": "The activation",
    "line": "Answers",
}
_HEAD = """# The misbehaving meter

What the simulated meter can be made to do wrong: `dlms-fw sim --fault NAME`, `--faults FILE`, or one line
in a test, `meter.lie("NAME")`
([how](../how-to/use-the-simulated-meter-in-tests.md#a-meter-that-misbehaves)). Drawn by
`docs/make_lies_page.py`, which carries each of them out: the last two columns are what `Client.upgrade`
said, where the fault matters most, and which firmware the meter runs in the end.

Every fault takes `after` (so many occasions are honest before it begins), `times` (so often; 0 is always)
and `seconds` (so long, from the first time on; 0 is always), and those parameters that stand behind it, with
their defaults.
"""


def page(outcomes: str) -> str:
    """The page, with what came of each fault."""
    found = {name: rest for name, *rest in (line.split(" | ") for line in outcomes.splitlines())}
    return "\n".join((_HEAD, *_tables(found)))


def _tables(found: dict[str, list[str]]) -> Iterator[str]:
    for phase, title in _TITLES.items():
        yield f"## {title}\n"
        yield "| fault | what the meter does | the client says | runs |\n|---|---|---|---|"
        for name, kind in KINDS.items():
            if kind.phase == phase:
                parameters = " ".join(f"`{key}={value}`" for key, value in kind.defaults.items())
                _, said, runs = found[name]
                yield f"| `{name}` {parameters} | {kind.text} | {said} | {runs} |"
        yield ""


def main() -> None:
    """Draws, or checks."""
    logging.disable(logging.CRITICAL)
    outcomes = lying.outcomes()
    drawn = {SNAPSHOT: outcomes, PAGE: page(outcomes)}
    if "--check" in sys.argv:
        stale = [path.name for path, text in drawn.items() if path.read_text(encoding="utf-8") != text]
        if stale:
            sys.exit(f"not fresh: {', '.join(stale)}; run: python docs/make_lies_page.py")
        return
    for path, text in drawn.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
