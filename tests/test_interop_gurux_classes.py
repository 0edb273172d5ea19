"""Our tables beside what Gurux' object classes say of themselves; each difference has a reason in a file.

A difference without a reason and a reason without a difference are both errors.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dlms_fw.axdr import Tag
from dlms_fw.cosem import InterfaceClass, interface_classes
from peers.run import Peer

TABLE = tomllib.loads((Path(__file__).parent / "peers" / "class_differences.toml").read_text())
MOMENTS = {"date-time octets", "date-time or date-time octets"}
TAGS_OF_MOMENTS = {Tag.OCTET_STRING, Tag.DATE_TIME}
"""A date-time in an octet-string is either of these for Gurux."""

Difference = tuple[int, int, str, str, str]
"""class_id, version, what differs, as we have it, as they have it."""


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    with Peer("gurux_classes.py", {"classes": list(interface_classes())}) as peer:
        return peer.finish()


@pytest.mark.proves("interop-classes")
def test_every_difference_has_a_reason_and_every_reason_a_difference(said: dict[str, Any]) -> None:
    found = {difference for pair in interface_classes() for difference in differences(pair, said)}
    listed = list(reasons())
    assert found - set(listed) == set()
    assert set(listed) - found == set()
    assert len(listed) == len(set(listed))


def test_gurux_has_no_class_that_we_have_not(said: dict[str, Any]) -> None:
    assert set(said["known"]) - {class_id for class_id, _ in interface_classes()} == set()


def test_which_classes_gurux_knows_by_their_number_alone(said: dict[str, Any]) -> None:
    """What cannot be compared is told, so that nobody takes it for agreement."""
    numbers = {class_id for class_id, _ in interface_classes() if class_id not in said["known"]}
    assert sorted(numbers) == TABLE["not_compared"]


def reasons() -> Iterator[Difference]:
    for row in TABLE["difference"]:
        assert row["reason"]
        for version in row["versions"]:
            yield row["class_id"], version, row["what"], str(row["ours"]), str(row["theirs"])


def differences(pair: tuple[int, int], said: dict[str, Any]) -> Iterator[Difference]:
    ours = interface_classes()[pair]
    theirs = said["classes"][f"{pair[0]}/{pair[1]}"]
    if theirs is None:
        return
    for what, mine in (("attributes", ours.attributes), ("methods", ours.methods)):
        if len(mine) != theirs[what]:
            yield *pair, what, str(len(mine)), str(theirs[what])
    for what, mine, other in names(ours, theirs):
        if not alike(mine, other):
            yield *pair, what, mine, other
    for row, tag in zip(ours.attributes.values(), theirs["types"], strict=False):
        if tag is not None and not same_type(row.data_type, tag):
            yield *pair, f"type of attribute {row.attribute_id}", row.data_type.name, str(tag)


def names(ours: type[InterfaceClass], theirs: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for attribute_id, row in ours.attributes.items():
        if attribute_id <= len(theirs["names"]):
            yield f"attribute {attribute_id}", row.name, theirs["names"][attribute_id - 1]
    for method_id, method in ours.methods.items():
        if method_id <= len(theirs["method_names"]):
            yield f"method {method_id}", method.name, theirs["method_names"][method_id - 1]


def alike(mine: str, other: str) -> bool:
    """Gurux says fewer words, or the same run together."""
    a, b = words(mine), words(other)
    return set(a) <= set(b) or set(b) <= set(a) or "".join(a) == "".join(b)


def words(name: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]


def same_type(data_type: Any, tag: int) -> bool:
    if data_type.name in MOMENTS:
        return tag in TAGS_OF_MOMENTS
    return data_type.tag is None or data_type.tag == tag
