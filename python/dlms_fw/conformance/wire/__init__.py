"""The wire as the suite writes and reads it, without the core: what is judged is not judged by itself."""
