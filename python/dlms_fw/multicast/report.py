"""What became of an upgrade of a group: one row for each member, and what the group has cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

from dlms_fw.errors import DlmsError

MemberOutcome: TypeAlias = Literal[
    "activated", "already-current", "scheduled", "verified", "planned", "excluded", "failed"
]
"""Those of a transfer; ``excluded`` is a member that was not touched because it does not belong to the group,
or is not one for the image."""
GOALS = frozenset({"activated", "already-current", "scheduled", "verified", "planned"})


@dataclass(slots=True)
class MemberReport:
    """One member.

    Attributes:
        member: Its name, or its address.
        meter: What names it in our records, where it was reached.
        outcome: What was reached.
        changed: Whether anything in the meter is different now.
        blocks_by_multicast: Blocks that it has from the group.
        blocks_by_unicast: Blocks sent to it alone, repetitions included.
        looks: Times that it was asked what it has.
        error: Why it was excluded or has failed.
    """

    member: str
    meter: str | None = None
    outcome: MemberOutcome = "failed"
    changed: bool = False
    blocks_by_multicast: int = 0
    blocks_by_unicast: int = 0
    looks: int = 0
    error: DlmsError | None = None

    def to_dict(self) -> dict[str, Any]:
        """The row as JSON-able values."""
        return {
            "member": self.member,
            "meter": self.meter,
            "outcome": self.outcome,
            "changed": self.changed,
            "blocks_by_multicast": self.blocks_by_multicast,
            "blocks_by_unicast": self.blocks_by_unicast,
            "looks": self.looks,
            "error": _described(self.error),
        }


@dataclass(slots=True)
class GroupSeconds:
    """How long the parts of an upgrade took.

    Attributes:
        survey: Asking every member who it is and how large its blocks are.
        preparation: Until the first block: identification and initiation, each member alone.
        distribution: From the first block to the group to the last look; who is complete is verified
            meanwhile.
        sending: Of that, for blocks to the group.
        looking: For asking who has what, all members together.
        completion: The rest by unicast, verification and activation, as far as they came later.
    """

    survey: float = 0.0
    preparation: float = 0.0
    distribution: float = 0.0
    sending: float = 0.0
    looking: float = 0.0
    completion: float = 0.0


@dataclass(slots=True)
class MulticastReport:
    """The whole group.

    Attributes:
        members: One row each, in the order in which they were given.
        passes: Times that something was sent to the group.
        blocks_sent: Blocks sent to the group, repetitions included.
        looks: Times that one member was asked what it has.
        pause_seconds: The pause after each block in the end.
        unexpected_answers: Pieces that came from the group, which answers nothing; they were not looked at.
        group_error: Why the group could not be sent to, in which case all went by unicast.
    """

    identifier: bytes
    sha256: bytes
    block_size: int | None = None
    blocks_total: int | None = None
    members: list[MemberReport] = field(default_factory=list)
    passes: int = 0
    blocks_sent: int = 0
    looks: int = 0
    pause_seconds: float = 0.0
    unexpected_answers: int = 0
    group_error: DlmsError | None = None
    seconds: GroupSeconds = field(default_factory=GroupSeconds)

    @property
    def ok(self) -> bool:
        """Whether every member has reached the goal."""
        return all(member.outcome in GOALS for member in self.members)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-able values."""
        return {
            "identifier": self.identifier.hex(),
            "sha256": self.sha256.hex(),
            "block_size": self.block_size,
            "blocks_total": self.blocks_total,
            "passes": self.passes,
            "blocks_sent": self.blocks_sent,
            "looks": self.looks,
            "pause_seconds": round(self.pause_seconds, 6),
            "unexpected_answers": self.unexpected_answers,
            "group_error": _described(self.group_error),
            "seconds": {name: round(value, 3) for name, value in asdict(self.seconds).items()},
            "members": [member.to_dict() for member in self.members],
        }


def _described(error: DlmsError | None) -> dict[str, str | None] | None:
    return None if error is None else {"code": error.code, "message": str(error), "hint": error.hint}
