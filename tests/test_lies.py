"""Meters that misbehave: the client never says done wrongly, never activates wrongly, and always ends."""

from __future__ import annotations

import logging
import os
import random
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

import lying
import meters
from dlms_fw.cli.root import main
from dlms_fw.cosem.data import Data
from dlms_fw.cosem.well_known import LOGICAL_DEVICE_NAME
from dlms_fw.errors import ConfigurationError
from dlms_fw.meter.lies.calls import CALLINGS
from dlms_fw.meter.lies.files import load_lies
from dlms_fw.meter.lies.kinds import KINDS
from dlms_fw.meter.lies.lie import Lie
from dlms_fw.meter.lies.messages import MESSAGES
from dlms_fw.meter.lies.readings import READINGS
from dlms_fw.simulation import CIPHERED, Simulation
from dlms_fw.transfer import TransferPolicy, decisions

SNAPSHOT = Path(__file__).parent / "snapshots" / "lies.txt"
SAMPLE = 60
PAIRS = 4000


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="dlms_fw")


def test_every_kind_is_told_by_one_place_and_no_place_tells_another() -> None:
    told = Counter([*READINGS, *CALLINGS, *MESSAGES, "schedule-not-kept"])
    assert told == Counter(list(KINDS))
    assert len(KINDS) >= 40


def test_what_the_client_makes_of_each_lie_where_it_matters_most() -> None:
    assert lying.outcomes() == SNAPSHOT.read_text(encoding="utf-8"), (
        "what a client makes of a lie has changed: python docs/make_lies_page.py"
    )


@pytest.mark.fault(
    "T-04", "T-05", "T-06", "T-07", "T-08", "T-09", "T-13", "T-14", "T-17", "T-25", "T-26", "T-27"
)
def test_a_sample_of_all_lies_from_all_states() -> None:
    dice = random.Random(date.today().toordinal())
    for case in dice.sample(list(lying.all_cases()), SAMPLE):
        lying.run(case)


@pytest.mark.soak
def test_every_lie_from_every_state_in_every_way() -> None:
    told: Counter[str] = Counter()
    for case in lying.all_cases():
        told[case.lies[0][0]] += lying.run(case).told
    assert told.keys() == KINDS.keys()
    assert all(told.values())


@pytest.mark.soak
@pytest.mark.parametrize("block", range(8))
def test_two_lies_at_once(block: int) -> None:
    each = int(os.environ.get("LIES", PAIRS)) // 8
    for seed in range(block * each, (block + 1) * each):
        lying.run(lying.pair(seed), seed)


@pytest.mark.parametrize("name", ["info-other-identifier", "info-absent"])
def test_a_client_that_does_not_compare_is_found_out(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(decisions, "activate_info_fault", lambda *_, **__: None)
    with pytest.raises(AssertionError, match="activated although"):
        lying.run(lying.one(name))


@pytest.mark.parametrize(
    ("text", "lie"),
    [
        ("bitmap-short", Lie("bitmap-short")),
        ("reboot:at_block=7,keeps=half", Lie("reboot", at_block=7, keeps="half")),
        ("verify-busy:seconds=2.5", Lie("verify-busy", seconds=2.5)),
        ("silence:after=3,times=0", Lie("silence", after=3, times=0)),
    ],
)
def test_a_lie_in_words(text: str, lie: Lie, tmp_path: Path) -> None:
    assert Lie.parse(text) == lie
    parameters = [item.partition("=") for item in text.partition(":")[2].split(",") if item]
    lines = [f"{key} = {value if value[0].isdigit() else repr(value)}" for key, _, value in parameters]
    path = tmp_path / "faults.toml"
    path.write_text("\n".join(["[[fault]]", f'name = "{lie.name}"', *lines]))
    assert load_lies(path) == (lie,)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("bitmap-shorter", "there is no fault"),
        ("bitmap-short:at_block=1", "takes no at_block"),
        ("bitmap-short:often=1", "no parameter 'often'"),
        ("reboot:keeps=most", "keeps is one of"),
        ("reboot:at_block=-1", "a number from 0 on"),
        ("silence:times=many", "a number from 0 on"),
        ("silence:times", "is not PARAMETER=VALUE"),
    ],
)
def test_words_that_are_no_lie(text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        Lie.parse(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[fault]]\nat_block = 1", "fault 1 has no name"),
        ("[fault]\nname = 'silence'", "nothing but"),
        ("[[lie]]\nname = 'silence'", "nothing but"),
        ("[[fault]]\nname = 'silence'\nevery = 2", "faults.toml: fault silence: it takes no every"),
        ("[[fault", "faults.toml"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=complaint):
        load_lies(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_lies(tmp_path / "missing.toml")


def test_the_command_line_lists_them() -> None:
    listed = CliRunner().invoke(main, ["sim", "--list-faults"])
    assert listed.exit_code == 0
    assert [line.split()[0] for line in listed.output.splitlines()] == list(KINDS)
    refused = CliRunner().invoke(
        main, ["sim", "--listen", "tcp://127.0.0.1:0", "--volatile", "--fault", "bitmaps"]
    )
    assert refused.exit_code != 0
    assert "there is no fault 'bitmaps'" in refused.stderr


def test_a_lie_ends_after_its_times_and_goes_on_over_a_power_cut() -> None:
    simulation = Simulation()
    meter = simulation.meter(
        CIPHERED, trusted=(meters.VENDOR_KEY.public_key(),), image_block_size=meters.BLOCK_SIZE
    )
    busy = meter.lie("block-busy", at_block=3, times=2, seconds=0)
    with meter.client() as client:
        result = client.upgrade(lying.image(), TransferPolicy())
    assert (result.outcome, busy.told) == ("activated", 2)
    meter.power_up()
    assert [telling.lie for telling in meter.powered.liar.tellings] == [busy.lie]  # type: ignore[union-attr]
    assert meter.powered.liar.tellings[0].told == 0  # type: ignore[union-attr]


def test_one_way_to_misbehave_may_be_asked_for_twice() -> None:
    meter = Simulation().meter(CIPHERED)
    with meter.client() as client:
        early = meter.lie("null-data", after=0, times=1)
        late = meter.lie("null-data", after=2, times=1)
        for _ in range(4):
            client.get(Data(LOGICAL_DEVICE_NAME).value)
    assert (early.told, late.told) == (1, 1)
