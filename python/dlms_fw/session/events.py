"""What a server session tells the meter: the services that it must answer, and what happened beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from dlms_fw._core import UnconfirmedFrame
from dlms_fw.session.requests import Request


@dataclass(frozen=True, slots=True)
class Associated:
    """A client has proved itself."""

    client_sap: int
    mechanism: int


@dataclass(frozen=True, slots=True)
class AssociationFailed:
    """A client was refused; ``reason`` is ``password`` or ``proof`` where it did not know a secret."""

    client_sap: int
    reason: str


@dataclass(frozen=True, slots=True)
class AssociationEnded:
    """An association is over: ``released``, ``link``, ``replaced`` or ``closed``."""

    client_sap: int
    reason: str


@dataclass(frozen=True, slots=True)
class NotificationConfirmed:
    """A client has confirmed the data-notification of this long invoke id."""

    client_sap: int
    invoke_id: int


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """A message was answered with an exception-response, or dropped; for the meter's log."""

    client_sap: int
    reason: str


ServerEvent: TypeAlias = (
    Request
    | Associated
    | AssociationFailed
    | AssociationEnded
    | RequestRefused
    | NotificationConfirmed
    | UnconfirmedFrame
)
