"""Independent implementations as referees, each in a process and an environment of its own."""
