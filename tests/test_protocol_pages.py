"""The pages of the protocol's layers are fresh, and every row in them is proven or says why not."""

from __future__ import annotations

from types import ModuleType

import pytest

from docs_scripts import check_freshness, load_script


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    return load_script("make_protocol_tables")


def test_the_drawn_pages_are_fresh() -> None:
    check_freshness("make_protocol_tables")


def test_an_id_stands_once(tables: ModuleType) -> None:
    identifiers = [identifier for layer in tables.layers() for identifier in layer.rows]
    assert len(identifiers) == len(set(identifiers)) > 0


def test_every_row_is_proven_or_says_why_not(tables: ModuleType) -> None:
    rows = {identifier: row for layer in tables.layers() for identifier, row in layer.rows.items()}
    proven = tables.proofs().keys()
    assert {identifier for identifier, row in rows.items() if not row.not_yet} - proven == set()
    assert {identifier for identifier, row in rows.items() if row.not_yet} & proven == set()


def test_every_id_that_a_test_names_is_a_row(tables: ModuleType) -> None:
    rows = {identifier for layer in tables.layers() for identifier in layer.rows}
    assert tables.proofs().keys() - rows == set()


def test_ids_are_found_where_tests_carry_them(tables: ModuleType) -> None:
    source = """
import pytest
@pytest.mark.proves("some-thing", "other-thing")
def test_one(): "no-mark"
@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.proves("third-thing"))])
def test_two(x): not_a_mark("no-mark-either")
"""
    assert tables.marked(source) == {"some-thing", "other-thing", "third-thing"}
    rust = "    // proves: rust-thing, rust-other\n    #[test]\n    fn it() {}\n// says: no-thing\n"
    assert tables.named(rust) == {"rust-thing", "rust-other"}
