"""The cases as data: what each one does, expects, needs and alters.

One file per group in ``cases/``; the report and the documentation are drawn from them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from dlms_fw.conformance.needs import NEEDS
from dlms_fw.conformance.verdicts import SuiteError

GROUPS: Final[Mapping[str, int]] = {
    "hdlc": 41,
    "wrapper": 10,
    "application": 50,
    "objects": 16,
    "security": 46,
    "image_transfer": 54,
    "activation": 30,
    "multicast": 12,
}
"""The groups in the order in which they are run, and how many cases each of them has."""

ALTERATIONS: Final[Mapping[str, str]] = {
    "nothing": "nothing stays changed",
    "counters": "invocation counters and event logs move on",
    "values": "a declared value is written and put back",
    "image": "an image transfer is begun",
    "firmware": "a firmware is activated",
    "keys": "keys, secrets or the security policy are changed and put back",
    "parameters": "whatever may be written is written as it was read",
    "lockout": "a client is locked out for a time",
    "power": "the meter is restarted, or its power is cut",
}
HARMLESS: Final = frozenset({"nothing", "counters", "values"})
"""What needs no permission. Values are written only where they were declared for that."""

DEFAULT_LIMIT_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case.

    Attributes:
        id: Such as ``HD-01``.
        group: Its group.
        title: A few words.
        does: What is done to the meter.
        expects: What a conforming meter does.
        origin: The purpose of the Yellow Book that it has, or ``ours``.
        references: Where the rule stands.
        needs: Names of :data:`~dlms_fw.conformance.needs.NEEDS`.
        alters: One of :data:`ALTERATIONS`.
        after: Cases that must have passed, or this one would say nothing.
        limit_s: Seconds after which it is given up.
    """

    id: str
    group: str
    title: str
    does: str
    expects: str
    origin: str = "ours"
    references: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    alters: str = "nothing"
    after: tuple[str, ...] = ()
    limit_s: float = DEFAULT_LIMIT_S


@dataclass(frozen=True, slots=True)
class Group:
    """The cases about one thing."""

    name: str
    title: str
    about: str
    cases: Mapping[str, Case]


@cache
def groups() -> Mapping[str, Group]:
    """All groups that there are, in their order. Raises SuiteError."""
    folder = files(__package__) / "cases"
    found: dict[str, Group] = {}
    known: set[str] = set()
    for name in GROUPS:
        file = folder / f"{name}.toml"
        if not file.is_file():
            continue
        found[name] = group = _group(name, tomllib.loads(file.read_text(encoding="utf-8")))
        if doubled := known & set(group.cases):
            raise SuiteError(f"{name}: {', '.join(sorted(doubled))} stands in two groups")
        known |= set(group.cases)
    return found


@cache
def cases() -> Mapping[str, Case]:
    """All cases by their ids, in the order in which they are run. Raises SuiteError."""
    return {number: case for group in groups().values() for number, case in group.cases.items()}


def _group(name: str, document: dict[str, Any]) -> Group:
    shared: dict[str, Any] = {key: document[key] for key in ("needs", "limit_s") if key in document}
    table = document["cases"]
    return Group(
        name,
        document["title"],
        document["about"],
        {number: _case(name, number, row, shared) for number, row in table.items()},
    )


def _case(group: str, number: str, row: dict[str, Any], shared: dict[str, Any]) -> Case:
    lists = {key: tuple(row.pop(key, ())) for key in ("references", "after")}
    needs = (*shared.get("needs", ()), *row.get("needs", ()))
    fields: dict[str, Any] = {**shared, **row, **lists, "needs": needs}
    try:
        case = Case(id=number, group=group, **fields)
    except TypeError as error:
        raise SuiteError(f"{number}: {error}") from None
    if case.alters not in ALTERATIONS:
        raise SuiteError(f"{number} alters {case.alters}, which is none of {', '.join(ALTERATIONS)}")
    if unknown := set(case.needs) - set(NEEDS):
        raise SuiteError(f"{number} needs {', '.join(sorted(unknown))}, which nobody knows")
    return case
