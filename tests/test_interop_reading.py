"""Reading between strangers: a meter of Gurux' into a record and back, and their clients at our meter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dlms_fw.client import Client
from dlms_fw.cosem import DemandRegister, ExtendedRegister, Register
from dlms_fw.endpoint import Endpoint
from dlms_fw.meter.model_settings import configured
from dlms_fw.meter.recorded import recorded_model
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.meter.storage import Directory
from dlms_fw.profiles import Profile
from dlms_fw.reading.profile_reading import Newest, ProfileReading
from dlms_fw.record import MeterRecord, parse_record, record_text
from dlms_fw.recorder import record_meter
from interop import NAME, gurux_meter
from interop_live import Visitor

MANAGEMENT = Profile(client_sap=1, max_pdu_size=1024)
NOW = datetime(2026, 11, 27, tzinfo=UTC)
GURUX_READS = (
    ["read", 3, "1.0.1.8.0.255", 2],
    ["read", 3, "1.0.1.8.0.255", 3],
    ["read", 4, "1.0.1.6.0.255", 5],
    ["read", 5, "1.0.1.4.0.255", 3],
    ["read", 8, "0.0.1.0.0.255", 2],
    ["read", 7, "1.0.99.1.0.255", 2],
    ["read", 7, "1.0.99.1.0.255", 3],
    ["read", 17, "0.0.41.0.0.255", 2],
    ["read", 23, "0.0.22.0.0.255", 9],
    ["read", 15, "0.0.40.0.0.255", 2],
)


@pytest.fixture(scope="module")
def gurux() -> Iterator[Visitor]:
    with Visitor("gurux_visitor.py") as visitor:
        yield visitor


def recorded(url: str, *, by_gurux: bool = False) -> MeterRecord:
    with Client(url, MANAGEMENT) as client:
        record, error = record_meter(client, now=NOW)
    assert error is None
    lost = {
        (str(it.object.logical_name), number)
        for it in record.objects
        for number, found in it.attributes.items()
        if found.failure is not None
    }
    # Their association object ends with an exception there, and the connection with it.
    assert lost == ({("0-0:40.0.0.255", 5)} if by_gurux else set())
    return record


@pytest.mark.proves("interop-live-records")
def test_a_record_of_a_gurux_meter_serves_the_same(tmp_path: Path, gurux: Visitor) -> None:
    with gurux_meter(tmp_path, catalogue=True) as peer:
        url = f"tcp://127.0.0.1:{peer.report()['port']}"
        theirs = recorded(url, by_gurux=True)
        with Client(url, MANAGEMENT) as client:
            check_values(client)
        seen_by_gurux = gurux.visit_url(url, "none", *GURUX_READS)

    config = configured(recorded_model(parse_record(record_text(theirs))), MANAGEMENT)
    endpoint = Endpoint.parse("tcp://127.0.0.1:0", listen=True)
    with BackgroundMeter(config, lambda: Directory(tmp_path / "state"), endpoint) as meter:
        ours = recorded(meter.url)
        with Client(meter.url, MANAGEMENT) as client:
            check_values(client)
            # Theirs does not know this: the record is a meter that does.
            newest = list(client.rows(ProfileReading("1-0:99.1.0.255", Newest(2))))
            assert [row.entry for row in newest] == [3, 4]
        seen_of_ours = gurux.visit_url(meter.url, "none", *GURUX_READS)
        assert seen_of_ours[:-1] == seen_by_gurux[:-1]
        assert rights_in(seen_of_ours[-1]) == rights_in(seen_by_gurux[-1])
    assert len(theirs.objects) == 16
    their_objects = {it.object.logical_name: it for it in theirs.objects}
    for it in ours.objects:
        other = their_objects.pop(it.object.logical_name)
        if it.object.class_id == 15:
            continue
        assert it.attributes == other.attributes
        assert it.object.rights is not None
        assert other.object.rights is not None
        assert it.object.rights.attributes == other.object.rights.attributes
        assert it.object.rights.methods == other.object.rights.methods
    assert not their_objects


def rights_in(object_list: list[Any]) -> dict[Any, Any]:
    """Access modes of all objects but the association itself; selectors apart, which theirs does not name."""
    return {
        (class_id, version, name): ([mode[:2] for mode in attributes], methods)
        for class_id, version, name, (attributes, methods) in object_list
        if class_id != 15
    }


def check_values(client: Client) -> None:
    registers = [
        Register("1-0:1.8.0.255"),
        Register("1-0:32.7.0.255"),
        ExtendedRegister("1-0:1.6.0.255"),
        DemandRegister("1-0:1.4.0.255").last_average_value,
    ]
    assert [str(it) for it in client.quantities(registers)] == ["12345.6 Wh", "230.1 V", "7700 W", "7 W"]
    (device,) = client.logical_devices()
    assert device == (1, NAME)
    rows = list(client.rows(ProfileReading("1-0:99.1.0.255")))
    assert [str(row["1-0:1.8.0.255"]) for row in rows] == [
        "12300.0 Wh",
        "12300.1 Wh",
        "12300.2 Wh",
        "12300.3 Wh",
    ]
    link = client.association_view().find("0-0:22.0.0.255")
    assert link is not None
    assert [link.may_read(number) for number in (6, 7)] == [True, False]
