"""What the Gurux meter holds: its image transfer object, its firmware, and the objects that show them.

The image transfer object is Gurux' own, with the methods that do not work replaced. This file knows nothing
of associations and links.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import gurux_catalogue
from gurux_dlms import GXByteBuffer, GXDateTime, ValueEventArgs
from gurux_dlms.enums import DataType, ErrorCode
from gurux_dlms.GXDLMS import GXDLMS
from gurux_dlms.GXDLMSSettings import GXDLMSSettings
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.objects import GXDLMSClock, GXDLMSData, GXDLMSImageTransfer
from gurux_dlms.objects.enums import ImageTransferStatus
from gurux_dlms.objects.GXDLMSImageActivateInfo import GXDLMSImageActivateInfo

_SIGNATURE_SIZE = 64


class RefusedError(Exception):
    """A request that is answered with this result."""

    def __init__(self, result: ErrorCode) -> None:
        super().__init__(str(result))
        self.result = result


class ImageTransfer(GXDLMSImageTransfer):
    """Gurux' object, with methods that keep the image.

    Theirs: initiate puts the list of images into itself, a block raises, attribute 7 cannot be read after
    that, and verify and activate do nothing.
    """

    def __init__(
        self, block_size: int, busy_looks: int, store: Path, activated: Callable[[bytes], None]
    ) -> None:
        super().__init__("0.0.44.0.0.255")
        self.imageBlockSize = block_size
        self.blocks_received = self.blocks_repeated = 0
        self.longest_wait = busy_looks
        self._store = store
        self._activated = activated
        self._image = bytearray()
        self._identifier = b""
        self._blocks = bytearray()
        self._looks_left = 0

    def invoke(self, settings, e):
        methods = (self._initiate, self._take_block, self._verify, self._activate)
        methods[e.index - 1](e.parameters)

    def getValue(self, settings, e):  # noqa: N802 - theirs
        if e.index == 3:
            self.imageTransferredBlocksStatus = self._blocks.decode()
        if e.index == 4:
            missing = self._blocks.find(b"0")
            self.imageFirstNotTransferredBlockNumber = len(self._blocks) if missing < 0 else missing
        if e.index == 6:
            self._look()
        return super().getValue(settings, e)

    def _initiate(self, parameters) -> None:
        identifier, size = parameters
        if not self.imageTransferEnabled or size < 1:
            raise RefusedError(ErrorCode.OTHER_REASON)
        self._identifier = bytes(identifier)
        self._image = bytearray(size)
        self._blocks = bytearray(b"0" * -(-size // self.imageBlockSize))
        self.imageActivateInfo = []
        self.imageTransferStatus = ImageTransferStatus.IMAGE_TRANSFER_INITIATED

    def _take_block(self, parameters) -> None:
        number, block = parameters
        start = number * self.imageBlockSize
        if self.imageTransferStatus != ImageTransferStatus.IMAGE_TRANSFER_INITIATED:
            raise RefusedError(ErrorCode.OTHER_REASON)
        if number >= len(self._blocks) or len(block) != min(self.imageBlockSize, len(self._image) - start):
            raise RefusedError(ErrorCode.UNMATCHED_TYPE)
        self._image[start : start + len(block)] = block
        self.blocks_received += 1
        self.blocks_repeated += self._blocks[number] == ord("1")
        self._blocks[number] = ord("1")

    def _verify(self, parameters) -> None:
        if self.imageTransferStatus != ImageTransferStatus.IMAGE_TRANSFER_INITIATED or b"0" in self._blocks:
            raise RefusedError(ErrorCode.OTHER_REASON)
        self.imageTransferStatus = ImageTransferStatus.IMAGE_VERIFICATION_INITIATED
        self._begin_wait()

    def _activate(self, parameters) -> None:
        if self.imageTransferStatus != ImageTransferStatus.IMAGE_VERIFICATION_SUCCESSFUL:
            raise RefusedError(ErrorCode.OTHER_REASON)
        self.imageTransferStatus = ImageTransferStatus.IMAGE_ACTIVATION_INITIATED
        self._begin_wait()

    def _begin_wait(self) -> None:
        """Verification and activation take as long as the status has been looked at this often."""
        self._looks_left = self.longest_wait
        if self._looks_left:
            raise RefusedError(ErrorCode.TEMPORARY_FAILURE)
        self._look()

    def _look(self) -> None:
        if self._looks_left:
            self._looks_left -= 1
        elif self.imageTransferStatus == ImageTransferStatus.IMAGE_VERIFICATION_INITIATED:
            self._store.write_bytes(self._image)
            self.imageTransferStatus = ImageTransferStatus.IMAGE_VERIFICATION_SUCCESSFUL
            self.imageActivateInfo = [GXDLMSImageActivateInfo(len(self._image), self._identifier, b"")]
        elif self.imageTransferStatus == ImageTransferStatus.IMAGE_ACTIVATION_INITIATED:
            self.imageTransferStatus = ImageTransferStatus.IMAGE_ACTIVATION_SUCCESSFUL
            self._activated(self._identifier)


class Objects:
    """The meter's objects, and the generic way to their attributes and methods."""

    def __init__(self, config: dict, counter: Callable[[], int]) -> None:
        self._counter = counter
        self.image = ImageTransfer(
            config["block_size"], config["busy_looks"], Path(config["store"]), self._new_firmware
        )
        self.active = [b"\x00FACT\x01"]
        self._identifiers = GXDLMSData("1.1.0.2.0.255")
        self._identifiers.setDataType(2, DataType.ARRAY)
        self._signature = _data("1.1.0.2.8.255", DataType.OCTET_STRING, bytes(_SIGNATURE_SIZE))
        self._counter_object = _data("0.0.43.1.0.255", DataType.UINT32, 0)
        self._clock = GXDLMSClock("0.0.1.0.0.255")
        self._notes = _data("0.0.96.50.0.255", DataType.OCTET_STRING, b"")
        objects = (
            self.image,
            self._identifiers,
            self._signature,
            self._counter_object,
            self._clock,
            _data("0.0.42.0.0.255", DataType.OCTET_STRING, config["logical_device_name"].encode()),
            self._notes,
        )
        self._whole = config.get("catalogue", False)
        if self._whole:
            own = tuple(it for it in objects if it is not self._clock)
            objects = (*own, *gurux_catalogue.catalogue(config["logical_device_name"], own))
        self._objects = {(it.objectType, str(it.logicalName)): it for it in objects}

    def get(
        self, settings: GXDLMSSettings, class_id: int, logical_name: str, attribute_id: int
    ) -> GXByteBuffer:
        """The attribute's value as A-XDR."""
        it = self._find(class_id, logical_name, attribute_id)
        self._refresh(it)
        if self._whole and not gurux_catalogue.may_read(it, attribute_id):
            raise RefusedError(ErrorCode.READ_WRITE_DENIED)
        settings.index = 0  # theirs would go on where a list before has ended
        event = gurux_catalogue.argument(settings, it, attribute_id)
        value = it.getValue(settings, event)
        if event.error != ErrorCode.OK:
            raise RefusedError(event.error)
        octets = GXByteBuffer()
        GXDLMS.appendData(settings, it, attribute_id, octets, value)
        return octets

    def set(
        self, settings: GXDLMSSettings, class_id: int, logical_name: str, attribute_id: int, value
    ) -> None:
        """Write image_transfer_enabled, the clock, or the notes; nothing else can be written."""
        it = self._find(class_id, logical_name, attribute_id)
        if (it, attribute_id) not in ((self.image, 5), (self._clock, 2), (self._notes, 2)):
            raise RefusedError(ErrorCode.READ_WRITE_DENIED)
        event = ValueEventArgs(settings, it, attribute_id)
        event.value = value
        it.setValue(settings, event)

    def invoke(
        self, settings: GXDLMSSettings, class_id: int, logical_name: str, method_id: int, parameter
    ) -> None:
        """Call a method of the image transfer object; nothing else has any."""
        it = self._objects.get((class_id, logical_name))
        if it is not self.image or not 1 <= method_id <= it.getMethodCount():
            raise RefusedError(ErrorCode.UNDEFINED_OBJECT)
        it.invoke(settings, ValueEventArgs(settings, it, method_id, 0, parameter))

    def summary(self) -> dict[str, object]:
        """What the test wants to know in the end."""
        return {
            "active": [identifier.hex() for identifier in self.active],
            "blocks_received": self.image.blocks_received,
            "blocks_repeated": self.image.blocks_repeated,
        }

    def _find(self, class_id: int, logical_name: str, attribute_id: int):
        it = self._objects.get((class_id, logical_name))
        if it is None or not 1 <= attribute_id <= it.getAttributeCount():
            raise RefusedError(ErrorCode.UNDEFINED_OBJECT)
        return it

    def _refresh(self, it) -> None:
        if it is self._counter_object:
            it.value = self._counter()
        elif it is self._clock:
            it.time = GXDateTime(datetime.now(UTC))
        elif it is self._identifiers:
            it.value = GXByteBuffer(bytearray((DataType.ARRAY, len(self.active))))
            for identifier in self.active:
                _GXCommon.setData(None, it.value, DataType.OCTET_STRING, identifier)

    def _new_firmware(self, identifier: bytes) -> None:
        """The identifier that was added last stands first."""
        self.active = [identifier, *self.active]
        self._signature.value = hashlib.sha512(identifier).digest()


def _data(logical_name: str, data_type: DataType, value: object) -> GXDLMSData:
    data = GXDLMSData(logical_name)
    data.setDataType(2, data_type)
    data.value = value
    return data
