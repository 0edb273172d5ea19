"""What a case may need, by name, and how to see whether it is there.

A case whose need is not met is INAPPLICABLE, with the reason that stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from dlms_fw.conformance.benches.base import VERBS
from dlms_fw.security import SecurityPolicy

if TYPE_CHECKING:
    from dlms_fw.conformance.firmware import Firmware
    from dlms_fw.conformance.site import Site


_AUTHENTICATED: Final = SecurityPolicy.AUTHENTICATED
_ENCRYPTED: Final = SecurityPolicy.ENCRYPTED


class Need(NamedTuple):
    """One need: what is missing where it is not met, and whether it is met."""

    missing: str
    is_met: Callable[[Site], bool]


def _medium(medium: str, words: str) -> Need:
    return Need(f"the meter was not declared to be reached over {words}", lambda site: medium in site.media)


def _client(role: str) -> Need:
    return Need(f"no client was declared as {role}", lambda site: role in site.declaration.clients)


def _verb(verb: str) -> Need:
    return Need(f"the bench cannot do {verb}", lambda site: verb in site.bench.verbs)


def _referencing(referencing: str, words: str) -> Need:
    return Need(
        f"the meter was not declared to know {words}",
        lambda site: referencing in site.declaration.referencing,
    )


def _firmware(missing: str, is_met: Callable[[Firmware], bool]) -> Need:
    return Need(
        missing,
        lambda site: site.declaration.firmware is not None and is_met(site.declaration.firmware),
    )


NEEDS: Final[Mapping[str, Need]] = {
    "hdlc": _medium("hdlc", "HDLC"),
    "wrapper": _medium("wrapper", "the wrapper on TCP"),
    "datagrams": _medium("datagrams", "the wrapper on UDP"),
    "management": _client("management"),
    "reading": _client("reading"),
    "public": _client("public"),
    "low": _client("low"),
    "logical-names": _referencing("logical-name", "logical names"),
    "short-names": _referencing("short-name", "short names"),
    "password": Need(
        "the management client does not prove itself by a password",
        lambda site: site.declaration.profile("management").authentication.id == 1,
    ),
    "high-level": Need(
        "the management client has no high level security",
        lambda site: site.declaration.profile("management").authentication.high_level,
    ),
    "ciphered": Need(
        "the messages of the management client are not protected",
        lambda site: site.declaration.profile("management").is_protected,
    ),
    "unprotected": Need(
        "the messages of the management client are protected",
        lambda site: not site.declaration.profile("management").is_protected,
    ),
    "authenticated": Need(
        "the management client does not authenticate itself",
        lambda site: site.declaration.profile("management").authentication.id != 0,
    ),
    "plain": Need(
        "no client was declared whose messages are not protected",
        lambda site: not site.declaration.profile(site.plain_role).is_protected,
    ),
    "tags": Need(
        "the messages of the management client have no authentication tag",
        lambda site: bool(site.declaration.profile("management").security_policy & _AUTHENTICATED),
    ),
    "encrypted": Need(
        "the messages of the management client are not encrypted, so there is no dedicated key",
        lambda site: bool(site.declaration.profile("management").security_policy & _ENCRYPTED),
    ),
    "keys": Need(
        "the management client has no keys",
        lambda site: site.declaration.profile("management").needs_keys,
    ),
    "master-key": Need(
        "the master key was not declared",
        lambda site: site.declaration.profile("management").keys.master_key is not None,
    ),
    "weak-policy": Need(
        "the policy cannot be raised: the messages of the management client are protected already",
        lambda site: not site.declaration.profile("management").is_protected,
    ),
    "broadcast": _client("broadcast"),
    "signing": Need(
        "the management client has no key to sign with",
        lambda site: site.declaration.profile("management").asymmetric_keys.signing_key is not None,
    ),
    "ecdsa": Need(
        "the management client does not prove itself by signatures",
        lambda site: site.declaration.profile("management").authentication.signs,
    ),
    "authority": Need(
        "no authority was declared that the meter trusts",
        lambda site: site.declaration.authority is not None,
    ),
    "lockout": Need(
        "no lockout was declared (lockout_tries = …, lockout_s = …)",
        lambda site: None not in (site.declaration.lockout_tries, site.declaration.lockout_s),
    ),
    "users": Need("no client users were declared (user = …)", lambda site: site.declaration.user is not None),
    "profile": Need(
        "no profile was declared that may be read by entry (profile = …)",
        lambda site: site.declaration.profile_generic is not None,
    ),
    "writable": Need(
        "no attribute was declared that may be written (writable = …)",
        lambda site: site.declaration.writable is not None,
    ),
    "image": Need("no firmware image was declared", lambda site: site.declaration.firmware is not None),
    "container": _firmware(
        "the container of the declared image is not known to the suite",
        lambda firmware: firmware.images.is_dfw,
    ),
    "signing-key": _firmware(
        "no test signing key was declared (signing_key = …)",
        lambda firmware: firmware.images.is_dfw and firmware.images.signing_key is not None,
    ),
    "second-image": _firmware(
        "no second image was declared (back = …), nor a test signing key to make one",
        lambda firmware: firmware.images.back is not None or firmware.images.signing_key is not None,
    ),
    "verifies-itself": _firmware(
        "the meter was not declared to verify by itself", lambda firmware: firmware.verifies_itself
    ),
    "simulated": Need(
        "it is about meters and clients of this library; it runs on a simulated bench",
        lambda site: site.bench.is_simulated,
    ),
    **{f"bench.{verb}": _verb(verb) for verb in VERBS},
}
