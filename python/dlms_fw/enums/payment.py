"""The enumerations of payment metering, with their codes.

Configurations and statuses that are bit-strings stay bit-strings: see ``dlms_fw.cosem.payment``.
"""

from __future__ import annotations

from enum import IntEnum


class PaymentMode(IntEnum):
    """``payment_mode`` of an account."""

    CREDIT = 1
    PREPAYMENT = 2


class AccountStatus(IntEnum):
    """``account_status`` of an account."""

    NEW_INACTIVE = 1
    ACTIVE = 2
    CLOSED = 3


class CurrencyUnit(IntEnum):
    """``currency_unit``: what is counted."""

    TIME = 0
    CONSUMPTION = 1
    MONETARY = 2


class CreditType(IntEnum):
    """``credit_type`` of a credit."""

    TOKEN = 0
    RESERVED = 1
    EMERGENCY = 2
    TIME_BASED = 3
    CONSUMPTION_BASED = 4


class CreditStatus(IntEnum):
    """``credit_status`` of a credit."""

    ENABLED = 0
    SELECTABLE = 1
    SELECTED_INVOKED = 2
    IN_USE = 3
    EXHAUSTED = 4


class ChargeType(IntEnum):
    """``charge_type`` of a charge: what makes it due."""

    CONSUMPTION_BASED = 0
    TIME_BASED = 1
    PAYMENT_EVENT_BASED = 2


class TokenDeliveryMethod(IntEnum):
    """``token_delivery_method`` of a token gateway."""

    REMOTE = 0
    LOCAL = 1
    MANUAL = 2


class TokenStatusCode(IntEnum):
    """``status_code`` of a token: how far it came."""

    FORMAT_OK = 0
    AUTHENTICATION_OK = 1
    VALIDATION_OK = 2
    EXECUTION_OK = 3
    FORMAT_FAILURE = 4
    AUTHENTICATION_FAILURE = 5
    VALIDATION_FAILURE = 6
    EXECUTION_FAILURE = 7
    TOKEN_RECEIVED = 8
