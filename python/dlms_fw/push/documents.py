"""An arrival in forms for people and for programs: a line of text, and plain values for JSON."""

from __future__ import annotations

from typing import Any

from dlms_fw._core import BitString, Date, DateTime, Time
from dlms_fw.notifications import PushedData, ReportedEvent
from dlms_fw.push.arrival import Arrival


def document(arrival: Arrival) -> dict[str, Any]:
    """What JSON can carry: octets as hex digits, dates and times as the hex digits of their octets."""
    sender, told = arrival.sender, arrival.notification
    facts: dict[str, Any] = {
        "arrived_at": arrival.arrived_at.isoformat(timespec="milliseconds"),
        "source": sender.url,
        "meter": arrival.meter,
        "system_title": _hex(arrival.system_title),
        "protection": arrival.protection,
        "client_sap": sender.client_sap,
        "server_sap": sender.server_sap,
        "server_lower": sender.server_lower,
        "gateway": None
        if sender.gateway is None
        else {
            "network_id": sender.gateway.network_id,
            "physical_device_address": _hex(sender.gateway.physical_device_address),
        },
    }
    if isinstance(told, PushedData):
        return facts | {
            "kind": "data-notification",
            "date_time": _moment(told.date_time),
            "invoke_id": told.invoke_id,
            "value": _value(told.value.plain()),
        }
    if isinstance(told, ReportedEvent):
        return facts | {
            "kind": "event-notification",
            "date_time": _moment(told.time),
            "class_id": told.class_id,
            "logical_name": str(told.logical_name),
            "attribute_id": told.attribute_id,
            "value": _value(told.value.plain()),
        }
    return facts | {
        "kind": "information-report",
        "date_time": _moment(told.time),
        "values": [{"variable": _value(name), "value": _value(value.plain())} for name, value in told.values],
    }


def line(arrival: Arrival) -> str:
    """One line: when, from where, who, how protected, and what."""
    told = document(arrival)
    who = told["system_title"] or f"server {told['server_sap']}"
    name = f" ({arrival.meter})" if arrival.meter else ""
    guarded = "protected" if arrival.protection else "plain"
    what = told["kind"]
    if told["kind"] == "event-notification":
        what += f" {told['class_id']} {told['logical_name']} {told['attribute_id']}"
    value = told["values"] if told["kind"] == "information-report" else told["value"]
    return f"{told['arrived_at']} {told['source']} {who}{name} {guarded} {what}: {value}"


def _moment(moment: DateTime | None) -> str | None:
    return None if moment is None else _hex(moment.to_bytes())


def _hex(octets: bytes | None) -> str | None:
    return None if octets is None else octets.hex().upper()


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        return _hex(value)
    if isinstance(value, Date | Time | DateTime):
        return _hex(value.to_bytes())
    if isinstance(value, BitString):
        return "".join("1" if bit else "0" for bit in value)
    if isinstance(value, tuple):
        return [_value(member) for member in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return value
