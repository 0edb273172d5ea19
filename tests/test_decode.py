"""Decoding of captured octets: the worked examples of the books, damaged octets, keys, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from dlms_fw import _core
from dlms_fw._core import Key
from dlms_fw.capture_text import messages, octets_of
from dlms_fw.cli.root import main
from dlms_fw.decode import Decoder, DecodingKeys, Node, decode, shown
from dlms_fw.decoding_keys import load_decoding_keys
from dlms_fw.errors import ConfigurationError

EK, AK = Key(bytes(range(16))), Key(bytes(range(0xD0, 0xE0)))
KEYS = DecodingKeys(
    global_unicast_encryption_key=EK,
    authentication_key=AK,
    system_titles=(bytes.fromhex("4D4D4D0000BC614E"),),
)
#: The AARQ of the Green Book's example of a ciphered InitiateRequest, with a password of low level security.
AARQ = (
    "6066A109060760857405080103A60A04084D4D4D0000BC614E8A0207808B0760857405080201AC0A8008313233343536"
    "3738BE34043221303001234567801302FF8A7874133D414CED25B42534D28DB0047720606B175BD52211BE6841DB204D39"
    "EE6FDB8E356855"
)
#: Green Book examples, and image transfer APDUs that another implementation decodes the same.
EXAMPLES = {
    "AARQ": "601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0",
    "AARQ LLS": "6036A1090607608574050801018A0207808B0760857405080201AC0A80083132333435363738"
    "BE10040E01000000065F1F0400007E1F04B0",
    "AARE": "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000501F01F40007",
    "AARE HLS": "6142A109060760857405080101A203020100A305A10302010E88020780890760857405080205AA0A800850367752"
    "4A323146BE10040E0800065F1F040000501F01F40007",
    "AARQ ciphered": AARQ,
    "RLRE": "6328800100BE230421281F3001234567891214A0845E475714383F65BC19745CA235906525E4F3E1C893",
    "glo-get": "C81E1001234567C0010000080000010000FF020006725D910F9221D263877516",
    "read block size": "C001C1001200002C0000FF0200",
    "status": "C401C1001601",
    "initiate": "C301C1001200002C0000FF0101020209064D435331303206000186A0",
    "bitmap": "C401C100040AFE00",
    "activate info": "C401C1000101020306000186A009064D43533130320904DEADBEEF",
    "first pblock": "C304C1001200002C0000FF0200000000010C020206000000000910000102",
    "next pblock": "C704C100000001",
    "last pblock": "C306C101000000020D030405060708090A0B0C0D0E0F",
    "general block transfer": "E04100010000" + "14C301C1001200002C0000FF0101020209064D4353",
    "SNRM": "7EA0070321930F017E",
    "UA": "7EA01E210373C37A818012050180060180070400000001080400000001533B7E",
    "I frame": "7EA02B032110FBAFE6E600601DA109060760857405080101BE10040E01000000065F1F0400007E1F04B0CAEA7E",
    "DISC, UA, DM": "7EA00703215303C77E7EA00721037301407E7EA00721031F6BE97E",
    "wrapper": "000100010001000DC001C100080000010000FF0200",
    "compact array": "130202121109000105000206000307",
    "clock": "090C07E90C1803021E00008000FF",
}


def spans(node: Node) -> None:
    """Children lie in order within their parents, but for those that stand for other octets."""
    at = node.offset
    for child in node.children:
        if not child.derived:
            assert at <= child.offset <= child.offset + child.length <= node.offset + node.length, child
            at = child.offset + child.length
        else:
            assert child.offset == 0
        spans(child)


@pytest.mark.proves("decode-apdus", "decode-data")
@pytest.mark.parametrize("octets", EXAMPLES.values(), ids=EXAMPLES)
def test_examples_are_understood_and_covered(octets: str) -> None:
    data = bytes.fromhex(octets)
    tree = decode(data)
    assert tree.understood, shown(tree)
    assert (tree.offset, tree.length) == (0, len(data))
    spans(tree)


@pytest.mark.proves("decode-names")
def test_the_tree_of_an_initiation_is_this() -> None:
    assert shown(decode(bytes.fromhex(EXAMPLES["initiate"]))).splitlines() == [
        "0000    APDU",
        "0000      action-request",
        "0001        form  action-request-normal (1)",
        "0002        invoke-id-and-priority  C1  id 1, confirmed, high priority",
        "0003        cosem-method-descriptor  Image Transfer 0-0:44.0.0.255, image_transfer_initiate",
        "0003          class-id  18  Image Transfer",
        "0005          instance-id  0-0:44.0.0.255  image transfer",
        "000B          method-id  1",
        "000C        method-invocation-parameters",
        "000D          parameters  structure of 2",
        '000F            octet-string  4D 43 53 31 30 32  "MCS102"',
        "0017            double-long-unsigned  100000",
    ]


def test_the_tree_of_an_accepted_association_is_this() -> None:
    said = {node.name: node.text for node in decode(bytes.fromhex(EXAMPLES["AARE HLS"])).walk()}
    assert said["application-context-name"] == "logical name referencing no ciphering (1)"
    assert said["result"] == "accepted (0)"
    assert said["result-source-diagnostic"] == "acse-service-user, authentication required (14)"
    assert said["mechanism-name"] == "high level gmac (5)"
    assert said["negotiated-conformance"].startswith("00501F  priority-mgmt-supported, ")
    assert (said["server-max-receive-pdu-size"], said["vaa-name"]) == ("500", "0007")


def test_values_equal_those_of_the_decoder() -> None:
    for octets in ("130202121109000105000206000307", "090C07E90C1803021E00008000FF", "040AFE00", "0C0141"):
        data = bytes.fromhex(octets)
        (value,) = decode(data, "data").children
        assert value.value == _core.Data.decode(data, strict=False).plain()


# --- Damage ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("octets", EXAMPLES.values(), ids=EXAMPLES)
def test_every_truncation_is_a_tree(octets: str) -> None:
    data = bytes.fromhex(octets)
    for cut in range(len(data)):
        for subject in ("any", "apdu"):
            tree = decode(data[:cut], subject, keys=KEYS)  # type: ignore[arg-type]
            assert (tree.offset, tree.length) == (0, cut)
            spans(tree)
            shown(tree)


def test_a_cut_shows_what_was_understood_and_where_it_broke() -> None:
    tree = decode(bytes.fromhex("C001C100120000"))
    assert not tree.understood
    broken = tree.find("instance-id")
    assert broken is not None
    assert broken.error == "truncated at 7"
    assert tree.find("class-id").text == "18  Image Transfer"  # type: ignore[union-attr]


@given(st.binary(max_size=80), st.sampled_from(["any", "hdlc", "wrapper", "apdu", "data"]))
def test_noise_is_a_tree(noise: bytes, subject: Any) -> None:
    tree = decode(noise, subject, keys=KEYS)
    assert tree.length == len(noise)
    spans(tree)
    shown(tree)


@given(st.sampled_from(sorted(EXAMPLES.values())), st.integers(0, 10_000), st.integers(0, 255))
def test_a_changed_octet_is_a_tree(octets: str, place: int, octet: int) -> None:
    data = bytearray.fromhex(octets)
    data[place % len(data)] = octet
    tree = decode(bytes(data), keys=KEYS)
    assert tree.length == len(data)
    spans(tree)


# --- Keys and pieces ---------------------------------------------------------------------------------------


@pytest.mark.proves("decode-ciphered")
@pytest.mark.parametrize(
    "apdu",
    [
        "C81E1001234567C0010000080000010000FF020006725D910F9221D263877516",
        "C8122001234567411312FF935A47566827C467BC",
        "C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B",
    ],
    ids=["authenticated", "encrypted", "both"],
)
def test_ciphered_apdus_are_opened_with_keys(apdu: str) -> None:
    tree = decode(bytes.fromhex(apdu), keys=KEYS)
    opened = tree.find("get-request")
    assert opened is not None
    assert opened.find("instance-id").text == "0-0:1.0.0.255  clock"  # type: ignore[union-attr]
    assert tree.understood
    header = decode(bytes.fromhex(apdu)).find("security-control")
    assert header is not None
    assert header.text.startswith(apdu[4:6])


def test_with_other_keys_a_ciphered_apdu_shows_its_header() -> None:
    wrong = DecodingKeys(
        global_unicast_encryption_key=AK, authentication_key=EK, system_titles=KEYS.system_titles
    )
    tree = decode(
        bytes.fromhex("C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B"), keys=wrong
    )
    assert tree.find("get-request") is None
    assert tree.find("invocation-counter").value == 0x01234567  # type: ignore[union-attr]


def test_titles_and_the_dedicated_key_come_from_the_association() -> None:
    decoder = Decoder(DecodingKeys(global_unicast_encryption_key=EK, authentication_key=AK))
    aarq = decoder.decode(bytes.fromhex(AARQ))
    assert aarq.find("client-max-receive-pdu-size").value == 1200  # type: ignore[union-attr]
    dedicated = Key(bytes.fromhex("00112233445566778899AABBCCDDEEFF"))
    context = _core.SecurityContext(
        0,
        0x30,
        system_title=bytes.fromhex("4D4D4D0000BC614E"),
        peer_system_title=bytes(8),
        global_unicast_encryption_key=EK,
        authentication_key=AK,
        dedicated_key=dedicated,
        invocation_counter=1,
        counter_limit=10,
    )
    sealed = context.seal(bytes.fromhex("C001C1001200002C0000FF0200"))
    assert sealed[0] == 0xD0
    assert decoder.decode(sealed).find("class-id").value == 18  # type: ignore[union-attr]


@pytest.mark.proves("decode-secrets")
@pytest.mark.parametrize("octets", [EXAMPLES["AARQ LLS"], AARQ, "7E" + EXAMPLES["AARQ LLS"]])
def test_secrets_are_not_shown(octets: str) -> None:
    tree = decode(bytes.fromhex(octets), "apdu" if octets[:2] != "7E" else "any", keys=KEYS)
    text = shown(tree) + repr(tree)
    for secret in ("12345678", "31 32 33 34", "3132333435363738", "00 11 22 33 44", "0011223344"):
        if octets[:2] != "7E":
            assert secret not in text
    if octets[:2] != "7E":
        assert "<8 octets, not shown>" in text
        assert "12345678" in shown(decode(bytes.fromhex(octets), keys=KEYS, show_secrets=True))


@pytest.mark.proves("decode-segments")
def test_segments_of_a_link_are_joined() -> None:
    channel = _core.Channel(
        "client", _core.HdlcFraming(1, 1, max_info_field_length_transmit=40, window_size_transmit=7)
    )
    server = _core.Channel(
        "server", _core.HdlcFraming(1, 1, max_info_field_length_receive=40, window_size_receive=7)
    )
    _, answer = server.receive(channel.connect())
    channel.receive(answer)
    sent = channel.send(
        _core.SetRequest(
            18, bytes.fromhex("00002C0000FF"), 5, b"\x09\x50" + bytes(range(80)), confirmed=False
        )
    )
    tree = decode(sent)
    joined = tree.find("joined segments")
    assert joined is not None
    assert joined.derived
    assert joined.find("attribute-id").value == 5  # type: ignore[union-attr]
    assert tree.understood


@pytest.mark.proves("decode-blocks")
def test_blocks_are_joined() -> None:
    decoder = Decoder()
    assert decoder.decode(
        bytes.fromhex("C304C1001200002C0000FF0200000000010C020206000000000910000102")
    ).understood
    last = decoder.decode(bytes.fromhex("C306C101000000020D030405060708090A0B0C0D0E0F"))
    joined = last.find("joined blocks")
    assert joined is not None
    assert [node.value for node in joined.children[0].children] == [0, bytes(range(16))]
    decoder.decode(bytes.fromhex("E0410001000014C301C1001200002C0000FF0101020209064D4353"))
    last = decoder.decode(bytes.fromhex("E081000200000831303206000186A0"))
    assert last.find("method-id").value == 1  # type: ignore[union-attr]
    decoder.decode(bytes.fromhex("C402C1000000000100" + "04" + "02001105"))
    last = decoder.decode(bytes.fromhex("C402C1010000000200" + "02" + "010B"))
    assert [node.name for node in last.find("joined blocks").children] == ["list"]  # type: ignore[union-attr]


# --- Texts and the command ---------------------------------------------------------------------------------


@pytest.mark.proves("decode-texts")
def test_hex_comes_out_of_all_usual_texts() -> None:
    get = bytes.fromhex("C001C1001200002C0000FF0200")
    for text in (
        "C001C1001200002C0000FF0200",
        "c0 01 c1 00 12 00 00 2c 00 00 ff 02 00",
        "C0:01:C1:00:12:00:00:2C:00:00:FF:02:00",
        "0xC0, 0x01, 0xC1, 0x00, 0x12, 0x00, 0x00, 0x2C, 0x00, 0x00, 0xFF, 0x02, 0x00",
    ):
        assert octets_of(text) == get
        assert list(messages(text)) == [get]
    log = """
    # a log of two messages
    2025-12-24 18:30:00.123 TX: C0 01 C1 00 12 00 00 2C 00 00 FF 02 00
    [18:30:01] <- C4 01 C1 00 16 01
    18:30:02,5 connection closed
    """
    assert list(messages(log)) == [get, bytes.fromhex("C401C1001601")]
    assert list(messages("C001C100\n1200002C\n0000FF0200\n\nC401C1001601\n")) == [
        get,
        bytes.fromhex("C401C1001601"),
    ]
    assert octets_of("C001C") is None
    assert octets_of("hello") is None
    assert list(messages("nothing here")) == []


def run(*arguments: str, stdin: bytes | None = None) -> Any:
    return CliRunner().invoke(main, ["decode", *arguments], input=stdin)


def test_the_command_shows_a_tree(tmp_path: Path) -> None:
    result = run(EXAMPLES["initiate"])
    assert result.exit_code == 0, result.output
    assert "image_transfer_initiate" in result.output
    capture = tmp_path / "capture.bin"
    capture.write_bytes(bytes.fromhex(EXAMPLES["DISC, UA, DM"]))
    assert "frame  DISC" in run(str(capture)).output
    result = run(
        "-", stdin=b"12:00:00 TX C0 01 C1 00 12 00 00 2C 00 00 FF 02 00\n12:00:01 RX C4 01 C1 00 16 01\n"
    )
    assert result.output.count("APDU") == 2
    spaced = run("C0", "01", "C1", "00 12", "00002C0000FF", "02", "00")
    assert "Image Transfer 0-0:44.0.0.255, image_block_size" in spaced.output


def test_the_command_gives_one_json_document(tmp_path: Path) -> None:
    (tmp_path / "guek").write_text(EK.expose().hex())
    (tmp_path / "guek").chmod(0o600)
    (tmp_path / "keys.toml").write_text(
        'global_unicast_encryption_key = "file:guek"\nauthentication_key = "env:GAK"\n'
        'system_titles = ["4D4D4D0000BC614E"]\n'
    )
    result = CliRunner().invoke(
        main,
        [
            "decode",
            "--json",
            "--keys",
            str(tmp_path / "keys.toml"),
            "C8122001234567411312FF935A47566827C467BC",
        ],
        env={"GAK": AK.expose().hex()},
    )
    document = json.loads(result.output)
    assert (document["ok"], document["understood"], document["command"]) == (True, True, "decode")
    assert "0-0:1.0.0.255" in json.dumps(document["messages"])
    refused = json.loads(run("--json", "nonsense").output)
    assert (refused["ok"], refused["messages"]) == (False, [])
    assert run("xyz").exit_code == 2
    (tmp_path / "empty").write_text("nothing\n")
    assert run(str(tmp_path / "empty")).exit_code == 2


def test_mistakes_in_a_file_of_keys_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(
        'global_unicast_encryption_key = "0011"\nauthentication_key = "env:SHORT"\n'
        'dedicated_kee = "x"\nsystem_titles = ["00"]\n'
    )
    with pytest.raises(ConfigurationError) as caught:
        load_decoding_keys(path, environ={"SHORT": "AABB"})
    for part in (
        "global_unicast_encryption_key",
        "authentication_key",
        "did you mean dedicated_key",
        "system_titles",
    ):
        assert part in str(caught.value)
    assert "AABB" not in str(caught.value)
    for content in (b"not toml =", b"\xff"):
        path.write_bytes(content)
        with pytest.raises(ConfigurationError, match="is not TOML"):
            load_decoding_keys(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_decoding_keys(tmp_path / "missing")
