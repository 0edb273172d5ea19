"""CoAP below DLMS/COSEM (class_id 152, 153): its timers, and what it counts. Tables of the Blue Book."""

from __future__ import annotations

from typing import NamedTuple

from dlms_fw._core import DateTime
from dlms_fw.axdr import (
    any_data,
    date_time_or_octets,
    double_long_unsigned,
    logical_name_octets,
    long_unsigned,
    octet_string,
    plain_enum,
    record,
    unsigned,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method

__all__ = [
    "CoapBlockTransferCounter",
    "CoapCaptureTime",
    "CoapDiagnostic",
    "CoapMessagesCounter",
    "CoapRequestResponseCounter",
    "CoapSetup",
]


class CoapSetup(InterfaceClass, class_id=152, version=0):
    """The parameters of CoAP (RFC 7252)."""

    udp_reference = attribute(2, logical_name_octets, static=True)
    """The TCP-UDP setup below."""
    ack_timeout = attribute(3, long_unsigned, static=True)
    """In milliseconds."""
    ack_random_factor = attribute(4, long_unsigned, static=True)
    """In hundredths."""
    max_retransmit = attribute(5, long_unsigned, static=True)
    nstart = attribute(6, long_unsigned, static=True)
    """How many exchanges may be open at the same time."""
    delay_ack_timeout = attribute(7, long_unsigned, static=True)
    """After which an acknowledgement is sent without the answer, in milliseconds."""
    exponential_back_off = attribute(8, long_unsigned, static=True)
    """In hundredths."""
    probing_rate = attribute(9, long_unsigned, static=True)
    """In octets per second."""
    coap_uri_path = attribute(10, octet_string, static=True)
    transport_mode = attribute(11, plain_enum, static=True)
    """Confirmable messages, others, or both."""
    coap_version = attribute(12, any_data)
    """The ``version`` of the Blue Book; the version of the protocol."""
    token_length = attribute(13, unsigned, static=True)
    """In octets."""


class CoapMessagesCounter(NamedTuple):
    """Messages."""

    tx: int
    rx: int
    tx_resend: int
    tx_reset: int
    rx_reset: int
    tx_ack: int
    rx_ack: int
    rx_drop: int
    tx_non_piggybacked: int
    max_rtx_exceeded: int


class CoapRequestResponseCounter(NamedTuple):
    """Requests and responses."""

    rx_requests: int
    tx_requests: int
    rx_responses: int
    tx_responses: int
    tx_client_errors: int
    rx_client_errors: int
    tx_server_errors: int
    rx_server_errors: int


class CoapBlockTransferCounter(NamedTuple):
    """Transfers in blocks."""

    started: int
    completed: int
    timed_out: int


class CoapCaptureTime(NamedTuple):
    """Which attribute changed last, and when."""

    attribute_id: int
    timestamp: DateTime


class CoapDiagnostic(InterfaceClass, class_id=153, version=0):
    """What CoAP has counted."""

    messages_counter = attribute(2, record(CoapMessagesCounter, *[double_long_unsigned] * 10))
    request_response_counter = attribute(3, record(CoapRequestResponseCounter, *[double_long_unsigned] * 8))
    coap_bt_counter = attribute(4, record(CoapBlockTransferCounter, *[double_long_unsigned] * 3))
    capture_time = attribute(5, record(CoapCaptureTime, unsigned, date_time_or_octets))

    @method(1)
    def reset(self) -> None:
        """Set all counters to 0."""
