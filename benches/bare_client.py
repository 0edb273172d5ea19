"""The least that a client over our channel can do for an image: one run of all its blocks.

No events, no progress, no journal, no deadline, no machine that decides; only the core, and the transport of
an association that an AsyncClient has made.
"""

from __future__ import annotations

from dlms_fw._core import BlockRun, BlockStatus
from dlms_fw.async_client import AsyncClient
from dlms_fw.bench.measure import MeasurementFailed
from dlms_fw.bench.spent import Spent, Stopwatch
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.image import Image
from dlms_fw.transports.base import converse_async

_NEVER = float("inf")


async def send_blocks(client: AsyncClient, image: Image, image_block_size: int) -> Spent:
    """Initiates a transfer and sends all image blocks, one after the other.

    Raises:
        MeasurementFailed: The meter has not taken them all.
        DlmsError: It has not let itself be initiated.
    """
    target = ImageTransfer("0-0:44.0.0.255")
    await client.action(target.image_transfer_initiate(image.image_identifier, len(image.data)))
    session, transport = client._session, client._transport
    assert session is not None
    assert transport is not None
    blocks = image.blocks(image_block_size)
    count = len(blocks)
    session._top_up(count, most=count)
    run = BlockRun(blocks, BlockStatus(count), *target.image_block_transfer.target)
    watch = Stopwatch()
    await transport.send(run.start(session.channel, bound=count, most=count, depth=1), _NEVER)
    await converse_async(transport, run, client._clock)
    spent = watch.spent()
    if run.taken != count:
        raise MeasurementFailed(f"the meter has taken {run.taken} of {count} blocks")
    session.finish_run(run)
    return spent
