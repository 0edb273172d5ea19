"""Drive a session and a transfer yourself: octets in, octets out, no socket, no thread, no waiting.

The other end is a simulated meter in the same thread, and time passes when we say so. In your program,
`exchange` is your medium and `pass_time` your event loop.

python embed_sans_io.py
"""

from __future__ import annotations

import os

import stage

from dlms_fw import ClientSession, Profile, Transfer
from dlms_fw._core import (
    ActionRequest,
    ActionResponse,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    SetRequest,
    SetResponse,
    WrapperFraming,
)
from dlms_fw.errors import TransportError
from dlms_fw.meter.clock import VirtualTime
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.connection import MeterConnection
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.session.states import State
from dlms_fw.transfer import Reconnect, Save, Wait

Request = GetRequest | SetRequest | ActionRequest
Response = GetResponse | SetResponse | ActionResponse | ExceptionResponse
PROFILE = Profile(client_sap=1)  # no keys, so no invocation counters to keep


class Embedded:
    """One client without any IO of its own."""

    def __init__(self, meter: SimulatedMeter, time: VirtualTime) -> None:
        self.meter, self.time = meter, time
        self.session: ClientSession | None = None
        self.connection: MeterConnection | None = None
        self.saved: list[dict[str, object]] = []

    def connect(self) -> None:
        """A new link and association. Raises TransportError while the meter is away."""
        self.connection = self.meter.connect("wrapper")
        session = ClientSession(
            WrapperFraming(PROFILE.client_sap, PROFILE.server_sap), PROFILE, challenge=lambda: os.urandom(32)
        )
        session.connect()
        session.receive(self.connection.receive(session.associate()))
        assert session.state is State.ASSOCIATED
        self.session = session

    def exchange(self, request: Request) -> Response:
        """One request there, its answer back."""
        if self.session is None:
            self.connect()
        assert self.session is not None
        assert self.connection is not None
        octets = self.connection.receive(self.session.send(request))
        events, _ = self.session.receive(octets)
        for event in events:
            if isinstance(event, Response):
                return event
        self.session = None
        raise TransportError("the meter did not answer")

    def pass_time(self, seconds: float) -> None:
        self.time.advance(seconds)
        self.meter.advance()

    def run(self, transfer: Transfer) -> None:
        now = self.time.monotonic
        while (asked := transfer.next_request(now())) is not None:
            if isinstance(asked, Save):
                self.saved.append(asked.checkpoint.to_dict())  # yours must be durable
            elif isinstance(asked, Wait):
                self.pass_time(asked.seconds)
            elif isinstance(asked, Reconnect):
                self.session = None
                self.pass_time(asked.after_seconds)
            else:
                try:
                    response = self.exchange(asked)
                except TransportError as error:
                    transfer.handle_lost(str(error), now())
                else:
                    transfer.handle_response(response, now())


def main() -> None:
    time = VirtualTime()
    config = MeterConfig(trusted=(stage.VENDOR.public_key(),))
    meter = SimulatedMeter(SimulatedMedium(), config, time, challenge=lambda: os.urandom(32))
    embedded = Embedded(meter, time)
    transfer = Transfer(stage.signed_image(), meter="example")
    embedded.run(transfer)
    assert transfer.result is not None
    print(f"{transfer.result.outcome} after {time.elapsed:.0f} s of the meter's time")
    print(f"{len(embedded.saved)} checkpoints, the last: {embedded.saved[-1]}")


if __name__ == "__main__":
    main()
