"""Captured octets as a tree: HDLC frames, wrapper messages, APDUs, ciphered ones with keys, and bare values.

    tree = decode(bytes.fromhex("C001C1001200002C0000FF0200"))
    print(shown(tree))

The core says what each octet is, and by its own parsers whether that is valid; here codes get their words,
ciphered APDUs are opened, and messages that came in pieces are put together. Nothing is raised for octets,
whatever they are: a node that could not be understood says why, and everything before it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, product
from typing import Final, Literal, TypeAlias

from dlms_fw._core import (
    RANDOMNESS_LENGTH,
    Key,
    PrivateKey,
    PublicKey,
    SecurityContext,
    annotate,
)
from dlms_fw.decode_node import Node
from dlms_fw.decode_words import redacted, words
from dlms_fw.errors import DlmsError
from dlms_fw.security import SYSTEM_TITLE_LENGTH

__all__ = ["Decoder", "DecodingKeys", "Node", "Subject", "decode", "shown"]

Subject: TypeAlias = Literal["any", "hdlc", "wrapper", "apdu", "data"]
_Raw: TypeAlias = "tuple[str, str, str, int, int, object, tuple[str, int] | None, tuple[_Raw, ...]]"

_MOST_PIECES: Final = 16 << 20
"""Octets that pieces of one message may come to."""
_MOST_NESTED: Final = 8
"""APDUs within APDUs are followed no deeper."""
_MOST_TRIES: Final = 256
"""Combinations of keys that one message is tried with."""
_CURVES: Final = {1: "P-256", 2: "P-384"}
"""By security suite."""
_NOBODY: Final = b"\xff" * SYSTEM_TITLE_LENGTH
_ENCRYPTED: Final = 0x20
_CLIENT_TAGS: Final = frozenset(
    (0x21, 0x25, 0x26, 0x36, 0x41, 0x45, 0x46, 0x56, 0xC8, 0xC9, 0xCB, 0xD0, 0xD1, 0xD3)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingKeys:
    """What ciphered APDUs are opened with; nothing is checked but their authentication tags.

    Attributes:
        master_key: Under which keys are wrapped in general-ciphering.
        private_keys: For key agreement in general-ciphering, of one of the two: the recipient's opens what
            has an ephemeral key, either's what has static keys.
        public_keys: Of the other one: for key agreement, and the sender's for signatures, which vouches for
            an ephemeral key.
        system_titles: Of those that may have sent them, where the capture does not say.
    """

    global_unicast_encryption_key: Key | None = None
    global_broadcast_encryption_key: Key | None = None
    authentication_key: Key | None = None
    dedicated_key: Key | None = None
    master_key: Key | None = None
    private_keys: tuple[PrivateKey, ...] = ()
    public_keys: tuple[PublicKey, ...] = ()
    system_titles: tuple[bytes, ...] = ()


@dataclass(slots=True)
class _Pieces:
    """Pieces of one message, as far as they have come."""

    octets: bytearray = field(default_factory=bytearray)
    subject: str = "data"


class Decoder:
    """Decodes the messages of one capture in their order.

    It remembers what later messages need: system titles and dedicated keys from the association, segments,
    and the blocks of long services.

    Args:
        keys: To open ciphered APDUs with; without, they show their headers.
        show_secrets: Show passwords and keys instead of their lengths.
    """

    def __init__(self, keys: DecodingKeys | None = None, *, show_secrets: bool = False) -> None:
        self._keys = keys or DecodingKeys()
        self._show_secrets = show_secrets
        self._titles: dict[str, bytes] = {}
        self._dedicated = self._keys.dedicated_key
        self._segments = bytearray()
        self._blocks: dict[str, _Pieces] = {}

    def decode(self, data: bytes, subject: Subject = "any") -> Node:
        """The tree of one message, or of a stream of several. Raises nothing for octets."""
        data = bytes(data)
        return self._tree(data, subject, derived=False, name="", depth=0)

    def _tree(self, data: bytes, subject: str, *, derived: bool, name: str, depth: int) -> Node:
        raw: _Raw = annotate(data, subject)
        root = self._node(raw, data, depth)
        return replace(root, derived=derived, name=name or root.name)

    def _node(self, raw: _Raw, data: bytes, depth: int) -> Node:
        name, kind, note, start, end, value, error, below = raw
        children = [self._node(child, data, depth) for child in below]
        node = Node(
            name,
            kind,
            start,
            end - start,
            value,
            words(name, kind, note, value, children),
            "" if error is None else f"{error[0]} at {error[1]}",
            children=tuple(children),
        )
        if kind == "secret":
            self._remember_key(name, value)
            node = node if self._show_secrets else redacted(node)
        elif kind == "system-title" and isinstance(value, bytes) and len(value) == SYSTEM_TITLE_LENGTH:
            self._titles[name] = value
        extra = self._derived(node, data, depth) if depth < _MOST_NESTED else None
        return node if extra is None else replace(node, children=(*node.children, extra))

    def _remember_key(self, name: str, value: object) -> None:
        if name == "key" and isinstance(value, bytes) and len(value) in {16, 32}:
            self._dedicated = Key(value)

    # What stands for other octets

    def _derived(self, node: Node, data: bytes, depth: int) -> Node | None:
        if node.kind == "ciphered" and node.understood:
            return self._opened(node, data, depth)
        if node.name == "general-ciphering" and node.understood:
            return self._opened_generally(node, data, depth)
        if node.kind == "frame" and node.understood:
            return self._joined_segments(node, depth)
        if node.name in _BLOCKED and node.understood:
            return self._joined_blocks(node, depth)
        return None

    def _opened(self, node: Node, data: bytes, depth: int) -> Node | None:
        apdu = data[node.offset : node.offset + node.length]
        control = node.find("security-control")
        bits = control.value if control is not None and isinstance(control.value, int) else 0
        for title in self._candidates(node, apdu):
            try:
                plain = self._context(bits & 0x0F, title).open(apdu)
            except (DlmsError, ValueError):
                continue
            name = "deciphered" if bits & _ENCRYPTED else "verified"
            return self._tree(plain, "apdu", derived=True, name=name, depth=depth + 1)
        text = node.find("ciphered-text")
        if not bits & _ENCRYPTED and text is not None and isinstance(text.value, bytes):
            return self._tree(text.value, "apdu", derived=True, name="not verified", depth=depth + 1)
        return None

    def _candidates(self, node: Node, apdu: bytes) -> list[bytes]:
        named = node.find("system-title")
        if named is not None and isinstance(named.value, bytes) and named.value:
            return [named.value]
        titles = [self._titles.get("calling-AP-title"), self._titles.get("responding-AP-title")]
        if apdu[0] not in _CLIENT_TAGS:
            titles.reverse()
        known = [title for title in titles if title is not None]
        return [*known, *(title for title in self._keys.system_titles if title not in known)]

    def _context(self, suite: int, title: bytes, own_title: bytes | None = None) -> SecurityContext:
        keys = self._keys
        return SecurityContext(
            suite,
            0,
            system_title=own_title or (bytes(SYSTEM_TITLE_LENGTH) if title == _NOBODY else _NOBODY),
            peer_system_title=title,
            global_unicast_encryption_key=keys.global_unicast_encryption_key,
            global_broadcast_encryption_key=keys.global_broadcast_encryption_key,
            authentication_key=keys.authentication_key,
            dedicated_key=self._dedicated,
        )

    def _opened_generally(self, node: Node, data: bytes, depth: int) -> Node | None:
        apdu = data[node.offset : node.offset + node.length]
        content = node.find("ciphered-content")
        if content is None or not isinstance(content.value, bytes) or not content.value:
            return None
        control = content.value[0]
        for context in islice(self._general_contexts(node, control & 0x0F), _MOST_TRIES):
            try:
                plain = context.open(apdu)
            except (DlmsError, ValueError):
                continue
            name = "deciphered" if control & _ENCRYPTED else "verified"
            return self._tree(plain, "apdu", derived=True, name=name, depth=depth + 1)
        return None

    def _general_contexts(self, node: Node, suite: int) -> Iterator[SecurityContext]:
        """Every way to open a general-ciphering APDU: with each of the keys, and as meters differ."""
        originator, recipient = (
            named.value if named is not None and isinstance(named.value, bytes) else b""
            for named in (node.find("originator-system-title"), node.find("recipient-system-title"))
        )
        keys, curve = self._keys, _CURVES.get(suite)
        private = [None, *(key for key in keys.private_keys if key.curve == curve)]
        public = [None, *(key for key in keys.public_keys if key.curve == curve)]
        # The keys of an agreement come first: without them, most of this is in vain.
        ways = product(reversed(private), reversed(public), (False, True), (True, False))
        for own, others, older_algorithm_ids, header_authenticated in ways:
            try:
                context = self._context(suite, originator, recipient or None)
                context.use_general_protection(
                    bytes(RANDOMNESS_LENGTH),  # nothing is ever sent with it
                    key_agreement_key=own,
                    peer_signing_key=others,
                    peer_key_agreement_key=others,
                    master_key=keys.master_key,
                    older_algorithm_ids=older_algorithm_ids,
                    header_authenticated=header_authenticated,
                )
            except (DlmsError, ValueError):
                continue
            yield context

    def _joined_segments(self, frame: Node, depth: int) -> Node | None:
        information = next((child for child in frame.children if child.kind == "segment"), None)
        if information is None or not isinstance(information.value, bytes):
            return None
        more = any(child.name == "format" and "segmented" in child.text for child in frame.children)
        if information.value[:3] in _LLC and not self._segments:
            self._segments += information.value[3:]
        else:
            self._segments += information.value
        if more and len(self._segments) < _MOST_PIECES:
            return None
        whole, self._segments = bytes(self._segments), bytearray()
        return self._tree(whole, "apdu", derived=True, name="joined segments", depth=depth + 1)

    def _joined_blocks(self, apdu: Node, depth: int) -> Node | None:
        raw = apdu.find("raw-data") if apdu.name != "general-block-transfer" else apdu.find("block-data")
        form = apdu.find("form")
        if raw is None or not isinstance(raw.value, bytes):
            return None
        number = apdu.find("block-number")
        if number is not None and number.value == 1:
            first = "" if form is None else form.text
            self._blocks[apdu.name] = _Pieces(subject=_subject(apdu.name, first))
        pieces = self._blocks.get(apdu.name)
        if pieces is None:
            return None
        pieces.octets += raw.value
        if len(pieces.octets) > _MOST_PIECES or not _is_last(apdu):
            return None
        del self._blocks[apdu.name]
        whole = bytes(pieces.octets)
        for subject in (pieces.subject, _LISTS.get(pieces.subject)):
            if subject is not None:
                tree = self._tree(whole, subject, derived=True, name="joined blocks", depth=depth + 1)
                if tree.understood:
                    return tree
        return self._tree(whole, pieces.subject, derived=True, name="joined blocks", depth=depth + 1)


_LLC: Final = (b"\xe6\xe6\x00", b"\xe6\xe7\x00")
_BLOCKED: Final = frozenset(
    ("get-response", "set-request", "action-request", "action-response", "general-block-transfer")
)
_LISTS: Final = {"data": "get-results", "outcome": "outcomes"}
"""What blocks are that turn out not to be a single value."""


def _subject(name: str, form: str) -> str:
    if name == "general-block-transfer":
        return "apdu"
    if name == "action-response":
        return "outcome"
    return "data-list" if "with-list" in form else "data"


def _is_last(apdu: Node) -> bool:
    control = apdu.find("block-control")
    if control is not None:
        return isinstance(control.value, int) and control.value & 0x80 != 0
    last = apdu.find("last-block")
    return last is not None and last.value != 0


def decode(
    data: bytes,
    subject: Subject = "any",
    *,
    keys: DecodingKeys | None = None,
    show_secrets: bool = False,
) -> Node:
    """The tree of captured octets, whatever they are.

    Args:
        data: One message, or a stream of frames or messages.
        subject: What the octets are; ``any`` looks at them.
        keys: To open ciphered APDUs with.
        show_secrets: Show passwords and keys instead of their lengths.
    """
    return Decoder(keys, show_secrets=show_secrets).decode(data, subject)


def shown(node: Node) -> str:
    """The tree as lines for people: the offset of each node, its name, and its value in words."""
    return "\n".join(_lines(node, 0, ""))


def _lines(node: Node, depth: int, mark: str) -> Iterable[str]:
    mark = mark + "+" if node.derived else mark
    offset = f"{mark}{node.offset:04X}"
    said = f"  {node.text}" if node.text else ""
    wrong = f"  !! {node.error}" if node.error else ""
    yield f"{offset:<8}{'  ' * depth}{node.name or node.kind}{said}{wrong}"
    for child in node.children:
        yield from _lines(child, depth + 1, mark)
