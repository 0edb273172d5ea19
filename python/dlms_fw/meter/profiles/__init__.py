"""The meter models that can be simulated, one file each."""
