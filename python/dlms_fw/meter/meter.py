"""A simulated meter, whole: octets of any number of connections in, octets out.

It joins server sessions to objects. It knows no socket and no clock of its own: a :class:`MeterConnection` is
fed by whoever has a medium, :meth:`SimulatedMeter.advance` is called at :attr:`SimulatedMeter.deadline`, and
time comes from the time source. Everything that must survive is in the given memory; a new meter over the
same memory goes on where the old one stopped.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from dlms_fw._core import (
    AccessRequest,
    ActionRequest,
    ExceptionResponse,
    GetRequest,
    HdlcFraming,
    RequestList,
    WrapperFraming,
    WriteRequest,
)
from dlms_fw.errors import TransportError
from dlms_fw.meter.activation_table import FirmwareBehaviour
from dlms_fw.meter.block_way import BlockWay
from dlms_fw.meter.caller import Caller
from dlms_fw.meter.clients import clients
from dlms_fw.meter.clock import TimeSource
from dlms_fw.meter.configuration import MeterConfig
from dlms_fw.meter.connection import Framing, MeterConnection
from dlms_fw.meter.event_log import FraudEvent
from dlms_fw.meter.interior import object_dictionary, recovery_dictionary
from dlms_fw.meter.lies.liar import Liar
from dlms_fw.meter.lies.lie import Lie
from dlms_fw.meter.lies.telling import Telling
from dlms_fw.meter.live.plant import Outgoing
from dlms_fw.meter.lockout import DEMAND_RESET_SCRIPTS, Lockout
from dlms_fw.meter.object_tables import object_table, recovery_table
from dlms_fw.meter.objects import Request, Response
from dlms_fw.meter.ownership import TransferOwnership
from dlms_fw.meter.shortcomings import ignores, refusal
from dlms_fw.meter.storage import Medium, RecordLost
from dlms_fw.meter.units import MeterUnits
from dlms_fw.session.server import (
    Associated,
    AssociationEnded,
    AssociationFailed,
    RequestRefused,
    ServerClient,
    ServerEvent,
    ServerSession,
    is_confirmed,
)

_WRONG_SECRET: Final = frozenset({"password", "proof"})
_FRAUD_BY_REASON: Final = {
    "replay": FraudEvent.REPLAY_ATTACK,
    "authentication-tag": FraudEvent.DECRYPTION_OR_AUTHENTICATION_FAILURE,
    "ciphering": FraudEvent.DECRYPTION_OR_AUTHENTICATION_FAILURE,
}


class SimulatedMeter:
    """One meter with power. After a power cut or a stop, make another one over the same memory."""

    def __init__(
        self,
        medium: Medium,
        config: MeterConfig,
        time_source: TimeSource,
        *,
        challenge: Callable[[], bytes],
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Powers up.

        Args:
            medium: Its memory.
            config: What it is.
            time_source: What time it is.
            challenge: Gives fresh random octets, 8 to 64, for each authentication.
            randomness: Gives that many random octets.

        Raises:
            ConfigurationError: The memory is another meter's, or the configuration contradicts itself.
        """
        self.config = config
        self._time = time_source
        self._challenge = challenge
        self._randomness = randomness
        self._connections: set[MeterConnection] = set()
        self._known_clients = clients(config)
        self.liar: Liar | None = None
        """Its lies, if it has been told to tell any."""
        self._ownership = TransferOwnership(
            idle_seconds=config.owner_idle_seconds, monotonic=time_source.monotonic
        )
        self._units: MeterUnits | None
        try:
            self._units = MeterUnits(medium, config, time_source, randomness=randomness)
            self._dictionary = object_dictionary(
                object_table(config),
                self._units,
                self._ownership,
                on_change=self._know_clients,
                on_demand_reset=self._demand_was_reset,
            )
            self._units.connect(self._dictionary.object)
            if config.objects_act:
                self._dictionary.wake()
            if not self._units.security_memory.is_untouched:
                self._known_clients = clients(config, self._units)
        except RecordLost:
            # Without its records it must not speak under its keys: it only says who it is.
            self._units = None
            self._dictionary = recovery_dictionary(recovery_table(config), config, self._ownership)
            self._known_clients = {sap: self._known_clients[sap] for sap in config.meter_model.saps("public")}
        memory = None if self._units is None else self._units.security_memory
        self._lockout = Lockout(config, memory, time_source.monotonic)
        self._block_way = None if self._units is None else BlockWay(self._units, self._ownership)
        self._clients: dict[int, ServerClient] = {}
        self._apply_locks()
        if self._units is not None:
            for lie in config.lies:
                self.lie(lie)

    def lie(self, lie: Lie) -> Telling:
        """Misbehaves from now on as long as it has power, and tells how often it did. Raises LookupError."""
        self.shut_block_way()
        if self.liar is None:
            self.liar = Liar(self.units)
            self._dictionary.disguise(self.liar.disguise)
        return self.liar.add(lie)

    @property
    def in_recovery(self) -> bool:
        """Whether its memory is so damaged that it only answers who it is."""
        return self._units is None or bool(self._units.firmware.damaged_parts)

    @property
    def units(self) -> MeterUnits:
        """What it is made of, for tests and demonstrations. Raises LookupError in recovery."""
        if self._units is None:
            raise LookupError("the meter is in recovery")
        return self._units

    @property
    def is_away(self) -> bool:
        """Whether it is rebooting: it takes no connection and answers nobody."""
        if self.liar is not None and self.liar.is_away:
            return True
        return self._units is not None and self._units.firmware.activation.is_away

    @property
    def deadline(self) -> float | None:
        """When to call :meth:`advance` next, on the monotonic clock; ``None`` while nothing goes on."""
        if self._units is None:
            return None
        due, plant = self._units.firmware.deadline, self._units.made_plant
        if plant is None or (live := plant.deadline) is None:
            return due
        return live if due is None else min(due, live)

    def prepare(self) -> None:
        """Before octets are looked at that are no blocks on the short way: does all that is due."""
        if self._block_way is not None and self._block_way.is_open:
            self._block_way.shut()
        self.advance()
        if self._lockout.locks:
            self._refresh_locks()

    def advance(self) -> None:
        """Does all that is due. A reboot ends every connection."""
        units = self._units
        if units is None or (units.made_plant is None and units.firmware.is_idle):
            return
        activation = units.firmware.activation
        reboots = activation.reboots
        try:
            units.firmware.advance()
            if units.made_plant is not None:
                units.made_plant.advance()
        except OSError:
            return  # the memory fails; the deadline has moved and it is tried again
        finally:
            if activation.is_away or activation.reboots != reboots:
                self.drop_connections()

    def take_notifications(self) -> list[Outgoing]:
        """What its push setups push, for the driver, who says what became of each."""
        plant = None if self._units is None else self._units.made_plant
        return [] if plant is None else plant.take_notifications()

    def connect(self, framing: Framing, on_drop: Callable[[], None] | None = None) -> MeterConnection:
        """A new connection; ``on_drop`` is called when the meter ends it. Raises TransportError if away."""
        if self.is_away:
            raise TransportError("the meter is rebooting")
        connection = MeterConnection(self, framing, on_drop)
        self._connections.add(connection)
        return connection

    def set_behaviour(self, behaviour: FirmwareBehaviour) -> None:
        """What the next new firmware does when it is tried."""
        self.units.firmware.activation.behaviour = behaviour

    def stop(self) -> None:
        """A clean stop: connections end, and the exact counters are recorded."""
        self.drop_connections()
        if self._units is not None:
            self._units.power_down()

    def new_session(self, framing: Framing) -> ServerSession:
        """A server session for a new connection."""
        config = self.config
        hdlc = config.hdlc
        return ServerSession(
            WrapperFraming(0, config.server_sap, gateway=config.gateway, datagrams=framing == "datagrams")
            if framing != "hdlc"
            else HdlcFraming(
                0,
                config.server_sap,
                hdlc.server_lower,
                address_size=hdlc.address_size,
                max_info_field_length_transmit=hdlc.max_info_field_length,
                max_info_field_length_receive=hdlc.max_info_field_length,
                window_size_transmit=hdlc.window_size,
                window_size_receive=hdlc.window_size,
                gateway=config.gateway,
                group_addresses=config.hdlc_group_addresses,
            ),
            self._clients,
            system_title=config.system_title,
            challenge=self._challenge,
            randomness=self._randomness,
            counters=None if self._units is None else self._units.counters,
            now=lambda: datetime.fromtimestamp(self._time.wall(), UTC),
            general_block_transfer=config.general_block_transfer,
            general_block_transfer_window=config.general_block_transfer_window,
        )

    def serve(self, caller: Caller, request: Request) -> Response | ExceptionResponse | None:
        """The response to a request, or ``None`` where there must be none."""
        if caller.association.pre_established and _wants_answer(request):
            return None  # this client is never answered, so it may only say what needs no answer
        shortcomings = self.config.shortcomings
        if shortcomings:
            if ignores(shortcomings, request):
                return None
            if (refused := refusal(shortcomings, request)) is not None:
                return refused
        response = self._dictionary.serve(caller, request)
        if type(request) is WriteRequest and not request.confirmed:
            return None
        return response

    def open_block_way(self, connection: MeterConnection, caller: Caller, request: ActionRequest) -> None:
        """A block was taken; those that follow may go the short way."""
        config, way = self.config, self._block_way
        if way is not None and config.block_sink and self.liar is None and not config.shortcomings:
            way.open(connection, self._dictionary.unguarded(caller, request), request)

    def shut_block_way(self) -> None:
        """Something else happens than blocks."""
        if self._block_way is not None:
            self._block_way.shut()

    def note(self, connection: MeterConnection, event: ServerEvent) -> None:
        """What a session has told beside requests."""
        if isinstance(event, AssociationFailed):
            self._note_failure(event)
        elif isinstance(event, Associated):
            self._lockout.succeeded(event.client_sap)
        elif isinstance(event, AssociationEnded):
            self._ownership.release(connection, event.client_sap)
        elif isinstance(event, RequestRefused):
            self._log_fraud(event.reason)

    def _know_clients(self) -> None:
        """Keys, a policy or a secret have changed: the next association finds the new ones."""
        self._known_clients = clients(self.config, self._units)
        self._apply_locks()

    def _apply_locks(self) -> None:
        locked = self._lockout.locked
        for client_sap, client in self._known_clients.items():
            self._clients[client_sap] = replace(client, locked=True) if client_sap in locked else client

    def _refresh_locks(self) -> None:
        """Lets clients in again whose time is over."""
        if self._lockout.let_in_again():
            self._apply_locks()

    def reset_demand(self) -> None:
        """What the button at a meter does: the billing period ends, and locked clients are let in again.

        Raises LookupError in recovery.
        """
        plant = self.units.plant
        plant.run_script(DEMAND_RESET_SCRIPTS, 1)
        self._demand_was_reset()

    def _demand_was_reset(self) -> None:
        if self._lockout.demand_reset():
            self._apply_locks()

    def monotonic(self) -> float:
        """Its time, in seconds, which never jumps."""
        return self._time.monotonic()

    def forget(self, connection: MeterConnection) -> None:
        """A connection is over."""
        self._connections.discard(connection)

    def drop_connections(self) -> None:
        """Ends every connection, as a reboot or a power cut does."""
        for connection in list(self._connections):
            connection.drop()

    def _note_failure(self, event: AssociationFailed) -> None:
        self._log_fraud(event.reason)
        if event.reason not in _WRONG_SECRET or event.client_sap not in self._known_clients:
            return
        if self._lockout.failed(event.client_sap):
            self._apply_locks()
            if self._units is not None:
                self._units.log_fraud(FraudEvent.ASSOCIATION_AUTHENTICATION_FAILURE)

    def _log_fraud(self, reason: str) -> None:
        code = _FRAUD_BY_REASON.get(reason)
        if code is not None and self._units is not None:
            self._units.log_fraud(code)


def _wants_answer(request: Request) -> bool:
    items = request.items if isinstance(request, RequestList | AccessRequest) else (request,)
    return is_confirmed(request) or any(isinstance(item, GetRequest) for item in items)
