"""The objects of a meter in use: its view, registers, profiles and clock, without IO. Has no names."""
