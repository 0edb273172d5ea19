"""Writes the table of docs/faults.md from the marks of the tests: which fault is proven where.

Run it after tests with a mark were added: `python docs/make_fault_table.py`.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- faults: begin -->\n", "<!-- faults: end -->"


def proofs(tests: Path) -> Iterator[tuple[str, str, str]]:
    """Each fault with a test that proves it, as (fault, file, what the test is called)."""
    for path in sorted(tests.glob("**/test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                for fault in _faults(node.decorator_list):
                    yield fault, path.name, re.sub(r"^(test_|Test)", "", node.name).replace("_", " ")
            elif isinstance(node, ast.Call) and _named(node, "param"):
                marks = [keyword.value for keyword in node.keywords if keyword.arg == "marks"]
                for fault in _faults(part for mark in marks for part in ast.walk(mark)):
                    yield fault, path.name, "a case of a parametrized test"


def _faults(nodes: object) -> Iterator[str]:
    for node in nodes:  # type: ignore[attr-defined]
        if isinstance(node, ast.Call) and _named(node, "fault"):
            yield from (
                argument.value
                for argument in node.args
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            )


def _named(call: ast.Call, name: str) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == name


def table(tests: Path) -> str:
    """The rows, in the order of letter and number."""
    rows: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for fault, file, name in proofs(tests):
        if name not in rows[fault][file]:
            rows[fault][file].append(name)
    lines = ["| fault | proven by |", "|---|---|"]
    for fault in sorted(rows, key=lambda row: (row.partition("-")[0], int(row.partition("-")[2] or 0))):
        told = "; ".join(f"`{file}`: {', '.join(names)}" for file, names in rows[fault].items())
        lines.append(f"| {fault} | {told} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Replace the table in the page."""
    text = PAGE.read_text()
    head, rest = text.split(BEGIN)
    PAGE.write_text(head + BEGIN + table(ROOT / "tests") + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
