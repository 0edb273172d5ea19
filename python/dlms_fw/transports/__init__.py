"""Media: one per file, blocking and asyncio side by side."""
