"""The short way of image blocks: what is said and what is kept are the same as without it.

Two meters hear the same octets, one with the short way and one without. Whatever a client, a second client,
the time or the power does between two blocks, their answers, their memory and their bitmaps are equal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlms_fw._core import ActionRequest, GetRequest, RequestList, SetRequest, stored_block_digest
from dlms_fw.axdr import boolean
from dlms_fw.cosem import well_known
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.errors import DlmsError
from dlms_fw.meter.clock import VirtualTime
from dlms_fw.meter.connection import Framing, MeterConnection
from dlms_fw.meter.image_store import ImageStore
from dlms_fw.meter.memory import MemoryMedium
from dlms_fw.meter.meter import SimulatedMeter
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.storage import Directory, ImageBlockStore, Medium
from dlms_fw.profiles import Profile
from dlms_fw.session.client import ClientSession
from dlms_fw.session.states import State
from dlms_fw.simulation import CIPHERED, PLAIN, meter_config
from harness import Challenges, ClientCounters, client_framing

BLOCK_SIZE = 64
BLOCKS = 24
IMAGE = bytes(index * 31 + index // 64 & 0xFF for index in range(BLOCKS * BLOCK_SIZE - 20))
IDENTIFIER = b"MCS102"
OBJECT = ImageTransfer(well_known.IMAGE_TRANSFER)
NAME = OBJECT.instance_id.to_bytes()
STATUS, FIRST_MISSING, ENABLED = 3, 4, 5


def block_request(number: int, value: bytes, *, confirmed: bool = True) -> ActionRequest:
    parameter = OBJECT.image_block_transfer(number, value).request.parameter
    return ActionRequest(18, NAME, 2, parameter, confirmed=confirmed)


def value_of(number: int) -> bytes:
    return IMAGE[number * BLOCK_SIZE : (number + 1) * BLOCK_SIZE]


@dataclass
class Line:
    """One client on a connection of its own."""

    session: ClientSession
    connection: MeterConnection
    sent: bytes = b""


@dataclass
class Rig:
    """A meter, two clients of it, and all octets that it has said."""

    sink: bool
    profile: Profile
    framing: Framing
    changes: dict[str, Any] = field(default_factory=dict)
    medium: Medium = field(default_factory=MemoryMedium)

    def __post_init__(self) -> None:
        self.time = VirtualTime()
        self.said: list[bytes] = []
        self.counters, self.challenges = ClientCounters(), Challenges()
        self.meter_challenges = Challenges(1000)
        self.config = meter_config(
            self.profile,
            **{
                "block_sink": self.sink,
                "image_block_size": BLOCK_SIZE,
                "accept_raw": True,
                "counter_stride": 20,
                "verify_seconds": 2.0,
                "owner_idle_seconds": 5.0,
            }
            | self.changes,
        )
        self.power_up()

    def power_up(self) -> None:
        self.meter = SimulatedMeter(
            self.medium, self.config, self.time, challenge=self.meter_challenges, randomness=bytes
        )
        self.lines: dict[int, Line] = {}

    def line(self, number: int) -> Line:
        """A client that is associated, if the meter lets it."""
        line = self.lines.get(number)
        if line is None or not line.connection.is_open or line.session.state is not State.ASSOCIATED:
            if line is not None:
                line.connection.close()
            session = ClientSession(
                client_framing(self.profile, hdlc=self.framing == "hdlc"),
                self.profile,
                challenge=self.challenges,
                counters=self.counters,
            )
            line = self.lines[number] = Line(session, self.meter.connect(self.framing))
            self.exchange(line, session.connect())
            if session.state is State.CONNECTED:
                self.exchange(line, session.associate())
        return line

    def exchange(self, line: Line, data: bytes) -> None:
        """Octets to the meter, and whatever follows from them."""
        while data:
            answer = line.connection.receive(data)
            self.said.append(answer)
            if not answer:
                return
            try:
                _, data = line.session.receive(answer)
            except DlmsError:
                line.connection.close()
                return

    def send(self, number: int, *requests: Any, change: Callable[[bytes], bytes] = bytes) -> None:
        line = self.line(number)
        try:
            line.sent = b"".join(line.session.send(request) for request in requests)
        except DlmsError:  # an answer is missing on a link that takes one request at a time
            line.connection.close()
            return
        self.exchange(line, change(line.sent))

    @property
    def taken(self) -> bool:
        """Whether the way is open for some connection."""
        return any(line.connection.sink is not None for line in self.lines.values())

    @property
    def store(self) -> Any:
        return self.meter.units.firmware.image_store


def initiate(rig: Rig, line: int) -> None:
    rig.send(line, OBJECT.image_transfer_initiate(IDENTIFIER, len(IMAGE)).request)


# --- What may happen ---------------------------------------------------------------------------------------

numbers = st.integers(0, BLOCKS - 1)
variants = st.sampled_from(["same"] * 8 + ["differing", "short", "long", "far"])


def varied(number: int, variant: str, *, confirmed: bool = True) -> ActionRequest:
    value = value_of(number)
    if variant == "differing":
        value = bytes(octet ^ 0xFF for octet in value)
    elif variant == "short":
        value = value[:-1]
    elif variant == "long":
        value += b"\0"
    return block_request(number + (BLOCKS if variant == "far" else 0), value, confirmed=confirmed)


def in_a_list(rig: Rig, line: int, wanted: Sequence[tuple[int, str]], *, other_method: bool = False) -> None:
    """Blocks in one request, perhaps with another method in the middle of them."""
    requests = [varied(number, variant) for number, variant in wanted]
    if other_method:
        requests.insert(len(requests) // 2, OBJECT.image_verify().request)
    rig.send(line, RequestList(requests))


def blocks(
    rig: Rig, line: int, first: int, count: int, variant: str, *, joined: bool, confirmed: bool
) -> None:
    """Some blocks in a row, in one piece or each by itself."""
    wanted = range(first, min(first + count, BLOCKS))
    requests = [varied(number, variant, confirmed=confirmed) for number in wanted]
    if joined and rig.framing != "hdlc":
        rig.send(line, *requests)
    else:
        for request in requests:
            rig.send(line, request)


def read(rig: Rig, line: int, attribute: int) -> None:
    rig.send(line, GetRequest(18, NAME, attribute))


def joined_with_a_read(rig: Rig, first: int, *, before: bool) -> None:
    """Blocks and a reading in the same octets."""
    requests: list[Any] = [block_request(n, value_of(n)) for n in range(first, min(first + 3, BLOCKS))]
    requests.insert(0 if before else len(requests), GetRequest(18, NAME, STATUS))
    if rig.framing == "hdlc":
        requests = requests[:1]
    rig.send(0, *requests)


def enable(rig: Rig, *, value: bool) -> None:
    rig.send(0, SetRequest(18, NAME, ENABLED, boolean.encode(value)))


def pause(rig: Rig, seconds: float) -> None:
    rig.time.advance(seconds)
    if (due := rig.meter.deadline) is not None and due <= rig.time.monotonic():
        rig.meter.advance()


def in_two_pieces(rig: Rig, number: int, cut: int, seconds: float) -> None:
    line = rig.line(0)
    try:
        data = line.session.send(block_request(number, value_of(number)))
    except DlmsError:
        line.connection.close()
        return
    rig.said.append(line.connection.receive(data[:cut]))
    rig.time.advance(seconds)
    rig.exchange(line, data[cut:])


def damaged(rig: Rig, number: int, place: int) -> None:
    def change(data: bytes) -> bytes:
        if not data:  # a link that waits for an answer
            return data
        at = 20 + place % (len(data) - 20)
        return data[:at] + bytes((data[at] ^ 0x10,)) + data[at + 1 :]

    rig.send(0, block_request(number, value_of(number)), change=change)


def again(rig: Rig, line: int) -> None:
    """The octets that the first client sent last, once more, perhaps on the other connection."""
    sent = rig.line(0).sent
    rig.exchange(rig.line(line), sent)


def nonsense(rig: Rig) -> None:
    rig.exchange(rig.line(0), b"\x7e\xa0\x07" + bytes(range(30)))


def power_cycle(rig: Rig) -> None:
    rig.meter.drop_connections()
    rig.power_up()


def look(rig: Rig) -> None:
    """Somebody looks into the memory; how many zeros lie behind the last block does not matter."""
    rig.said.append(rig.medium.read(ImageBlockStore.BLOCKS, 0, BLOCK_SIZE).rstrip(b"\0"))


def call(function: Callable[..., None], *arguments: Any, **named: Any) -> st.SearchStrategy[Any]:
    """What is to be done, as a value that tells what it is."""
    return st.tuples(
        st.just(function),
        st.tuples(*arguments),
        st.fixed_dictionaries(named),
    )


lines = st.sampled_from([0, 0, 0, 0, 1])
many_blocks = call(
    blocks,
    lines,
    numbers,
    st.integers(1, 6),
    variants,
    joined=st.booleans(),
    confirmed=st.sampled_from([True, True, True, False]),
)
lists = call(
    in_a_list,
    lines,
    st.lists(st.tuples(numbers, variants), min_size=1, max_size=8),
    other_method=st.sampled_from([False, False, False, True]),
)
steps = st.one_of(
    *[many_blocks] * 6,
    *[lists] * 2,
    call(read, lines, st.sampled_from([STATUS, FIRST_MISSING, ENABLED])),
    call(joined_with_a_read, numbers, before=st.booleans()),
    call(enable, value=st.booleans()),
    call(initiate, lines),
    call(pause, st.sampled_from([0.01, 0.5, 3.0, 6.0, 130.0])),
    call(in_two_pieces, numbers, st.integers(1, 60), st.sampled_from([0.0, 1.5, 130.0])),
    call(damaged, numbers, st.integers(0, 200)),
    call(again, lines),
    call(nonsense),
    call(power_cycle),
    call(look),
)
kinds = st.sampled_from([(PLAIN, "wrapper"), (CIPHERED, "wrapper"), (PLAIN, "hdlc"), (CIPHERED, "hdlc")])


def kept(rig: Rig) -> dict[str, bytes]:
    """All that is in the memory; how many zeros lie behind the last block does not matter."""
    rig.meter.stop()  # the exact invocation counters are recorded
    medium = rig.medium
    if isinstance(medium, Directory):
        content = {path.name: path.read_bytes() for path in medium.path.iterdir()}
        medium.close()
    else:
        assert isinstance(medium, MemoryMedium)
        content = medium.content()
    for region in (ImageBlockStore.BLOCKS, ImageBlockStore.DIGESTS):
        content[region] = content.get(region, b"").rstrip(b"\0")
    return content


def tell_apart(
    kind: tuple[Profile, Framing],
    script: list[Any],
    differing: str,
    memory: Callable[[], Medium] = MemoryMedium,
) -> None:
    """Has two meters hear the same, and compares them after each step."""
    rigs = [Rig(sink, *kind, {"differing_block": differing}, memory()) for sink in (True, False)]
    for function, arguments, named in [(initiate, (0,), {}), *script]:
        for rig in rigs:
            function(rig, *arguments, **named)
        assert rigs[0].said == rigs[1].said, function.__name__
        assert (
            rigs[0].store.image_transferred_blocks_status == rigs[1].store.image_transferred_blocks_status
        ), function.__name__
        assert rigs[0].meter.deadline == rigs[1].meter.deadline
    assert kept(rigs[0]) == kept(rigs[1])


def some_blocks(first: int, count: int, line: int = 0, *, joined: bool = False) -> tuple[Any, ...]:
    return blocks, (line, first, count, "same"), {"joined": joined, "confirmed": True}


def in_list(wanted: list[tuple[int, str]], *, other_method: bool = False) -> tuple[Any, ...]:
    return in_a_list, (0, wanted), {"other_method": other_method}


SCRIPTS: dict[str, list[tuple[Any, ...]]] = {
    "all blocks": [some_blocks(0, BLOCKS)],
    "several at a time": [some_blocks(0, 1), some_blocks(1, 8, joined=True), some_blocks(9, 8, joined=True)],
    "a reading among them": [
        some_blocks(0, 2),
        (joined_with_a_read, (2,), {"before": False}),
        (joined_with_a_read, (5,), {"before": True}),
        some_blocks(8, 2),
    ],
    "octets that come again on another connection": [
        some_blocks(0, 3),
        (read, (1, FIRST_MISSING), {}),
        some_blocks(3, 3),
        (again, (1,), {}),
        some_blocks(6, 2),
    ],
    "who is quiet for a while loses the transfer": [
        some_blocks(0, 2),
        (pause, (3.0,), {}),
        some_blocks(2, 1),
        (pause, (3.0,), {}),
        some_blocks(3, 1, line=1),
        (pause, (6.0,), {}),
        some_blocks(3, 2, line=1),
        some_blocks(5, 1),
    ],
    "a frame that stops": [some_blocks(0, 2), (in_two_pieces, (2, 30, 1.5), {}), some_blocks(2, 2)],
    "a link that is given up": [some_blocks(0, 2), (pause, (130.0,), {}), some_blocks(2, 2)],
    "damage": [some_blocks(0, 2), (damaged, (2, 40), {}), some_blocks(2, 2), (nonsense, (), {})],
    "lists": [
        in_list([(number, "same") for number in range(8)]),
        in_list([(9, "same"), (8, "same"), (9, "same"), (3, "same"), (10, "short"), (11, "same")]),
        in_list([(3, "differing"), (12, "same")]),
        in_list([(13, "same"), (14, "same")], other_method=True),
        some_blocks(15, 2),
        in_list([(number, "same") for number in range(BLOCKS)]),
    ],
    "a power cut": [some_blocks(0, 7), (power_cycle, (), {}), some_blocks(5, 5), (look, (), {})],
}


@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize("profile", [PLAIN, CIPHERED], ids=["plain", "ciphered"])
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_nothing_is_different_when(script: list[Any], profile: Profile, framing: Framing) -> None:
    tell_apart((profile, framing), script, "overwrite")


scripts = st.lists(steps, min_size=1, max_size=25)
differing_blocks = st.sampled_from(["overwrite", "refuse"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kinds, scripts, differing_blocks)
def test_nothing_that_can_be_seen_is_different(
    kind: tuple[Profile, Framing], script: list[Any], differing: str
) -> None:
    tell_apart(kind, script, differing)


@pytest.mark.soak
@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kinds, scripts, differing_blocks)
def test_nothing_that_can_be_seen_is_different_in_a_long_campaign(
    kind: tuple[Profile, Framing], script: list[Any], differing: str
) -> None:
    tell_apart(kind, script, differing)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kinds, st.lists(st.one_of(many_blocks, lists), min_size=4, max_size=12))
def test_nothing_is_different_in_files(kind: tuple[Profile, Framing], script: list[Any]) -> None:
    with TemporaryDirectory() as folder:
        names = count()
        tell_apart(kind, script, "overwrite", lambda: Directory(f"{folder}/{next(names)}"))


# --- That it is there, and what shuts it -------------------------------------------------------------------


def opened(profile: Profile = CIPHERED, framing: Framing = "wrapper", **changes: Any) -> Rig:
    """A meter whose way is open after the first block."""
    rig = Rig(True, profile, framing, changes)
    initiate(rig, 0)
    blocks(rig, 0, 0, 1, "same", joined=False, confirmed=True)
    assert rig.taken
    return rig


@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize("profile", [PLAIN, CIPHERED], ids=["plain", "ciphered"])
def test_blocks_go_the_short_way(profile: Profile, framing: Framing, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = opened(profile, framing)
    ordinary: list[int] = []
    write = ImageBlockStore.write
    monkeypatch.setattr(
        ImageBlockStore,
        "write",
        lambda self, number, value: (ordinary.append(number), write(self, number, value)),
    )
    blocks(rig, 0, 1, BLOCKS - 1, "same", joined=False, confirmed=True)
    # The last one begins the verification; a recorded counter is moved in strides.
    assert BLOCKS - 1 in ordinary
    assert len(ordinary) <= (3 if profile is CIPHERED else 1)
    rig.time.advance(2.0)
    rig.meter.advance()
    assert rig.meter.units.firmware.memory.state.verified is not None
    assert rig.medium.read(ImageBlockStore.BLOCKS, 0, len(IMAGE)) == IMAGE


@pytest.mark.parametrize(
    "shuts",
    [
        lambda rig: read(rig, 0, STATUS),
        lambda rig: read(rig, 1, STATUS),
        lambda rig: enable(rig, value=False),
        lambda rig: rig.meter.units.firmware.memory.commit(image_transfer_enabled=False),
        lambda rig: rig.medium.write(ImageBlockStore.DIGESTS, 0, bytes(16)),
        lambda rig: rig.medium.erase(ImageBlockStore.BLOCKS),
        lambda rig: rig.medium.read(ImageBlockStore.BLOCKS, 0, len(IMAGE)),
        lambda rig: rig.lines[0].connection.close(),
        lambda rig: rig.meter.stop(),
        lambda rig: blocks(rig, 0, 0, 1, "differing", joined=False, confirmed=True) or read(rig, 0, STATUS),
    ],
)
def test_what_else_happens_shuts_it(shuts: Callable[[Rig], object]) -> None:
    rig = opened()
    shuts(rig)
    assert not rig.taken


@pytest.mark.parametrize(
    "changes",
    [{"block_sink": False}, {"shortcomings": frozenset({"no-get-with-list"})}],
    ids=["switched off", "a meter that cannot do all"],
)
def test_where_it_is_never_opened(changes: dict[str, Any]) -> None:
    rig = Rig(True, PLAIN, "wrapper", changes)
    initiate(rig, 0)
    blocks(rig, 0, 0, 3, "same", joined=False, confirmed=True)
    assert not rig.taken


def test_blocks_are_written_into_the_files_and_synced_as_often_as_ever(tmp_path: Path) -> None:
    barriers: list[int] = []
    ordinary: list[int] = []

    class Watched(Directory):
        def sync(self, region: str) -> None:
            super().sync(region)
            if region == ImageBlockStore.DIGESTS:
                barriers.append(rig.store.image_first_not_transferred_block_number)

        def write(self, region: str, offset: int, data: bytes) -> None:
            super().write(region, offset, data)
            if region == ImageBlockStore.BLOCKS:
                ordinary.append(offset // BLOCK_SIZE)

    rig = Rig(True, PLAIN, "wrapper", {"sync_every_blocks": 5}, Watched(tmp_path))
    initiate(rig, 0)
    for number in range(12):
        blocks(rig, 0, number, 1, "same", joined=False, confirmed=True)
        # What the kernel has survives kill -9.
        there = (tmp_path / ImageBlockStore.BLOCKS).read_bytes()[: BLOCK_SIZE * (number + 1)]
        assert there == IMAGE[: BLOCK_SIZE * (number + 1)]
    assert ordinary == [0, 4, 9]
    assert barriers == [4, 9]
    rig.medium.close()
    again = Rig(True, PLAIN, "wrapper", {"sync_every_blocks": 5}, Directory(tmp_path))
    assert again.store.image_first_not_transferred_block_number == 12
    again.medium.close()


def test_a_file_whose_blocks_may_not_be_there_is_not_mapped(tmp_path: Path) -> None:
    medium = Directory(tmp_path)
    medium.write("region", 100_000, b"x")  # there is a hole before it
    assert medium.lend("region", 100_001, lambda: None) is None
    medium.reserve("region", 100_001)
    assert medium.lend("region", 100_001, lambda: None) is not None
    assert medium.lend("region", 200_000, lambda: None) is None
    medium.close()


def test_what_is_lent_is_called_back_before_it_changes(tmp_path: Path) -> None:
    for medium in (MemoryMedium(), Directory(tmp_path)):
        medium.reserve("region", 5000)
        for change in (
            lambda medium=medium: medium.write("region", 0, b"octets"),
            lambda medium=medium: medium.lend("region", 5000, lambda: None),
            lambda medium=medium: medium.erase("region"),
        ):
            called: list[bool] = []
            lent = medium.lend("region", 5000, lambda called=called: called.append(True))
            assert lent is not None
            memoryview(lent)[4999] = 1
            assert medium.read("region", 4999, 1) == b"\1"
            assert not called
            change()
            assert called == [True]
            medium.reserve("region", 5000)
        medium.close()


def test_the_blocks_of_a_list_are_stored_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    alone: list[int] = []

    def take(store: ImageStore, number: int, value: bytes) -> None:
        alone.append(number)
        ordinary(store, number, value)

    ordinary = ImageStore.image_block_transfer
    monkeypatch.setattr(ImageStore, "image_block_transfer", take)
    rig = Rig(True, CIPHERED, "wrapper")
    initiate(rig, 0)
    for first in range(0, BLOCKS, 8):
        in_a_list(rig, 0, [(number, "same") for number in range(first, first + 8)])
    assert alone == [BLOCKS - 1]  # the last missing one, which begins the verification
    assert rig.medium.read(ImageBlockStore.BLOCKS, 0, len(IMAGE)) == IMAGE


def test_memory_that_may_fail_goes_the_ordinary_way() -> None:
    rig = Rig(True, PLAIN, "wrapper", medium=SimulatedMedium())
    initiate(rig, 0)
    blocks(rig, 0, 0, 3, "same", joined=False, confirmed=True)
    assert not rig.taken
    assert rig.store.image_first_not_transferred_block_number == 3


def test_the_digest_of_a_stored_block() -> None:
    """SHA-256 over the serial number in 8 octets, the block number in 4, and the block."""
    digest = stored_block_digest(0x0102030405060708, 0x0A0B0C0D, b"block")
    expected = hashlib.sha256(bytes.fromhex("0102030405060708 0A0B0C0D") + b"block").digest()
    assert digest == expected[:16]
