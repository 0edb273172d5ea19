"""Differential tests: what `dlms_fw` and an independent implementation make of the same values and octets."""
