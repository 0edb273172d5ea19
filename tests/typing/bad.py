"""What a type checker must refuse, each marked line with its code; see tests/test_interface_types.py."""

from dlms_fw.axdr import double_long_unsigned, octet_string
from dlms_fw.cosem import ImageTransfer, InterfaceClass, method

image_transfer = ImageTransfer("0-0:44.0.0.255")

image_transfer.image_block_transfer("0", b"")  # expect: arg-type
image_transfer.image_block_transfer(0)  # expect: call-arg
image_transfer.image_block_transfer(0, b"", 1)  # expect: call-arg
image_transfer.image_transfer_initiate(identifier=b"MCS102", image_size=1)  # expect: call-arg
image_transfer.image_verify(0)  # expect: call-arg
image_transfer.image_block_transfer.encoded("020206")  # expect: arg-type
image_transfer.image_transfer_enabled.set_request("yes")  # expect: arg-type
image_transfer.image_block_size.get_request(selection=1)  # expect: arg-type
print(image_transfer.image_blok_size)  # expect: attr-defined
ImageTransfer(44)  # expect: arg-type
size: str = image_transfer.image_block_size.decode(b"")  # expect: assignment


class Undeclared(InterfaceClass, class_id=8191, version=0):
    @method(1, double_long_unsigned, returns=octet_string)  # expect: arg-type
    def returns_something_else(self, value: int) -> int:
        raise NotImplementedError
