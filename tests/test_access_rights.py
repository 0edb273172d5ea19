"""Access rights of all versions of Association LN: shown as they are, and held against every service."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dlms_fw import _core
from dlms_fw._core import ActionRequest, GetRequest, Key, RequestList, SetRequest
from dlms_fw.client import Client
from dlms_fw.cosem import well_known
from dlms_fw.cosem.association import (
    AccessRight,
    AssociationLN,
    AssociationLNV0,
    AssociationLNV2,
    AssociationLNV3,
    AttributeAccessItem,
    ObjectListElement,
)
from dlms_fw.cosem.interface import Selection
from dlms_fw.enums import (
    ActionResult,
    AttributeAccessFlags,
    AttributeAccessMode,
    DataAccessResult,
    MethodAccessFlags,
    MethodAccessMode,
)
from dlms_fw.errors import AssociationRejected, ServiceError
from dlms_fw.logical_name import LogicalName
from dlms_fw.meter.access import AccessRule
from dlms_fw.security import SecurityPolicy
from dlms_fw.transports.loopback import LoopbackTransport
from meter_bench import GMAC, IMAGE_TRANSFER, LLS, PLAIN, STANDARD_LOG, Bench, refusal_of

pytest_plugins = ["meter_fixtures"]
pytestmark = pytest.mark.usefixtures("meter_journal")

VERSIONS = (AssociationLNV0, AssociationLN, AssociationLNV2, AssociationLNV3)
DENIED, SCOPE = DataAccessResult.READ_WRITE_DENIED, DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
READ, WRITE = AttributeAccessFlags.READ, AttributeAccessFlags.WRITE
AUTHENTICATED = replace(GMAC, security_policy=SecurityPolicy.AUTHENTICATED)
ENABLED, STATUS = IMAGE_TRANSFER.image_transfer_enabled, IMAGE_TRANSFER.image_transfer_status
VERIFY = IMAGE_TRANSFER.image_verify()


def rule(
    attributes: dict[int, AttributeAccessMode | AttributeAccessFlags] | None = None,
    methods: dict[int, bool | MethodAccessMode | MethodAccessFlags] | None = None,
    **others: object,
) -> AccessRule:
    return AccessRule(
        class_id=18,
        logical_name=well_known.IMAGE_TRANSFER,
        attributes=attributes or {},
        methods=methods or {},
        **others,  # type: ignore[arg-type]
    )


def results(client: Client, *requests: GetRequest | SetRequest | ActionRequest) -> list[int]:
    answer = client.exchange(RequestList(requests))  # type: ignore[arg-type]
    assert isinstance(answer, _core.ResponseList)
    return [item.result for item in answer.items]


#: An attribute mode, and what reading and writing then comes to in plain and in authenticated messages.
ATTRIBUTE_MODES = {
    AttributeAccessMode.NO_ACCESS: ((DENIED, DENIED), (DENIED, DENIED)),
    AttributeAccessMode.READ_ONLY: ((0, DENIED), (0, DENIED)),
    AttributeAccessMode.WRITE_ONLY: ((DENIED, 0), (DENIED, 0)),
    AttributeAccessMode.READ_AND_WRITE: ((0, 0), (0, 0)),
    AttributeAccessMode.AUTHENTICATED_READ_ONLY: ((SCOPE, DENIED), (0, DENIED)),
    AttributeAccessMode.AUTHENTICATED_WRITE_ONLY: ((DENIED, SCOPE), (DENIED, 0)),
    AttributeAccessMode.AUTHENTICATED_READ_AND_WRITE: ((SCOPE, SCOPE), (0, 0)),
}


@pytest.mark.proves("access-modes-v0-to-v2")
@pytest.mark.parametrize("mode", AttributeAccessMode)
@pytest.mark.parametrize("version", [0, 1, 2])
def test_attribute_modes_are_held_and_shown(mode: AttributeAccessMode, version: int) -> None:
    for profile, expected in zip((PLAIN, AUTHENTICATED), ATTRIBUTE_MODES[mode], strict=True):
        bench = Bench(profile, association_version=version, access_rules=(rule({5: mode}),))
        with bench.client() as client:
            read, write = ENABLED.get_request(), ENABLED.set_request(value=True)
            assert (refusal_of(client, read), refusal_of(client, write)) == expected
            assert results(client, STATUS.get_request(), read) == [0, expected[0]]
            assert results(client, write, write) == [expected[1]] * 2
            association = VERSIONS[version](well_known.CURRENT_ASSOCIATION)
            shown = element_of(client.get(association.object_list))
            modes = {item.attribute_id: item.access_mode for item in shown.access_rights.attribute_access}
            assert modes[5] is mode


@pytest.mark.proves("access-modes-v0-to-v2")
@pytest.mark.parametrize("mode", [False, True, *MethodAccessMode])
def test_method_modes_are_held_and_shown(mode: bool | MethodAccessMode) -> None:
    version = 0 if isinstance(mode, bool) else 1
    for profile in (PLAIN, AUTHENTICATED):
        bench = Bench(profile, association_version=version, access_rules=(rule(methods={3: mode}),))
        allowed = ActionResult.OTHER_REASON  # of a verification with nothing to verify
        too_little = mode == MethodAccessMode.AUTHENTICATED_ACCESS and profile is PLAIN
        expected = DENIED if not mode else SCOPE if too_little else allowed
        with bench.client() as client:
            assert refusal_of(client, VERIFY.request) == expected
            assert results(client, VERIFY.request, VERIFY.request) == [expected] * 2
            association = VERSIONS[version](well_known.CURRENT_ASSOCIATION)
            shown = element_of(client.get(association.object_list))
            assert {item.method_id: item.access_mode for item in shown.access_rights.method_access}[3] is mode


def element_of(elements: list[ObjectListElement]) -> ObjectListElement:
    return next(element for element in elements if element.class_id == 18)


F = AttributeAccessFlags


@pytest.mark.proves("access-modes-v3")
@pytest.mark.parametrize("needed", [F(0), F.AUTHENTICATED_REQUEST, F.ENCRYPTED_REQUEST, F(0x0C)])
@pytest.mark.parametrize("answer", [F(0), F.AUTHENTICATED_RESPONSE, F.ENCRYPTED_RESPONSE, F(0x60)])
def test_flags_are_held_and_shown(needed: F, answer: F) -> None:
    flags = READ | WRITE | needed | answer
    methods = MethodAccessFlags(MethodAccessFlags.ACCESS | int(needed | answer))
    for policy in SecurityPolicy:
        profile = replace(GMAC, security_policy=policy, trust_meter_counter_reset=True)
        rules = (rule({5: flags}, {3: methods}),)
        bench = Bench(profile, association_version=3, access_rules=rules)
        enough = not needed & ~(policy >> 2) and (policy != 0 or not answer)
        with bench.client() as client:
            assert refusal_of(client, ENABLED.get_request()) == (0 if enough else SCOPE)
            assert refusal_of(client, ENABLED.set_request(value=False)) == (0 if enough else SCOPE)
            assert refusal_of(client, VERIFY.request) == (250 if enough else SCOPE)
            shown = element_of(client.get(AssociationLNV3(well_known.CURRENT_ASSOCIATION).object_list))
        modes = {item.attribute_id: item.access_mode for item in shown.access_rights.attribute_access}
        called = {item.method_id: item.access_mode for item in shown.access_rights.method_access}
        assert (modes[5], called[3]) == (flags, methods)


@pytest.mark.proves("access-protection-of-responses")
def test_an_answer_is_protected_as_its_access_right_demands_and_others_are_not() -> None:
    profile = replace(GMAC, security_policy=SecurityPolicy.AUTHENTICATED)
    rules = (rule({6: READ | F.ENCRYPTED_RESPONSE}),)
    bench = Bench(profile, association_version=3, access_rules=rules)
    heard: list[bytes] = []

    class Tapped(LoopbackTransport):
        def receive(self, deadline: float) -> bytes:
            data = super().receive(deadline)
            heard.append(data)
            return data

    client = bench.client()
    client._open_transport = lambda deadline: Tapped(
        bench.connect(), clock=bench.time.monotonic, sleep=bench.sleep
    )
    with client:
        for requests, security_control in (
            ((ENABLED.get_request(),), 0x10),
            ((STATUS.get_request(),), 0x30),
            ((ENABLED.get_request(), STATUS.get_request()), 0x30),
            ((ENABLED.get_request(),), 0x10),
        ):
            del heard[:]
            assert set(results(client, *requests)) == {0}
            apdu = b"".join(heard)[8:]
            assert apdu[2] == security_control  # behind the tag and one octet of length


@pytest.mark.proves("access-modes-v3")
def test_a_refused_write_or_call_has_no_effect() -> None:
    signed = F.DIGITALLY_SIGNED_REQUEST
    rules = (rule({5: READ | WRITE | signed}, {1: MethodAccessFlags.ACCESS | int(signed)}),)
    bench = Bench(GMAC, association_version=3, access_rules=rules)
    with bench.client() as client:
        assert refusal_of(client, ENABLED.set_request(value=False)) == SCOPE
        initiate = IMAGE_TRANSFER.image_transfer_initiate(b"MCS102", 100)
        assert refusal_of(client, initiate.request) == SCOPE
    store = bench.meter.units.firmware.image_store
    assert (store.image_transfer_enabled, store.image_transfer_status) == (True, 0)


@pytest.mark.proves("access-selectors")
def test_only_the_selectors_of_the_object_list_may_be_used() -> None:
    last = Selection(2, bytes.fromhex("0204 0600000001 0600000001 120001 120000"))
    only_ranges = AccessRule(class_id=7, logical_name=well_known.STANDARD_EVENT_LOG, selectors={2: (1,)})
    for rules, result, shown in (((), 0, [1, 2]), ((only_ranges,), SCOPE, [1])):
        with Bench(access_rules=rules).client() as client:
            assert refusal_of(client, STANDARD_LOG.buffer.get_request(last)) == result
            assert refusal_of(client, STATUS.get_request(Selection(1, b"\0"))) == SCOPE
            elements = client.get(AssociationLN(well_known.CURRENT_ASSOCIATION).object_list)
            log = next(e for e in elements if e.logical_name == well_known.STANDARD_EVENT_LOG)
            assert [item.access_selectors for item in log.access_rights.attribute_access][1] == shown


def test_rights_belong_to_a_client() -> None:
    rules = (rule({6: AttributeAccessMode.NO_ACCESS}, clients=frozenset({2})),)
    bench = Bench(access_rules=rules)
    with bench.client() as management, bench.client(replace(PLAIN, client_sap=2)) as reading:
        assert refusal_of(management, STATUS.get_request()) == 0
        assert refusal_of(reading, STATUS.get_request()) == DENIED
        assert results(reading, STATUS.get_request(), ENABLED.get_request()) == [DENIED, 0]


LOG_ELEMENT = ObjectListElement(
    7,
    1,
    well_known.STANDARD_EVENT_LOG,
    AccessRight([AttributeAccessItem(2, AttributeAccessMode.READ_ONLY)], []),
)


@pytest.mark.proves("association-add-remove-object")
@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_objects_come_and_go_and_stay_so_over_a_power_cut(version: int) -> None:
    bench = Bench(association_version=version)
    association = VERSIONS[version](well_known.CURRENT_ASSOCIATION)
    item = AttributeAccessItem(2, READ if version == 3 else AttributeAccessMode.READ_ONLY)
    element = LOG_ELEMENT._replace(access_rights=AccessRight([item], []))
    with bench.client() as client:
        before = client.get(association.object_list)
        client.action(association.remove_object(element))  # type: ignore[arg-type]
        assert len(client.get(association.object_list)) == len(before) - 1
        assert refusal_of(client, STANDARD_LOG.entries_in_use.get_request()) == DENIED
        assert refusal_of(client, association.remove_object(element).request) == 4  # type: ignore[arg-type]
    bench.power_cycle()
    with bench.client() as client:
        assert refusal_of(client, STANDARD_LOG.buffer.get_request()) == DENIED
        client.action(association.add_object(element))  # type: ignore[arg-type]
    bench.power_cycle()
    with bench.client() as client:
        assert refusal_of(client, STANDARD_LOG.buffer.get_request()) == 0
        assert refusal_of(client, STANDARD_LOG.entries_in_use.get_request()) == DENIED
    with bench.client(replace(PLAIN, client_sap=2)) as reading:
        assert refusal_of(reading, STANDARD_LOG.entries_in_use.get_request()) == 0


@pytest.mark.proves("association-add-remove-object")
def test_nobody_shows_itself_more_than_the_model_nor_hides_the_way_back() -> None:
    association = AssociationLN(well_known.CURRENT_ASSOCIATION)
    writable = AccessRight([AttributeAccessItem(2, AttributeAccessMode.READ_AND_WRITE)], [])
    nothing = AccessRight([], [])
    denied = ActionResult.READ_WRITE_DENIED
    refused = [
        (
            association.add_object,
            LOG_ELEMENT._replace(access_rights=writable),
            ActionResult.READ_WRITE_DENIED,
        ),
        (association.add_object, LOG_ELEMENT._replace(version=9), ActionResult.OBJECT_CLASS_INCONSISTENT),
        (association.add_object, LOG_ELEMENT._replace(class_id=1), ActionResult.OBJECT_CLASS_INCONSISTENT),
        (
            association.add_object,
            LOG_ELEMENT._replace(logical_name=LogicalName("9-9:9.9.9.9")),
            ActionResult.OBJECT_UNDEFINED,
        ),
        (
            association.remove_object,
            ObjectListElement(15, 1, well_known.CURRENT_ASSOCIATION, nothing),
            ActionResult.READ_WRITE_DENIED,
        ),
        (
            association.remove_object,
            ObjectListElement(1, 0, well_known.LOGICAL_DEVICE_NAME, nothing),
            ActionResult.READ_WRITE_DENIED,
        ),
    ]
    bench = Bench()
    with bench.client() as client, bench.client(replace(PLAIN, client_sap=2)) as reading:
        before = client.get(association.object_list)
        for method, element, result in refused:
            assert refusal_of(client, method(element).request) == result
        assert client.get(association.object_list) == before
        assert refusal_of(reading, association.add_object(LOG_ELEMENT).request) == denied


@pytest.mark.proves("association-change-secret")
def test_a_password_is_replaced_for_the_next_association() -> None:
    bench = Bench(LLS)
    association = AssociationLN(well_known.CURRENT_ASSOCIATION)
    with bench.client() as client:
        assert refusal_of(client, association.secret.get_request()) == DENIED
        assert refusal_of(client, association.secret.set_request(b"")) == DataAccessResult.OTHER_REASON
        client.set(association.secret, b"another one")
        assert client.get(STATUS) == 0
    bench.power_cycle()
    with pytest.raises(AssociationRejected):
        bench.client().connect()
    with bench.client(replace(LLS, password=Key(b"another one"))) as client:
        assert client.get(STATUS) == 0
    with bench.client(replace(LLS, client_sap=2)) as reading:  # the secret was that of one client
        assert reading.get(STATUS) == 0


@pytest.mark.proves("association-change-secret")
def test_an_hls_secret_is_replaced_for_the_next_association() -> None:
    sha256 = replace(LLS, mechanism=6, system_title=GMAC.system_title)
    bench = Bench(sha256)
    association = AssociationLN(well_known.CURRENT_ASSOCIATION)
    with bench.client() as client:
        client.action(association.change_hls_secret(b"a longer shared secret"))
    with bench.client(replace(sha256, password=Key(b"a longer shared secret"))) as client:
        assert client.get(STATUS) == 0
    with Bench(PLAIN).client() as client, pytest.raises(ServiceError):
        client.action(association.change_hls_secret(b"there is none"))


@pytest.mark.proves("association-users")
@pytest.mark.parametrize("version", [2, 3])
def test_users_come_and_go_and_only_they_may_associate(version: int) -> None:
    bench = Bench(association_version=version, users={1: "first"})
    declared = AssociationLNV2 if version == 2 else AssociationLNV3
    association = declared(well_known.CURRENT_ASSOCIATION)
    first, second = (replace(PLAIN, client_user_id=number) for number in (1, 2))
    for stranger in (PLAIN, second):
        with pytest.raises(AssociationRejected):
            bench.client(stranger).connect()
    with bench.client(first) as client:
        assert client.get(association.user_list) == [(1, b"first")]
        assert client.get(association.current_user) == (1, b"first")
        client.action(association.add_user(2, b"second"))
        client.action(association.add_user(1, b"first again"))
        assert client.get(association.user_list) == [(2, b"second"), (1, b"first again")]
    bench.power_cycle()
    with bench.client(second) as client:
        assert client.get(association.current_user) == (2, b"second")
        client.action(association.remove_user(2, b"second"))
        assert client.get(association.user_list) == [(1, b"first again")]
        assert refusal_of(client, association.remove_user(7, b"").request) == ActionResult.OTHER_REASON
    with pytest.raises(AssociationRejected):
        bench.client(second).connect()
    with bench.client(first) as client:
        client.action(association.remove_user(1, b"first"))
    with bench.client() as client:  # an empty list lets everybody in
        assert client.get(association.user_list) == []
        assert client.get(association.current_user) == (0, b"")
