"""Benches: what can be done to a meter beside its interface."""
