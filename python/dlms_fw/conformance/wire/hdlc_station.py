"""The client's end of an HDLC link, played by hand: nothing is repeated, and nothing happens by itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from dlms_fw.conformance.verdicts import expect
from dlms_fw.conformance.wire.connection import Connection
from dlms_fw.conformance.wire.hdlc_frames import (
    DISC,
    DM,
    SNRM,
    UA,
    Frame,
    ServerAddress,
    client_address,
    frames_in,
    information,
    rr,
)

LLC_TO_METER: Final = bytes.fromhex("E6E600")
LLC_FROM_METER: Final = bytes.fromhex("E6E700")
_PARAMETERS: Final = {
    "max_info_transmit": 0x05,
    "max_info_receive": 0x06,
    "window_transmit": 0x07,
    "window_receive": 0x08,
}
_MOST_SEGMENTS: Final = 4096
DEFAULT_INFORMATION: Final = 128
DEFAULT_WINDOW: Final = 1
"""What holds where nothing was agreed."""


class HdlcStation:
    """One client address talking to one server address.

    Attributes:
        sent: I frames sent, modulo 8: the N(S) of the next one.
        received: I frames received, modulo 8: the N(R) to acknowledge with.
        agreed: What the UA says, by the names of :func:`parameters`; seen from the meter.
        segments: How many frames the APDU had that was heard last.
        longest: Octets of the longest information field that was heard.
        segment_size: Octets to cut our own APDUs into; ``None`` is what the meter takes.
    """

    def __init__(self, connection: Connection, client_sap: int, server: ServerAddress) -> None:
        self.connection = connection
        self.client = client_address(client_sap)
        self.server = server
        self.sent = 0
        self.received = 0
        self.agreed: dict[str, int] = {}
        self.segments = self.longest = 0
        self.segment_size: int | None = None
        self._must_poll = False
        self._rest = b""
        self._inbox: deque[Frame] = deque()

    # Frames

    def frame(
        self,
        control: int,
        information_field: bytes = b"",
        *,
        segmented: bool = False,
        destination: bytes = b"",
    ) -> Frame:
        """A frame of ours to the meter."""
        return Frame(
            destination or self.server.octets, self.client, control, information_field, segmented=segmented
        )

    def send(self, frame: Frame) -> None:
        """Send a right frame; the meter may answer."""
        self._must_poll = False
        self.connection.send(frame.encode())

    def receive(self, seconds: float | None = None) -> Frame | None:
        """The next whole frame to us, or ``None`` where none comes."""
        while not self._inbox:
            octets = self.connection.receive(seconds)
            if not octets:
                return None
            found, self._rest = frames_in(self._rest + octets)
            self._inbox.extend(frame for frame in found if frame.destination == self.client)
        return self._inbox.popleft()

    def ask(self, control: int, information_field: bytes = b"") -> Frame | None:
        """Send a frame and give what is answered."""
        self.send(self.frame(control, information_field))
        return self.receive()

    def silence(self) -> None:
        """Forget what has come and was not asked for."""
        while self.receive() is not None:
            pass

    # The link

    def connect(self, parameters: bytes = b"") -> Frame:
        """Bring up the link with SNRM; the UA. Raises Failed where none comes."""
        answer = self.ask(SNRM, parameters)
        expect(answer is not None and answer.control == UA, "UA to SNRM", name_of(answer))
        assert answer is not None  # noqa: S101 - looked at above
        self.sent = self.received = 0
        self.agreed = negotiated(answer.information)
        return answer

    @property
    def room(self) -> int:
        """Octets of an information field that the meter takes."""
        return self.agreed.get("max_info_receive", DEFAULT_INFORMATION)

    def disconnect(self) -> Frame | None:
        """Take down the link with DISC; what is answered."""
        return self.ask(DISC)

    def is_connected(self) -> bool:
        """Whether the meter believes that there is a link: it answers RR, and DM where there is none."""
        answer = self.ask(rr(self.received))
        return answer is not None and answer.control != DM

    def make_idle(self) -> None:
        """No link, whatever there was before. Raises Failed where DISC is not answered by UA or DM."""
        answer = self.disconnect()
        expect(answer is not None and answer.control in {UA, DM}, "UA or DM to DISC", name_of(answer))

    # APDUs

    def say(self, apdu: bytes) -> None:
        """Send an APDU in I frames, waiting for RR between segments."""
        octets = LLC_TO_METER + apdu
        size = self.segment_size or self.room
        pieces = [octets[at : at + size] for at in range(0, len(octets), size)]
        for number, piece in enumerate(pieces, 1):
            last = number == len(pieces)
            self.send(self.frame(information(self.sent, self.received), piece, segmented=not last))
            self.sent = self.sent + 1 & 7
            if not last:
                answer = self.receive()
                ready = answer is not None and answer.control == rr(self.sent)
                expect(ready, f"RR N(R)={self.sent} to a segment", name_of(answer))

    def hear(self, seconds: float | None = None) -> bytes | None:
        """The next APDU, its segments joined, without LLC header; ``None`` where none comes."""
        octets = b""
        for self.segments in range(1, _MOST_SEGMENTS):
            frame = self.hear_frame(seconds)
            if frame is None:
                return None
            octets += frame.information
            if not frame.segmented:
                header = octets[: len(LLC_FROM_METER)]
                expect(header == LLC_FROM_METER, "the LLC header E6E700", header.hex())
                return octets[len(LLC_FROM_METER) :]
        return None

    def hear_frame(self, seconds: float | None = None) -> Frame | None:
        """The next I frame, its numbers looked at; ``None`` where none comes.

        A meter that has said something may speak again only when it is polled.
        """
        polled = self._must_poll and not self._inbox
        if polled:
            self.send(self.frame(rr(self.received)))
        frame = self.receive(seconds)
        while frame is not None and not frame.is_information:
            if polled and frame.has_final:
                return None
            frame = self.receive(seconds)
        if frame is not None:
            self._must_poll = frame.has_final
            numbers = (frame.send_number, frame.receive_number) == (self.received, self.sent)
            expect(numbers, f"I N(S)={self.received} N(R)={self.sent}", name_of(frame))
            self.received = self.received + 1 & 7
            self.longest = max(self.longest, len(frame.information))
        return frame

    def request(self, apdu: bytes) -> bytes | None:
        """Send an APDU and give the answer."""
        self.say(apdu)
        return self.hear()


def name_of(frame: Frame | None) -> str:
    """What came, in words."""
    return "no answer" if frame is None else frame.name


def parameters(values: Mapping[str, tuple[int, int]]) -> bytes:
    """The parameters of SNRM: for each name its value, and in how many octets it is written."""
    items = b"".join(
        bytes((_PARAMETERS[name], size)) + value.to_bytes(size, "big")
        for name, (value, size) in values.items()
    )
    return bytes((0x81, 0x80, len(items))) + items


def negotiated(information_field: bytes) -> dict[str, int]:
    """What the parameters of UA say, by the names of :func:`parameters`; nothing where they make no sense."""
    if len(information_field) < 3 or information_field[:2] != b"\x81\x80":
        return {}
    names = {number: name for name, number in _PARAMETERS.items()}
    found: dict[str, int] = {}
    at, end = 3, min(len(information_field), 3 + information_field[2])
    while at + 2 <= end:
        number, size = information_field[at], information_field[at + 1]
        if number in names:
            found[names[number]] = int.from_bytes(information_field[at + 2 : at + 2 + size], "big")
        at += 2 + size
    return found
