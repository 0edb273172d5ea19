"""What a meter can be made to do wrong: a table of names, with what each does and what it takes.

Only words and parameters stand here. What is said instead of the truth is in ``readings``, what is done
instead of what was asked in ``calls``, and what happens to whole answers in ``messages``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Phase: TypeAlias = Literal["start", "transfer", "check", "activation", "line"]
"""When it matters: before the first block, during the blocks, from the completeness check to the comparison
of image_to_activate_info, around the activation, or whenever something is answered."""

Value: TypeAlias = int | float | str


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to misbehave.

    Attributes:
        phase: When it matters.
        text: What the meter does.
        defaults: Parameters of its own, with their defaults; all kinds take ``after``, ``times`` and
            ``seconds`` besides.
    """

    phase: Phase
    text: str
    defaults: Mapping[str, Value] = field(default_factory=dict)


_AT_BLOCK: Final = {"at_block": 1}
_ONE_BLOCK_AN_HOUR: Final = {"pause": 3600.0}
_TWICE: Final = {"after": 5, "times": 2}
_ONCE: Final = {"after": 5, "times": 1}
_AN_HOUR: Final = {"seconds": 3600.0}
_MINUTES: Final = {"seconds": 300.0}

KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        # Before the first block
        "enabled-false": Kind("start", "image_transfer_enabled reads FALSE, whatever is written."),
        "block-size-zero": Kind("start", "image_block_size reads 0."),
        "block-size-large": Kind("start", "image_block_size reads 65,535."),
        "block-size-half": Kind("start", "image_block_size reads half of what the meter takes."),
        "initiate-not-done": Kind("start", "image_transfer_initiate succeeds, and nothing happens."),
        "initiate-refused-but-done": Kind(
            "start", "image_transfer_initiate is carried out and answered with other-reason."
        ),
        "initiate-busy": Kind("start", "image_transfer_initiate: temporary-failure, for a while.", _MINUTES),
        # The blocks
        "block-not-stored": Kind(
            "transfer", "A block is answered with success and thrown away.", {**_AT_BLOCK, "times": 1}
        ),
        "block-never-stored": Kind(
            "transfer", "The same each time the block comes, so that it is missing for ever.", _AT_BLOCK
        ),
        "block-spoiled": Kind("transfer", "Other octets than those of the block are stored.", _AT_BLOCK),
        "block-refused-but-stored": Kind(
            "transfer", "A block is stored and answered with other-reason.", _AT_BLOCK
        ),
        "block-busy": Kind("transfer", "A block: temporary-failure, for a while.", {**_AT_BLOCK, **_MINUTES}),
        "block-hardware-fault": Kind(
            "transfer", "A block: hardware-fault, so many times.", {**_AT_BLOCK, "times": 2}
        ),
        "slow-drip": Kind(
            "transfer", "One block an hour; the others get temporary-failure.", _ONE_BLOCK_AN_HOUR
        ),
        "reboot": Kind(
            "transfer",
            "A restart after a block. It keeps all blocks, half of them, none, or not even the initiation.",
            {**_AT_BLOCK, "times": 1, "keeps": "all", "away": 30.0},
        ),
        # The completeness check
        "bitmap-all-ones": Kind("check", "The bitmap says that all blocks are there."),
        "bitmap-all-zeros": Kind("check", "The bitmap says that none is there."),
        "bitmap-reversed": Kind("check", "The bits of the bitmap stand in reverse order."),
        "bitmap-short": Kind("check", "The last bit of the bitmap is missing."),
        "bitmap-long": Kind("check", "The bitmap has nine bits more, all set."),
        "bitmap-flips-one": Kind("check", "The bit of a block is the other one.", _AT_BLOCK),
        "bitmap-stale": Kind("check", "The bitmap stays as it was when it was read first."),
        "first-missing-zero": Kind("check", "The first missing block is always 0."),
        "first-missing-stuck": Kind("check", "The first missing block stays as it was read first."),
        "first-missing-backwards": Kind("check", "The first missing block goes down by one each time."),
        "first-missing-beyond": Kind("check", "The first missing block is higher than there are blocks."),
        "status-idle": Kind("check", "image_transfer_status is always 0."),
        "status-verifying": Kind("check", "image_transfer_status stays 2 where the verification has ended."),
        "status-verified-early": Kind("check", "image_transfer_status is 3 while blocks are missing."),
        "status-failed": Kind("check", "image_transfer_status is 4 where the image was verified."),
        "status-activated-early": Kind("check", "image_transfer_status is 6 where it should be 3."),
        "status-undefined": Kind("check", "image_transfer_status is 9."),
        "verify-busy": Kind("check", "image_verify: temporary-failure, for an hour.", _AN_HOUR),
        "verify-refused": Kind("check", "image_verify: other-reason, whatever came of it."),
        "info-absent": Kind("check", "image_to_activate_info is empty."),
        "info-other-size": Kind("check", "image_to_activate_info tells one octet more."),
        "info-other-identifier": Kind("check", "image_to_activate_info tells another identifier."),
        "info-other-signature": Kind("check", "image_to_activate_info tells another signature."),
        "info-two-entries": Kind("check", "image_to_activate_info has a second entry."),
        # The activation
        "activate-not-done": Kind("activation", "image_activate succeeds, and nothing happens."),
        "activate-refused-but-done": Kind(
            "activation", "image_activate is carried out and answered with other-reason."
        ),
        "activate-busy": Kind("activation", "image_activate: temporary-failure, for an hour.", _AN_HOUR),
        "activates-by-itself": Kind("activation", "The meter activates as soon as the image is verified."),
        "identifier-old": Kind("activation", "The active firmware identifier stays as it was read first."),
        "identifier-early": Kind(
            "activation", "The image's identifier is an active one from the initiation on."
        ),
        "identifier-cut": Kind("activation", "The active firmware identifiers lack their last octet."),
        "identifier-text": Kind("activation", "The active firmware identifiers are hexadecimal text."),
        "schedule-not-kept": Kind("activation", "execution_time is written with success and not kept."),
        "script-elsewhere": Kind("activation", "The activation script calls method 1 of the image transfer."),
        "clock-wrong": Kind("activation", "The clock tells the time of ten days later."),
        # Answers
        "silence": Kind("line", "What is asked is done, and not answered.", _TWICE),
        "deaf": Kind("line", "What is asked is neither done nor answered.", _TWICE),
        "silent-for-ever": Kind("line", "From some request on nothing is done or answered.", {"after": 4}),
        "late-answer": Kind("line", "An answer comes only in front of the next one.", _TWICE),
        "answers-twice": Kind("line", "Each answer comes twice.", {"after": 5, "times": 3}),
        "wrong-invoke-id": Kind("line", "An answer has the invoke-id of another request.", _ONCE),
        "exception": Kind("line", "An exception-response instead of an answer.", _ONCE),
        "null-data": Kind("line", "What is read is null-data, so many times.", {"times": 1}),
        "drops": Kind("line", "The connection ends after every so many requests.", {"every": 7}),
    }
)
"""All kinds, by the names that tests, files and the command line use."""
