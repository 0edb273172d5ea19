"""The meter of `gurux_meter.py` with general block transfer instead of the blocks of GET and ACTION.

Its answers are cut by gurux-dlms, with window 1. The acknowledgements are read and written here: gurux-dlms
cuts an answer beforehand, and from the third block on it acknowledges block 65535. Configuration and reports
are those of `gurux_meter.py`.
"""

import gurux_meter
from gurux_dlms.enums import Command, Conformance

_WITHOUT = (
    Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE
    | Conformance.BLOCK_TRANSFER_WITH_ACTION
)


class BlocksConnection(gurux_meter.Connection):
    """A connection that hands out one general block for each acknowledgement."""

    def __init__(self, meter: gurux_meter.Meter) -> None:
        super().__init__(meter)
        offered = (self._settings.proposedConformance | Conformance.GENERAL_BLOCK_TRANSFER) & ~_WITHOUT
        self._settings.proposedConformance = Conformance(offered)

    def _answer(self, apdu: bytes) -> bytes | None:
        if apdu[0] != Command.GENERAL_BLOCK_TRANSFER:
            return super()._answer(apdu)
        window, acknowledged, data = apdu[1] & 0x3F, int.from_bytes(apdu[4:6], "big"), apdu[6:]
        if window == 0 or data != b"\0":
            raise ValueError("not an acknowledgement")
        if not self._next_blocks:
            return None
        following = int.from_bytes(self._next_blocks[0][2:4], "big")
        if acknowledged + 1 != following:
            raise ValueError(f"block {acknowledged} was acknowledged, {following} comes next")
        block = self._next_blocks.pop(0)
        return block[:4] + apdu[2:4] + block[6:]


if __name__ == "__main__":
    gurux_meter.Connection = BlocksConnection
    gurux_meter.main()
