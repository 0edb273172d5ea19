"""``python -m dlms_fw`` is the command ``dlms-fw``."""

from dlms_fw.cli import main

main()
