"""Two channels joined back to back, without a medium: what one sends the other takes at once.

This is all that the compiled core does for a request and its answer; no socket, session or state machine.
"""

from __future__ import annotations

from dlms_fw._core import (
    ActionRequest,
    ActionResponse,
    Channel,
    HdlcFraming,
    Key,
    PeerChanged,
    SecurityContext,
    WrapperFraming,
)

CONFORMANCE = 0x007E1F
"""GET, SET, ACTION, selective access, block transfer of all three, with-list, as bits of the standard."""
IMAGE_TRANSFER = bytes((0, 0, 44, 0, 0, 255))
CLIENT_TITLE = b"MMM\x00\x00\x00\x00\x01"
METER_TITLE = b"MMM\x00\x00\xbc\x61\x4e"
ENCRYPTION_KEY = bytes(range(16))
AUTHENTICATION_KEY = bytes(range(0xD0, 0xE0))
COUNTERS = 2**32 - 2**16


def security(own: bytes, peer: bytes) -> SecurityContext:
    """Suite 0, authenticated and encrypted."""
    return SecurityContext(
        0,
        0x30,
        system_title=own,
        peer_system_title=peer,
        global_unicast_encryption_key=Key(ENCRYPTION_KEY),
        authentication_key=Key(AUTHENTICATION_KEY),
        invocation_counter=1,
        counter_limit=COUNTERS,
    )


def joined(
    *, hdlc: bool = False, ciphered: bool = False, info: int = 2030, window: int = 1, pdu_size: int = 65_535
) -> tuple[Channel, Channel]:
    """A client's and a meter's channel, connected and negotiated."""
    framing: WrapperFraming | HdlcFraming = WrapperFraming(1, 1)
    if hdlc:
        framing = HdlcFraming(
            1,
            1,
            max_info_field_length_transmit=info,
            max_info_field_length_receive=info,
            window_size_transmit=window,
            window_size_receive=window,
        )
    client, meter = Channel("client", framing), Channel("server", framing)
    _, answer = meter.receive(client.connect())
    client.receive(answer)
    for channel in (client, meter):
        channel.negotiate(CONFORMANCE, pdu_size)
    ask(client, meter, ActionRequest(18, IMAGE_TRANSFER, 3))  # the meter learns who is there
    if ciphered:
        client.security = security(CLIENT_TITLE, METER_TITLE)
        meter.security = security(METER_TITLE, CLIENT_TITLE)
    return client, meter


def ask(client: Channel, meter: Channel, request: ActionRequest) -> None:
    """One request to the meter and its answer back, with every frame and acknowledgement between."""
    to_meter = client.send(request)
    answered = False
    while to_meter:
        events, to_client = meter.receive(to_meter)
        if events and isinstance(events[-1], PeerChanged):
            events, more = meter.receive(b"")
            to_client += more
        for event in events:
            if isinstance(event, ActionRequest):
                to_client += meter.send(
                    ActionResponse(0, invoke_id_and_priority=event.invoke_id_and_priority or 0)
                )
        if not to_client:
            break
        events, to_meter = client.receive(to_client)
        answered = answered or any(isinstance(event, ActionResponse) for event in events)
    assert answered
