"""What the scripts that draw pages share: the parts between markers, writing and checking, and proofs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parent / "tests"
RUST = HERE.parent / "rust"


def redrawn(page: str, drawing: Mapping[str, str]) -> str:
    """A page with everything between its markers drawn anew, by the names of the markers."""
    for name, text in drawing.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        head, rest = page.split(begin)
        tail = rest.split(end)[1]
        page = f"{head}{begin}\n{text}\n{end}{tail}"
    return page


def draw_or_check(pages: Mapping[Path, str], arguments: list[str]) -> int:
    """Writes the pages that are stale, or with ``--check`` names them; gives the exit code."""
    stale = {
        path: text
        for path, text in pages.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    if arguments == ["--check"]:
        for path in stale:
            sys.stderr.write(f"{path.name} is stale: run {Path(sys.argv[0]).name}\n")
        return int(bool(stale))
    for path, text in stale.items():
        path.write_text(text, encoding="utf-8")
    return 0


@cache
def proofs(
    marked: Callable[[str], Iterable[str]], named: Callable[[str], Iterable[str]]
) -> dict[str, set[str]]:
    """The files with tests that name a row, by the id of the row.

    ``marked`` finds ids in the source of a Python file, ``named`` in that of a Rust file.
    """
    found: dict[str, set[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for identifier in marked(path.read_text(encoding="utf-8")):
            found.setdefault(identifier, set()).add(path.name)
    for path in sorted(RUST.rglob("*.rs")):
        name = path.relative_to(RUST).as_posix().replace("/src/", "/")
        for identifier in named(path.read_text(encoding="utf-8")):
            found.setdefault(identifier, set()).add(name)
    return found
