"""A meter that misbehaves: what it says that is not so, what it does not do, and when."""
