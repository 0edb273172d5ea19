"""Keys and titles of the differential tests, the same at both ends; made up, as all keys of tests are."""

_LENGTHS = {0: 16, 1: 16, 2: 32}
ENCRYPTION_KEYS = {suite: bytes(range(0x10, 0x10 + length)) for suite, length in _LENGTHS.items()}
AUTHENTICATION_KEYS = {suite: bytes(range(0xC0, 0xC0 + length)) for suite, length in _LENGTHS.items()}
DEDICATED_KEYS = {suite: bytes(range(0x40, 0x40 + length)) for suite, length in _LENGTHS.items()}
KEY_ENCRYPTING_KEYS = {suite: bytes(range(0x70, 0x70 + length)) for suite, length in _LENGTHS.items()}
TITLE = b"DFW\x00\x00\x01\x02\x03"
READER = b"DFW\xff\xff\xff\xff\xff"
"""The one that what is ciphered is for."""
CURVES = {1: "P-256", 2: "P-384"}
SCALARS = {1: bytes(range(1, 33)), 2: bytes(range(1, 49))}
"""Private keys of one side; the other side's are generated."""
