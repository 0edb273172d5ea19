"""What the blocking and the asyncio client share: everything that needs no waiting.

Which framing a session gets, what an answer means to the caller, and what a failure means for an
association or a transfer. Nothing here opens, sends, sleeps or looks at a clock. Re-exports only.
"""

from __future__ import annotations

from dlms_fw.driver.answers import (
    LOGICAL_DEVICE_NAME,
    RESPONSES,
    Answer,
    Response,
    TransferResponse,
    check_set,
    counter_of,
    counter_request,
    logical_device_name,
    raise_refusal,
    returned_by,
    single,
    transfer_answer,
    value_of,
    wrong_answer,
)
from dlms_fw.driver.exchange import (
    BUSY_POLL_S,
    Statistics,
    check_unanswered,
    count_run,
    is_settled,
    note_aside,
    patience,
)
from dlms_fw.driver.failures import (
    does_not_tell,
    ending,
    expected_counter,
    is_loss,
    is_of_request,
    link_ended,
    may_be_counter,
    may_be_lost,
)
from dlms_fw.driver.link_settings import (
    PUBLIC_CLIENT_SAP,
    association_attempts,
    framing,
    keep_alive_interval,
    public_endpoint,
    public_profile,
    round_trips,
    silence,
)
from dlms_fw.driver.transfers import link_facts, policy_for

__all__ = [
    "BUSY_POLL_S",
    "LOGICAL_DEVICE_NAME",
    "PUBLIC_CLIENT_SAP",
    "RESPONSES",
    "Answer",
    "Response",
    "Statistics",
    "TransferResponse",
    "association_attempts",
    "check_set",
    "check_unanswered",
    "count_run",
    "counter_of",
    "counter_request",
    "does_not_tell",
    "ending",
    "expected_counter",
    "framing",
    "is_loss",
    "is_of_request",
    "is_settled",
    "keep_alive_interval",
    "link_ended",
    "link_facts",
    "logical_device_name",
    "may_be_counter",
    "may_be_lost",
    "note_aside",
    "patience",
    "policy_for",
    "public_endpoint",
    "public_profile",
    "raise_refusal",
    "returned_by",
    "round_trips",
    "silence",
    "single",
    "transfer_answer",
    "value_of",
    "wrong_answer",
]
