"""Payment metering (class_id 111, 112, 113, 115, 116): accounts, credits, charges and tokens.

The tables of the Blue Book. Amounts are integers in the currency of the account.
"""

from __future__ import annotations

from typing import NamedTuple

from dlms_fw._core import BitString, Data
from dlms_fw.axdr import (
    any_data,
    array,
    bit_string,
    date_time_octets,
    double_long,
    double_long_unsigned,
    enumerated,
    integer,
    logical_name_octets,
    long,
    long64_unsigned,
    long_unsigned,
    octet_string,
    record,
    unsigned,
    utf8_string,
    visible_string,
)
from dlms_fw.cosem.interface import InterfaceClass, attribute, method
from dlms_fw.cosem.references import ValueDefinition, value_definition
from dlms_fw.enums.payment import (
    AccountStatus,
    ChargeType,
    CreditStatus,
    CreditType,
    CurrencyUnit,
    PaymentMode,
    TokenDeliveryMethod,
    TokenStatusCode,
)
from dlms_fw.logical_name import LogicalName

__all__ = [
    "Account",
    "AccountModeAndStatus",
    "Charge",
    "ChargePerUnitScaling",
    "ChargeTableElement",
    "Credit",
    "CreditChargeConfiguration",
    "Currency",
    "Iec62055Attributes",
    "MeterPan",
    "TokenGateway",
    "TokenGatewayConfiguration",
    "TokenStatus",
    "UnitCharge",
]


class AccountModeAndStatus(NamedTuple):
    """How an account works, and whether it does."""

    payment_mode: PaymentMode
    account_status: AccountStatus


class CreditChargeConfiguration(NamedTuple):
    """Which charge may be taken from which credit."""

    credit_reference: LogicalName
    charge_reference: LogicalName
    collection_configuration: BitString
    """Bit 0 collect when the supply is disconnected, 1 in load limiting, 2 in friendly credit periods."""


class TokenGatewayConfiguration(NamedTuple):
    """How much of a token goes to which credit."""

    credit_reference: LogicalName
    token_proportion: int
    """In percent."""


class Currency(NamedTuple):
    """What amounts mean: times ten to the power of ``currency_scale``."""

    currency_name: str
    currency_scale: int
    currency_unit: CurrencyUnit


class Account(InterfaceClass, class_id=111, version=0):
    """The sum of credits and charges of one customer."""

    account_mode_and_status = attribute(
        2, record(AccountModeAndStatus, enumerated(PaymentMode), enumerated(AccountStatus)), static=True
    )
    current_credit_in_use = attribute(3, unsigned)
    """Its place in ``credit_reference_list``."""
    current_credit_status = attribute(4, bit_string)
    """Bit 0 in credit, 1 low credit, 2 next credit enabled, 3 next credit selectable, 4 next credit selected,
    5 selectable credit in use, 6 out of credit."""
    available_credit = attribute(5, double_long)
    amount_to_clear = attribute(6, double_long)
    """What is owed before there is credit again."""
    clearance_threshold = attribute(7, double_long, static=True)
    aggregated_debt = attribute(8, double_long)
    """The sum of what remains of all charges."""
    credit_reference_list = attribute(9, array(logical_name_octets), static=True)
    charge_reference_list = attribute(10, array(logical_name_octets), static=True)
    credit_charge_configuration = attribute(
        11,
        array(record(CreditChargeConfiguration, logical_name_octets, logical_name_octets, bit_string)),
        static=True,
    )
    """None means that all charges may be taken from all credits."""
    token_gateway_configuration = attribute(
        12, array(record(TokenGatewayConfiguration, logical_name_octets, unsigned)), static=True
    )
    account_activation_time = attribute(13, date_time_octets, static=True)
    account_closure_time = attribute(14, date_time_octets, static=True)
    currency = attribute(15, record(Currency, utf8_string, integer, enumerated(CurrencyUnit)), static=True)
    low_credit_threshold = attribute(16, double_long)
    next_credit_available_threshold = attribute(17, double_long)
    max_provision = attribute(18, long_unsigned, static=True)
    """How much may be collected by payment event based charges within ``max_provision_period``."""
    max_provision_period = attribute(19, double_long, static=True)
    """In seconds."""

    @method(1)
    def activate_account(self) -> None:
        """Make a new account active."""

    @method(2)
    def close_account(self) -> None:
        """Close the account for ever."""

    @method(3)
    def reset_account(self) -> None:
        """Set a closed account to its defaults."""


class Credit(InterfaceClass, class_id=112, version=0):
    """One source of credit."""

    current_credit_amount = attribute(2, double_long)
    credit_type = attribute(3, enumerated(CreditType), static=True)
    priority = attribute(4, unsigned, static=True)
    """The highest is 1; 0 for none."""
    warning_threshold = attribute(5, double_long, static=True)
    limit = attribute(6, double_long, static=True)
    """How far down it may go."""
    credit_configuration = attribute(7, bit_string, static=True)
    """Bit 0 shown when used, 1 to be confirmed, 2 to be paid back, 3 can be reset, 4 takes tokens."""
    credit_status = attribute(8, enumerated(CreditStatus))
    preset_credit_amount = attribute(9, double_long, static=True)
    credit_available_threshold = attribute(10, double_long, static=True)
    period = attribute(11, date_time_octets, static=True)
    """When the amount is set to its preset again."""

    @method(1, double_long)
    def update_amount(self, amount: int) -> None:
        """Add to the amount."""

    @method(2, double_long)
    def set_amount_to_value(self, amount: int) -> None:
        """Set the amount."""

    @method(3, any_data)
    def invoke_credit(self, data: Data) -> None:
        """Take a selectable credit into use."""


class ChargePerUnitScaling(NamedTuple):
    """The scales of a price, as powers of ten."""

    commodity_scale: int
    price_scale: int


class ChargeTableElement(NamedTuple):
    """The price of one tariff."""

    index: bytes  # type: ignore[assignment]  # hides a method of tuples that nobody needs here
    charge_per_unit: int


class UnitCharge(NamedTuple):
    """What one unit costs."""

    charge_per_unit_scaling: ChargePerUnitScaling
    commodity_reference: ValueDefinition
    """What is consumed."""
    charge_table: list[ChargeTableElement]


_charge_table = array(record(ChargeTableElement, octet_string, long))
_unit_charge = record(
    UnitCharge, record(ChargePerUnitScaling, integer, integer), value_definition, _charge_table
)


class Charge(InterfaceClass, class_id=113, version=0):
    """One thing that must be paid for."""

    total_amount_paid = attribute(2, double_long)
    charge_type = attribute(3, enumerated(ChargeType), static=True)
    priority = attribute(4, unsigned, static=True)
    """The highest is 1; 0 for none."""
    unit_charge_active = attribute(5, _unit_charge, static=True)
    unit_charge_passive = attribute(6, _unit_charge, static=True)
    unit_charge_activation_time = attribute(7, date_time_octets, static=True)
    """When the passive unit charge becomes the active one."""
    period = attribute(8, double_long_unsigned, static=True)
    """Between two collections, in seconds."""
    charge_configuration = attribute(9, bit_string, static=True)
    """Bit 0 collects a percentage, 1 collects even where no credit is left."""
    last_collection_time = attribute(10, date_time_octets)
    last_collection_amount = attribute(11, double_long)
    total_amount_remaining = attribute(12, double_long)
    proportion = attribute(13, long_unsigned, static=True)
    """What is taken of each payment, in hundredths of a percent."""

    @method(1, _charge_table)
    def update_unit_charge(self, charge_table: list[ChargeTableElement]) -> None:
        """Replace the prices of the passive unit charge."""

    @method(2)
    def activate_passive_unit_charge(self) -> None:
        """Make the passive unit charge the active one, now."""

    @method(3)
    def collect(self) -> None:
        """Collect now."""

    @method(4, double_long)
    def update_total_amount_remaining(self, amount: int) -> None:
        """Add to what remains."""

    @method(5, double_long)
    def set_total_amount_remaining(self, amount: int) -> None:
        """Set what remains."""


class TokenStatus(NamedTuple):
    """What became of a token."""

    status_code: TokenStatusCode
    data_value: BitString


class TokenGateway(InterfaceClass, class_id=115, version=0):
    """Where tokens are entered."""

    token = attribute(2, octet_string)
    """The last one."""
    token_time = attribute(3, date_time_octets)
    token_description = attribute(4, array(octet_string))
    token_delivery_method = attribute(5, enumerated(TokenDeliveryMethod))
    token_status = attribute(6, record(TokenStatus, enumerated(TokenStatusCode), bit_string))

    @method(1, octet_string, mandatory=True)
    def enter(self, token: bytes) -> None:
        """Enter a token."""


class MeterPan(NamedTuple):
    """The primary account number of a meter (IEC 62055-41)."""

    issuer_identification_number: int
    decoder_reference_number: int
    pan_check_digit: int


class Iec62055Attributes(InterfaceClass, class_id=116, version=0):
    """What a meter with standard transfer specification tokens (IEC 62055-41) is set to."""

    meter_pan = attribute(2, record(MeterPan, double_long_unsigned, long64_unsigned, unsigned), static=True)
    commodity = attribute(3, visible_string, static=True)
    """ELECTRICITY, WATER, GAS or TIME."""
    token_carrier_types = attribute(4, array(unsigned), static=True)
    encryption_algorithm = attribute(5, unsigned, static=True)
    supply_group_code = attribute(6, double_long_unsigned)
    tariff_index = attribute(7, unsigned)
    key_revision_number = attribute(8, unsigned)
    key_type = attribute(9, unsigned)
    key_expiry_number = attribute(10, unsigned)
    no_of_kct_supported = attribute(11, unsigned, static=True)
    """How many tokens change a key."""
    sts_certificate_no = attribute(12, visible_string, static=True)
