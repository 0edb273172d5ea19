"""Draws the reference pages of the interface classes from their declarations: a page for each family.

Everything on a page stands in the code: ids, names and types in the tables of ``dlms_fw.cosem``, meanings in
the docstrings behind them. ``--check`` only says whether the pages are fresh.

Run it after a change of a class: ``python docs/make_class_pages.py``.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from enum import IntEnum, IntFlag
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from dlms_fw.axdr import DataType
from dlms_fw.cosem import InterfaceClass, interface_classes
from dlms_fw.cosem.catalogue import FAMILIES
from dlms_fw.cosem.interface import AttributeRow, MethodRow

FOLDER = Path(__file__).parent / "reference" / "interface-classes"
INDEX = "index.md"

_ROLE = re.compile(r":\w+:`~?([^`]+)`")
_NUMBERS = re.compile(r" \(class_id [^)]*\)")
_LOGICAL_NAME = 1
_INTRODUCTION = """# Interface classes

Every interface class that the library declares, by class_id and version. Drawn by
`docs/make_class_pages.py` from the declarations.

`dlms_fw.cosem.interface_class(class_id, version)` finds one of them. A class that is **not confirmed** could
not be held against the Blue Book: it may have other rows than these, and what its structures consist of may
be left open. `dlms_fw.cosem.raw_interface_class` reaches attributes that are not declared, and
[Declare an interface class](../../how-to/declare-an-interface-class.md) shows how to add one.
"""


def pages() -> dict[str, str]:
    """The text of each page, by its file name."""
    drawn = {f"{family.replace('_', '-')}.md": page(family) for family in FAMILIES}
    return {INDEX: index(drawn), **drawn}


# --- The index ----------------------------------------------------------------------------------------------


def index(drawn: Iterable[str]) -> str:
    """All classes in one table, each with a link to its place."""
    lines = [
        _INTRODUCTION,
        "| class_id | version | class | attributes | methods | |",
        "|---|---|---|---|---|---|",
    ]
    for (class_id, version), declared in interface_classes().items():
        family = declared.__module__.rpartition(".")[2].replace("_", "-")
        link = f"[{_spaced(declared)}]({family}.md#{declared.__name__.lower()})"
        counts = f"{len(declared.attributes)} | {len(declared.methods)}"
        lines.append(f"| {class_id} | {version} | {link} | {counts} | {_doubt(declared)} |")
    lines += ["", "```{toctree}", ":hidden:", *(name.removesuffix(".md") for name in drawn), "```", ""]
    return "\n".join(lines)


def _spaced(declared: type[InterfaceClass]) -> str:
    name = re.sub(r"V\d+$", "", declared.__name__)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)


def _doubt(declared: type[InterfaceClass]) -> str:
    return "" if declared.confirmed else "not confirmed"


# --- The page of a family -----------------------------------------------------------------------------------


def page(family: str) -> str:
    """The classes of one module, then the structures and the codes in them."""
    module = import_module(f"dlms_fw.cosem.{family}")
    classes = [getattr(module, name) for name in FAMILIES[family]]
    types = list(_all_types(classes))
    lines = [f"# {_title(module)}", "", f"In `{module.__name__}`. Drawn by `docs/make_class_pages.py`.", ""]
    for declared in classes:
        lines += _class_section(declared)
    lines += _structure_sections(types)
    lines += _code_sections(types)
    return "\n".join(lines).rstrip() + "\n"


def _title(module: ModuleType) -> str:
    first = (module.__doc__ or "").split("\n\n")[0].replace("\n", " ")
    sentence = re.split(r"[:.,] ", _NUMBERS.sub("", first))[0]
    return sentence.rstrip(".")


def _class_section(declared: type[InterfaceClass]) -> list[str]:
    facts = f"class_id {declared.class_id}, version {declared.version}."
    if not declared.confirmed:
        facts += " **Not confirmed against the Blue Book.**"
    if declared.short_name_methods is not None:
        facts += f" Short names of methods begin at 0x{declared.short_name_methods:02X}."
    lines = [f"## {declared.__name__}", "", facts, "", _plain(declared.__doc__), ""]
    lines += ["| attribute | name | type | | meaning |", "|---|---|---|---|---|"]
    for row in declared.attributes.values():
        static = "static" if row.static else ""
        meaning = "The instance id." if row.attribute_id == _LOGICAL_NAME else _row_doc(declared, row)
        lines.append(f"| {row.attribute_id} | `{row.name}` | {row.data_type.name} | {static} | {meaning} |")
    if declared.methods:
        lines += ["", "| method | name | parameters | returns | | meaning |", "|---|---|---|---|---|---|"]
        lines += [_method_line(row) for row in declared.methods.values()]
    return [*lines, ""]


def _method_line(row: MethodRow[..., Any]) -> str:
    parameters = ", ".join(f"`{name}`" for name in row.parameter_names)
    if row.parameter_type is not None:
        parameters += f": {row.parameter_type.name}"
    returns = "" if row.returns is None else row.returns.name
    needed = "mandatory" if row.mandatory else ""
    meaning = _cell(_first(row.__doc__))
    return f"| {row.method_id} | `{row.name}` | {parameters} | {returns} | {needed} | {meaning} |"


def _structure_sections(types: list[DataType[Any]]) -> list[str]:
    records = {t.values: t.members for t in types if t.values is not None and issubclass(t.values, tuple)}
    lines: list[str] = []
    for values, members in sorted(records.items(), key=lambda pair: pair[0].__name__):
        lines += [f"### {values.__name__}", "", _plain(values.__doc__), ""]
        lines += ["| member | type | meaning |", "|---|---|---|"]
        docs = _field_docs(values)
        for field, member in zip(inspect.get_annotations(values), members, strict=True):
            lines.append(f"| `{field}` | {member.name} | {_cell(docs.get(field))} |")
        lines.append("")
    return ["## Structures", "", *lines] if lines else []


def _code_sections(types: list[DataType[Any]]) -> list[str]:
    enumerations = {
        t.values for t in types if t.values is not None and issubclass(t.values, IntEnum | IntFlag)
    }
    lines: list[str] = []
    for values in sorted(enumerations, key=lambda found: found.__name__):
        lines += [f"### {values.__name__}", "", f"{_plain(values.__doc__)} In `{values.__module__}`.", ""]
        lines += ["| code | name | meaning |", "|---|---|---|"]
        docs = _field_docs(values)
        for member in values:
            code = f"0x{member:02X}" if issubclass(values, IntFlag) else str(int(member))
            lines.append(f"| {code} | `{member.name}` | {_cell(docs.get(str(member.name)))} |")
        lines.append("")
    return ["## Codes", "", *lines] if lines else []


def _all_types(classes: Iterable[type[InterfaceClass]]) -> Iterator[DataType[Any]]:
    """Every type in the rows, and the types inside."""
    for declared in classes:
        for attribute in declared.attributes.values():
            yield from _inner_types(attribute.data_type)
        for method in declared.methods.values():
            for data_type in (method.parameter_type, method.returns):
                if data_type is not None:
                    yield from _inner_types(data_type)


def _inner_types(data_type: DataType[Any]) -> Iterator[DataType[Any]]:
    yield data_type
    for member in data_type.members:
        yield from _inner_types(member)


# --- Meanings: the strings behind what they describe --------------------------------------------------------


def _row_doc(declared: type[InterfaceClass], row: AttributeRow[Any]) -> str:
    owner = next(c for c in declared.__mro__ if row.name in vars(c))
    return _cell(_field_docs(owner).get(row.name))


def _field_docs(owner: type[Any]) -> dict[str, str]:
    """The strings behind the fields of a class, by the names of the fields."""
    return _documented(owner.__module__).get(owner.__name__, {})


@cache
def _documented(module: str) -> dict[str, dict[str, str]]:
    tree = ast.parse(inspect.getsource(import_module(module)))
    return {node.name: dict(_strings(node)) for node in tree.body if isinstance(node, ast.ClassDef)}


def _strings(body: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, behind in zip(body.body, body.body[1:], strict=False):
        if not (isinstance(behind, ast.Expr) and isinstance(behind.value, ast.Constant)):
            continue
        target = field.targets[0] if isinstance(field, ast.Assign) else getattr(field, "target", None)
        if isinstance(target, ast.Name):
            yield target.id, str(behind.value.value)


def _plain(text: str | None) -> str:
    """A docstring as Markdown, in one line for each paragraph."""
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    joined = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return _ROLE.sub(r"`\1`", joined).replace("``", "`")


def _cell(text: str | None) -> str:
    return _plain(text).replace("\n\n", " ").replace("|", "\\|")


def _first(text: str | None) -> str:
    return inspect.cleandoc(text or "").split("\n\n")[0]


def main(arguments: list[str]) -> int:
    """Draw, or with ``--check`` compare."""
    drawn = pages()
    existing = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    if arguments == ["--check"]:
        stale = sorted(name for name in drawn.keys() | existing if drawn.get(name) != existing.get(name))
        if stale:
            sys.stderr.write(f"{', '.join(stale)} stale: run {Path(__file__).name}\n")
        return int(bool(stale))
    FOLDER.mkdir(exist_ok=True)
    for name in existing.keys() - drawn:
        (FOLDER / name).unlink()
    for name, text in drawn.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
