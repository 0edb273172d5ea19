"""Meter models: files are read with typed values and typed errors, and meters serve what the files say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dlms_fw._core import BitString, Data, DateTime, Key
from dlms_fw.axdr import Tag, array, bit_string, choice, enumerated, integer, null_data, octet_string
from dlms_fw.cosem import well_known
from dlms_fw.cosem.association import AssociationLN
from dlms_fw.cosem.clock import Clock
from dlms_fw.cosem.data import Data as DataClass
from dlms_fw.cosem.registers import Register, scaler_unit_type
from dlms_fw.cosem.tariffs import SpecialDaysTable
from dlms_fw.enums import DataAccessResult, SortMethod
from dlms_fw.errors import AssociationRejected, ConfigurationError, ServiceError
from dlms_fw.meter.builtin_objects import FAMILIES
from dlms_fw.meter.model import ROLES, MeterModel
from dlms_fw.meter.model_files import load_model, model_names
from dlms_fw.meter.model_settings import configured, setting_names
from dlms_fw.meter.model_values import ValueMistake, data_of, value_of
from dlms_fw.meter.object_tables import object_table
from meter_bench import GMAC, PLAIN, PUBLIC, Bench

pytest_plugins = ["meter_fixtures"]

OWN = """
title = "A meter of ours"
extends = "mcs301"

[settings]
model = "OURS"
system_title = "4F55520000000001"
max_pdu_size = 512
timings = { reboot_seconds = 3 }

[access.energy]
management = "all"
reading = "read"

[[objects]]
class_id = 3
logical_names = ["1-0:1.8.0.255", "1-0:2.8.0.255"]
access = "energy"
values = { value = { double-long-unsigned = 12345 }, scaler_unit = [1, "Wh"] }

[[objects]]
class_id = 1
logical_name = "0-0:96.1.1.255"
access = { management = { read = ["value"] } }

[[objects]]
class_id = 9001
logical_name = "0-0:199.0.0.255"
access = { management = "read" }
values = { attribute_2 = { octet-string = { hex = "0102" } } }
"""


@pytest.fixture
def own(tmp_path: Path, meter_journal: None) -> MeterModel:
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    return load_model(file)


def bench_of(model: MeterModel) -> Bench:
    return Bench(PLAIN, meter_model=model)


def test_a_file_extends_a_model_and_meters_serve_what_it_says(own: MeterModel) -> None:
    config = configured(own, PLAIN)
    assert (config.model, config.system_title.hex()) == ("OURS", "4f55520000000001")
    assert (config.max_pdu_size, config.timings.reboot_seconds) == (512, 3.0)
    bench = bench_of(own)
    register = Register("1-0:1.8.0.255")
    with bench.client() as management:
        assert management.get(register.value) == Data(Tag.DOUBLE_LONG_UNSIGNED, 12345)
        assert management.get(register.scaler_unit) == (1, 30)
        management.action(register.reset())
        assert management.get(register.value) == Data(Tag.DOUBLE_LONG_UNSIGNED, 0)
        assert management.get(Register("1-0:2.8.0.255").value) == Data(Tag.DOUBLE_LONG_UNSIGNED, 12345)
        listed = {
            (e.class_id, str(e.logical_name))
            for e in management.get(AssociationLN("0-0:40.0.0.255").object_list)
        }
        assert {(3, "1-0:1.8.0.255"), (9001, "0-0:199.0.0.255"), (18, "0-0:44.0.0.255")} <= listed
    with bench.client(replace(PLAIN, client_sap=2)) as reading:
        with pytest.raises(ServiceError) as refused:
            reading.set(register.scaler_unit, (1, 30))
        assert refused.value.result == DataAccessResult.READ_WRITE_DENIED
    with bench.client(PUBLIC) as public:
        for hidden in (register.value, DataClass(well_known.DEVICE_ID_2).value):
            with pytest.raises(ServiceError):
                public.get(hidden)


def test_an_object_without_values_gives_a_built_in_one_other_rights(own: MeterModel) -> None:
    with bench_of(own).client() as management:
        assert management.get(DataClass(well_known.DEVICE_ID_2).value).value == b"MCS301"
        with pytest.raises(ServiceError):
            management.get(DataClass(well_known.DEVICE_ID_2).logical_name)


def test_meters_that_are_configured_alike_share_one_table(own: MeterModel) -> None:
    one, other = configured(own, PLAIN), configured(own, PLAIN, system_title=bytes(8))
    assert object_table(one) is object_table(other)
    assert object_table(one) is not object_table(replace(one, association_version=2))


DATA = 'class_id = 1\nlogical_name = "0-0:96.1.2.255"'
CLOCK = 'class_id = 8\nlogical_name = "0-0:1.0.0.255"'
REGISTER = 'class_id = 3\nlogical_name = "1-0:1.8.0.255"'


def an_object(*lines: str) -> str:
    return "\n".join(["[[objects]]", *lines])


MISTAKES = {
    "a key that there is not": ('colour = "red"', "colour: there is no such key"),
    "a family that is no list": ('families = "all"', "families: a list of names is needed"),
    "a client without a role": ("[clients.x]\nsap = 3", "clients.x.role: one of public, management"),
    "a client with a strange address": (
        '[clients.x]\nsap = -1\nrole = "public"',
        "clients.x.sap: a whole number",
    ),
    "a proof that is none": (
        '[clients.x]\nsap = 3\nrole = "reading"\nauthentication = "oath"',
        "clients.x.authentication: one of none, lls",
    ),
    "a class that is no number": (an_object('class_id = "Data"'), "objects[1].class_id: a whole number"),
    "a version that is not declared": (
        an_object("class_id = 8", "version = 9", 'logical_name = "0-0:1.0.0.255"'),
        "objects[1].version: class 8 has no version 9, but 0",
    ),
    "a name that is none": (
        an_object("class_id = 1", 'logical_name = "1.8.0"'),
        "objects[1].logical_name: a logical name is needed",
    ),
    "an attribute that there is not": (
        an_object(DATA, "access = {}", "values = { colour = 1 }"),
        "objects[1] (0-0:96.1.2.255).values.colour: there is no such attribute; there are value",
    ),
    "a value of another type": (
        an_object(CLOCK, "access = {}", 'values = { time_zone = "east" }'),
        "objects[1] (0-0:1.0.0.255).values.time_zone: a whole number is needed",
    ),
    "a number that is too large": (
        an_object(CLOCK, "access = {}", "values = { time_zone = 99999 }"),
        "objects[1] (0-0:1.0.0.255).values: ",
    ),
    "a member deep inside": (
        an_object(REGISTER, "access = {}", 'values = { scaler_unit = { scaler = "x" } }'),
        "objects[1] (1-0:1.8.0.255).values.scaler_unit.scaler: a whole number is needed",
    ),
    "access of a client that there is not": (
        an_object(DATA, 'access = { nobody = "read" }'),
        "objects[1] (0-0:96.1.2.255).access: there is no client nobody",
    ),
    "access that is no word": (
        '[clients.m]\nsap = 1\nrole = "management"\n' + an_object(DATA, 'access = { m = "much" }'),
        "objects[1] (0-0:96.1.2.255).access.m: one of none, read, read-write, all is needed, not much",
    ),
    "no access at all": (
        an_object(DATA),
        "objects[1] (0-0:96.1.2.255).access: there is no [access.default]",
    ),
    "an object that stands twice": (
        an_object("class_id = 1", 'logical_names = ["0-0:96.1.2.255", "0-0:96.1.2.255"]', "access = {}"),
        "objects[1]: 0-0:96.1.2.255 stands twice",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_of_a_file_are_told_with_their_place(case: str, tmp_path: Path) -> None:
    text, message = MISTAKES[case]
    file = tmp_path / "meter.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        load_model(file)
    assert str(error.value).startswith(f"{file}: ")
    assert message in str(error.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "meter.toml"
    file.write_text('title = 1\ncolour = "red"\n[clients.x]\n')
    with pytest.raises(ConfigurationError, match=r"title: .*clients\.x"):
        load_model(file)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("colour = 1", "settings.colour: there is no such setting"),
        ('password = "secret"', "settings.password: there is no such setting"),
        ('max_pdu_size = "large"', "settings.max_pdu_size: a whole number is needed"),
        ('referencing = "obis"', "settings.referencing: one of logical-name, short-name, both is needed"),
        ('system_title = "xyz"', "settings.system_title: hex digits are needed"),
        ("timings = { coffee_seconds = 1 }", "settings.timings.coffee_seconds: there is no such setting"),
        ('behaviour = "odd"', "settings.behaviour: one of "),
    ],
)
def test_mistakes_of_settings_are_told_when_a_meter_is_configured(
    setting: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "meter.toml"
    file.write_text(f"[settings]\n{setting}\n")
    with pytest.raises(ConfigurationError) as error:
        configured(load_model(file), PLAIN)
    assert message in str(error.value)
    assert "secret" not in str(error.value)


def test_models_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no meter model mcs31") as error:
        load_model("mcs31")
    assert error.value.hint == "did you mean mcs301?"
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_model(tmp_path / "absent.toml")
    loop = tmp_path / "loop.toml"
    loop.write_text('extends = "loop.toml"')
    with pytest.raises(ConfigurationError, match="extend one another"):
        load_model(loop)
    (tmp_path / "family.toml").write_text('families = ["zoo"]')
    with pytest.raises(ConfigurationError, match="there is no family zoo"):
        object_table(configured(load_model(tmp_path / "family.toml"), PLAIN))


def test_values_as_files_write_them() -> None:
    assert value_of(bit_string, "0101") == BitString.from_bytes(b"\x50", 4)
    assert value_of(enumerated(SortMethod), "lifo") is SortMethod.LIFO
    assert value_of(scaler_unit_type, {"unit": "Wh"}) == (0, 30)
    assert value_of(choice(null_data, array(integer)), [1, 2]) == [1, 2]
    assert value_of(octet_string, {"logical-name": "1-0:1.8.0.255"}) == bytes((1, 0, 1, 8, 0, 255))
    assert value_of(Clock.time.data_type, "") == DateTime()
    assert value_of(SpecialDaysTable.entries.data_type, [[1, {"hex": "FFFF0C19FF"}, 2]])[0].day_id == 2
    assert data_of({"structure": [{"unsigned": 1}, {"array": []}]}).encode() == bytes.fromhex(
        "0202 1101 0100"
    )
    assert data_of({"date-time": {"hex": "FFFF0AFE0703000000800000"}}).tag == Tag.DATE_TIME
    for given in ({"unsigned": 256}, {"long": "x"}, {"unsigned": 1, "long": 2}, {"colour": 1}, 5):
        with pytest.raises(ValueMistake):
            data_of(given)


@pytest.mark.parametrize("name", model_names())
def test_a_model_that_ships_has_a_title_and_can_be_configured(name: str) -> None:
    model = load_model(name)
    assert model.title
    assert load_model(name) is model
    assert configured(model, PLAIN).meter_model is model


def test_a_client_may_prove_itself_in_a_way_of_its_own(tmp_path: Path, meter_journal: None) -> None:
    file = tmp_path / "ours.toml"
    file.write_text(
        'extends = "generic"\n[clients]\nreading = { sap = 2, role = "reading", authentication = "lls" }\n'
    )
    model = load_model(file)
    with pytest.raises(ConfigurationError, match="needs a password"):
        Bench(GMAC, meter_model=model)
    bench = Bench(GMAC, meter_model=model, passwords={2: Key(b"to read")})
    # What protects messages is the same for both; only the proof differs.
    reading = replace(GMAC, client_sap=2, mechanism=1, password=Key(b"to read"))
    for profile in (GMAC, reading):
        with bench.client(profile) as client:
            assert client.get(DataClass(well_known.DEVICE_ID_2).value).value == b"MCS301"
    with pytest.raises(AssociationRejected):
        bench.client(replace(reading, password=Key(b"to write"))).connect()


DOCS = Path(__file__).parents[1] / "docs"


def test_the_example_of_the_guide_is_served(tmp_path: Path, meter_journal: None) -> None:
    page = (DOCS / "how-to/describe-a-meter.md").read_text()
    file = tmp_path / "ours.toml"
    file.write_text(page.partition("```toml\n")[2].partition("```")[0])
    with bench_of(load_model(file)).client() as management:
        pin = DataClass("0-0:128.0.0.255")
        management.set(pin.value, Data(Tag.LONG_UNSIGNED, 4321))
        with pytest.raises(ServiceError):
            management.get(pin.value)
        assert management.get(Register("1-0:3.8.0.255").scaler_unit) == (0, 32)
    with bench_of(load_model(file)).client(PUBLIC) as public:
        assert public.get(DataClass("0-0:96.13.0.255").value).value == b"WINTER"
    file.write_text(file.read_text().replace('scaler_unit = [0, "varh"]', "scaler_unit = [0]"))
    with pytest.raises(ConfigurationError) as error:
        load_model(file)
    shown = page.partition("error: ours.toml: ")[2].partition("\n")[0]
    assert str(error.value) == f"{file}: {shown}".replace(" (1-0:3.8.0.255)", "")


def test_every_setting_and_family_is_in_the_reference() -> None:
    page = (DOCS / "reference/meter-models.md").read_text()
    assert [name for name in (*setting_names(), *FAMILIES, *ROLES) if f"`{name}`" not in page] == []


def test_a_model_of_a_python_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meter_of_ours.py").write_text(
        "from dataclasses import replace\n"
        "from dlms_fw.meter.model_files import load_model\n"
        "MODEL = replace(load_model('generic'), name='ours')\n"
        "def made(): return MODEL\n"
        "NUMBER = 1\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert load_model("meter_of_ours:MODEL") is load_model("meter_of_ours:made")
    assert load_model("meter_of_ours:MODEL").name == "ours"
    for wrong, message in (
        ("meter_of_ours:NUMBER", "is no meter model"),
        ("no_such:MODEL", "cannot be imported"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            load_model(wrong)
