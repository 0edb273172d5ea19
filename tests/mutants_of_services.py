"""Meters whose associations and services are broken in one place each, by the case that must notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dlms_fw import client as blocking_client
from dlms_fw._core import (
    ActionResponse,
    DataNotification,
    ExceptionResponse,
    GetResponse,
    ReleaseResponse,
    ResponseList,
)
from dlms_fw.cosem.server import CosemFault
from dlms_fw.driver import RESPONSES
from dlms_fw.enums import DataAccessResult
from dlms_fw.meter import objects
from dlms_fw.meter.objects import ObjectDictionary
from dlms_fw.session import acceptance, server
from dlms_fw.session.server import ServerSession, State

Patch = pytest.MonkeyPatch


def _nothing(*_arguments: object, **_more: object) -> None:
    """What a check does that was forgotten."""


def serves_without_association(patch: Patch) -> None:
    make = ServerSession._association

    def made(session: ServerSession, client_sap: int) -> Any:
        association = make(session, client_sap)
        if association.state is State.CONNECTED:
            association.state = State.ASSOCIATED
            association.conformance = 0xFFFFFF
            association.refer_by("logical-name")
        return association

    patch.setattr(ServerSession, "_association", made)


def takes_any_user(patch: Patch) -> None:
    patch.setattr(acceptance, "_check_user", lambda request, client: request.client_user_id)


def takes_any_protocol_version(patch: Patch) -> None:
    patch.setattr(acceptance, "VERSION_1", 0xFF)


def takes_any_mechanism(patch: Patch) -> None:
    patch.setattr(acceptance, "_check_authentication", _nothing)


def takes_any_secret(patch: Patch) -> None:
    patch.setattr("hmac.compare_digest", lambda mine, theirs: True)


def takes_any_initiate(patch: Patch) -> None:
    patch.setattr(acceptance, "_check_initiate", _nothing)


def names_another_diagnostic(patch: Patch) -> None:
    make = acceptance.Refusal.__init__

    def made(refusal: Any, reason: str, *_diagnostic: object, **more: Any) -> None:
        make(refusal, reason, 1, **{key: value for key, value in more.items() if key != "source"})

    patch.setattr(acceptance.Refusal, "__init__", made)


def forgets_the_pdu_size(patch: Patch) -> None:
    activate = ServerSession._activate

    def activated(session: ServerSession, association: Any) -> None:
        association.client_max_receive_pdu_size = 0
        activate(session, association)

    patch.setattr(ServerSession, "_activate", activated)


def forgets_what_was_negotiated(patch: Patch) -> None:
    patch.setattr(server, "missing", lambda request, conformance: [])


def releases_nothing(patch: Patch) -> None:
    patch.setattr(
        ServerSession, "_on_release_request", lambda session, _: session.channel.send(ReleaseResponse(0))
    )


def says_nothing_to_release(patch: Patch) -> None:
    patch.setattr(ServerSession, "_on_release_request", lambda session, _: session.channel.acknowledge())


def answers_the_unconfirmed(patch: Patch) -> None:
    respond = ServerSession.respond

    def confirmed(session: ServerSession, response: Any, protection: int = 0) -> bytes:
        if not server.is_confirmed(response):
            response = ExceptionResponse(1, 1)
        return respond(session, response, protection)

    patch.setattr(ServerSession, "respond", confirmed)


def says_what_nobody_knows(patch: Patch) -> None:
    patch.setattr(
        ServerSession,
        "_exception",
        lambda session, *_, **__: session.channel.send(ExceptionResponse(7, 9)),
    )


def _answering(change: Callable[[Any], Any]) -> Callable[[Patch], None]:
    def mutate(patch: Patch) -> None:
        serve = ObjectDictionary.serve

        def served(dictionary: Any, caller: Any, request: Any) -> Any:
            return change(serve(dictionary, caller, request))

        patch.setattr(ObjectDictionary, "serve", served)

    mutate.__name__ = change.__name__
    return mutate


def with_another_invoke_id(answer: Any) -> Any:
    if isinstance(answer, GetResponse) and answer.invoke_id_and_priority & 0x0F == 9:
        return GetResponse(
            answer.result, answer.data, invoke_id_and_priority=answer.invoke_id_and_priority ^ 1
        )
    return answer


def lists_backwards(answer: Any) -> Any:
    if isinstance(answer, ResponseList):
        return ResponseList(answer.items[::-1], invoke_id_and_priority=answer.invoke_id_and_priority)
    return answer


def calls_everything_done(answer: Any) -> Any:
    if isinstance(answer, ActionResponse):
        return ActionResponse(0, invoke_id_and_priority=answer.invoke_id_and_priority)
    return answer


def calls_everything_busy(patch: Patch) -> None:
    def absent(dictionary: Any, logical_name: bytes) -> None:
        raise CosemFault(DataAccessResult.TEMPORARY_FAILURE)

    patch.setattr(ObjectDictionary, "_absent", absent)


def swallows_what_may_not_be_written(patch: Patch) -> None:
    write = ObjectDictionary._write

    def written(dictionary: Any, caller: Any, request: Any) -> None:
        try:
            write(dictionary, caller, request)
        except CosemFault as fault:
            if fault.result != 3:
                raise

    patch.setattr(ObjectDictionary, "_write", written)


def gives_everybody_all_rights(patch: Patch) -> None:
    find = ObjectDictionary._find

    def found(dictionary: Any, caller: Any, class_id: int, logical_name: bytes) -> Any:
        managing = replace(caller, association=_Management(caller.association))
        return find(dictionary, managing, class_id, logical_name)

    patch.setattr(ObjectDictionary, "_find", found)


class _Management:
    client_sap = 1

    def __init__(self, association: Any) -> None:
        self._association = association

    def __getattr__(self, name: str) -> Any:
        return getattr(self._association, name)


def takes_any_selector(patch: Patch) -> None:
    def unselected(dictionary: Any, caller: Any, request: Any, invoke_id: int = 0) -> GetResponse:
        _, target, _ = dictionary._find(caller, request.class_id, request.logical_name)
        data: bytes = target.read(request.attribute_id, None)
        return GetResponse(0, data, invoke_id_and_priority=invoke_id)

    patch.setattr(ObjectDictionary, "read", unselected)


def reads_one_attribute_for_all(patch: Patch) -> None:
    patch.setattr(objects, "_read_all", lambda caller, target, rights, selection: target.read(1))


def our_client_takes_a_notification_for_an_answer(patch: Patch) -> None:
    patch.setattr(blocking_client, "RESPONSES", (*RESPONSES, DataNotification))


MUTANTS: list[tuple[str, str, Callable[[Patch], None]]] = [
    ("AP-01", "plain", serves_without_association),
    ("AP-02", "plain", says_nothing_to_release),
    ("AP-03", "user", takes_any_user),
    ("AP-04", "sha-256", takes_any_secret),
    ("AP-05", "plain", takes_any_protocol_version),
    ("AP-06", "plain", names_another_diagnostic),
    ("AP-08", "password", takes_any_mechanism),
    ("AP-08", "password", takes_any_secret),
    ("AP-11", "plain", takes_any_initiate),
    ("AP-12", "plain", takes_any_initiate),
    ("AP-13", "plain", takes_any_initiate),
    ("AP-13", "plain", forgets_the_pdu_size),
    ("AP-14", "plain", calls_everything_busy),
    ("AP-15", "plain", swallows_what_may_not_be_written),
    ("AP-16", "plain", forgets_what_was_negotiated),
    ("AP-20", "plain", releases_nothing),
    ("AP-25", "plain", _answering(lists_backwards)),
    ("AP-31", "plain", _answering(calls_everything_done)),
    ("AP-32", "plain", answers_the_unconfirmed),
    ("AP-33", "plain", _answering(with_another_invoke_id)),
    ("AP-34", "plain", takes_any_selector),
    ("AP-35", "plain", reads_one_attribute_for_all),
    ("AP-38", "plain", forgets_the_pdu_size),
    ("AP-46", "plain", says_what_nobody_knows),
    ("AP-47", "password", _answering(calls_everything_done)),
    ("AP-48", "password", gives_everybody_all_rights),
    ("AP-50", "plain", our_client_takes_a_notification_for_an_answer),
]
"""Case, client, and what is broken."""
