"""A saved web page. Its pictures in other files are named, for whoever has its folder; no address is ever called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workers.extraction.draft import Draft
from workers.extraction.encodings import decoded
from workers.extraction.formats.html_blocks import read_html, read_xhtml
from workers.extraction.formats.html_pictures import Pictures
from workers.extraction.formats.html_walk import Mode

if TYPE_CHECKING:
    from pathlib import Path

    from workers.extraction.output import Output
    from workers.extraction.types import Extracted

_HEAD_BYTES = 4096
_CHARSET = re.compile(rb"(?i)<(?:meta|\?xml)\b[^>]*?(?:charset|encoding)\s*=\s*[\"']?([\w:.-]{1,40})")
_XHTML = b"http://www.w3.org/1999/xhtml"


def read(file: Path, out: Output) -> Extracted:
    """Return what the page holds, without menus, the site's head and foot, scripts, and what is hidden."""
    data = file.read_bytes()
    draft = Draft(out)
    pictures = Pictures(draft, beside=True)
    reads = read_xhtml if data.lstrip().startswith(b"<?xml") and _XHTML in data[:_HEAD_BYTES] else read_html
    facts = reads(decoded(data, declared_charset(data)), draft, pictures, Mode.PAGE)
    return draft.finished(facts.extracted())


def declared_charset(data: bytes) -> str:
    """Return the encoding that a page says it is in; empty where it says none."""
    found = _CHARSET.search(data[:_HEAD_BYTES])
    return found[1].decode() if found else ""
