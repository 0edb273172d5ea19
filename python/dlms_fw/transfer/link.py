"""What a transfer must know about the link: what was negotiated, how large a request may be, the medium.

Values only. Whoever drives the transfer knows the link and fills them in; where nothing is known, blocks go
one at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from dlms_fw.enums import Conformance

Medium: TypeAlias = Literal["stream", "datagram", "hdlc"]
"""The wrapper on a stream, where nothing is lost on the way; the wrapper on datagrams, which may be lost;
HDLC, which answers one request at a time."""

# image_block_transfer, plain, without the block: header 13, structure 2, number 5, tag of the octet-string 1.
_BLOCK_OVERHEAD: Final = 21
# A request with a list, without its items: tag, choice, invoke id, and two counts.
_LIST_OVERHEAD: Final = 3 + 2 * 2
# An item of a list, without the block: method descriptor 9, structure 2, number 5, tag of the octet-string 1.
_ITEM_OVERHEAD: Final = 17
# Both counts of a list take one octet up to here, or two in the form that _LIST_OVERHEAD has room for.
_MOST_ITEMS: Final = 127
_NOTHING: Final = Conformance(0)
_LONGEST_WRAPPER: Final = 0xFFFF
_CARRIES_ANY_BLOCK: Final = {
    False: Conformance.BLOCK_TRANSFER_WITH_ACTION | Conformance.GENERAL_BLOCK_TRANSFER,
    True: Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE | Conformance.GENERAL_BLOCK_TRANSFER,
}


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """What one request may carry on the association at hand, and over what.

    Attributes:
        max_pdu_size: The meter's server-max-receive-pdu-size in octets; 0 means no limit.
        client_max_pdu_size: Our own client-max-receive-pdu-size in octets; 0 means no limit.
        ciphering_overhead: Octets that protection adds to an APDU, at most.
        conformance: The services that were negotiated.
        medium: What carries the requests; ``None`` where that is not known.
        short_names: Whether objects are named by short names.
        response_timeout_seconds: Silence after which the link counts as lost.
        pre_established: Whether the association has only services that want no answer.
        block_runs: Whether the driver carries out a :class:`~dlms_fw.transfer.orders.Run`.
    """

    max_pdu_size: int = 0
    ciphering_overhead: int = 0
    conformance: Conformance = _NOTHING
    medium: Medium | None = None
    short_names: bool = False
    response_timeout_seconds: float = 30.0
    pre_established: bool = False
    client_max_pdu_size: int = 0
    block_runs: bool = False

    def carries(self, image_block_size: int) -> bool:
        """Whether an image_block_transfer with a block of this size can be sent.

        Where block transfer was negotiated, any block can.
        """
        any_block = bool(self.conformance & _CARRIES_ANY_BLOCK[self.short_names])
        return any_block or self.fits_whole(image_block_size)

    def fits_whole(self, image_block_size: int) -> bool:
        """Whether such a request needs no block transfer."""
        octets = _BLOCK_OVERHEAD + _with_length(image_block_size) + self.ciphering_overhead
        return self.max_pdu_size == 0 or octets <= self.max_pdu_size

    def list_octets(self, image_block_size: int, blocks: int) -> int:
        """Octets of one request with a list of that many blocks, protected, at most."""
        items = blocks * (_ITEM_OVERHEAD + _with_length(image_block_size))
        return _LIST_OVERHEAD + items + self.ciphering_overhead

    def blocks_per_list(self, image_block_size: int, octets: int, *, one_pdu: bool = True) -> int:
        """How many blocks a list of at most so many octets holds; at least 1.

        Args:
            image_block_size: Octets of a block.
            octets: The longest request that is wanted.
            one_pdu: Whether it must fit the meter's PDU size, too.
        """
        limit = min(octets, _LONGEST_WRAPPER)
        if one_pdu and self.max_pdu_size:
            limit = min(limit, self.max_pdu_size)
        room = limit - self.list_octets(image_block_size, 0)
        return max(1, min(room // (_ITEM_OVERHEAD + _with_length(image_block_size)), _MOST_ITEMS))


def _with_length(octets: int) -> int:
    """An octet-string of this length, with its length octets."""
    return octets + (1 if octets < 0x80 else 1 + (octets.bit_length() + 7) // 8)
