"""A simulated meter that ships with the library: memory, image transfer, activation, clock and logs."""
