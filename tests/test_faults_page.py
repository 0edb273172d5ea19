"""The catalogue of faults is complete, fresh, and proves no less than it did."""

from __future__ import annotations

from types import ModuleType

import pytest

from docs_scripts import check_freshness, load_script

FLOOR = 151
"""How many rows tests have proven before; raise it with every row that is added."""


@pytest.fixture(scope="module")
def table() -> ModuleType:
    return load_script("make_fault_table")


def test_the_drawn_page_is_fresh() -> None:
    check_freshness("make_fault_table")


def test_every_id_that_a_test_names_is_a_row(table: ModuleType) -> None:
    assert table.proofs().keys() - table.rows().keys() == set()


def test_every_row_is_proven_or_says_why_not(table: ModuleType) -> None:
    proven = table.proofs().keys()
    assert {number for number, row in table.rows().items() if row.needs_proof} - proven == set()
    assert {number for number, row in table.rows().items() if not row.needs_proof} & proven == set()


def test_every_row_of_the_transfer_and_of_the_memory_of_the_meter_is_proven_by_tests(
    table: ModuleType,
) -> None:
    wanted = {f"T-{number:02}" for number in range(1, 37)} | {f"M-{number:02}" for number in range(1, 26)}
    rows = table.rows()
    assert {number for number in rows if number[0] in "TM"} == wanted
    assert wanted <= table.proofs().keys()
    assert not [number for number in wanted if rows[number].open]


def test_no_fewer_rows_are_proven_than_before(table: ModuleType) -> None:
    assert len(table.proofs()) >= FLOOR


def test_every_row_says_something(table: ModuleType) -> None:
    for group in table.groups():
        for number, row in group.rows.items():
            assert number.startswith(f"{group.letter}-")
            assert row.fault
            assert row.answer or row.not_yet
            assert not (row.review and row.not_yet)


def test_ids_are_found_where_tests_carry_them(table: ModuleType) -> None:
    source = """
import pytest
CASES = [("S-11", 1), ("S-12", "T-01: no id"), ("no", "S-1")]
@pytest.mark.fault("T-12")
def test_one(): "T-99"
@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.fault("T-13"))])
def test_two(x): not_a_mark("T-98")
"""
    assert table.marked(source) == {"T-12", "T-13"}
    tabled = "pytest.param(1, marks=[pytest.mark.fault(row) for row, _ in CASES])"
    assert table.marked(source + tabled) == {"S-11", "S-12", "T-12", "T-13"}
    assert table.named("fn l_06_once() fn s_04_s_05_twice() fn l_7_no() fn xl_08_no()") == {
        "L-06",
        "S-04",
        "S-05",
    }
