"""Draws the page of all conformance cases from the data that the suite runs on.

Run it after a change of a case: ``python docs/make_conformance_page.py``. ``--check`` only says whether the
page is fresh.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from drawn_pages import draw_or_check

from dlms_fw.conformance.catalogue import ALTERATIONS, HARMLESS, Case, Group, cases, groups
from dlms_fw.conformance.needs import NEEDS

PAGE = Path(__file__).parent / "reference" / "conformance-cases.md"
_INTRODUCTION = """# Conformance cases

What the suite holds a meter against; to run it see
[Test a meter for conformance](../how-to/test-a-meter-for-conformance.md). Where an origin in the Yellow Book
is named, the case has its purpose; what it does and expects is written here in our own words.
"""


def drawing() -> str:
    """The whole page."""
    tables = map(_group, groups().values())
    return "\n".join((_INTRODUCTION, _count(), "", *_needs(), *_alterations(), *tables))


def _count() -> str:
    yellow = sum(case.origin.startswith("Yellow") for case in cases().values())
    purposes = f"{yellow} of them with a purpose of the Yellow Book"
    return f"{len(cases())} cases in {len(groups())} groups, {purposes}."


def _needs() -> Iterator[str]:
    yield "## What cases need"
    yield ""
    yield "A case whose need is not met is INAPPLICABLE, for this reason:"
    yield ""
    yield "| need | without it |"
    yield "|---|---|"
    used = {need for case in cases().values() for need in case.needs}
    yield from (f"| `{name}` | {need.missing} |" for name, need in NEEDS.items() if name in used)
    yield ""


def _alterations() -> Iterator[str]:
    yield "## What cases alter"
    yield ""
    yield "| alters | means | allowed |"
    yield "|---|---|---|"
    for name, meaning in ALTERATIONS.items():
        allowed = "always" if name in HARMLESS else f"with `--allow-alter {name}`"
        yield f"| {name} | {meaning} | {allowed} |"
    yield ""


def _group(group: Group) -> str:
    head = (
        f"## {group.title}",
        "",
        f"{group.about} {len(group.cases)} cases.",
        "",
        "| id | case | does | expects | needs | alters |",
        "|---|---|---|---|---|---|",
    )
    return "\n".join((*head, *map(_row, group.cases.values()), ""))


def _row(case: Case) -> str:
    title = case.title if case.origin == "ours" else f"{case.title} ({case.origin})"
    needs = ", ".join(dict.fromkeys(case.needs)) or "-"
    cells = (case.id, title, case.does, case.expects, needs, case.alters)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main(arguments: list[str]) -> int:
    """Draw, or with ``--check`` compare."""
    return draw_or_check({PAGE: drawing()}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
