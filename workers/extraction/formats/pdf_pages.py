"""Pages of a PDF as pictures."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pypdfium2 as pdfium
    from PIL import Image

    from workers.extraction.output import Output

SCAN_LONGEST_PX = 2400
"""What is to be read by character recognition: about 200 dots per inch of a printed page."""
_QUALITY = 80


def rendered(page: pdfium.PdfPage, out: Output, *, has_text: bool) -> str:
    """Keep a picture of the page, for people; of one without text a larger one, to be read. Return its name."""
    longest = out.limits.page_longest_px if has_text else SCAN_LONGEST_PX
    scale = longest / max(*page.get_size(), 1.0)
    bitmap = page.render(scale=scale)
    return out.put(jpeg(bitmap.to_pil()))


def jpeg(picture: Image.Image) -> bytes:
    """Return a picture as JPEG."""
    kept = io.BytesIO()
    picture.convert("RGB").save(kept, "JPEG", quality=_QUALITY, optimize=False)
    return kept.getvalue()
