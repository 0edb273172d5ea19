"""Values for every row of every interface class, with the octets that they are.

The octets are written by hand from the Blue Book types; those marked W are worked examples that other
implementations decoded too.
"""

from __future__ import annotations

from typing import Any

from dlms_fw import _core
from dlms_fw._core import BitString, Date, DateTime, Time
from dlms_fw.axdr import Tag
from dlms_fw.cosem import (
    AccessDescription,
    AccessRight,
    ActionSpecification,
    AssociatedPartnersId,
    AssociationLN,
    AssociationLNV0,
    AssociationLNV2,
    AssociationLNV3,
    AssociationSN,
    AssociationSNV2,
    AssociationSNV3,
    AssociationSNV4,
    AttributeAccessItem,
    AttributeIdentification,
    AttributeRow,
    CaptureObjectDefinition,
    CaptureObjectDefinitionV0,
    CertificateIdentificationByEntity,
    CertificateIdentificationBySerial,
    CertificateInfo,
    Clock,
    ContextName,
    Data,
    ExecutedScript,
    ExecutionTime,
    ImageToActivateInfo,
    ImageTransfer,
    InterfaceClass,
    KeyAgreementData,
    KeyTransferData,
    MechanismName,
    MethodAccessItem,
    MethodRow,
    ObjectIdentification,
    ObjectListElement,
    ProfileGeneric,
    ProfileGenericV0,
    SapAssignment,
    SapAssignmentElement,
    Script,
    ScriptTable,
    SecuritySetup,
    SecuritySetupV0,
    ShortNameAccess,
    ShortNameObject,
    SingleActionSchedule,
    User,
    XdlmsContextInfo,
)
from dlms_fw.cosem.well_known import CLOCK, IMAGE_ACTIVATION_SCRIPT_TABLE, IMAGE_TRANSFER
from dlms_fw.enums import (
    AssociationStatus,
    AttributeAccessFlags,
    AttributeAccessMode,
    AuthenticationMechanism,
    CertificateEntity,
    CertificateType,
    ClockBase,
    ClockStatus,
    Conformance,
    ImageTransferStatus,
    KeyId,
    MethodAccessFlags,
    MethodAccessMode,
    ScriptService,
    SecurityPolicyV0,
    SecurityPolicyV1,
    SecuritySuite,
    SingleActionScheduleType,
    SortMethod,
)
from dlms_fw.logical_name import LogicalName

BEGIN = DateTime(Date(2025, 12, 24, None), Time(2, 30, 0, 0), -60, 0)
BEGIN_HEX = "090C07E90C18FF021E0000FFC400"
END = DateTime(Date(None, 10, 0xFE, 7), Time(3, 0, 0, 0), None, 0)
END_HEX = "090CFFFF0AFE0703000000800000"
TITLE = bytes.fromhex("4D4D4D0000BC614E")
TITLE_HEX = "0908 4D4D4D0000BC614E"
CLOCK_COLUMN = CaptureObjectDefinition(8, CLOCK, 2)
CLOCK_COLUMN_HEX = "0204 120008 0906 0000010000FF 0F02 120000"
USER = User(1, b"head-end")
USER_HEX = "0202 1101 0908 686561642D656E64"
SAP = SapAssignmentElement(1, b"MCS0040612345678")
SAP_HEX = "0202 120001 0910 4D435330303430363132333435363738"
BY_ENTITY = CertificateIdentificationByEntity(CertificateEntity.SERVER, CertificateType.KEY_AGREEMENT, TITLE)
BY_ENTITY_HEX = f"0202 1600 0203 1600 1601 {TITLE_HEX}"
BY_SERIAL = CertificateIdentificationBySerial(b"\x01", b"CA")
BY_SERIAL_HEX = "0202 1601 0202 0901 01 0902 4341"
KEY_TRANSFER = [KeyTransferData(KeyId.GLOBAL_UNICAST_ENCRYPTION_KEY, bytes(24))]
KEY_TRANSFER_HEX = "0101 0202 1600 0918" + "00" * 24
KEY_AGREEMENT = [KeyAgreementData(KeyId.AUTHENTICATION_KEY, b"\x05")]
KEY_AGREEMENT_HEX = "0101 0202 1602 0901 05"


def _element(attribute_mode: Any, method_mode: Any) -> ObjectListElement:
    attributes = [
        AttributeAccessItem(1, attribute_mode, None),
        AttributeAccessItem(2, attribute_mode, [1, 2]),
    ]
    return ObjectListElement(
        18, 0, IMAGE_TRANSFER, AccessRight(attributes, [MethodAccessItem(4, method_mode)])
    )


def _element_hex(attribute_mode: str, method_mode: str) -> str:
    attributes = f"0203 0F01 {attribute_mode} 00 0203 0F02 {attribute_mode} 0102 0F01 0F02"
    methods = f"0202 0F04 {method_mode}"
    return f"0204 120012 1100 0906 00002C0000FF 0202 0102 {attributes} 0101 {methods}"


ELEMENT_V0 = _element(AttributeAccessMode.READ_AND_WRITE, True)
ELEMENT_V0_HEX = _element_hex("1603", "0301")
ELEMENT = _element(AttributeAccessMode.AUTHENTICATED_READ_ONLY, MethodAccessMode.AUTHENTICATED_ACCESS)
ELEMENT_HEX = _element_hex("1604", "1602")
ELEMENT_V3 = _element(
    AttributeAccessFlags.READ | AttributeAccessFlags.ENCRYPTED_REQUEST,
    MethodAccessFlags.ACCESS | MethodAccessFlags.AUTHENTICATED_REQUEST,
)
ELEMENT_V3_HEX = _element_hex("1609", "1605")
SHORT_NAME = ShortNameObject(0xFA00, 12, 1, LogicalName("0-0:40.0.0.255"))
SHORT_NAME_HEX = "0204 10FA00 12000C 1101 0906 0000280000FF"
SHORT_NAME_ACCESS = ShortNameAccess(0x0108, *ELEMENT.access_rights)
SHORT_NAME_ACCESS_HEX = "0203 100108" + ELEMENT_HEX.partition("0202")[2]
SHORT_NAME_ACCESS_V4 = ShortNameAccess(0x0108, *ELEMENT_V3.access_rights)
SHORT_NAME_ACCESS_V4_HEX = "0203 100108" + ELEMENT_V3_HEX.partition("0202")[2]
IDENTIFICATION_HEX = "120012 0906 00002C0000FF"
BITS = BitString([True, False, True])
DESCRIPTION_HEX = "0203 0403A0 0403A0 0400"

# Each attribute, with values and the octets that they are.
ATTRIBUTES: list[tuple[AttributeRow[Any], Any, str]] = [
    (InterfaceClass.logical_name, IMAGE_TRANSFER, "0906 00002C0000FF"),
    (Data.value, _core.Data(Tag.OCTET_STRING, b"MCS102"), "0906 4D4353313032"),
    (
        Data.value,
        _core.Data(Tag.ARRAY, (_core.Data(Tag.OCTET_STRING, b"MCS102"),)),
        "0101 0906 4D4353313032",
    ),
    (Data.value, _core.Data(Tag.DOUBLE_LONG_UNSIGNED, 7), "06 00000007"),
    # Profile generic
    (
        ProfileGeneric.buffer,
        [
            _core.Data(
                Tag.STRUCTURE,
                (
                    _core.Data(Tag.OCTET_STRING, BEGIN.to_bytes()),
                    _core.Data(Tag.UNSIGNED, 17),
                    _core.Data(Tag.NULL_DATA),
                ),
            )
        ],
        f"0101 0203 {BEGIN_HEX} 1111 00",
    ),
    (ProfileGeneric.capture_objects, [CLOCK_COLUMN], f"0101 {CLOCK_COLUMN_HEX}"),
    (
        ProfileGenericV0.capture_objects,
        [CaptureObjectDefinitionV0(8, CLOCK, 2)],
        "0101 0203 120008 0906 0000010000FF 0F02",
    ),
    (ProfileGeneric.capture_period, 0, "06 00000000"),
    (ProfileGeneric.sort_method, SortMethod.FIFO, "1601"),
    (ProfileGeneric.sort_object, CLOCK_COLUMN, CLOCK_COLUMN_HEX),
    (
        ProfileGenericV0.sort_object,
        CaptureObjectDefinitionV0(0, LogicalName(bytes(6)), 0),
        "0203 120000 0906 000000000000 0F00",
    ),
    (ProfileGeneric.entries_in_use, 12, "06 0000000C"),
    (ProfileGeneric.profile_entries, 580, "06 00000244"),
    # Clock
    (Clock.time, BEGIN, BEGIN_HEX),
    (Clock.time_zone, -60, "10 FFC4"),
    (Clock.status, ClockStatus.DOUBTFUL_VALUE | ClockStatus.DAYLIGHT_SAVING_ACTIVE, "1182"),
    (Clock.status, ClockStatus(0xFF), "11FF"),
    (Clock.daylight_savings_begin, BEGIN, BEGIN_HEX),
    (Clock.daylight_savings_end, END, END_HEX),
    (Clock.daylight_savings_deviation, 60, "0F3C"),
    (Clock.daylight_savings_enabled, True, "0301"),
    (Clock.clock_base, ClockBase.INTERNAL_CRYSTAL, "1601"),
    # Script table: the usual one script of an image activation table
    (
        ScriptTable.scripts,
        [
            Script(
                1,
                [
                    ActionSpecification(
                        ScriptService.EXECUTE_METHOD, 18, IMAGE_TRANSFER, 4, _core.Data(Tag.INTEGER, 0)
                    )
                ],
            )
        ],
        "0101 0202 120001 0101 0205 1602 120012 0906 00002C0000FF 0F04 0F00",
    ),
    # Association LN
    (AssociationLNV0.object_list, [ELEMENT_V0], f"0101 {ELEMENT_V0_HEX}"),
    (AssociationSN.object_list, [SHORT_NAME], f"0101 {SHORT_NAME_HEX}"),
    (AssociationSN.access_rights_list, [SHORT_NAME_ACCESS], f"0101 {SHORT_NAME_ACCESS_HEX}"),
    (AssociationSNV2.access_rights_list, [SHORT_NAME_ACCESS], f"0101 {SHORT_NAME_ACCESS_HEX}"),
    (AssociationSNV3.access_rights_list, [SHORT_NAME_ACCESS], f"0101 {SHORT_NAME_ACCESS_HEX}"),
    (AssociationSNV4.access_rights_list, [SHORT_NAME_ACCESS_V4], f"0101 {SHORT_NAME_ACCESS_V4_HEX}"),
    (AssociationSNV2.security_setup_reference, LogicalName("0-0:43.0.0.255"), "0906 00002B0000FF"),
    (AssociationSNV3.security_setup_reference, LogicalName("0-0:43.0.0.255"), "0906 00002B0000FF"),
    (AssociationSNV3.user_list, [USER], f"0101 {USER_HEX}"),
    (AssociationSNV3.current_user, USER, USER_HEX),
    (AssociationLN.object_list, [ELEMENT], f"0101 {ELEMENT_HEX}"),
    (AssociationLNV2.object_list, [ELEMENT], f"0101 {ELEMENT_HEX}"),
    (AssociationLNV3.object_list, [ELEMENT_V3], f"0101 {ELEMENT_V3_HEX}"),
    (AssociationLN.associated_partners_id, AssociatedPartnersId(102, 1), "0202 0F66 120001"),
    (
        AssociationLN.application_context_name,
        ContextName(context_id_element=3),
        "0207 1102 1110 1202F4 1105 1108 1101 1103",
    ),
    (AssociationLN.application_context_name, bytes.fromhex("60857405080103"), "0907 60857405080103"),
    (
        AssociationLN.xdlms_context_info,
        XdlmsContextInfo(Conformance(0x007E1F), 1024, 1200, 6, 0, TITLE),
        f"0206 0418 007E1F 120400 1204B0 1106 0F00 {TITLE_HEX}",
    ),
    (
        AssociationLN.authentication_mechanism_name,
        MechanismName(mechanism_id_element=AuthenticationMechanism.HIGH_LEVEL_GMAC),
        "0207 1102 1110 1202F4 1105 1108 1102 1105",
    ),
    (AssociationLN.authentication_mechanism_name, bytes.fromhex("60857405080205"), "0907 60857405080205"),
    (AssociationLN.secret, b"12345678", "0908 3132333435363738"),
    (AssociationLN.association_status, AssociationStatus.ASSOCIATED, "1602"),
    (AssociationLN.security_setup_reference, LogicalName("0-0:43.0.0.255"), "0906 00002B0000FF"),
    (AssociationLNV2.user_list, [USER], f"0101 {USER_HEX}"),
    (AssociationLNV2.current_user, USER, USER_HEX),
    # SAP assignment
    (SapAssignment.sap_assignment_list, [SAP], f"0101 {SAP_HEX}"),
    # Image transfer
    (ImageTransfer.image_block_size, 256, "06 00000100"),
    (  # W
        ImageTransfer.image_transferred_blocks_status,
        BitString([True] * 7 + [False] * 3),
        "040A FE00",
    ),
    (ImageTransfer.image_first_not_transferred_block_number, 7, "06 00000007"),
    (ImageTransfer.image_transfer_enabled, True, "0301"),  # W
    (ImageTransfer.image_transfer_status, ImageTransferStatus.TRANSFER_INITIATED, "1601"),  # W
    (  # W
        ImageTransfer.image_to_activate_info,
        [ImageToActivateInfo(100_000, b"MCS102", bytes.fromhex("DEADBEEF"))],
        "0101 0203 06000186A0 0906 4D4353313032 0904 DEADBEEF",
    ),
    # Single action schedule
    (
        SingleActionSchedule.executed_script,
        ExecutedScript(IMAGE_ACTIVATION_SCRIPT_TABLE, 1),
        "0202 0906 00000A006BFF 120001",
    ),
    (SingleActionSchedule.type, SingleActionScheduleType.ONE_TIME_WILDCARD_ALLOWED, "1601"),
    (  # W
        SingleActionSchedule.execution_time,
        [ExecutionTime(Time(2, 30, 0, 0), Date(2025, 12, 24))],
        "0101 0202 0904 021E0000 0905 07E90C18FF",
    ),
    (SingleActionSchedule.execution_time, [], "0100"),  # W: cancelled
    # Security setup
    (SecuritySetupV0.security_policy, SecurityPolicyV0.ALL_MESSAGES_AUTHENTICATED_AND_ENCRYPTED, "1603"),
    (
        SecuritySetup.security_policy,
        SecurityPolicyV1.AUTHENTICATED_REQUEST
        | SecurityPolicyV1.ENCRYPTED_REQUEST
        | SecurityPolicyV1.AUTHENTICATED_RESPONSE
        | SecurityPolicyV1.ENCRYPTED_RESPONSE,
        "166C",
    ),
    (SecuritySetup.security_suite, SecuritySuite.AES_GCM_128, "1600"),
    (SecuritySetup.client_system_title, TITLE, TITLE_HEX),
    (SecuritySetup.server_system_title, TITLE, TITLE_HEX),
    (
        SecuritySetup.certificates,
        [
            CertificateInfo(
                CertificateEntity.CERTIFICATION_AUTHORITY,
                CertificateType.DIGITAL_SIGNATURE,
                b"\x01",
                b"CA",
                b"MCS",
                b"",
            )
        ],
        "0101 0206 1602 1600 0901 01 0902 4341 0903 4D4353 0900",
    ),
]

# Each method, with arguments, the octets of the parameter, what it returns and the octets of that.
METHODS: list[tuple[MethodRow[..., Any], tuple[Any, ...], str, Any, str | None]] = [
    (ProfileGeneric.reset, (), "0F00", None, None),
    (ProfileGeneric.capture, (), "0F00", None, None),
    (Clock.adjust_to_quarter, (), "0F00", None, None),
    (Clock.adjust_to_measuring_period, (), "0F00", None, None),
    (Clock.adjust_to_minute, (), "0F00", None, None),
    (Clock.adjust_to_preset_time, (), "0F00", None, None),
    (Clock.preset_adjusting_time, (BEGIN, BEGIN, END), f"0203 {BEGIN_HEX} {BEGIN_HEX} {END_HEX}", None, None),
    (Clock.shift_time, (-900,), "10 FC7C", None, None),
    (ScriptTable.execute, (1,), "12 0001", None, None),  # W
    (AssociationLN.reply_to_hls_authentication, (b"\x10\x00",), "0902 1000", b"\x10", "0901 10"),
    (AssociationSN.getlist_by_classid, (12,), "12 000C", [SHORT_NAME], f"0101 {SHORT_NAME_HEX}"),
    (
        AssociationSN.getobj_by_logicalname,
        (18, IMAGE_TRANSFER),
        f"0202 {IDENTIFICATION_HEX}",
        SHORT_NAME,
        SHORT_NAME_HEX,
    ),
    (
        AssociationSN.read_by_logicalname,
        ([AttributeIdentification(18, IMAGE_TRANSFER, 2)],),
        f"0101 0203 {IDENTIFICATION_HEX} 0F02",
        _core.Data(Tag.UNSIGNED, 5),
        "1105",
    ),
    (
        AssociationSN.get_attributes_and_methods,
        ([ObjectIdentification(18, IMAGE_TRANSFER)],),
        f"0101 0202 {IDENTIFICATION_HEX}",
        [AccessDescription(BITS, BITS, BitString([]))],
        f"0101 {DESCRIPTION_HEX}",
    ),
    (AssociationSN.change_lls_secret, (b"secret",), "0906 736563726574", None, None),
    (AssociationSN.change_hls_secret, (b"secret",), "0906 736563726574", None, None),
    (AssociationSN.get_hls_challenge, (), "0F00", b"\x10", "0901 10"),
    (AssociationSN.reply_to_hls_challenge, (b"\x10\x00",), "0902 1000", b"\x10", "0901 10"),
    (AssociationSNV3.add_user, (1, b"head-end"), USER_HEX, None, None),
    (AssociationSNV3.remove_user, (1, b"head-end"), USER_HEX, None, None),
    (AssociationLN.change_hls_secret, (b"secret",), "0906 736563726574", None, None),
    (AssociationLNV0.add_object, (ELEMENT_V0,), ELEMENT_V0_HEX, None, None),
    (AssociationLNV0.remove_object, (ELEMENT_V0,), ELEMENT_V0_HEX, None, None),
    (AssociationLN.add_object, (ELEMENT,), ELEMENT_HEX, None, None),
    (AssociationLN.remove_object, (ELEMENT,), ELEMENT_HEX, None, None),
    (AssociationLNV2.add_object, (ELEMENT,), ELEMENT_HEX, None, None),
    (AssociationLNV2.remove_object, (ELEMENT,), ELEMENT_HEX, None, None),
    (AssociationLNV3.add_object, (ELEMENT_V3,), ELEMENT_V3_HEX, None, None),
    (AssociationLNV3.remove_object, (ELEMENT_V3,), ELEMENT_V3_HEX, None, None),
    (AssociationLNV2.add_user, (1, b"head-end"), USER_HEX, None, None),
    (AssociationLNV2.remove_user, (1, b"head-end"), USER_HEX, None, None),
    (SapAssignment.connect_logical_device, (1, b"MCS0040612345678"), SAP_HEX, None, None),
    (  # W
        ImageTransfer.image_transfer_initiate,
        (b"MCS102", 100_000),
        "0202 0906 4D4353313032 06 000186A0",
        None,
        None,
    ),
    (  # W
        ImageTransfer.image_block_transfer,
        (0, bytes(range(16))),
        "0202 06 00000000 0910 000102030405060708090A0B0C0D0E0F",
        None,
        None,
    ),
    (ImageTransfer.image_verify, (), "0F00", None, None),  # W
    (ImageTransfer.image_activate, (), "0F00", None, None),  # W
    (SecuritySetupV0.security_activate, (SecurityPolicyV0.ALL_MESSAGES_ENCRYPTED,), "1602", None, None),
    (SecuritySetupV0.global_key_transfer, (KEY_TRANSFER,), KEY_TRANSFER_HEX, None, None),
    (SecuritySetup.security_activate, (SecurityPolicyV1(0x6C),), "166C", None, None),
    (SecuritySetup.key_transfer, (KEY_TRANSFER,), KEY_TRANSFER_HEX, None, None),
    (SecuritySetup.key_agreement, (KEY_AGREEMENT,), KEY_AGREEMENT_HEX, KEY_AGREEMENT, KEY_AGREEMENT_HEX),
    (SecuritySetup.generate_key_pair, (CertificateType.DIGITAL_SIGNATURE,), "1600", None, None),
    (
        SecuritySetup.generate_certificate_request,
        (CertificateType.KEY_AGREEMENT,),
        "1601",
        b"PKCS #10",
        "0908 504B435320233130",
    ),
    (SecuritySetup.import_certificate, (b"X.509",), "0905 582E353039", None, None),
    (SecuritySetup.export_certificate, (BY_ENTITY,), BY_ENTITY_HEX, b"X.509", "0905 582E353039"),
    (SecuritySetup.export_certificate, (BY_SERIAL,), BY_SERIAL_HEX, b"X.509", "0905 582E353039"),
    (SecuritySetup.remove_certificate, (BY_SERIAL,), BY_SERIAL_HEX, None, None),
]
