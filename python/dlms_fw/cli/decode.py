"""``dlms-fw decode``: what captured octets mean, as a tree for people or as JSON. Needs no meter."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from dlms_fw.capture_text import messages, octets_of
from dlms_fw.cli.outcome import Outcome, reported
from dlms_fw.decode import Decoder, Node, shown
from dlms_fw.decoding_keys import load_decoding_keys
from dlms_fw.errors import ConfigurationError
from dlms_fw.json_values import json_value
from dlms_fw.regular_file import UnreadableError, read_once

_LARGEST_CAPTURE = 64 << 20


@click.command()
@reported("decode", lambda: {"understood": None, "messages": []})
@click.argument("capture", nargs=-1, required=True, metavar="HEX|FILE|-")
@click.option(
    "--keys",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="TOML with references to keys, to open ciphered APDUs with.",
)
@click.option(
    "--as",
    "subject",
    type=click.Choice(["any", "hdlc", "wrapper", "apdu", "data"]),
    default="any",
    help="What the octets are; by default they are looked at.",
)
@click.option("--show-secrets", is_flag=True, help="Show passwords and dedicated keys.")
def decode(
    outcome: Outcome, capture: tuple[str, ...], keys: Path | None, subject: Any, show_secrets: bool
) -> None:
    """Show what captured octets mean: HDLC frames, wrapper messages, APDUs or A-XDR values.

    Hex may have spaces, colons or 0x; a FILE is a log with hex in its lines, or binary; - is standard input.
    Without keys a ciphered APDU shows its header.
    """
    decoder = Decoder(None if keys is None else load_decoding_keys(keys), show_secrets=show_secrets)
    trees = [decoder.decode(message, subject) for message in _captured(capture)]
    if not trees:
        raise ConfigurationError("there are no octets in that", hint="hex digits, the name of a file, or -")
    outcome.facts["understood"] = all(tree.understood for tree in trees)
    outcome.facts["messages"] = [_document(tree) for tree in trees]
    for number, tree in enumerate(trees):
        outcome.say(("" if number == 0 else "\n") + shown(tree))


def _captured(capture: tuple[str, ...]) -> Iterator[bytes]:
    joined = " ".join(capture)
    if capture == ("-",):
        yield from _messages(sys.stdin.buffer.read(_LARGEST_CAPTURE))
    elif len(capture) == 1 and Path(joined).is_file():
        try:
            yield from _messages(read_once(Path(joined), _LARGEST_CAPTURE)[0])
        except UnreadableError as error:
            raise ConfigurationError(f"the capture cannot be read: {error}") from None
    elif (octets := octets_of(joined)) is not None:
        yield octets
    else:
        raise ConfigurationError(
            "that is neither hex digits nor the name of a file", hint="an even number of hex digits is needed"
        )


def _messages(content: bytes) -> Iterator[bytes]:
    """Of text, what its lines hold; of anything else, all of it."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if all(character.isprintable() or character.isspace() for character in text):
        yield from messages(text)
    elif content:
        yield content


def _document(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "kind": node.kind,
        "offset": node.offset,
        "length": node.length,
        "value": json_value(node.value),
        "text": node.text,
        "error": node.error or None,
        "derived": node.derived,
        "children": [_document(child) for child in node.children],
    }
