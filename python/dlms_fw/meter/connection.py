"""One connection to a meter: octets in, octets out; requests to the objects, answers back.

It knows no socket. What a message means for the meter as a whole the meter decides; here stand the order in
which things are answered, the silence between octets, and the short way of image blocks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from dlms_fw._core import ActionResponse, BlockSink, ExceptionResponse, UnconfirmedFrame
from dlms_fw.errors import LinkError, SecurityError
from dlms_fw.meter.access import NO_PROTECTION
from dlms_fw.meter.block_way import brings_block
from dlms_fw.meter.caller import Caller
from dlms_fw.meter.lies.liar import Liar
from dlms_fw.meter.objects import Response
from dlms_fw.meter.shortcomings import heard
from dlms_fw.profiles import HdlcSettings
from dlms_fw.session.server import (
    Associated,
    AssociationEnded,
    AssociationFailed,
    NotificationConfirmed,
    RequestRefused,
    ServerEvent,
)
from dlms_fw.session.states import State

if TYPE_CHECKING:
    from dlms_fw._core import ActionRequest, Event
    from dlms_fw.meter.meter import SimulatedMeter

Framing = Literal["wrapper", "datagrams", "hdlc"]
"""How a connection is framed; over datagrams it is the wrapper, one message in each."""

_NOTES: Final = (
    Associated,
    AssociationFailed,
    AssociationEnded,
    RequestRefused,
    NotificationConfirmed,
    UnconfirmedFrame,
)


class MeterConnection:
    """One connection to the meter: what a client sends goes into ``receive``, what comes out goes back.

    Attributes:
        session: What the client says, and to whom.
        sink: Takes image blocks while they go the short way.
        heard_at: When octets came last, on the monotonic clock, where silence means something.
        longest_silence: Seconds; octets after a longer one mean something else. Without HDLC infinite.
    """

    sink: BlockSink | None = None
    heard_at: float = -math.inf

    def __init__(self, meter: SimulatedMeter, framing: Framing, on_drop: Callable[[], None] | None) -> None:
        self._meter = meter
        self._on_drop = on_drop
        self.session = meter.new_session(framing)
        self._caller = Caller(self.session.association, self)
        self._in_ui_frame = False
        self._hdlc = hdlc = meter.config.hdlc if framing == "hdlc" else None
        self.heard_at = meter.monotonic()
        self.longest_silence = math.inf
        if hdlc is not None:
            self.longest_silence = min(hdlc.inactivity_timeout_s, hdlc.inter_octet_timeout_s)
        self._block_taken: ActionRequest | None = None
        self.is_open = True

    @property
    def is_linked(self) -> bool:
        """Whether the link is up, which without HDLC it always is."""
        return self.is_open and self.session.channel.connected

    @property
    def is_associated(self) -> bool:
        """Whether the client that spoke last has an association."""
        return self.is_open and self.session.state in {State.ASSOCIATED, State.AUTHENTICATING}

    @property
    def last_heard(self) -> float:
        """When octets came last, on the monotonic clock, as far as this connection takes note of it."""
        return self.heard_at if self.sink is None else self.sink.heard_at

    def receive(self, data: bytes) -> bytes:
        """Takes octets in any pieces and gives what the meter answers at once, possibly nothing."""
        sink = self.sink
        if sink is None:
            return self._receive(data, None)
        try:
            answer = sink.receive(data, self._meter.monotonic())
        except (LinkError, SecurityError):
            self.drop()
            return b""
        return self._receive(data, sink.take_rest()) if answer is None else answer

    def _receive(self, data: bytes, received: tuple[list[Event], bytes] | None) -> bytes:
        """The ordinary way; ``received`` is what the channel has made of the octets already."""
        self._meter.prepare()
        if not self.is_open:
            return b""
        if self._hdlc is not None:
            self._note_silence(self._hdlc)
        out, shortcomings = b"", self._meter.config.shortcomings
        try:
            events, reply = self.session.receive(data, received)
            while True:
                out += reply
                for event in heard(shortcomings, events) if shortcomings else events:
                    out += self._take(event)
                if not self.is_open:
                    return b""
                if not self.session.more:
                    if events and events[-1] is self._block_taken:
                        self._meter.open_block_way(self, self._caller, self._block_taken)
                    self._block_taken = None
                    break
                events, reply = self.session.receive(b"")
        except (LinkError, SecurityError, OSError):
            # A stream that makes no sense, counters used up or a memory that fails: nothing more to say.
            self.drop()
        return out

    def _note_silence(self, hdlc: HdlcSettings) -> None:
        """What the silence before these octets meant. A meter speaks when asked, so now is soon enough."""
        now = self._meter.monotonic()
        silence, self.heard_at = now - self.heard_at, now
        if silence >= hdlc.inactivity_timeout_s:
            for event in self.session.handle_inactivity_timeout():
                self._meter.note(self, event)
        elif silence >= hdlc.inter_octet_timeout_s:
            self.session.channel.handle_inter_octet_timeout()

    def close(self) -> None:
        """The client is gone."""
        if self.is_open:
            self._meter.shut_block_way()
            self.is_open = False
            for event in self.session.close():
                self._meter.note(self, event)
            self._meter.forget(self)

    def drop(self) -> None:
        """The meter ends the connection."""
        if self.is_open:
            self.close()
            if self._on_drop is not None:
                self._on_drop()

    def _take(self, event: ServerEvent) -> bytes:
        unanswered, self._in_ui_frame = self._in_ui_frame, type(event) is UnconfirmedFrame
        if isinstance(event, _NOTES):
            self._meter.note(self, event)
            return b""
        if self._caller.association is not self.session.association:
            self._caller = Caller(self.session.association, self)
        self._caller.answer_protection = NO_PROTECTION
        liar = self._meter.liar
        if liar is not None and not liar.messages.hear():
            return b""
        response: Response | ExceptionResponse | None = self._meter.serve(self._caller, event)
        if type(response) is ActionResponse and response.result == 0 and brings_block(event):
            self._block_taken = event
        if liar is not None:
            return self._lie(liar, None if unanswered else response)
        if response is None or unanswered:
            return b""
        return self._respond(response)

    def _respond(self, response: Response | ExceptionResponse) -> bytes:
        # In a policy the bits of responses stand one place higher than in the core.
        return self.session.respond(response, self._caller.answer_protection >> 1)

    def _lie(self, liar: Liar, response: Response | ExceptionResponse | None) -> bytes:
        out = b""
        if response is not None:
            out = liar.messages.say(self._respond(liar.messages.answer(response)))
        if liar.messages.ends_connection():
            self.drop()
            return b""
        return out
