"""``dlms-fw image``: what people and programs see, and how every command ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from dlms_fw import errors
from dlms_fw.cli import main, outcome
from dlms_fw.cli.outcome import ExitCode, Outcome, exit_code_of
from dlms_fw.cli.root import COMMANDS
from dlms_fw.containers import dfw
from dlms_fw.image import Image

FIELDS = [
    "--identifier",
    "4D4353010203",
    "--part",
    "1",
    "--meter-type",
    "MCS301",
    "--firmware-version",
    "2.4.1",
]


def run(*arguments: object, **options: Any) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], **options)


def process(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dlms_fw", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def document(result: Result) -> dict[str, Any]:
    """The one JSON document on standard output; nothing else may be there."""
    assert result.stdout.count("\n") == 1
    return json.loads(result.stdout)


class Bench:
    """A folder with a payload and two vendors' keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.payload = folder / "firmware.bin"
        self.payload.write_bytes(os.urandom(3000))
        self.image = folder / "image.dfw"
        for vendor in ("vendor", "stranger"):
            assert (
                run(
                    "image", "keygen", "--out", self[f"{vendor}.key"], "--public", self[f"{vendor}.pem"]
                ).exit_code
                == 0
            )

    def __getitem__(self, name: str) -> Path:
        return self.folder / name

    def create(self, *more: object) -> Result:
        return run("image", "create", self.payload, "--out", self.image, *FIELDS, *more)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


# --- the paved path ---


def test_create_sign_verify_inspect(bench: Bench) -> None:
    assert bench.create().exit_code == 0
    unsigned = bench.image.read_bytes()
    result = run("image", "verify", bench.image, "--trust", bench["vendor.pem"])
    assert (result.exit_code, result.stderr.count("\n")) == (5, 1)
    assert "not signed" in result.stderr
    assert run("image", "sign", bench.image, "--key", bench["vendor.key"]).exit_code == 0
    assert bench.image.read_bytes().startswith(unsigned[:-8])
    result = run(
        "image", "verify", bench.image, "--trust", bench["stranger.pem"], "--trust", bench["vendor.pem"]
    )
    assert result.exit_code == 0
    assert "ok, by a trusted key" in result.stdout
    assert Image.open(bench.image).payload == bench.payload.read_bytes()
    assert [file.name for file in bench.folder.iterdir() if file.name.startswith(".")] == []


def test_create_with_everything(bench: Bench) -> None:
    more = ("--key", bench["vendor.key"], "--minimum-version", "2.1.0", "--hardware", "3..7", "--json")
    facts = document(bench.create(*more))
    assert facts["ok"] is True
    assert facts["changed"] is True
    expected = {
        "container": "dfw",
        "identifier": "4D4353010203",
        "part": 1,
        "meter_type": "MCS301",
        "hardware": "3..7",
        "firmware_version": "2.4.1",
        "minimum_previous_version": "2.1.0",
        "payload_bytes": 3000,
        "bytes": bench.image.stat().st_size,
    }
    assert {name: facts[name] for name in expected} == expected
    inspected = document(run("image", "inspect", bench.image, "--json"))
    assert inspected["sha256"] == facts["sha256"] == Image.open(bench.image).sha256.hex()
    assert inspected["signature_verified"] is None
    trusted = document(run("image", "inspect", bench.image, "--json", "--trust", bench["vendor.pem"]))
    assert trusted["signature_verified"] is True


def test_inspect_aligns_its_columns(bench: Bench) -> None:
    bench.create()
    lines = run("image", "inspect", bench.image).stdout.splitlines()
    assert len(lines) == 10
    width = max(len(line.split("  ")[0]) for line in lines) + 2
    assert all(line[width - 1] == " " and line[width] != " " for line in lines)


def test_sign_to_another_file_leaves_the_first_alone(bench: Bench) -> None:
    bench.create()
    before = bench.image.read_bytes()
    arguments = ("image", "sign", bench.image, "--key", bench["vendor.key"])
    assert document(run(*arguments, "--out", bench["signed.dfw"], "--json"))["changed"] is True
    assert bench.image.read_bytes() == before
    assert document(run(*arguments, "--json"))["changed"] is True
    # Signing is deterministic, so the second time there is nothing new.
    assert document(run(*arguments, "--json"))["changed"] is False
    assert bench.image.read_bytes() == bench["signed.dfw"].read_bytes()


# --- refusals ---


@pytest.mark.parametrize("command", [["inspect"], ["verify", "--trust"], ["sign", "--key"]])
def test_a_missing_file_is_an_image_refused(bench: Bench, command: list[str]) -> None:
    key = {"verify": ["vendor.pem"], "sign": ["vendor.key"]}.get(command[0], [])
    arguments = ["image", *command, *(bench[name] for name in key), bench["missing.dfw"]]
    result = run(*arguments, "--json")
    assert result.exit_code == 5
    facts = document(result)
    assert facts["ok"] is False
    assert facts["error"]["code"] == "image.file"
    assert "missing.dfw" in facts["error"]["message"]


@pytest.mark.fault("S-32")
@pytest.mark.fault("S-35")
def test_a_tampered_image_is_refused(bench: Bench) -> None:
    bench.create("--key", bench["vendor.key"])
    good = bench.image.read_bytes()
    for position, code in {
        60: "image.signature",
        200: "image.digest",
        len(good) - 1: "image.signature",
    }.items():
        bad = bytearray(good)
        bad[position] ^= 1
        bench.image.write_bytes(bad)
        result = run("image", "verify", bench.image, "--trust", bench["vendor.pem"], "--json")
        assert result.exit_code == 5
        assert document(result)["error"]["code"] == code


def test_a_refused_signature_still_shows_the_facts(bench: Bench) -> None:
    bench.create("--key", bench["vendor.key"])
    arguments = ("image", "inspect", bench.image, "--trust", bench["stranger.pem"])
    result = run(*arguments)
    assert result.exit_code == 5
    assert "NOT TRUSTED" in result.stdout
    facts = document(run(*arguments, "--json"))
    assert facts["meter_type"] == "MCS301"
    assert facts["signature_verified"] is False
    assert facts["error"]["code"] == "image.untrusted"


@pytest.mark.fault("T-22")
def test_octets_after_the_image_are_refused(bench: Bench) -> None:
    bench.create("--key", bench["vendor.key"])
    with bench.image.open("ab") as file:
        file.write(b"\n")
    result = run("image", "verify", bench.image, "--trust", bench["vendor.pem"])
    assert result.exit_code == 5
    assert "1 octets follow its end" in result.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        ["--identifier", "4D4"],
        ["--identifier", ""],
        ["--part", "10"],
        ["--firmware-version", "2.4"],
        ["--hardware", "7..3"],
        ["--minimum-version", "x"],
    ],
)
def test_wrong_options_are_usage_errors_in_json_too(bench: Bench, wrong: list[str]) -> None:
    assert bench.create(*wrong).exit_code == 2
    result = bench.create(*wrong, "--json")
    assert result.exit_code == 2
    error = document(result)["error"]
    assert error["code"] == "usage"
    assert wrong[0] in error["message"]
    assert not bench.image.exists()


def test_create_does_not_write_over_its_payload(bench: Bench) -> None:
    before = bench.payload.read_bytes()
    result = run("image", "create", bench.payload, "--out", bench.payload, *FIELDS)
    assert result.exit_code == 2
    assert bench.payload.read_bytes() == before


def test_an_output_that_cannot_be_written_is_a_usage_error(bench: Bench) -> None:
    result = run("image", "create", bench.payload, "--out", bench["no/such/folder.dfw"], *FIELDS, "--json")
    assert result.exit_code == 2
    assert document(result)["error"]["code"] == "configuration.output"


@pytest.mark.fault("K-06")
def test_keys_are_files_for_their_owner_and_nothing_else(bench: Bench) -> None:
    result = run("image", "keygen", "--out", bench["vendor.key"], "--public", bench["new.pem"])
    assert result.exit_code == 2
    assert "not overwritten" in result.stderr
    assert not bench["new.pem"].exists()
    bench["vendor.key"].chmod(0o644)
    if os.name == "posix":
        result = bench.create("--key", bench["vendor.key"])
        assert result.exit_code == 2
        assert "chmod 600" in result.stderr
    # A key itself is not taken where a file is due, and not repeated either.
    text = bench["stranger.key"].read_text()
    result = bench.create("--key", text)
    assert result.exit_code == 2
    assert text.splitlines()[1] not in result.output


def test_a_private_key_is_not_a_trusted_key(bench: Bench) -> None:
    bench.create("--key", bench["vendor.key"])
    result = run("image", "verify", bench.image, "--trust", bench["vendor.key"], "--json")
    assert result.exit_code == 2
    assert document(result)["error"]["code"] == "configuration.key"


@pytest.mark.fault("K-05")
@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("answer", "code"), [("n\n", 130), ("y\n", 0)])
def test_on_a_terminal_signing_shows_the_image_and_asks(bench: Bench, answer: str, code: int) -> None:
    import pty

    bench.create()
    before = bench.image.read_bytes()
    ours, theirs = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "dlms_fw",
        "image",
        "sign",
        str(bench.image),
        "--key",
        str(bench["vendor.key"]),
    ]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as child:
        os.close(theirs)
        seen = b""
        while b"Sign this image?" not in seen:
            seen += os.read(ours, 4096)
        os.write(ours, answer.encode())
        assert child.wait(30) == code
    os.close(ours)
    shown = seen.decode()
    for fact in (Image.from_bytes(before).sha256.hex(), "meter application", "MCS301", "2.4.1"):
        assert fact in shown
    assert "\x1b" not in shown
    assert (bench.image.read_bytes() == before) is (code != 0)


# --- how commands end ---

ENDINGS: dict[ExitCode, list[BaseException]] = {
    ExitCode.UNEXPECTED: [ValueError("a defect")],
    ExitCode.USAGE: [
        errors.ConfigurationError("no such profile"),
        errors.LocalProtocolError("too large"),
        errors.JournalError("corrupt"),
    ],
    ExitCode.LINK: [
        errors.TransportError("refused"),
        errors.ResponseTimeout("silence"),
        errors.LinkError("reset", kind="frmr"),
        errors.DecodeError("bad tag", kind="tag", offset=3),
    ],
    ExitCode.AUTHENTICATION: [
        errors.AssociationRejected("no", association_result=1, diagnostic=13),
        errors.AuthenticationError("tag", kind="authentication-tag"),
        errors.ReplayError("old", kind="replay", expected_counter=7),
    ],
    ExitCode.IMAGE_REFUSED: [errors.ImageRejected("no", reason="version")],
    ExitCode.INCOMPLETE: [
        errors.TransferIncomplete("cut", state="TRANSFER_BLOCKS", retryable=True),
        errors.ForeignTransfer("not ours", state="CHECK_BLOCKS"),
        errors.TransferNotEnabled("off", state="READ_PARAMETERS"),
        errors.Busy("held by 17"),
        errors.ServiceError("denied", result=3),
    ],
    ExitCode.VERIFICATION_FAILED: [errors.VerificationFailed("bad", state="VERIFY")],
    ExitCode.NOT_CONFIRMED: [errors.ActivationFailed("old firmware runs", state="CONFIRM")],
    ExitCode.NOT_CONFORMING: [errors.NotConforming("a case failed", cases=("IT-01",))],
    ExitCode.INTERRUPTED: [KeyboardInterrupt(), click.Abort()],
}


@pytest.mark.parametrize(
    ("code", "error"),
    [
        pytest.param(code, error, id=type(error).__name__)
        for code, kinds in ENDINGS.items()
        for error in kinds
    ],
)
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_every_error_has_its_exit_code_and_its_words(
    code: ExitCode, error: BaseException, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(error) is code
    with pytest.raises(SystemExit) as ended:
        end_with(error, as_json=as_json)
    assert ended.value.code == code
    out, err = capsys.readouterr()
    if as_json:
        told = json.loads(out)
        assert (told["ok"], told["blocks_sent"]) == (False, 12)
        assert set(told["error"]) >= {"code", "message"}
    else:
        assert out == "for people\n"
        assert err.splitlines()[-1].startswith("error: ")
    # A defect shows where it is; a known error is not worth a trace.
    assert ("Traceback" in err) is isinstance(error, ValueError)


def end_with(error: BaseException, *, as_json: bool) -> None:
    with Outcome("upgrade", as_json=as_json) as result:
        result.facts["blocks_sent"] = 12
        result.say("for people")
        raise error


def test_every_exit_code_is_covered_and_unique() -> None:
    assert set(ENDINGS) | {ExitCode.DONE} == set(ExitCode)
    assert len({int(code) for code in ExitCode}) == len(ExitCode)


def test_an_error_is_one_line_that_no_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), Outcome("info", as_json=False):
        raise errors.TransportError("gone\nfor \x1b[31mgood", hint="plug it in")
    assert capsys.readouterr().err == "error: gone for \\x1b[31mgood (plug it in)\n"


def test_letters_of_all_the_world_pass_through(bench: Bench) -> None:
    assert bench.create("--meter-type", "Zähler №1").exit_code == 0
    result = process(
        "image", "inspect", bench.image, env={**os.environ, "PYTHONIOENCODING": "cp1252"}, encoding="cp1252"
    )
    assert result.returncode == 0, result.stderr
    assert "Zähler \\u21161" in result.stdout
    assert json.loads(process("image", "inspect", bench.image, "--json").stdout)["meter_type"] == "Zähler №1"


# --- real processes ---


def test_the_whole_path_in_processes(bench: Bench) -> None:
    assert process("image", "create", bench.payload, "--out", bench.image, *FIELDS).returncode == 0
    assert process("image", "sign", bench.image, "--key", bench["vendor.key"]).returncode == 0
    assert process("image", "verify", bench.image, "--trust", bench["vendor.pem"]).returncode == 0
    refused = process("image", "verify", bench.image, "--trust", bench["stranger.pem"])
    assert refused.returncode == 5
    assert "Traceback" not in refused.stderr
    dfw.verify(bench.image.read_bytes(), [bench["vendor.pem"]])
    wrong = process("image", "verify", bench.image, "--json")
    assert (wrong.returncode, json.loads(wrong.stdout)["error"]["code"]) == (2, "usage")
    assert "--trust" in json.loads(wrong.stdout)["error"]["message"]
    assert process("nonsense").returncode == 2


def test_no_colours_when_piped(bench: Bench) -> None:
    for arguments in (["--help"], ["image", "--help"], ["image", "inspect", bench.image]):
        result = process(*arguments)
        assert "\x1b" not in result.stdout + result.stderr


@pytest.mark.fault("K-07")
def test_a_reader_that_goes_away_is_no_defect(bench: Bench) -> None:
    bench.create()
    for arguments in (
        ["image", "inspect", str(bench.image)],
        ["image", "inspect", str(bench.image), "--json"],
    ):
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as stream:
            command = [sys.executable, "-m", "dlms_fw", *arguments]
            result = subprocess.run(
                command, stdout=stream, stderr=subprocess.PIPE, text=True, timeout=60, check=False
            )
        assert result.returncode == 1
        assert result.stderr == ""


def test_help_does_not_import_commands() -> None:
    code = (
        "import sys; from dlms_fw.cli.root import main; main(['--help'], standalone_mode=False);"
        "sys.exit('dlms_fw.cli.image' in sys.modules or 'construct' in sys.modules)"
    )
    assert "image" in COMMANDS
    script = code.replace(
        "import sys;",
        "import sys, types; sys.modules['dlms_fw'] = types.ModuleType('dlms_fw');"
        f"sys.modules['dlms_fw'].__path__ = [{str(Path(outcome.__file__).parents[1])!r}];",
        1,
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "image" in result.stdout


def test_without_click_one_line_says_what_to_install() -> None:
    code = "import sys; sys.modules['click'] = None; from dlms_fw.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "pip install 'dlms-fw[cli]'" in result.stderr


def test_version() -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("dlms-fw ")
