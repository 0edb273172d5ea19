"""Image transfer (class_id 18): how an image comes into a server, block by block.

The table of the Blue Book; the process that uses it is elsewhere.
"""

from __future__ import annotations

from typing import NamedTuple

from dlms_fw.axdr import (
    array,
    bit_string,
    boolean,
    double_long_unsigned,
    enumerated,
    octet_string,
    record,
    structure,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.enums import ImageTransferStatus

__all__ = ["ImageToActivateInfo", "ImageTransfer"]


class ImageToActivateInfo(NamedTuple):
    """One image that the server found in what was transferred, once that is verified."""

    image_to_activate_size: int
    """In octets."""
    image_to_activate_identification: bytes
    image_to_activate_signature: bytes
    """What it holds is up to the manufacturer; it is no proof of origin."""


class ImageTransfer(InterfaceClass, class_id=18, version=0, short_name_methods=0x40):
    """The image transfer process as the server shows it. Its methods succeed only while it is enabled."""

    image_block_size = attribute(2, double_long_unsigned, static=True)
    image_transferred_blocks_status = attribute(3, bit_string)
    image_first_not_transferred_block_number = attribute(4, double_long_unsigned)
    image_transfer_enabled = attribute(5, boolean, static=True)
    image_transfer_status = attribute(6, enumerated(ImageTransferStatus))
    image_to_activate_info = attribute(
        7, array(record(ImageToActivateInfo, double_long_unsigned, octet_string, octet_string))
    )

    @method(1, structure(octet_string, double_long_unsigned), mandatory=True)
    def image_transfer_initiate(self, image_identifier: bytes, image_size: int) -> None:
        """Begin a transfer of ``image_size`` octets; forgets every block that was transferred before."""

    @method(2, structure(double_long_unsigned, octet_string), mandatory=True)
    def image_block_transfer(self, image_block_number: int, image_block_value: bytes) -> None:
        """Transfer one block; the first has the number 0, the last may be shorter."""

    @method(3, mandatory=True)
    def image_verify(self) -> None:
        """Check the image that was transferred."""

    @method(4, mandatory=True)
    def image_activate(self) -> None:
        """Activate the image, after verifying it if that was not done."""
