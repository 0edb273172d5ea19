"""Groups over real UDP multicast on the loopback interface, by the library and by the command line."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import meters
from dlms_fw.cli.members import read_members
from dlms_fw.cli.root import main
from dlms_fw.conformance.benches.group import (
    AUTHENTICATION_KEY,
    CLIENT_TITLE,
    GROUP_HOST,
    GROUP_KEY,
    unicast_profile,
)
from dlms_fw.endpoint import Endpoint
from dlms_fw.errors import ConfigurationError, TransportError
from dlms_fw.meter.listeners.udp import parse_group
from dlms_fw.meter.power_cut import SimulatedMedium
from dlms_fw.meter.profiles import mcs301
from dlms_fw.meter.serve import BackgroundMeter
from dlms_fw.profiles import Profile
from dlms_fw.transports.udp import group_member
from meters import VENDOR_KEY

PROFILE = """\
[profiles.{name}]
client_sap = {client}
server_sap = 1
authentication = "{authentication}"
security_policy = "authenticated-encrypted"
system_title = "{title}"
authentication_key = "file:gak.hex"
response_timeout_s = 5
{more}
"""
PAYLOAD_BLOCKS = 12


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Street:
    """Simulated meters on UDP in threads, and the files that the command line needs for them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.port = free_port()
        self.rows = ["url,profile,line,name"]
        self._stack = stack
        self._profiles = [
            PROFILE.format(
                name="group",
                client=102,
                authentication="none",
                title=CLIENT_TITLE.hex(),
                more="pre_established = true\ninvocation_counter_object = 2\n"
                'global_broadcast_encryption_key = "file:gbek.hex"',
            )
        ]
        self._secret("gak.hex", AUTHENTICATION_KEY.expose())
        self._secret("gbek.hex", GROUP_KEY.expose())
        (folder / "image.dfw").write_bytes(meters.container(blocks=PAYLOAD_BLOCKS))
        (folder / "vendor.pem").write_bytes(_public_pem())

    def _secret(self, name: str, octets: bytes) -> None:
        path = self.folder / name
        path.write_text(octets.hex())
        path.chmod(0o600)

    def add(self, **changes: object) -> BackgroundMeter:
        number = len(self.rows) - 1
        profile = unicast_profile(number)
        settings: dict[str, object] = {
            "trusted": (VENDOR_KEY.public_key(),),
            "image_block_size": 64,
            "verify_seconds": 0.05,
            "system_title": b"MCS\x00" + number.to_bytes(4, "big"),
            "logical_device_name": b"MCS%013d" % number,
            "global_broadcast_encryption_key": GROUP_KEY,
            "multicast_groups": (f"{GROUP_HOST}%127.0.0.1:{self.port}",),
        }
        config = mcs301.configured(profile, **(settings | changes))
        meter = self._stack.enter_context(
            BackgroundMeter(config, SimulatedMedium, Endpoint.parse("udp://127.0.0.1:0", listen=True))
        )
        key = profile.keys.global_unicast_encryption_key
        assert key is not None
        self._secret(f"guek-{number}.hex", key.expose())
        self._profiles.append(
            PROFILE.format(
                name=f"meter-{number}",
                client=1,
                authentication="hls-gmac",
                title=CLIENT_TITLE.hex(),
                more=f'global_unicast_encryption_key = "file:guek-{number}.hex"',
            )
        )
        self.rows.append(f"{meter.url},meter-{number},,house {number}")
        return meter

    def run(self, *more: str) -> Result:
        (self.folder / "meters.toml").write_text("".join(self._profiles))
        (self.folder / "members.csv").write_text("\n".join(self.rows))
        told = (
            f"multicast udp://{GROUP_HOST}:{self.port} image.dfw --members members.csv --config meters.toml"
        )
        told += " --profile group --trust vendor.pem --interface 127.0.0.1 --journal journal.sqlite3"
        told += " --activate never --limit verify_poll_first_seconds=0.1"
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            return CliRunner().invoke(main, [*told.split(), *more])


def _public_pem() -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return VENDOR_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    try:
        group_member(GROUP_HOST, free_port(), interface="127.0.0.1").close()
    except TransportError as error:
        pytest.skip(f"this machine has no multicast on its loopback interface: {error}")
    with ExitStack() as stack:
        yield Street(tmp_path, stack)


@pytest.mark.proves("image-transfer-multicast")
def test_a_street_is_upgraded_by_one_command(street: Street) -> None:
    for _ in range(3):
        street.add()
    ended = street.run("--json", "--events", "events.ndjson")
    assert ended.exit_code == 0, ended.output
    told = json.loads(ended.stdout)
    assert (told["ok"], told["changed"], told["outcome"]) == (True, True, "done")
    assert [row["outcome"] for row in told["members"]] == ["verified"] * 3
    assert [row["member"] for row in told["members"]] == ["house 0", "house 1", "house 2"]
    assert sum(row["blocks_by_multicast"] for row in told["members"]) > 0
    for row in told["members"]:
        assert row["blocks_by_multicast"] + row["blocks_by_unicast"] >= PAYLOAD_BLOCKS
    events = [json.loads(line) for line in (street.folder / "events.ndjson").read_text().splitlines()]
    assert {event["member"] for event in events} == {None, "house 0", "house 1", "house 2"}
    assert {event["event"] for event in events} >= {"group_ready", "group_pass_sent", "group_looked"}


def test_a_member_that_does_not_belong_there_decides_the_exit_code(street: Street) -> None:
    street.add()
    street.add(model="OTHER1")
    street.add(image_block_size=128)
    ended = street.run()
    assert ended.exit_code == 5
    assert "meter type" in ended.stderr
    assert "house 2  excluded: house 2: its blocks have 128 octets" in ended.stderr
    assert "house 0  verified" in ended.stderr


def test_what_is_wrong_is_said_before_anything_is_sent(street: Street) -> None:
    street.add()
    street.rows[-1] = street.rows[-1].replace("udp://", "upd://")
    ended = street.run("--json")
    assert ended.exit_code == 2
    assert json.loads(ended.stdout)["error"]["code"] == "configuration.address"


# The file of members


def anybody(name: str | None) -> Profile:
    return Profile(name=name or "nobody")


def test_members_out_of_toml(tmp_path: Path) -> None:
    path = tmp_path / "members.toml"
    path.write_text(
        '[[members]]\nurl = "tcp://a"\nprofile = "p"\nline = "l"\n\n[[members]]\nurl = "tcp://b"\n'
    )
    first, second = read_members(str(path), anybody)
    assert (first.url, first.profile.name, first.line, first.label) == ("tcp://a", "p", "l", "tcp://a")
    assert (second.url, second.profile.name, second.line) == ("tcp://b", "nobody", None)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("m.csv", "url,profile\n", "names no members"),
        ("m.csv", "url,profil\ntcp://a,p\n", "profil is not known"),
        ("m.csv", "url,profile\ntcp://a,p,q,r\n", "more fields"),
        ("m.csv", "profile\np\n", "url is missing"),
        ("m.toml", "members = 3\n", r"\[\[members\]\] alone"),
        ("m.toml", "members = [3]\n", "is not a table"),
        ("m.toml", "[[members]]\nurl = 3\n", "url is not a text"),
        ("m.toml", "[[members]\n", "member"),
        ("absent.toml", None, "absent"),
        ("m.toml", "\udcff", "UTF-8"),
    ],
)
def test_a_file_of_members_that_is_wrong(tmp_path: Path, name: str, text: str | None, words: str) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigurationError, match=words) as caught:
        read_members(str(path), anybody)
    assert caught.value.code == "configuration.members"


@pytest.mark.parametrize(
    ("group", "parsed"),
    [
        ("239.1.2.3", ("239.1.2.3", 7, None)),
        ("239.1.2.3:9", ("239.1.2.3", 9, None)),
        ("239.1.2.3%lo", ("239.1.2.3", 7, "lo")),
        ("239.1.2.3%127.0.0.1:9", ("239.1.2.3", 9, "127.0.0.1")),
        ("ff02::1", ("ff02::1", 7, None)),
        ("[ff02::1%lo]:9", ("ff02::1", 9, "lo")),
    ],
)
def test_a_group_of_a_meter(group: str, parsed: tuple[str, int, str | None]) -> None:
    assert parse_group(group, 7) == parsed


def test_what_is_no_group() -> None:
    with pytest.raises(ConfigurationError, match="is no group"):
        parse_group("239.1.2.3:port", 7)
