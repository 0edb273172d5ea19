"""How a simulated meter is reached: one medium per file, below the server that owns the meter."""
