"""What a type checker must know about interface classes; see tests/test_interface_types.py."""

from typing import assert_type

from dlms_fw._core import ActionRequest, Data, GetRequest, ImageBlocks, SetRequest
from dlms_fw.cosem import (
    AttributeRef,
    AttributeRow,
    Clock,
    EntryDescriptor,
    ImageToActivateInfo,
    ImageTransfer,
    KeyAgreementData,
    MethodCall,
    ProfileGeneric,
    SecuritySetup,
)
from dlms_fw.cosem.well_known import IMAGE_TRANSFER
from dlms_fw.enums import ClockStatus, ImageTransferStatus, KeyId, SecurityPolicyV1

image_transfer = ImageTransfer("0-0:44.0.0.255")
assert_type(ImageTransfer(IMAGE_TRANSFER).image_block_size, AttributeRef[int])
assert_type(ImageTransfer.image_block_size, AttributeRow[int])
assert_type(ImageTransfer.image_block_size.attribute_id, int)

# A reference gives requests and knows the type of the answer.
assert_type(image_transfer.image_block_size.get_request(), GetRequest)
assert_type(image_transfer.image_transfer_enabled.set_request(True), SetRequest)
assert_type(image_transfer.image_block_size.decode(b""), int)
assert_type(image_transfer.image_transfer_status.decode(b""), ImageTransferStatus)
assert_type(image_transfer.image_to_activate_info.decode(b""), list[ImageToActivateInfo])
assert_type(Clock("0-0:1.0.0.255").status.decode(b""), ClockStatus)

event_log = ProfileGeneric("0-0:99.98.0.255")
assert_type(event_log.buffer.get_request(EntryDescriptor(1, 10).selection), GetRequest)
assert_type(event_log.buffer.decode(b""), list[Data])

# A method has the parameters of its declaration, by position and by name.
assert_type(image_transfer.image_block_transfer(0, b""), MethodCall[None])
assert_type(
    image_transfer.image_transfer_initiate(image_identifier=b"MCS102", image_size=1), MethodCall[None]
)
assert_type(image_transfer.image_block_transfer.encoded(ImageBlocks(b"image", 2)[0]), MethodCall[None])
assert_type(image_transfer.image_verify().request, ActionRequest)

# What comes back is typed too.
security_setup = SecuritySetup("0-0:43.0.0.255")
agreement = security_setup.key_agreement([KeyAgreementData(KeyId.MASTER_KEY, b"")])
assert_type(agreement.decode(b""), list[KeyAgreementData])
assert_type(security_setup.security_policy, AttributeRef[SecurityPolicyV1])
