"""The meter models that ship with the library, one TOML file each; ``model_files.py`` reads them."""
