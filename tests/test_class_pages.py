"""The reference pages of the interface classes are drawn from the declarations, and fresh."""

from __future__ import annotations

from dlms_fw.cosem import interface_classes
from docs_scripts import DOCS, check_freshness

PAGES = DOCS / "reference" / "interface-classes"


def test_the_drawn_pages_are_fresh() -> None:
    check_freshness("make_class_pages")


def test_every_class_has_its_section_and_says_whether_it_is_confirmed() -> None:
    for declared in interface_classes().values():
        family = declared.__module__.rpartition(".")[2].replace("_", "-")
        page = (PAGES / f"{family}.md").read_text(encoding="utf-8")
        section = page.partition(f"## {declared.__name__}\n")[2].partition("\n## ")[0]
        assert f"class_id {declared.class_id}, version {declared.version}." in section
        assert ("**Not confirmed" in section) is not declared.confirmed
        for row in declared.rows.values():
            assert f"| `{row.name}` |" in section


def test_meanings_come_from_the_strings_behind_the_rows() -> None:
    registers = (PAGES / "registers.md").read_text(encoding="utf-8")
    assert "| 8 | `period` | double-long-unsigned | static | Between two updates" in registers
    assert "| `unit` | enum | The code of a unit, see `dlms_fw.units.UNITS`" in registers
    control = (PAGES / "control.md").read_text(encoding="utf-8")
    assert "| 4 | `MODE_4` | A client reconnects. |" in control
