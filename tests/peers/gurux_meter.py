"""A meter built on gurux-dlms, on one TCP port, over HDLC or wrapper, plain or ciphered.

Framing, the parsing of AARQs, data, ciphering, GMAC and the image transfer object are Gurux'. Their server
class does not start, so associations and the dispatch of requests are ours. Configuration (JSON, one line on
standard input):

    framing              "wrapper" or "hdlc"
    security             how client 1 must authenticate: "none"; "lls", "hls-md5", "hls-sha1" or
                         "hls-sha256" by password (hex); "hls-gmac", with every APDU protected;
                         "hls-ecdsa" (with signing_key and peer_signing_key, hex), with every APDU
                         protected where ``ciphered`` is true
    others               the same for further clients, by their SAP
    suite                of the keys
    catalogue            whether it has registers, a profile and an object list besides what an upgrade needs
    block_size, max_pdu_size, max_info, busy_looks, general_ciphering, logical_device_name, store (a path)
    system_title, global_unicast_encryption_key, authentication_key (hex)

The first report is ``{"port": …}``; when standard input ends, the last one says what became of the image, and
which tags all APDUs had.
"""

import select
import socket
import sys
import traceback

import gurux_mends
import gurux_proofs
import peer_io
from gurux_dlms import GXByteBuffer, GXDLMSException
from gurux_dlms._GXAPDU import _GXAPDU
from gurux_dlms.ActionResponseType import ActionResponseType
from gurux_dlms.AesGcmParameter import AesGcmParameter
from gurux_dlms.ConnectionState import ConnectionState
from gurux_dlms.enums import Authentication, Command, Conformance, ErrorCode, InterfaceType, Security
from gurux_dlms.GXCiphering import GXCiphering
from gurux_dlms.GXDLMS import GXDLMS
from gurux_dlms.GXDLMSLNParameters import GXDLMSLNParameters
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.internal._GXDataInfo import _GXDataInfo
from gurux_dlms.objects.enums import SecuritySuite
from gurux_image import Objects, RefusedError
from gurux_link import Link

MANAGEMENT_CLIENT = 1
_CONFORMANCE = (
    Conformance.GET
    | Conformance.SET
    | Conformance.ACTION
    | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE
    | Conformance.BLOCK_TRANSFER_WITH_ACTION
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.SELECTIVE_ACCESS
)
_PLAIN_REQUESTS = (Command.GET_REQUEST, Command.SET_REQUEST, Command.METHOD_REQUEST)
_CIPHERED_REQUESTS = (
    Command.GLO_GET_REQUEST,
    Command.GLO_SET_REQUEST,
    Command.GLO_METHOD_REQUEST,
    Command.GENERAL_GLO_CIPHERING,
)
_MECHANISMS = {
    "none": Authentication.NONE,
    "lls": Authentication.LOW,
    "hls-md5": Authentication.HIGH_MD5,
    "hls-sha1": Authentication.HIGH_SHA1,
    "hls-gmac": Authentication.HIGH_GMAC,
    "hls-sha256": Authentication.HIGH_SHA256,
    "hls-ecdsa": Authentication.HIGH_ECDSA,
}
_WITH_LIST = 3
_SET_WITH_LIST = 4
_ASSOCIATION = (15, "0.0.40.0.0.255", 1)


class Meter:
    """What outlives a connection: objects, counters, and the tally for the final report."""

    def __init__(self, config: dict) -> None:
        self.config = config
        others = {int(client): name for client, name in config["others"].items()}
        logins = {MANAGEMENT_CLIENT: config["security"]} | others
        self.mechanisms = {client: _MECHANISMS[name] for client, name in logins.items()}
        self._key_pair = gurux_proofs.key_pair(config)
        self.last_client_counter = 0
        self.own_counter = 1
        self.associations: list[int] = []
        self.tags: set[int] = set()
        self.objects = Objects(config, lambda: self.last_client_counter)

    def cipher(self) -> GXCiphering:
        """Fresh ciphering of one association; the counters are the meter's."""
        cipher = GXCiphering(bytes.fromhex(self.config["system_title"]))
        cipher.blockCipherKey = bytes.fromhex(self.config["global_unicast_encryption_key"])
        cipher.authenticationKey = bytes.fromhex(self.config["authentication_key"])
        cipher.securitySuite = SecuritySuite(self.config["suite"])
        cipher.signingKeyPair = self._key_pair
        cipher.invocationCounter = self.own_counter
        return cipher


class Connection:
    """One connection: link, association, and the answer to each APDU."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        config = meter.config
        self._link = Link(config["framing"], config["max_info"], self._forget)
        self._settings = self._link.settings
        self._settings.proposedConformance = _CONFORMANCE
        if config["general_ciphering"]:
            self._settings.proposedConformance |= Conformance.GENERAL_PROTECTION
        self._secret = bytes.fromhex(config["password"])
        self._forget()

    def receive(self, octets: bytes) -> bytes:
        """Answer what these octets complete."""
        for apdu in self._link.receive(octets):
            answer = self._answer(apdu)
            self._meter.tags.add(apdu[0])
            if answer:
                self._meter.tags.add(answer[0])
                self._link.send(answer)
        return self._link.take_output()

    def _forget(self) -> None:
        """No association: a new connection, a new link, or a release."""
        settings = self._settings
        settings.cipher = self._meter.cipher()
        settings.connected = ConnectionState.NONE
        settings.authentication = Authentication.NONE
        settings.sourceSystemTitle = settings.ctoSChallenge = settings.stoCChallenge = None
        settings.resetBlockIndex()
        self._client = 0
        self._authenticated = False
        self._counter_before = 0
        self._next_blocks: list[bytes] = []
        self._pblocks = bytearray()
        self._pblock_target: tuple[int, str, int] | None = None

    def _answer(self, apdu: bytes) -> bytes | None:
        tag = apdu[0]
        if tag == Command.AARQ:
            return self._associate(apdu)
        if tag == Command.RELEASE_REQUEST:
            self._forget()
            return bytes.fromhex("6303800100")
        if self._client != self._settings.clientAddress:
            return bytes.fromhex("d80101")
        if tag in _CIPHERED_REQUESTS and self._settings.cipher.security != Security.NONE:
            apdu = self._open(apdu)
        elif tag not in _PLAIN_REQUESTS or self._settings.cipher.security != Security.NONE:
            return bytes.fromhex("d80102")
        return self._serve(apdu)

    # --- Association ----------------------------------------------------------------------------------------

    def _associate(self, apdu: bytes) -> bytes:
        self._forget()
        settings, cipher = self._settings, self._settings.cipher
        try:
            _GXAPDU.parsePDU(settings, cipher, GXByteBuffer(bytearray(apdu)), None)
        except GXDLMSException as error:
            print("AARQ refused:", error, file=sys.stderr)
            return self._aare(1, 1)
        client_max_receive_pdu_size = settings.maxPduSize
        mechanism = self._meter.mechanisms.get(settings.clientAddress, Authentication.NONE)
        if mechanism != Authentication.NONE:
            if settings.authentication != mechanism:
                return self._aare(1, 13)
            if mechanism == Authentication.LOW and bytes(settings.password) != self._secret:
                return self._aare(1, 13)
            ciphered = mechanism == Authentication.HIGH_ECDSA and self._meter.config.get("ciphered")
            if mechanism == Authentication.HIGH_GMAC or ciphered:
                if cipher.security != Security.AUTHENTICATION_ENCRYPTION:
                    return self._aare(1, 2)
                self._check_counter()
            elif cipher.security != Security.NONE:
                return self._aare(1, 2)
            if mechanism > Authentication.LOW:
                settings.stoCChallenge = gurux_proofs.challenge(mechanism)
        elif settings.authentication != Authentication.NONE or cipher.security != Security.NONE:
            return self._aare(1, 13)
        self._client = settings.clientAddress
        self._authenticated = settings.stoCChallenge is None
        self._meter.associations.append(self._client)
        aare = self._aare(0, 0 if self._authenticated else 14)
        # From here on this is the client's limit, for what the meter sends.
        settings.maxPduSize = client_max_receive_pdu_size
        if self._authenticated:
            settings.connected |= ConnectionState.DLMS
        return aare

    def _aare(self, result: int, diagnostic: int) -> bytes:
        """Written out: with HLS, `generateAARE` raises where the meter's title belongs."""
        settings, cipher = self._settings, self._settings.cipher
        context = 3 if cipher.isCiphered() else 1
        fields = bytes.fromhex(f"a1090607608574050801{context:02x}")
        fields += bytes((0xA2, 3, 2, 1, result, 0xA3, 5, 0xA1, 3, 2, 1, diagnostic))
        if settings.stoCChallenge is not None:
            title = bytes((4, len(cipher.systemTitle))) + cipher.systemTitle
            challenge = bytes((0x80, len(settings.stoCChallenge))) + settings.stoCChallenge
            mechanism = bytes.fromhex(f"608574050802{settings.authentication:02x}")
            fields += bytes((0xA4, len(title))) + title
            fields += bytes((0x88, 2, 7, 0x80, 0x89, len(mechanism))) + mechanism
            fields += bytes((0xAA, len(challenge))) + challenge
        if result == 0:
            settings.maxPduSize = self._meter.config["max_pdu_size"]
            information = bytes(_GXAPDU.getUserInformation(settings, None))
            if cipher.isCiphered():
                information = self._sealed(Command.GLO_INITIATE_RESPONSE, information)
            fields += bytes((0xBE, len(information) + 2, 4, len(information))) + information
        return bytes((Command.AARE, len(fields))) + fields

    def _authenticate(self, proof: bytes) -> bytes | None:
        """HLS: passes 3 and 4."""
        settings, cipher = self._settings, self._settings.cipher
        counter = int.from_bytes(proof[1:5], "big")
        titles = settings.sourceSystemTitle, cipher.systemTitle
        challenges = settings.stoCChallenge, settings.ctoSChallenge
        if not gurux_proofs.holds(settings, self._secret, proof, titles, challenges):
            self._forget()
            return None
        counted = settings.authentication == Authentication.HIGH_GMAC
        # The proof is made before the APDU that carries it is sealed: its counter is the lower one.
        if counted and not self._counter_before < counter < self._meter.last_client_counter:
            raise ValueError(f"the proof has the invocation counter {counter}")
        answer = gurux_proofs.made(
            settings, self._secret, cipher.invocationCounter, titles[::-1], challenges[::-1]
        )
        if counted:
            self._count_up()
        self._authenticated = True
        settings.connected |= ConnectionState.DLMS
        return answer

    # --- Ciphering ------------------------------------------------------------------------------------------

    def _open(self, apdu: bytes) -> bytes:
        settings, cipher = self._settings, self._settings.cipher
        p = AesGcmParameter(0, settings.sourceSystemTitle, cipher.blockCipherKey, cipher.authenticationKey)
        plain = GXCiphering.decrypt(settings, p, GXByteBuffer(bytearray(apdu)))
        if p.security != Security.AUTHENTICATION_ENCRYPTION:
            raise ValueError("protected less than was agreed")
        self._check_counter()
        return bytes(plain)

    def _sealed(self, tag: Command, apdu: bytes) -> bytes:
        """Here, for `getUserInformation` forgets the suite."""
        cipher = self._settings.cipher
        p = AesGcmParameter(tag, cipher.systemTitle, cipher.blockCipherKey, cipher.authenticationKey)
        p.security, p.securitySuite = cipher.security, cipher.securitySuite
        p.invocationCounter = cipher.invocationCounter
        self._count_up()
        return bytes(GXCiphering.encrypt(p, bytearray(apdu)))

    def _check_counter(self) -> None:
        counter = self._settings.openedInvocationCounter
        if counter <= self._meter.last_client_counter:
            raise ValueError(f"invocation counter {counter} is not above {self._meter.last_client_counter}")
        self._counter_before, self._meter.last_client_counter = self._meter.last_client_counter, counter

    def _count_up(self) -> None:
        self._settings.cipher.invocationCounter += 1
        self._meter.own_counter = self._settings.cipher.invocationCounter

    # --- Services -------------------------------------------------------------------------------------------

    def _serve(self, apdu: bytes) -> bytes | None:
        request = GXByteBuffer(bytearray(apdu))
        service, kind, invoke = request.getUInt8(), request.getUInt8(), request.getUInt8()
        serve = {
            Command.GET_REQUEST: self._get,
            Command.SET_REQUEST: self._set,
            Command.METHOD_REQUEST: self._action,
        }[Command(service)]
        answer = serve(kind, invoke, request)
        return answer if invoke & 0x40 else None

    def _get(self, kind: int, invoke: int, request: GXByteBuffer) -> bytes:
        if kind == 2 and self._next_blocks:
            return self._next_blocks.pop(0)
        if kind == _WITH_LIST:
            return self._get_list(invoke, self._descriptors(request))
        try:
            value = self._read(self._descriptor(request))
        except RefusedError as refused:
            return self._response(Command.GET_RESPONSE, 1, invoke, None, refused.result)
        return self._response(Command.GET_RESPONSE, 1, invoke, value, ErrorCode.OK)

    def _get_list(self, invoke: int, targets: list[tuple[int, str, int]]) -> bytes:
        results = GXByteBuffer()
        _GXCommon.setObjectCount(len(targets), results)
        for target in targets:
            try:
                value = self._read(target)
                results.setUInt8(0)
                results.set(value)
            except RefusedError as refused:
                results.setUInt8(1)
                results.setUInt8(refused.result)
        return self._build(Command.GET_RESPONSE, _WITH_LIST, invoke, None, results, 0xFF)

    def _read(self, target: tuple[int, str, int]) -> GXByteBuffer:
        if not self._authenticated:
            raise RefusedError(ErrorCode.READ_WRITE_DENIED)
        return self._meter.objects.get(self._settings, *target)

    def _set(self, kind: int, invoke: int, request: GXByteBuffer) -> bytes:
        if kind == _SET_WITH_LIST:
            targets = self._descriptors(request)
            _GXCommon.getObjectCount(request)
            results = GXByteBuffer()
            _GXCommon.setObjectCount(len(targets), results)
            for target in targets:
                results.setUInt8(self._write(target, request))
            return self._build(Command.SET_RESPONSE, 5, invoke, None, results, 0xFF)
        if kind == 1:
            target = self._descriptor(request)
            request.getUInt8()
            return self._response(Command.SET_RESPONSE, 1, invoke, None, self._write(target, request))
        if kind == 2:
            self._pblock_target, self._pblocks = self._descriptor(request), bytearray()
            request.getUInt8()
        last, number = self._take_block(request)
        octets = GXByteBuffer()
        if not last:
            octets.setUInt32(number)
            return self._build(Command.SET_RESPONSE, 2, invoke, octets, None, 0xFF)
        assert self._pblock_target is not None
        octets.setUInt8(self._write(self._pblock_target, GXByteBuffer(self._pblocks)))
        octets.setUInt32(number)
        return self._build(Command.SET_RESPONSE, 3, invoke, octets, None, 0xFF)

    def _write(self, target: tuple[int, str, int], data: GXByteBuffer) -> ErrorCode:
        value = _GXCommon.getData(self._settings, data, _GXDataInfo())
        try:
            if not self._is_manager():
                raise RefusedError(ErrorCode.READ_WRITE_DENIED)
            self._meter.objects.set(self._settings, *target, value)
        except RefusedError as refused:
            return refused.result
        return ErrorCode.OK

    def _take_block(self, request: GXByteBuffer) -> tuple[int, int]:
        """Keeps what a block brings; whether it was the last one, and its number."""
        last, number = request.getUInt8(), request.getUInt32()
        block = bytearray(_GXCommon.getObjectCount(request))
        request.get(block)
        self._pblocks += block
        return last, number

    def _action(self, kind: int, invoke: int, request: GXByteBuffer) -> bytes:
        if kind == 1:
            target = self._descriptor(request)
            parameter = request if request.getUInt8() else None
        else:
            if kind == 4:
                self._pblock_target, self._pblocks = self._descriptor(request), bytearray()
            last, number = self._take_block(request)
            if not last:
                octets = GXByteBuffer()
                octets.setUInt32(number)
                return self._build(
                    Command.METHOD_RESPONSE, ActionResponseType.NEXT_BLOCK, invoke, octets, None, 0xFF
                )
            assert self._pblock_target is not None
            target, parameter = self._pblock_target, GXByteBuffer(self._pblocks)
        value = None if parameter is None else _GXCommon.getData(self._settings, parameter, _GXDataInfo())
        returned = GXByteBuffer(bytearray(1))
        result = ErrorCode.OK
        try:
            if target == _ASSOCIATION and not self._authenticated:
                proof = self._authenticate(value)
                if proof is None:
                    raise RefusedError(ErrorCode.OTHER_REASON)
                returned = GXByteBuffer(bytearray((1, 0, 9, len(proof))) + proof)
            elif not self._is_manager():
                raise RefusedError(ErrorCode.READ_WRITE_DENIED)
            else:
                self._meter.objects.invoke(self._settings, *target, value)
        except RefusedError as refused:
            result = refused.result
        return self._response(Command.METHOD_RESPONSE, ActionResponseType.NORMAL, invoke, returned, result)

    def _is_manager(self) -> bool:
        return self._authenticated and self._client in self._meter.mechanisms

    @staticmethod
    def _descriptor(request: GXByteBuffer) -> tuple[int, str, int]:
        class_id = request.getUInt16()
        logical_name = bytearray(6)
        request.get(logical_name)
        return class_id, ".".join(map(str, logical_name)), request.getUInt8()

    def _descriptors(self, request: GXByteBuffer) -> list[tuple[int, str, int]]:
        """Of a list, all without access selection."""
        targets = []
        for _ in range(_GXCommon.getObjectCount(request)):
            targets.append(self._descriptor(request))
            request.getUInt8()
        return targets

    def _response(
        self, command: Command, kind: int, invoke: int, data: GXByteBuffer | None, status: int
    ) -> bytes:
        return self._build(command, kind, invoke, None, data, status)

    def _build(
        self,
        command: Command,
        kind: int,
        invoke: int,
        descriptor: GXByteBuffer | None,
        data: GXByteBuffer | None,
        status: int,
    ) -> bytes:
        """The APDU, ciphered where the association is; further blocks wait to be asked for."""
        settings = self._settings
        settings.resetBlockIndex()
        framing, settings.interfaceType = settings.interfaceType, InterfaceType.PDU
        try:
            parameters = GXDLMSLNParameters(settings, invoke, command, kind, descriptor, data, status)
            first, *self._next_blocks = (bytes(it) for it in GXDLMS.getLnMessages(parameters))
        finally:
            settings.interfaceType = framing
        self._meter.own_counter = settings.cipher.invocationCounter
        return first


def serve(meter: Meter, reports: peer_io.Reports) -> None:
    """Serve one connection after another until standard input ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        reports.send(port=listener.getsockname()[1])
        while _readable(listener):
            stream, _ = listener.accept()
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with stream:
                connection = Connection(meter)
                try:
                    while _readable(stream) and (octets := stream.recv(65_536)):
                        stream.sendall(connection.receive(octets))
                except Exception:  # noqa: BLE001 - theirs raise anything
                    # What is wrong shows in the test as a connection that is dropped; why, here.
                    traceback.print_exc(file=sys.stderr)


def _readable(stream: socket.socket) -> bool:
    """Whether there is something to read; False when standard input has ended."""
    ready, _, _ = select.select([stream, sys.stdin], [], [])
    return sys.stdin not in ready


def main() -> None:
    """Run as a process of its own."""
    config, reports = peer_io.begin()
    gurux_mends.install()
    meter = Meter(config)
    serve(meter, reports)
    reports.send(associations=meter.associations, tags=sorted(meter.tags), **meter.objects.summary())


if __name__ == "__main__":
    main()
