"""How Sphinx builds these pages. They are plain Markdown and read well without it, too."""

from importlib.metadata import version as installed

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

project = "dlms_fw"
author = "the authors of dlms_fw"
copyright = "the authors of dlms_fw, Apache-2.0"  # noqa: A001 - Sphinx's name
release = version = installed("dlms-fw")

extensions = ["myst_parser", "sphinxcontrib.mermaid"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
myst_fence_as_directive = ["mermaid"]
exclude_patterns = ["make_*.py"]
highlight_language = "text"

html_theme = "furo"
html_title = "dlms_fw"


def setup(app: Sphinx) -> None:
    """Octets are shown as they are."""
    app.add_lexer("hex", TextLexer)
