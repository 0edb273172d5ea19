"""ISO/IEC 8802-2 logical link control (class_id 57, 58, 59). The tables of the Blue Book."""

from __future__ import annotations

from dlms_fw.axdr import long_unsigned, unsigned
from dlms_fw.cosem.interface import InterfaceClass, attribute

__all__ = ["LlcType1Setup", "LlcType2Setup", "LlcType3Setup"]


class LlcType1Setup(InterfaceClass, class_id=57, version=0):
    """Type 1: connectionless, without acknowledgement."""

    max_octets_ui_pdu = attribute(2, long_unsigned, static=True)


class LlcType2Setup(InterfaceClass, class_id=58, version=0):
    """Type 2: with connections."""

    transmit_window_size_k = attribute(2, unsigned, static=True)
    receive_window_size_rw = attribute(3, unsigned, static=True)
    max_octets_i_pdu_n1 = attribute(4, long_unsigned, static=True)
    max_number_transmissions_n2 = attribute(5, unsigned, static=True)
    acknowledgement_timer = attribute(6, long_unsigned, static=True)
    """In seconds, as all timers here."""
    p_bit_timer = attribute(7, long_unsigned, static=True)
    reject_timer = attribute(8, long_unsigned, static=True)
    busy_state_timer = attribute(9, long_unsigned, static=True)


class LlcType3Setup(InterfaceClass, class_id=59, version=0):
    """Type 3: connectionless, with acknowledgement."""

    max_octets_acn_pdu_n3 = attribute(2, long_unsigned, static=True)
    max_number_transmissions_n4 = attribute(3, unsigned, static=True)
    acknowledgement_time_t1 = attribute(4, long_unsigned, static=True)
    """In seconds, as all times here."""
    receive_lifetime_var_t2 = attribute(5, long_unsigned, static=True)
    transmit_lifetime_var_t3 = attribute(6, long_unsigned, static=True)
