"""A client built on gurux-dlms: reads, and uploads an image by all seven steps, over HDLC or wrapper.

It is Gurux' `GXDLMSSecureClient` with a socket. Configuration (JSON, one line on standard input):

    host, port, framing ("wrapper" or "hdlc"), client_sap, server_sap, max_pdu_size, max_info
    authentication       "none"; "lls", "hls-md5", "hls-sha1" or "hls-sha256" (with password, hex);
                         "hls-ecdsa" (with system_title, signing_key, peer_signing_key, hex; protects every
                         APDU as the next one does where ``ciphered`` is true); or
                         "hls-gmac" (protects every APDU; with system_title, authentication_key,
                         global_unicast_encryption_key, all hex; the invocation counter is read through
                         client 16 first), with general-glo-ciphering where ``general`` is true
    counter_object       logical name of the invocation counter
    read                 list of [class_id, logical_name, attribute_id]
    upload               null, or {"image": path, "identifier": hex, "activate": bool, "polls": int}

The only report has what the upload came to, and the values read after it, as text.
"""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import gurux_mends
import gurux_proofs
import peer_io
from gurux_dlms import GXByteBuffer, GXDLMSGateway, GXReplyData
from gurux_dlms._GXObjectFactory import _GXObjectFactory
from gurux_dlms.enums import Authentication, Conformance, DataType, InterfaceType, Security
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.objects import GXDLMSData, GXDLMSImageTransfer
from gurux_dlms.objects.enums import SecuritySuite
from gurux_dlms.secure import GXDLMSSecureClient

_PUBLIC_CLIENT = 16
_WRAPPER_HEADER = 8
_TEMPORARY_FAILURE = 2
_VERIFIED, _ACTIVATED = 3, 6
_AUTHENTICATION = {
    "none": Authentication.NONE,
    "lls": Authentication.LOW,
    "hls-md5": Authentication.HIGH_MD5,
    "hls-sha1": Authentication.HIGH_SHA1,
    "hls-gmac": Authentication.HIGH_GMAC,
    "hls-sha256": Authentication.HIGH_SHA256,
    "hls-ecdsa": Authentication.HIGH_ECDSA,
}


class RefusedError(Exception):
    """The server answered a request with this result."""

    def __init__(self, result: int) -> None:
        super().__init__(f"result {result}")
        self.result = result


class Connection:
    """One TCP connection with one association on it."""

    def __init__(
        self,
        config: dict,
        client_sap: int,
        authentication: str,
        counter: int = 0,
        *,
        logical_names: bool = True,
    ) -> None:
        self.tags: list[int] = []
        """Of all APDUs in their order, either way, over wrapper."""
        self._stream = socket.create_connection((config["host"], config["port"]), timeout=20)
        self._stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        hdlc = config["framing"] == "hdlc"
        without = authentication in ("none", "hls-gmac", "hls-ecdsa")
        password = None if without else bytes.fromhex(config["password"])
        self.client = GXDLMSSecureClient(
            logical_names,
            client_sap,
            config["server_sap"],
            _AUTHENTICATION[authentication],
            password,
            InterfaceType.HDLC if hdlc else InterfaceType.WRAPPER,
        )
        if config.get("gateway"):
            self.client.gateway = GXDLMSGateway()
            self.client.gateway.networkId = config["gateway"]["network_id"]
            self.client.gateway.physicalDeviceAddress = bytearray.fromhex(config["gateway"]["address"])
        self.client.maxReceivePDUSize = config["max_pdu_size"]
        self.client.hdlcSettings.maxInfoTX = self.client.hdlcSettings.maxInfoRX = config["max_info"]
        self.client.hdlcSettings.windowSizeTX = config.get("window_sent", 1)
        self.client.serverAddressSize = config.get("server_address_size", 0)
        cipher = self.client.ciphering
        cipher.systemTitle = bytes.fromhex(config["system_title"])
        cipher.signingKeyPair = gurux_proofs.key_pair(config)
        if authentication == "hls-ecdsa" and not config.get("short_challenge"):
            self.client.ctoSChallenge = bytearray(gurux_proofs.challenge(Authentication.HIGH_ECDSA))
        if config.get("multiple_references"):
            self.client.proposedConformance |= Conformance.MULTIPLE_REFERENCES
        if authentication == "hls-gmac" or config.get("ciphered"):
            cipher.securitySuite = SecuritySuite(config.get("suite", 0))
            cipher.security = Security.AUTHENTICATION_ENCRYPTION
            # Theirs proposes it always, and then uses it wherever it is granted.
            if not config.get("general"):
                self.client.proposedConformance &= ~Conformance.GENERAL_PROTECTION
            cipher.blockCipherKey = bytes.fromhex(config["global_unicast_encryption_key"])
            cipher.authenticationKey = bytes.fromhex(config["authentication_key"])
            cipher.invocationCounter = counter
        self._associate()

    def exchange(self, packets) -> GXReplyData:
        """Send what one request came to, frame by frame, and collect the whole answer."""
        reply = GXReplyData()
        for packet in packets if isinstance(packets, list) else [packets]:
            reply.clear()
            self._send_and_receive(packet, reply)
            while reply.isMoreData():
                self._send_and_receive(self.client.receiverReady(reply), reply)
        if reply.error:
            raise RefusedError(reply.error)
        return reply

    def read(self, class_id: int, logical_name: str, attribute_id: int):
        """The value of an attribute, as Gurux gives it."""
        it = _GXObjectFactory.createObject(class_id)
        it.logicalName = logical_name
        return self.exchange(self.client.read(it, attribute_id)).value

    def abandon(self) -> None:
        """Close the medium and say nothing."""
        self._stream.close()

    def close(self) -> None:
        """Release, disconnect, close."""
        release = self.client.releaseRequest()
        if release and self.client.interfaceType == InterfaceType.WRAPPER:
            self.exchange(release)
        if self.client.interfaceType == InterfaceType.HDLC:
            self.exchange(self.client.disconnectRequest(force=True))
        self._stream.close()

    def _associate(self) -> None:
        if self.client.interfaceType == InterfaceType.HDLC:
            self.client.parseUAResponse(self.exchange(self.client.snrmRequest()).data)
        self.client.parseAareResponse(self.exchange(self.client.aarqRequest()).data)
        if self.client.isAuthenticationRequired:
            reply = self.exchange(self.client.getApplicationAssociationRequest())
            self.client.parseApplicationAssociationResponse(reply.data)

    def _send_and_receive(self, packet: bytearray, reply: GXReplyData) -> None:
        self._note(packet)
        self._stream.sendall(packet)
        received = GXByteBuffer()
        while True:
            octets = self._stream.recv(65_536)
            if not octets:
                raise ConnectionError("the server closed the connection")
            received.set(octets)
            if self.client.getData(received, reply, None):
                self._note(received.array())
                return

    def _note(self, octets: bytes | bytearray) -> None:
        if self.client.interfaceType == InterfaceType.WRAPPER:
            self.tags.append(octets[_WRAPPER_HEADER])


def upload(connection: Connection, image: bytes, order: dict) -> dict[str, object]:
    """The seven steps of image transfer but the last, without repair: every block is sent once."""
    client = connection.client
    it = GXDLMSImageTransfer("0.0.44.0.0.255")

    def read(attribute_id: int):
        return connection.exchange(client.read(it, attribute_id)).value

    identifier = bytes.fromhex(order["identifier"])
    size = read(2)
    enabled = read(5)
    # Written out: imageTransferInitiate takes text only, imageBlockTransfer seals all blocks beforehand.
    start = _structure((DataType.OCTET_STRING, identifier), (DataType.UINT32, len(image)))
    connection.exchange(client.method(it, 1, start, DataType.STRUCTURE))
    for number in range(-(-len(image) // size)):
        value = image[number * size : (number + 1) * size]
        block = _structure((DataType.UINT32, number), (DataType.OCTET_STRING, value))
        connection.exchange(client.method(it, 2, block, DataType.STRUCTURE))
    result = {
        "block_size": size,
        "enabled": enabled,
        "blocks_status": str(read(3)),
        "first_not_transferred": read(4),
    }
    _begin(connection, it.imageVerify(client))
    result["verified"] = _status_after(lambda: connection, _VERIFIED, order["polls"])
    result["activate_info"] = [
        [size, bytes(identification).hex(), bytes(signature or b"").hex()]
        for size, identification, signature in read(7)
    ]
    return result


def activate(connection: Connection, config: dict) -> tuple[Connection, int]:
    """The last step: a meter that restarts is waited for, on new connections."""
    client = connection.client
    _begin(connection, GXDLMSImageTransfer("0.0.44.0.0.255").imageActivate(client))

    counter = client.ciphering.invocationCounter

    def reconnected() -> Connection:
        nonlocal connection, counter
        connection.abandon()
        # A connection that broke off half-way has used some counters, too.
        counter = max(counter, connection.client.ciphering.invocationCounter) + 10
        connection = Connection(config, config["client_sap"], config["authentication"], counter)
        return connection

    status = _status_after(reconnected, _ACTIVATED, config["upload"]["polls"])
    return connection, status


def _begin(connection: Connection, packets) -> None:
    """Call a method that may go on after its answer."""
    try:
        connection.exchange(packets)
    except RefusedError as refused:
        if refused.result != _TEMPORARY_FAILURE:
            raise


def _status_after(connected: Callable[[], Connection], wanted: int, looks: int) -> int:
    """The image_transfer_status as it is in the end."""
    status = -1
    for _ in range(looks):
        try:
            status = int(connected().read(18, "0.0.44.0.0.255", 6))
        except OSError:
            status = -1
        if status == wanted:
            break
        time.sleep(0.05)
    return status


def _structure(*members: tuple[DataType, object]) -> GXByteBuffer:
    octets = GXByteBuffer(bytearray((DataType.STRUCTURE, len(members))))
    for data_type, value in members:
        _GXCommon.setData(None, octets, data_type, value)
    return octets


def main() -> None:
    """Run as a process of its own."""
    config, reports = peer_io.begin()
    gurux_mends.install()
    counter = 0
    if config["authentication"] == "hls-gmac":
        public = Connection(config, _PUBLIC_CLIENT, "none")
        counter = 1 + public.exchange(public.client.read(GXDLMSData(config["counter_object"]), 2)).value
        public.close()
    connection = Connection(config, config["client_sap"], config["authentication"], counter)
    report: dict[str, object] = {"first_counter": counter}
    order = config["upload"]
    if order:
        report["upload"] = upload(connection, Path(order["image"]).read_bytes(), order)
        if order["activate"]:
            connection, report["activated"] = activate(connection, config)
    report["values"] = [str(connection.read(*target)) for target in config["read"]]
    report["conformance"] = int(connection.client.negotiatedConformance)
    connection.close()
    reports.send(**report)


if __name__ == "__main__":
    main()
