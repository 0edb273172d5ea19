"""An arrival in forms for people and for programs: a line of text, and plain values for JSON."""

from __future__ import annotations

from typing import Any

from dlms_fw.json_values import json_value
from dlms_fw.notifications import PushedData, ReportedEvent
from dlms_fw.push.arrival import Arrival


def document(arrival: Arrival) -> dict[str, Any]:
    """What JSON can carry: octets as hex digits, dates and times as the hex digits of their octets."""
    sender, told = arrival.sender, arrival.notification
    facts: dict[str, Any] = {
        "arrived_at": arrival.arrived_at.isoformat(timespec="milliseconds"),
        "source": sender.url,
        "meter": arrival.meter,
        "system_title": json_value(arrival.system_title),
        "protection": arrival.protection,
        "client_sap": sender.client_sap,
        "server_sap": sender.server_sap,
        "server_lower": sender.server_lower,
        "gateway": None
        if sender.gateway is None
        else {
            "network_id": sender.gateway.network_id,
            "physical_device_address": json_value(sender.gateway.physical_device_address),
        },
    }
    if isinstance(told, PushedData):
        return facts | {
            "kind": "data-notification",
            "date_time": json_value(told.date_time),
            "invoke_id": told.invoke_id,
            "value": json_value(told.value.plain()),
        }
    if isinstance(told, ReportedEvent):
        return facts | {
            "kind": "event-notification",
            "date_time": json_value(told.time),
            "class_id": told.class_id,
            "logical_name": str(told.logical_name),
            "attribute_id": told.attribute_id,
            "value": json_value(told.value.plain()),
        }
    return facts | {
        "kind": "information-report",
        "date_time": json_value(told.time),
        "values": [
            {"variable": json_value(name), "value": json_value(value.plain())} for name, value in told.values
        ],
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
