"""Keys of a meter are replaced under its master key: whole or not at all, with both clients."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import replace

import pytest

import meter_bench
from dlms_fw._core import Key
from dlms_fw.async_client import AsyncClient
from dlms_fw.client import Client
from dlms_fw.cosem import well_known
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.security_setup import KeyTransferData, SecuritySetup, SecuritySetupV0
from dlms_fw.enums import ActionResult, KeyId, SecurityPolicyV0, SecurityPolicyV1, SecuritySuite
from dlms_fw.errors import ConfigurationError, DlmsError, KeyChangeFailed, ServiceError, TransportError
from dlms_fw.key_management import confirm_keys, run, run_async, transfer_keys, with_keys
from dlms_fw.meter.clients import PRE_ESTABLISHED, clients
from dlms_fw.meter.power_cut import Cut, PowerCut, SimulatedMedium, When
from dlms_fw.profiles import Profile
from dlms_fw.security import Keys, SecurityPolicy
from dlms_fw.transports.loopback import AsyncLoopbackTransport, LoopbackTransport
from meter_bench import IMAGE_TRANSFER, PUBLIC, Bench, refusal_of

pytest_plugins = ["meter_fixtures"]
pytestmark = pytest.mark.usefixtures("meter_journal")

GMAC = replace(
    meter_bench.GMAC, trust_meter_counter_reset=True
)  # tests here have several meters of one title
MASTER, NEW_MASTER = Key(bytes(range(64, 80))), Key(bytes(range(80, 96)))
GUEK, GBEK, GAK, KEK = KeyId
NEW = {GUEK: Key(b"new unicast key!"), GAK: Key(b"new authenticat.")}
SETUP = SecuritySetup(well_known.SECURITY_SETUP)
SETUP_V0 = SecuritySetupV0(well_known.SECURITY_SETUP)
STATUS = IMAGE_TRANSFER.image_transfer_status
REFUSED = ActionResult.OTHER_REASON


def bench_with(profile: Profile = GMAC, **changes: object) -> Bench:
    return Bench(profile, **({"master_key": MASTER} | changes))


def wrapped(new: Mapping[KeyId, Key], master_key: Key = MASTER) -> list[KeyTransferData]:
    return [KeyTransferData(key_id, key.wrap(master_key)) for key_id, key in new.items()]


def keys_of(bench: Bench, setup: int = 0) -> dict[KeyId, Key]:
    return dict(bench.meter.units.symmetric_keys.keys(setup))


def events(bench: Bench) -> int:
    return [entry.code for entry in bench.meter.units.standard_log.entries].count(48)


def of_suite(suite: int) -> tuple[Profile, Key, dict[KeyId, Key]]:
    if suite != 2:
        return replace(GMAC, security_suite=SecuritySuite(suite)), MASTER, NEW
    keys = Keys(global_unicast_encryption_key=Key(bytes(range(32))), authentication_key=Key(b"A" * 32))
    new = {GUEK: Key(b"new unicast key!" * 2), GAK: Key(b"new authenticat." * 2)}
    return replace(GMAC, security_suite=SecuritySuite(2), keys=keys), Key(b"M" * 32), new


@pytest.mark.proves("security-setup-key-transfer")
@pytest.mark.parametrize("suite", [0, 1, 2])
@pytest.mark.parametrize("version", [0, 1])
def test_keys_are_replaced_and_both_sides_go_on_with_the_new_ones(suite: int, version: int) -> None:
    profile, master, new = of_suite(suite)
    bench = Bench(profile, master_key=master, security_setup_version=version)
    with bench.client() as client:
        changed = run(client, transfer_keys(profile, new, master, setup=(SETUP_V0, SETUP)[version]))
        assert changed == with_keys(profile, new) == client.profile != profile
        assert client.get(STATUS) == 0
    assert events(bench) == 1
    bench.power_cycle()
    with bench.client(changed) as client:
        assert client.get(STATUS) == 0
    with pytest.raises(DlmsError):
        bench.client(profile).connect()


@pytest.mark.proves("security-setup-key-transfer")
def test_the_asyncio_client_replaces_keys_too() -> None:
    bench = bench_with()

    async def change() -> int:
        client = AsyncClient(
            "tcp://meter",
            GMAC,
            journal=Bench.journal,
            open_transport=open_transport,
            clock=bench.time.monotonic,
        )
        async with client:
            changed = await run_async(client, transfer_keys(GMAC, NEW, MASTER))
            assert changed == client.profile == with_keys(GMAC, NEW)
            return await client.get(STATUS)

    async def open_transport(deadline: float) -> AsyncLoopbackTransport:
        return AsyncLoopbackTransport(
            LoopbackTransport(bench.connect(), clock=bench.time.monotonic, sleep=bench.sleep)
        )

    assert asyncio.run(change()) == 0
    assert keys_of(bench)[GUEK] == NEW[GUEK]


WRONG = {
    "no key": [],
    "another master key": wrapped(NEW, NEW_MASTER),
    "one of two under another master key": [
        *wrapped({GUEK: NEW[GUEK]}),
        *wrapped({GAK: NEW[GAK]}, NEW_MASTER),
    ],
    "an id that is none": [*wrapped({GUEK: NEW[GUEK]}), KeyTransferData(7, NEW[GAK].wrap(MASTER))],  # type: ignore[arg-type]
    "the same id twice": wrapped({GUEK: NEW[GUEK]}) * 2,
    "a key of another suite": wrapped({GUEK: Key(bytes(32))}),
    "a key cut short": [KeyTransferData(GUEK, NEW[GUEK].wrap(MASTER)[:-1])],
    "a key with one octet more": [KeyTransferData(GUEK, NEW[GUEK].wrap(MASTER) + b"\0")],
    "a key in the clear": [KeyTransferData(GUEK, NEW[GUEK].expose() + bytes(8))],
    "nothing": [KeyTransferData(GUEK, b"")],
}


@pytest.mark.fault("S-27")
@pytest.mark.proves("security-setup-key-transfer")
@pytest.mark.parametrize("mistake", WRONG)
@pytest.mark.parametrize("version", [0, 1])
def test_a_wrong_transfer_changes_nothing(mistake: str, version: int) -> None:
    bench = bench_with(security_setup_version=version)
    before = keys_of(bench)
    call = (SETUP_V0.global_key_transfer, SETUP.key_transfer)[version](WRONG[mistake])
    with bench.client() as client:
        assert refusal_of(client, call.request) == REFUSED
        assert client.get(STATUS) == 0
    for _ in range(2):
        assert keys_of(bench) == before
        assert events(bench) == 0
        with bench.client() as client:
            assert client.get(STATUS) == 0
        bench.power_cycle()


@pytest.mark.fault("S-27")
def test_nobody_transfers_keys_without_the_right_or_to_a_meter_without_a_master_key() -> None:
    call = SETUP.key_transfer(wrapped(NEW))
    with Bench(GMAC).client() as client:
        assert refusal_of(client, call.request) == REFUSED
    bench = bench_with()
    with bench.client(replace(GMAC, client_sap=2)) as reading:
        assert refusal_of(reading, call.request) == ActionResult.READ_WRITE_DENIED
    assert keys_of(bench)[GUEK] != NEW[GUEK]


@pytest.mark.proves("security-setup-key-transfer")
def test_a_new_master_key_is_used_at_once_and_an_association_goes_on_under_its_keys() -> None:
    bench = bench_with()
    with bench.client() as client:
        client.action(SETUP.key_transfer(wrapped({KEK: NEW_MASTER})))
        assert refusal_of(client, SETUP.key_transfer(wrapped(NEW)).request) == REFUSED
        client.action(SETUP.key_transfer(wrapped(NEW, NEW_MASTER)))
        assert client.get(STATUS) == 0, "still under the old key"
        # All keys of one call are under the master key that held before it.
        both = {KEK: MASTER, GUEK: GMAC.keys.global_unicast_encryption_key or MASTER}
        client.action(SETUP.key_transfer(wrapped(both, NEW_MASTER)))
    assert keys_of(bench)[KEK] == MASTER
    assert events(bench) == 3


@pytest.mark.proves("security-setup-key-transfer")
def test_a_profile_that_has_the_master_key_gets_the_new_one() -> None:
    profile = replace(GMAC, keys=replace(GMAC.keys, master_key=MASTER))
    bench = bench_with(profile)
    with bench.client() as client:
        changed = run(client, transfer_keys(profile, {KEK: NEW_MASTER}, MASTER))
    assert changed.keys == replace(profile.keys, master_key=NEW_MASTER)


@pytest.mark.proves("security-setup-key-counters")
def test_counters_of_a_new_key_begin_anew_and_those_of_an_old_one_go_on() -> None:
    bench = bench_with()

    def counter() -> object:
        with bench.client(PUBLIC) as public:
            return public.get(Data(well_known.invocation_counter(0)).value).value

    with bench.client() as client:
        for _ in range(5):
            client.get(STATUS)
        before = counter()
        client.action(SETUP.key_transfer(wrapped(NEW)))
    assert isinstance(before, int)
    assert counter() == 0
    changed = with_keys(GMAC, NEW)
    with bench.client(changed) as client:
        client.action(
            SETUP.key_transfer(wrapped({GUEK: Key(bytes(range(16))), GAK: Key(bytes(range(16, 32)))}))
        )
    again = counter()
    assert isinstance(again, int)
    assert again >= before
    with bench.client() as client:
        assert client.get(STATUS) == 0


@pytest.mark.proves("security-setup-key-transfer")
def test_the_broadcast_key_is_that_of_the_pre_established_client() -> None:
    old, new = Key(bytes(range(32, 48))), Key(b"another one's 16")
    bench = bench_with(global_broadcast_encryption_key=old)
    with bench.client() as client:
        assert run(client, transfer_keys(GMAC, {GBEK: new}, MASTER)) == GMAC
    known = clients(bench.config, bench.meter.units)[PRE_ESTABLISHED].keys
    assert known is not None
    assert known.global_broadcast_encryption_key == new


@pytest.mark.proves("security-setup-instances")
def test_the_reading_client_may_have_a_setup_of_its_own() -> None:
    bench = bench_with(security_setups="separate")
    with bench.client() as client:
        client.action(SecuritySetup("0-0:43.0.2.255").key_transfer(wrapped(NEW)))
        assert client.get(STATUS) == 0
    with bench.client() as client:
        assert client.get(STATUS) == 0
    with bench.client(replace(with_keys(GMAC, NEW), client_sap=2)) as reading:
        assert reading.get(STATUS) == 0


def in_its_second_life(cut: Cut | None = None) -> Bench:
    """A meter whose power goes at an operation, counted from its power-up."""
    bench = bench_with()
    bench.medium = bench.medium.survivor(cut)
    bench.power_up()
    return bench


def operations_of_a_change() -> range:
    bench = in_its_second_life()
    before = bench.medium.operations
    with bench.client() as client:
        client.action(SETUP.key_transfer(wrapped(NEW)))
    return range(before, bench.medium.operations)


@pytest.mark.fault("S-27")
@pytest.mark.proves("security-setup-key-durability")
@pytest.mark.parametrize("when", ["before", "inside", "after"])
def test_a_power_cut_leaves_the_old_keys_or_the_new_ones(when: When) -> None:
    """At every write of a key change; whatever the meter then has, the client finds out and goes on."""
    seen = set()
    old = dict(bench_with().meter.units.symmetric_keys.keys(0))
    for number in operations_of_a_change():
        bench = in_its_second_life(Cut(number, when, "mixed", number))
        told = False
        with contextlib.suppress(PowerCut), bench.client() as client:
            client.action(SETUP.key_transfer(wrapped(NEW)))
            told = True
        bench.power_cycle()
        found = keys_of(bench)
        assert found in (old, {**old, **NEW})
        seen.add(found == old)
        if told:
            assert found != old, "what was answered is durable"
        assert events(bench) >= (found != old), "a change that was made is in the log"
        assert bench.meter.units.security_memory.state.announced
        changed = with_keys(GMAC, NEW)
        client = bench.client()
        if found == old:
            with pytest.raises(KeyChangeFailed) as caught:
                run(client, confirm_keys(GMAC, changed))
            assert caught.value.restored
        else:
            assert run(client, confirm_keys(GMAC, changed)) == changed
        with client:
            assert client.get(STATUS) == 0
    assert seen == {True, False}


@pytest.mark.proves("security-setup-key-durability")
def test_a_replaced_key_is_nowhere_in_the_memory() -> None:
    bench = bench_with()
    with bench.client() as client:
        client.action(SETUP.key_transfer(wrapped(NEW)))
        newest = {GUEK: Key(b"the newest key!!"), GAK: Key(b"the newest one!!")}
        client.action(SETUP.key_transfer(wrapped(newest)))
    content = b"".join(bench.medium.read(f"security.{copy}", 0, 1 << 20) for copy in (0, 1))
    assert content.count(newest[GUEK].expose().hex().encode()) == 2
    assert NEW[GUEK].expose().hex().encode() not in content


def losing_the_answer(bench: Bench) -> Client:
    """A client whose connection breaks between a key transfer and its answer."""

    class Lossy(LoopbackTransport):
        def receive(self, deadline: float) -> bytes:
            if events(bench) == 1 and not lost:
                lost.append(True)
                raise TransportError("gone")
            return super().receive(deadline)

    lost: list[bool] = []
    client = bench.client()
    client._open_transport = lambda deadline: Lossy(
        bench.connect(), clock=bench.time.monotonic, sleep=bench.sleep
    )
    return client


@pytest.mark.proves("security-setup-key-confirmation")
def test_a_lost_answer_is_no_doubt_for_long() -> None:
    bench = bench_with()
    with losing_the_answer(bench) as client:
        assert run(client, transfer_keys(GMAC, NEW, MASTER)) == with_keys(GMAC, NEW)
        assert client.get(STATUS) == 0


@pytest.mark.proves("security-setup-key-confirmation")
def test_a_refused_change_leaves_the_client_where_it_was() -> None:
    bench = bench_with()
    with bench.client() as client:
        with pytest.raises(ServiceError):
            run(client, transfer_keys(GMAC, NEW, NEW_MASTER))
        assert client.get(STATUS) == 0
        for new in ({}, {GUEK: Key(b"short")}):
            with pytest.raises(ConfigurationError):
                run(client, transfer_keys(GMAC, new, MASTER))
        assert client.get(STATUS) == 0


@pytest.mark.proves("security-setup-key-confirmation")
def test_a_meter_that_answers_to_no_key_is_told_of() -> None:
    bench = bench_with()
    with bench.client() as client:
        client.action(SETUP.key_transfer(wrapped({**NEW, GUEK: Key(b"somebody else's.")})))
        with pytest.raises(KeyChangeFailed) as caught:
            run(client, confirm_keys(GMAC, with_keys(GMAC, NEW)))
        assert not caught.value.restored


@pytest.mark.proves("security-setup-activate")
def test_a_policy_is_only_strengthened_and_holds_from_the_next_association_on() -> None:
    authenticated = replace(GMAC, security_policy=SecurityPolicy.AUTHENTICATED)
    bench = bench_with(authenticated)
    both = SecurityPolicyV1(0x6C)
    with bench.client() as client:
        assert client.get(SETUP.security_policy) == 0x24
        for weaker in (SecurityPolicyV1(0), SecurityPolicyV1(0x04), SecurityPolicyV1(0x48)):
            assert refusal_of(client, SETUP.security_activate(weaker).request) == 3
        assert refusal_of(client, SETUP.security_activate(SecurityPolicyV1(0x25)).request) == 12
        assert refusal_of(client, SETUP.security_activate(SecurityPolicyV1(0xFC)).request) == REFUSED
        client.action(SETUP.security_activate(both))
        assert client.get(SETUP.security_policy) == both
    bench.power_cycle()
    with pytest.raises(DlmsError):
        bench.client().connect()
    with bench.client(GMAC) as client:
        assert client.get(SETUP.security_policy) == both
        client.action(SETUP.security_activate(both))


AUTHENTICATED = replace(GMAC, security_policy=SecurityPolicy.AUTHENTICATED)


@pytest.mark.proves("security-setup-directions")
def test_a_policy_may_ask_for_more_in_responses() -> None:
    bench = bench_with(AUTHENTICATED)
    with bench.client() as client:
        client.action(SETUP.security_activate(SecurityPolicyV1(0x64)))
        assert client.get(SETUP.security_policy) == 0x64
    heard: list[bytes] = []

    class Tapped(LoopbackTransport):
        def receive(self, deadline: float) -> bytes:
            heard.append(super().receive(deadline))
            return heard[-1]

    client = bench.client()
    client._open_transport = lambda deadline: Tapped(
        bench.connect(), clock=bench.time.monotonic, sleep=bench.sleep
    )
    with client:
        assert client.get(STATUS) == 0
        assert heard[-1][10] == 0x30  # behind the wrapper's header, tag and length: the security control


@pytest.mark.proves("security-setup-directions")
def test_a_policy_may_ask_for_more_in_requests() -> None:
    bench = bench_with(AUTHENTICATED)
    with bench.client() as client:
        client.action(SETUP.security_activate(SecurityPolicyV1(0x2C)))
    with pytest.raises(DlmsError):
        bench.client().connect()
    with bench.client(GMAC) as client:
        assert client.get(STATUS) == 0


@pytest.mark.proves("security-setup-activate")
def test_the_levels_of_version_0_are_strengthened_too() -> None:
    bench = bench_with(replace(GMAC, security_policy=SecurityPolicy.NONE), security_setup_version=0)
    with bench.client() as client:
        assert client.get(SETUP_V0.security_policy) == SecurityPolicyV0.NOTHING
        client.action(SETUP_V0.security_activate(SecurityPolicyV0.ALL_MESSAGES_ENCRYPTED))
        weaker = SETUP_V0.security_activate(SecurityPolicyV0.ALL_MESSAGES_AUTHENTICATED)
        assert refusal_of(client, weaker.request) == 3
        client.action(SETUP_V0.security_activate(SecurityPolicyV0(3)))
        assert client.get(SETUP_V0.security_policy) == 3
    with bench.client(GMAC) as client:
        assert client.get(SETUP_V0.security_policy) == 3


def test_the_memory_that_cannot_be_written_keeps_the_old_keys() -> None:
    bench = bench_with()
    before = keys_of(bench)
    bench.medium.failing |= {"security.0", "security.1"}
    with bench.client() as client:
        assert refusal_of(client, SETUP.key_transfer(wrapped(NEW)).request) == ActionResult.HARDWARE_FAULT
    assert keys_of(bench) == before
    assert isinstance(bench.medium, SimulatedMedium)


@pytest.mark.proves("security-setup-key-durability")
def test_a_meter_that_has_lost_its_keys_only_says_who_it_is() -> None:
    bench = bench_with()
    with bench.client() as client:
        client.action(SETUP.key_transfer(wrapped(NEW)))
    bench.medium = bench.medium.survivor()
    for copy in (0, 1):
        bench.medium.rot(f"security.{copy}", 40)
        bench.power_up()
        assert bench.meter.in_recovery is (copy == 1)
    with pytest.raises(DlmsError):
        bench.client(with_keys(GMAC, NEW)).connect()
    with bench.client(PUBLIC) as public:
        assert public.get(Data(well_known.LOGICAL_DEVICE_NAME).value).value == b"MCS0040612345678"


@pytest.mark.parametrize(
    "wrong",
    [
        {"master_key": Key(b"short")},
        {"security_setup_version": 2},
        {"association_version": 4},
        {"trust_anchors": (b"no certificate",)},
    ],
)
def test_a_configuration_that_contradicts_itself_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        bench_with(**wrong)
