"""DLMS/COSEM firmware upgrade by Image Transfer: a protocol library with a Rust core."""
