"""Draws one page per layer of the protocol: what there is, for client and meter, and the tests that prove it.

The rows are in ``protocol/<layer>.toml``. A test names the rows that it proves: in Python by the mark
``proves("gbt-streaming")``, in Rust by a line ``// proves: gbt-streaming`` above it. ``--check`` only says
whether the pages are fresh.

Run it after a change of a row or of a mark: ``python docs/make_protocol_tables.py``.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import drawn_pages

HERE = Path(__file__).parent
LAYERS = HERE / "protocol"

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_RUST_LINE = re.compile(r"^\s*// proves: (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing of the protocol.

    Attributes:
        what: The thing, in the words of the standard.
        client: Whether the client has it, and by what if that is not obvious.
        meter: The same for the simulated meter.
        note: What else a reader must know.
        not_yet: Why it is not there, and which error answers instead.
    """

    what: str
    client: str
    meter: str
    note: str = ""
    not_yet: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """One page."""

    name: str
    title: str
    about: str
    rows: dict[str, Row]


def layers() -> list[Layer]:
    """All layers, by file name."""
    return [_layer(path) for path in sorted(LAYERS.glob("*.toml"))]


def _layer(path: Path) -> Layer:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    rows = {identifier: Row(**row) for identifier, row in document["rows"].items()}
    return Layer(path.stem, document["title"], document["about"], rows)


def proofs() -> dict[str, set[str]]:
    """The files with tests that name a row, by the id of the row."""
    return drawn_pages.proofs(marked, named)


def marked(source: str) -> set[str]:
    """The ids that the tests of a Python file are marked with.

    A mark whose id comes out of a table of cases stands for all strings in the tables of that file that are
    ids of rows.
    """
    tree = ast.parse(source)
    arguments = [argument for call in ast.walk(tree) if _is_mark(call) for argument in call.args]
    found = {identifier for argument in arguments for identifier in _constants(argument)}
    if any(not isinstance(argument, ast.Constant) for argument in arguments):
        known = {identifier for layer in layers() for identifier in layer.rows}
        tables = (node.value for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign))
        found |= {each for table in tables if table is not None for each in _constants(table)} & known
    return found


def named(source: str) -> set[str]:
    """The ids in the lines above the tests of a Rust file."""
    return {identifier for line in _RUST_LINE.findall(source) for identifier in _ID.findall(line)}


def _is_mark(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "proves"


def _constants(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and _ID.fullmatch(inner.value):
            yield inner.value


def pages() -> dict[Path, str]:
    """Every page as it should be."""
    found = proofs()
    drawn = {LAYERS / f"{layer.name}.md": _page(layer, found) for layer in layers()}
    index = LAYERS / "index.md"
    drawn[index] = _with_contents(index.read_text(encoding="utf-8"), layers())
    return drawn


def _page(layer: Layer, found: dict[str, set[str]]) -> str:
    lines = [
        f"# {layer.title}",
        "",
        layer.about,
        "",
        "| what | client | meter | shown by |",
        "|---|---|---|---|",
        *(_line(row, found.get(identifier, set())) for identifier, row in layer.rows.items()),
    ]
    return "\n".join(lines) + "\n"


def _line(row: Row, files: set[str]) -> str:
    what = f"{row.what}. {row.note}" if row.note else row.what
    shown = f"**not yet**: {row.not_yet}" if row.not_yet else _names(files)
    return f"| {what} | {row.client} | {row.meter} | {shown} |"


def _names(files: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(files))


def _with_contents(page: str, known: list[Layer]) -> str:
    listed = "\n".join(_contents_line(layer) for layer in known)
    contents = "\n".join(layer.name for layer in known)
    table = f"| page | rows | not yet |\n|---|---|---|\n{listed}"
    return drawn_pages.redrawn(page, {"layers": f"{table}\n\n```{{toctree}}\n:hidden:\n\n{contents}\n```"})


def _contents_line(layer: Layer) -> str:
    not_yet = sum(bool(row.not_yet) for row in layer.rows.values())
    return f"| [{layer.title}]({layer.name}.md) | {len(layer.rows)} | {not_yet} |"


def main(arguments: list[str]) -> int:
    """Draw, or with ``--check`` compare."""
    return drawn_pages.draw_or_check(pages(), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
