"""``dlms-fw sim --model``: the models that ship, and one of a file, served by a real process."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from dlms_fw.cli.root import main
from dlms_fw.client import Client
from dlms_fw.cosem.data import Data
from dlms_fw.memory_journal import MemoryJournal
from dlms_fw.meter.model_files import load_model, model_names
from dlms_fw.profiles import Profile
from simulator import Workshop, workshop

__all__ = ["workshop"]


def test_models_are_listed() -> None:
    listed = CliRunner().invoke(main, ["sim", "--list-models"])
    assert listed.exit_code == 0
    assert [line.split(maxsplit=1) for line in listed.output.splitlines()] == [
        [name, load_model(name).title] for name in model_names()
    ]


def test_a_model_that_cannot_be_read_ends_the_command_before_it_listens(tmp_path: Path) -> None:
    for model in ("mcs302", str(tmp_path / "absent.toml")):
        ended = CliRunner().invoke(
            main,
            ["sim", "--listen", "tcp://127.0.0.1:0", "--state", str(tmp_path / "state"), "--model", model],
        )
        assert ended.exit_code == 2
        assert "listening" not in ended.output


def test_a_meter_of_a_file_is_served(workshop: Workshop) -> None:
    (workshop.folder / "ours.toml").write_text(
        'title = "ours"\nextends = "generic"\n'
        '[[objects]]\nclass_id = 1\nlogical_name = "0-0:96.13.0.255"\n'
        'values = { value = { octet-string = "WINTER" } }\n'
    )
    meter = workshop.meter("--model", "ours.toml")
    with Client(meter.url, Profile(client_sap=1), journal=MemoryJournal()) as client:
        assert client.get(Data("0-0:96.13.0.255").value).value == b"WINTER"
        assert client.get(Data("0-0:96.1.1.255").value).value == b"GENERIC"
