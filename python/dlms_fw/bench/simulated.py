"""A transfer inside one thread: by plain calls, or over an emulated link in virtual time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dlms_fw.bench.conditions import Conditions
from dlms_fw.bench.figures import Findings, beside, faster, image_lines
from dlms_fw.bench.measure import MeasurementFailed
from dlms_fw.bench.spent import Spent, Stopwatch, TransferWatch, median_of
from dlms_fw.client import Client
from dlms_fw.events import Callback, Event, Phase, PhaseFinished
from dlms_fw.image import Image
from dlms_fw.simulation import Simulation, VirtualMeter
from dlms_fw.transfer import TransferResult
from dlms_fw.transports.faults import LinkProfile

_KEY, _NONCE, _ASSOCIATED_DATA = bytes(16), bytes(12), bytes(17)
_ANSWER: Final = bytes(12)


def transfers_by_calls(
    conditions: Conditions, *, rounds: int, on_event: Callable[[int], Callback]
) -> Findings:
    """Measures transfers to a meter in this thread, without a socket; ciphered ones beside their AEAD alone.

    Args:
        conditions: What is transferred, and how.
        rounds: Transfers that count, after one that warms up.
        on_event: Gives what hears the events of a round; the first is 0, the one that warms up.

    Raises:
        DlmsError: a transfer has failed.
    """
    image, found, baseline = conditions.image(), [], []
    with _meter(conditions, None).client() as client:
        for number in range(rounds + 1):
            spent, result = _transfer(client, conditions, image, on_event(number))
            if number:
                found.append(spent)
                baseline.append(_four_operations(conditions))
    mine, theirs = median_of(found), median_of(baseline)
    name = "4 AES-GCM operations"
    lines = (
        image_lines(conditions, mine.seconds, name, theirs.seconds)
        if conditions.security == "hls-gmac"
        else image_lines(conditions, mine.seconds)
    )
    return Findings(tuple(lines), {"strategy": result.strategy, "rounds": rounds})


def transfer_over_link(conditions: Conditions, link: LinkProfile, *, on_event: Callback) -> Findings:
    """One transfer over an emulated link in virtual time, beside the time that the octets alone would take.

    Args:
        conditions: What is transferred, and how.
        link: What is between client and meter.
        on_event: Hears the events.

    Raises:
        DlmsError: the transfer has failed.
    """
    blocks_seconds = 0.0

    def note(event: Event) -> None:
        nonlocal blocks_seconds
        if isinstance(event, PhaseFinished) and event.phase is Phase.TRANSFER:
            blocks_seconds = event.seconds
        on_event(event)

    meter, began = _meter(conditions, link), time.perf_counter()
    with meter.client() as client:
        _, result = _transfer(client, conditions, conditions.image(), note)
    name = "the line alone"
    limit = link.optimum_s(conditions.size)
    lines = [
        beside("image blocks", blocks_seconds, name, limit),
        faster("throughput", conditions.size / 1000, "kB/s", blocks_seconds, name, limit),
        beside("whole transfer", result.seconds, name, limit),
    ]
    facts = {
        "link": link.name,
        "strategy": result.strategy,
        "blocks_sent": result.blocks_sent,
        "link_losses": result.link_losses,
        "virtual_seconds": round(result.seconds, 3),
        "real_seconds": round(time.perf_counter() - began, 3),
        "share_of_the_line": round(limit / blocks_seconds, 4) if blocks_seconds else None,
    }
    return Findings(tuple(lines), facts)


def _meter(conditions: Conditions, link: LinkProfile | None) -> VirtualMeter:
    return Simulation().meter(
        conditions.profile(), framing=conditions.framing, config=conditions.meter(), link=link
    )


def _transfer(
    client: Client, conditions: Conditions, image: Image, on_event: Callback
) -> tuple[Spent, TransferResult]:
    watch = TransferWatch()

    def note(event: Event) -> None:
        watch(event)
        on_event(event)

    result = client.upgrade(image, conditions.policy, on_event=note)
    if watch.spent is None or result.outcome != "verified":
        raise MeasurementFailed(f"the transfer ended as {result.outcome}, not as verified")
    return watch.spent, result


def _four_operations(conditions: Conditions) -> Spent:
    """Sealing and opening a request and its answer, for each block, by ``cryptography`` alone."""
    cipher, block = AESGCM(_KEY), bytes(conditions.block)
    seal, open_ = cipher.encrypt, cipher.decrypt
    sealed, answer = seal(_NONCE, block, _ASSOCIATED_DATA), seal(_NONCE, _ANSWER, _ASSOCIATED_DATA)
    watch = Stopwatch()
    for _ in range(conditions.blocks):
        seal(_NONCE, block, _ASSOCIATED_DATA)
        open_(_NONCE, sealed, _ASSOCIATED_DATA)
        seal(_NONCE, _ANSWER, _ASSOCIATED_DATA)
        open_(_NONCE, answer, _ASSOCIATED_DATA)
    return watch.spent()
