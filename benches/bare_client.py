"""The least that a client over our channel can do: make a request, send it, take the answer, for each block.

No events, no progress, no journal, no deadline, no record of what the meter has. It uses an association that
an AsyncClient has made, and the transport of it.
"""

from __future__ import annotations

from dlms_fw._core import ActionResponse
from dlms_fw.async_client import AsyncClient
from dlms_fw.bench.measure import MeasurementFailed
from dlms_fw.bench.spent import Spent, Stopwatch
from dlms_fw.cosem.image_transfer import ImageTransfer
from dlms_fw.image import Image

_NEVER = float("inf")
_COUNTERS = 128
"""Image blocks between two looks whether invocation counters are left; they are reserved by the hundred."""


async def send_blocks(client: AsyncClient, image: Image, image_block_size: int) -> Spent:
    """Initiates a transfer and sends all image blocks, one after the other.

    Raises:
        DlmsError: The meter does not take a block.
    """
    await client.action(
        ImageTransfer("0-0:44.0.0.255").image_transfer_initiate(image.image_identifier, len(image.data))
    )
    session, transport = client._session, client._transport
    assert session is not None
    assert transport is not None
    channel = session.channel
    blocks = image.blocks(image_block_size)
    call = ImageTransfer("0-0:44.0.0.255").image_block_transfer
    watch = Stopwatch()
    for number in range(len(blocks)):
        if number % _COUNTERS == 0:
            session._top_up(_COUNTERS)
        await transport.send(channel.send(call.request(blocks[number])), _NEVER)
        events: list[object] = []
        while not events:
            events, _ = channel.receive(await transport.receive(_NEVER))  # type: ignore[assignment]
        (answer,) = events
        if type(answer) is not ActionResponse or answer.result:
            raise MeasurementFailed(f"block {number} was answered with {answer!r}")
    return watch.spent()
