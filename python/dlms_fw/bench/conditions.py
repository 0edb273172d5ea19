"""What is transferred under which conditions: values, and the client, the meter and the image that they make.

Both ends have test keys that everybody knows. Nothing here runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from dlms_fw import hls
from dlms_fw._core import Key
from dlms_fw.errors import ConfigurationError
from dlms_fw.image import Image
from dlms_fw.meter.configuration import MeterConfig, numbered
from dlms_fw.meter.profiles import mcs301
from dlms_fw.profiles import HdlcSettings, Profile
from dlms_fw.security import Keys, SecurityPolicy
from dlms_fw.transfer import TransferPolicy
from dlms_fw.transfer.strategies import WantedStrategy

Security: TypeAlias = Literal["none", "lls", "hls-gmac"]
"""How client and meter prove themselves; with ``hls-gmac`` everything is authenticated and encrypted."""
Framing: TypeAlias = Literal["wrapper", "hdlc"]

MIB: Final = 1024 * 1024
KIB: Final = 1024
MOST_OCTETS: Final = 1024 * MIB
"""A larger image is not made."""
_IDENTIFIER: Final = b"BENCH1"
_PART: Final = 1
_LONGEST_PDU: Final = 0xFFFF
_USUAL_PDU: Final = 8192
_AROUND_A_BLOCK: Final = 128
"""More than what an image block, its request and its protection add to each other."""
LARGEST_BLOCK: Final = _LONGEST_PDU - _AROUND_A_BLOCK
MOST_FRAMES: Final = 7
"""The largest window of an HDLC link."""
MOST_REQUESTS: Final = 16
_PASSWORD: Final = b"benchmark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What is transferred, and how.

    Attributes:
        size: Octets of the image.
        block: Octets of an image block.
        security: How both ends prove themselves.
        framing: The wrapper, or HDLC.
        window: Requests on their way at a time; over HDLC frames before an acknowledgement.
        strategy: How blocks are sent; ``None`` is one after the other with a window of 1, or over HDLC,
            and several requests at a time with a larger window.

    Raises:
        ConfigurationError: these do not go together.
    """

    size: int = 4 * MIB
    block: int = 1024
    security: Security = "none"
    framing: Framing = "wrapper"
    window: int = 1
    strategy: WantedStrategy | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.size <= MOST_OCTETS:
            raise ConfigurationError(f"an image here has 1 to {MOST_OCTETS:,} octets, not {self.size:,}")
        if not 1 <= self.block <= LARGEST_BLOCK:
            raise ConfigurationError(f"a block has 1 to {LARGEST_BLOCK:,} octets, not {self.block:,}")
        most = MOST_REQUESTS if self.framing == "wrapper" else MOST_FRAMES
        if not 1 <= self.window <= most:
            raise ConfigurationError(f"the window over {self.framing} is 1 to {most}, not {self.window}")
        if self.blocks > TransferPolicy().most_blocks:
            raise ConfigurationError(f"{self.blocks:,} blocks are too many", hint="take larger blocks")

    @property
    def blocks(self) -> int:
        """Image blocks of the image."""
        return -(-self.size // self.block)

    @property
    def scheme(self) -> str:
        """Of the address of a meter over TCP."""
        return "tcp" if self.framing == "wrapper" else "hdlc+tcp"

    @property
    def wanted_strategy(self) -> WantedStrategy:
        """What the transfer is told."""
        if self.strategy is not None:
            return self.strategy
        return "pipelined" if self.window > 1 and self.framing == "wrapper" else "sequential"

    @property
    def policy(self) -> TransferPolicy:
        """Send the image anew, have it verified, and leave it there."""
        return TransferPolicy(
            activate="never",
            restart=True,
            allow_insecure=True,
            strategy=self.wanted_strategy,
            requests_ahead=self.window if self.framing == "wrapper" else MOST_REQUESTS,
            verify_poll_first_seconds=0.01,
            largest_image=MOST_OCTETS,
        )

    def profile(self, number: int = 0) -> Profile:
        """Of the client of that meter; each meter has keys of its own."""
        plain = Profile(
            name=self.security,
            client_sap=1,
            max_pdu_size=min(_LONGEST_PDU, max(_USUAL_PDU, self.block + _AROUND_A_BLOCK)),
            hdlc=HdlcSettings(window_size=self.window if self.framing == "hdlc" else 1),
            general_block_transfer="when-needed" if self.strategy == "general-block-transfer" else "off",
        )
        if self.security == "none":
            return plain
        if self.security == "lls":
            return replace(plain, mechanism=hls.LOW_LEVEL, password=Key(_PASSWORD))
        return replace(
            plain,
            mechanism=hls.GMAC,
            security_policy=SecurityPolicy.AUTHENTICATED_ENCRYPTED,
            system_title=bytes.fromhex("4D4D4D0000BC614E"),
            keys=Keys(
                global_unicast_encryption_key=Key(b"unicast " + number.to_bytes(8, "big")),
                authentication_key=Key(b"authentic" + number.to_bytes(7, "big")),
            ),
            first_invocation_counter=1,
        )

    def meter(self, number: int = 0) -> MeterConfig:
        """A meter that takes raw images, and needs no time to verify them; each number is another one."""
        config = mcs301.configured(
            self.profile(number),
            image_block_size=self.block,
            image_size_limit=MOST_OCTETS,
            accept_raw=True,
            self_verify=False,  # it is no part of bringing the blocks
            verify_seconds=0.0,
            objects_act=False,
        )
        return numbered(config, number) if number else config

    def image(self) -> Image:
        """An image of that size whose blocks differ from each other."""
        pattern = b"".join(number.to_bytes(4, "big") for number in range(64 * KIB))
        octets = (pattern * (-(-self.size // len(pattern))))[: self.size]
        return Image.raw(octets, _IDENTIFIER, part=_PART)
