"""Draws the catalogue of faults into the documentation, from its rows and from the tests that name them.

A test names the rows that it proves: in Python by the mark ``fault("T-12")``, in Rust by the beginning of
its name, ``fn l_06_…``. The rows are in ``faults.toml``. ``--check`` only says whether the page is fresh.

Run it after a change of a row or of a mark: ``python docs/make_fault_table.py``.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import drawn_pages

HERE = Path(__file__).parent
PAGE = HERE / "faults.md"
ROWS = HERE / "faults.toml"

_ID = re.compile(r"[A-Z]-\d\d")
_RUST_TEST = re.compile(r"\bfn ((?:[a-z]_\d\d_)+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault; what its fields mean stands in ``faults.toml``."""

    fault: str
    answer: str
    open: str = ""
    review: str = ""
    not_yet: str = ""

    @property
    def needs_proof(self) -> bool:
        """Whether a test has to carry its id."""
        return not (self.review or self.not_yet)


@dataclass(frozen=True, slots=True)
class Group:
    """Faults of one kind."""

    letter: str
    title: str
    about: str
    rows: dict[str, Row]


def groups() -> list[Group]:
    """All groups, in the order of the file."""
    document = tomllib.loads(ROWS.read_text(encoding="utf-8"))
    return [
        Group(
            letter,
            table.pop("title"),
            table.pop("about"),
            {number: Row(**row) for number, row in table.items()},
        )
        for letter, table in document.items()
    ]


def rows() -> dict[str, Row]:
    """All rows by their ids."""
    return {number: row for group in groups() for number, row in group.rows.items()}


def proofs() -> dict[str, set[str]]:
    """The files with tests that name an id, by the id."""
    return drawn_pages.proofs(marked, named)


def marked(source: str) -> set[str]:
    """The ids that the tests of a Python file are marked with.

    A mark whose id comes out of a table of cases stands for all ids in the tables of that file.
    """
    tree = ast.parse(source)
    arguments = [argument for call in ast.walk(tree) if _is_mark(call) for argument in call.args]
    numbers = {number for argument in arguments for number in _constants(argument)}
    if any(not isinstance(argument, ast.Constant) for argument in arguments):
        tables = (node.value for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign))
        numbers |= {number for table in tables if table is not None for number in _constants(table)}
    return numbers


def named(source: str) -> set[str]:
    """The ids that the names of tests in a Rust file begin with."""
    beginnings = _RUST_TEST.findall(source)
    return {f"{text[0].upper()}-{text[2:4]}" for names in beginnings for text in _pieces(names)}


def _pieces(names: str) -> Iterator[str]:
    return (names[start : start + 4] for start in range(0, len(names), 5))


def _is_mark(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "fault"


def _constants(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and _ID.fullmatch(inner.value):
            yield inner.value


def drawing() -> dict[str, str]:
    """What stands between the markers, by the name of the marker."""
    found = proofs()
    return {"count": _count(found), "rows": "\n\n".join(_table(group, found) for group in groups())}


def _count(found: dict[str, set[str]]) -> str:
    every = rows()
    review = sum(bool(row.review) for row in every.values())
    not_yet = sum(bool(row.not_yet) for row in every.values())
    proven = sum(number in found for number in every)
    return (
        f"{len(every)} rows: {proven} are proven by tests, {review} by review, {not_yet} not yet, "
        "for the reason that stands there."
    )


def _table(group: Group, found: dict[str, set[str]]) -> str:
    lines = [
        f"## {group.title}",
        "",
        group.about,
        "",
        "| id | fault | answer | shown by |",
        "|---|---|---|---|",
    ]
    for number, row in group.rows.items():
        answer = f"{row.answer} *Open: {row.open}.*" if row.open else row.answer or "-"
        lines.append(f"| {number} | {row.fault} | {answer} | {_shown(row, found.get(number, set()))} |")
    return "\n".join(lines)


def _shown(row: Row, files: set[str]) -> str:
    if row.not_yet:
        return f"**not yet**: {row.not_yet}"
    if row.review:
        return f"review: {row.review}"
    return ", ".join(f"`{name}`" for name in sorted(files))


def main(arguments: list[str]) -> int:
    """Draw, or with ``--check`` compare."""
    page = drawn_pages.redrawn(PAGE.read_text(encoding="utf-8"), drawing())
    return drawn_pages.draw_or_check({PAGE: page}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
