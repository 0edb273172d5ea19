"""A client built on gurux-dlms that takes long answers by general block transfer, and nothing else in blocks.

Configuration as for `gurux_client.py`, without an upload, and with

    window               how many blocks the client says that it takes in one go

The only report has the values read, as text, and how many general blocks came.
"""

import gurux_mends
import peer_io
from gurux_client import Connection
from gurux_dlms import GXReplyData
from gurux_dlms.enums import Conformance, InterfaceType
from gurux_dlms.GXDLMS import GXDLMS
from gurux_dlms.GXDLMSSettings import GXDLMSSettings
from gurux_dlms.objects import GXDLMSData

_PUBLIC_CLIENT = 16
_WITHOUT = (
    Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE
    | Conformance.BLOCK_TRANSFER_WITH_ACTION
)


class BlocksConnection(Connection):
    """A connection that proposes general block transfer."""

    def __init__(self, config: dict, client_sap: int, authentication: str, counter: int = 0) -> None:
        self._window = config["window"]
        super().__init__(config, client_sap, authentication, counter)

    def exchange(self, packets) -> GXReplyData:
        """As before, but nothing is acknowledged while blocks stream; over HDLC the next is asked for."""
        reply = GXReplyData()
        for packet in packets if isinstance(packets, list) else [packets]:
            reply.clear()
            self._send_and_receive(packet, reply)
            while reply.isMoreData():
                self._send_and_receive(self._next(reply), reply)
        return reply

    def _next(self, reply: GXReplyData) -> bytes:
        if not reply.isStreaming():
            return self.client.receiverReady(reply)
        if self.client.interfaceType != InterfaceType.HDLC:
            return b""
        settings = self.client.settings
        return GXDLMS.getHdlcFrame(settings, settings.getReceiverReady(), None)

    def _associate(self) -> None:
        proposed = (self.client.proposedConformance | Conformance.GENERAL_BLOCK_TRANSFER) & ~_WITHOUT
        self.client.proposedConformance = Conformance(proposed)
        self.client.setGbtWindowSize(self._window)
        super()._associate()


def count_blocks() -> list[int]:
    """Count the general blocks that are taken in, and mend what keeps them from being acknowledged."""
    # An acknowledgement takes its number from an attribute that there is not; the other one counts it.
    GXDLMSSettings.blockNumber = property(lambda settings: settings.blockIndex)
    counted = [0]
    original = GXDLMS.handleGbt

    def handle_gbt(settings, data):
        counted[0] += 1
        return original(settings, data)

    GXDLMS.handleGbt = staticmethod(handle_gbt)
    return counted


def main() -> None:
    """Run as a process of its own."""
    config, reports = peer_io.begin()
    gurux_mends.install()
    counted = count_blocks()
    counter = 0
    if config["authentication"] == "hls-gmac":
        public = BlocksConnection(config, _PUBLIC_CLIENT, "none")
        counter = 1 + public.exchange(public.client.read(GXDLMSData(config["counter_object"]), 2)).value
        public.close()
    connection = BlocksConnection(config, config["client_sap"], config["authentication"], counter)
    values = [str(connection.read(*target)) for target in config["read"]]
    conformance = int(connection.client.negotiatedConformance)
    connection.close()
    reports.send(values=values, blocks=counted[0], conformance=conformance)


if __name__ == "__main__":
    main()
