"""A suite of conformance cases for any meter: what a meter must do, held against what it does.

The cases are data (``cases/*.toml``), what each one does is a procedure (``procedures/``), and a procedure
sees the meter through its :class:`~dlms_fw.conformance.site.Site` alone. What must be known of a meter is its
:class:`~dlms_fw.conformance.declaration.Declaration`; what can be done to it beside its interface is its
:class:`~dlms_fw.conformance.benches.base.Bench`.
"""
