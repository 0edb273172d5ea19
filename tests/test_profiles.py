"""Profiles and addresses: everything wrong is said at once, and no secret is ever repeated."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from dlms_fw.driver import framing
from dlms_fw.endpoint import Endpoint, SerialSettings
from dlms_fw.enums import SecuritySuite
from dlms_fw.errors import ConfigurationError
from dlms_fw.profile_files import load_profile
from dlms_fw.profiles import HdlcSettings, Profile
from dlms_fw.security import SecurityPolicy

GUEK = "000102030405060708090A0B0C0D0E0F"
GAK = "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"

COMPLETE = """
[profiles.management]
client_sap = 1
server_sap = 1
authentication = "hls-gmac"
security_suite = 0
security_policy = "authenticated-encrypted"
system_title = "4D4D4D0000BC614E"
meter_system_title = "4D43530460BC614E"
global_unicast_encryption_key = "file:guek.hex"
authentication_key = "file:gak.hex"
password = "env:METER_PASSWORD"
max_pdu_size = 1024
meter_type = "MCS301"
response_timeout_s = 5
invocation_counter_object = 1

[profiles.management.hdlc]
server_lower = 17
max_info_field_length = 1024
window_size = 3

[profiles.open]
client_sap = 16
server_sap = 1
authentication = "none"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {
        "guek.hex": GUEK.lower() + "\n",
        "gak.hex": "D0D1D2D3 D4D5D6D7 D8D9DADB DCDDDEDF",
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "meters.toml").write_text(COMPLETE)
    return tmp_path


def load(folder: Path, text: str, **environ: str) -> Profile:
    (folder / "test.toml").write_text("[profiles.test]\nclient_sap = 1\nserver_sap = 1\n" + text)
    return load_profile(folder / "test.toml", "test", environ=environ)


def test_a_complete_profile(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir("/")
    profile = load_profile(folder / "meters.toml", "management", environ={"METER_PASSWORD": "12345678"})
    assert (profile.name, profile.client_sap, profile.server_sap, profile.mechanism) == (
        "management",
        1,
        1,
        5,
    )
    assert profile.security_suite is SecuritySuite.AES_GCM_128
    assert profile.security_policy is SecurityPolicy.AUTHENTICATED_ENCRYPTED
    assert profile.system_title == bytes.fromhex("4D4D4D0000BC614E")
    assert profile.meter_system_title == bytes.fromhex("4D43530460BC614E")
    assert profile.keys.global_unicast_encryption_key is not None
    assert profile.keys.global_unicast_encryption_key.expose() == bytes.fromhex(GUEK)
    assert profile.keys.authentication_key is not None
    assert profile.keys.authentication_key.expose() == bytes.fromhex(GAK)
    assert profile.password is not None
    assert profile.password.expose() == b"12345678"
    assert profile.hdlc == HdlcSettings(server_lower=17, max_info_field_length=1024, window_size=3)
    assert (profile.meter_type, profile.response_timeout_s, profile.invocation_counter_object) == (
        "MCS301",
        5.0,
        1,
    )
    assert not caplog.records


def test_a_profile_without_secrets(folder: Path) -> None:
    assert load_profile(folder / "meters.toml", "open", environ={}) == Profile(name="open")


def test_gmac_is_fully_protected_unless_said_otherwise(folder: Path) -> None:
    keys = (
        'authentication = "hls-gmac"\nsystem_title = "4D4D4D0000BC614E"\n'
        'global_unicast_encryption_key = "file:guek.hex"\nauthentication_key = "file:gak.hex"\n'
    )
    assert load(folder, keys).security_policy is SecurityPolicy.AUTHENTICATED_ENCRYPTED
    assert load(folder, keys + 'security_policy = "none"\n').security_policy is SecurityPolicy.NONE


def test_secrets_from_the_environment_and_from_commands(folder: Path) -> None:
    profile = load(
        folder,
        f"""authentication = "lls"\nsystem_title = "4D4D4D0000BC614E"\nsecurity_policy = "encrypted"
        global_unicast_encryption_key = "env:GUEK"
        authentication_key = "cmd:{sys.executable} -c 'print(open(\\"gak.hex\\").read())'"
        password = "env:PASSWORD"\n""",
        GUEK=GUEK,
        PASSWORD="hex:00FF10",
    )
    assert profile.keys.global_unicast_encryption_key is not None
    assert profile.keys.global_unicast_encryption_key.expose() == bytes.fromhex(GUEK)
    assert profile.keys.authentication_key is not None
    assert profile.keys.authentication_key.expose() == bytes.fromhex(GAK)
    assert profile.password is not None
    assert profile.password.expose() == b"\x00\xff\x10"


def test_all_mistakes_at_once(folder: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(
            folder,
            """authentication = "hls-gmak"\nsecurity_suit = 0\nsecurity_policy = 3\nsystem_title = "4D4D"
            max_pdu_size = "big"\nresponse_timeout_s = 0\npassword = "env:MISSING"\ncolour = "blue"
            global_unicast_encryption_key = "file:missing.hex"
            [profiles.test.hdlc]\nwindow_size = 8\nwindow = 1\n""",
        )
    message = str(caught.value)
    for mistake in (
        "authentication: one of none, lls, hls-manufacturer, hls-md5, hls-sha1, hls-gmac, hls-sha256",
        "security_suit: is not known, did you mean security_suite?",
        "security_policy: one of none, authenticated, encrypted, authenticated-encrypted",
        "system_title: 16 hex digits",
        "max_pdu_size: a whole number from 64",
        "response_timeout_s: a number of seconds",
        "password: the environment has no MISSING",
        "colour: is not known",
        "missing.hex: No such file",
        "hdlc.window_size: a whole number from 1 to 7",
        "hdlc.window: is not known, did you mean window_size?",
    ):
        assert mistake in message


def test_what_is_missing_is_named_once(folder: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(folder, 'authentication = "hls-gmac"\nauthentication_key = "env:NO"\n')
    message = str(caught.value)
    assert message.count("system_title: missing") == 1
    assert message.count("global_unicast_encryption_key: missing") == 1
    assert message.count("authentication_key: ") == 1, "the wrong reference hides the missing key"
    with pytest.raises(ConfigurationError, match="password: missing"):
        load(folder, 'authentication = "lls"\n')


def test_keys_have_the_length_of_their_suite(folder: Path) -> None:
    keys = (
        'authentication = "hls-gmac"\nsystem_title = "4D4D4D0000BC614E"\nsecurity_suite = 2\n'
        'global_unicast_encryption_key = "file:guek.hex"\nauthentication_key = "file:gak.hex"\n'
    )
    with pytest.raises(ConfigurationError, match="16 octets, but security suite 2 needs 32"):
        load(folder, keys)


def test_titles_differ(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="must differ"):
        load(
            folder,
            'authentication = "none"\n'
            'system_title = "4D4D4D0000BC614E"\nmeter_system_title = "4D4D4D0000BC614E"\n',
        )


@pytest.mark.fault("S-28")
@pytest.mark.parametrize(
    "secret",
    [
        GUEK,
        f"hex:{GUEK}",
        f"file :{GUEK}",
        f"file:{GUEK} x\\u0000",
        "cmd:false",
        "cmd:'",
        "env:TOOSHORT",
        "env:EMPTY",
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(folder: Path, secret: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(
            folder,
            f'authentication = "none"\nglobal_unicast_encryption_key = "{secret}"\n',
            TOOSHORT=GUEK[:-1],
            EMPTY=" ",
            HEX=f"hex:{GUEK}",
        )
    shown = f"{caught.value!r} {caught.value} {caught.value.hint} {caught.value.__cause__}"
    assert "global_unicast_encryption_key:" in shown
    assert GUEK[:-1] not in shown


@pytest.mark.fault("S-28")
def test_a_loaded_profile_shows_no_secret(folder: Path) -> None:
    profile = load_profile(folder / "meters.toml", "management", environ={"METER_PASSWORD": "s3cr3t-pass"})
    shown = f"{profile!r} {profile} {profile.keys}"
    for secret in ("s3cr3t-pass", GUEK.lower(), GAK.lower(), repr(bytes.fromhex(GUEK)), b"s3cr3t-pass".hex()):
        assert secret.lower() not in shown.lower()


@pytest.mark.fault("K-06")
def test_a_key_file_that_others_can_read_is_named(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "guek.hex").chmod(0o644)
    with caplog.at_level(logging.WARNING):
        load(folder, 'authentication = "none"\nglobal_unicast_encryption_key = "file:guek.hex"\n')
    assert "guek.hex can be read by other users" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[profiles.managment]\n", "did you mean managment"),
        ("[profiles]\n", "there are: none"),
        ("x = = 1", "not TOML"),
        ("[profiles]\nmanagement = 3\n", "has no"),
    ],
)
def test_a_profile_that_is_not_there(folder: Path, text: str, message: str) -> None:
    (folder / "test.toml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_profile(folder / "test.toml", "management")
    assert message in f"{caught.value} {caught.value.hint}"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_profile(tmp_path / "no.toml", "management")


def test_what_never_ends_or_never_begins_is_not_read(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in ("/dev/zero", tmp_path / "pipe"):
        with pytest.raises(ConfigurationError, match="not a regular file"):
            load(folder, f'authentication = "none"\nglobal_unicast_encryption_key = "file:{place}"\n')
        with pytest.raises(ConfigurationError, match="not a regular file"):
            load_profile(place, "management")


@pytest.mark.parametrize(
    ("url", "endpoint", "text"),
    [
        ("tcp://10.20.0.17:4059", Endpoint(scheme="tcp", host="10.20.0.17"), "tcp://10.20.0.17:4059"),
        ("tcp://meter.example", Endpoint(scheme="tcp", host="meter.example"), "tcp://meter.example:4059"),
        (
            "hdlc+tcp://[2001:db8::7]:4060",
            Endpoint(scheme="hdlc+tcp", host="2001:db8::7", port=4060),
            "hdlc+tcp://[2001:db8::7]:4060",
        ),
        (
            "tcp://h:1?client=2&server=3",
            Endpoint(scheme="tcp", host="h", port=1, client_sap=2, server_sap=3),
            "tcp://h:1",
        ),
        (
            "hdlc+tcp://h:1/?server=1/17",
            Endpoint(scheme="hdlc+tcp", host="h", port=1, server_sap=1, server_lower=17),
            "hdlc+tcp://h:1",
        ),
        ("udp://[::1]", Endpoint(scheme="udp", host="::1"), "udp://[::1]:4059"),
        ("sim:?client=2", Endpoint(scheme="sim", client_sap=2), "sim:"),
        ("serial:COM3", Endpoint(scheme="serial", device="COM3"), "serial:COM3"),
        (
            "serial:///dev/ttyUSB0?mode=e&baud=19200&server=1/17",
            Endpoint(
                scheme="serial",
                device="/dev/ttyUSB0",
                serial=SerialSettings(mode="e", baud=19_200),
                server_sap=1,
                server_lower=17,
            ),
            "serial:///dev/ttyUSB0?baud=19200&mode=e",
        ),
        (
            "serial:///dev/serial/by%20id/x?bits=7&parity=EVEN&stop=2&device=12&software-parity=yes",
            Endpoint(
                scheme="serial",
                device="/dev/serial/by id/x",
                serial=SerialSettings(
                    data_bits=7, parity="even", stop_bits=2, device="12", software_parity=True
                ),
            ),
            "serial:///dev/serial/by%20id/x?bits=7&parity=even&stop=2&device=12&software-parity=yes",
        ),
    ],
)
def test_addresses(url: str, endpoint: Endpoint, text: str) -> None:
    assert Endpoint.parse(url) == endpoint
    assert str(endpoint) == text


def test_port_zero_is_for_listening() -> None:
    assert Endpoint.parse("tcp://127.0.0.1:0", listen=True).port == 0
    with pytest.raises(ConfigurationError, match="port 0"):
        Endpoint.parse("tcp://127.0.0.1:0")
    assert Endpoint.parse("pty?mode=e", listen=True) == Endpoint(
        scheme="pty", serial=SerialSettings(mode="e")
    )
    with pytest.raises(ConfigurationError, match="cannot be listened on"):
        Endpoint.parse("sim:", listen=True)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("10.20.0.17:4059", "tcp://HOST:PORT"),
        ("10.20.0.17", "no scheme"),
        ("tpc://h:1", "did you mean tcp://"),
        ("tcp://", "no host"),
        ("tcp://h:99999", "not an address"),
        ("tcp://[::1:4059", "not an address"),
        ("tcp://user:pass-w0rd@h:1", "no user name"),
        ("tcp://h:1/path", "ends after the port"),
        ("tcp://h:1?key=00112233pass-w0rd", "only client= and server="),
        ("tcp://h:1?cleint=1", "did you mean client="),
        ("tcp://h:1?client=1&client=2", "twice"),
        ("tcp://h:1?client=x", "not a number"),
        ("tcp://h:1?client=99999", "not a number"),
        ("tcp://h:1?server=1/17", "lower address"),
        ("hdlc+tcp://h:1?client=1/17", "lower address"),
        ("tcp://h:1?client", "not of the form"),
        ("tcp://h:1?baud=9600", "only client= and server="),
        ("serail:///dev/ttyUSB0", "did you mean serial:///dev/ttyUSB0"),
        ("serial://ttyUSB0", "names no host"),
        ("serial:", "no serial port"),
        ("serial:COM3?baud=fast", "baud= is not"),
        ("serial:COM3?baud=1", "baud= is not"),
        ("serial:COM3?mode=c", "mode= is one of hdlc, e"),
        ("serial:COM3?parity=mark", "parity= is one of none, even, odd"),
        ("serial:COM3?device=a/b", "device= has"),
        ("serial:COM3?buad=9600", "did you mean baud="),
        ("sim:mcs301", "nothing behind it"),
        ("sim:?server=1/17", "lower address"),
        ("pty", "no scheme"),
        ("pty:", "not known"),
    ],
)
def test_addresses_that_are_refused(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Endpoint.parse(url)
    shown = f"{caught.value} {caught.value.hint}"
    assert message in shown
    assert "pass-w0rd" not in shown


@pytest.mark.fault("G-01")
@pytest.mark.parametrize(
    ("url", "address_size", "refused"),
    [
        ("tcp://h?server=127", None, True),
        ("tcp://h?server=16383", None, False),
        ("hdlc+tcp://h?server=127", None, True),
        ("hdlc+tcp://h?server=127/127", None, True),
        ("hdlc+tcp://h?server=1/127", 2, True),
        ("hdlc+tcp://h?server=16383/17", None, True),
        ("hdlc+tcp://h?server=1/16383", 4, True),
        ("hdlc+tcp://h?server=127/127", 4, False),
        ("hdlc+tcp://h?server=127/200", None, False),
    ],
)
def test_the_address_of_all_stations_is_refused(url: str, address_size: Any, *, refused: bool) -> None:
    profile = Profile(hdlc=HdlcSettings(address_size=address_size))
    if not refused:
        framing(Endpoint.parse(url), profile)
        return
    with pytest.raises(ConfigurationError, match="all stations") as caught:
        framing(Endpoint.parse(url), profile)
    assert caught.value.code == "configuration.address"


@pytest.mark.parametrize(
    ("query", "address_size"),
    [("server=300", None), ("server=1/17", 1), ("server=1", 2), ("server=300/1", 2), ("client=300", None)],
)
def test_addresses_without_a_form_in_hdlc(query: str, address_size: Any) -> None:
    profile = Profile(hdlc=HdlcSettings(address_size=address_size))
    with pytest.raises(ConfigurationError, match="HDLC has no such address"):
        framing(Endpoint.parse(f"hdlc+tcp://h?{query}"), profile)
