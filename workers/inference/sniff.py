"""The real format of a picture by its first bytes, without an imaging library: the web process uses it."""

from __future__ import annotations

HEADER_BYTES = 64
"""How many leading bytes `sniff_format` looks at."""

FORMATS = ("jpeg", "png", "webp", "heic", "avif", "bmp", "tiff", "gif")

_PREFIXES = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_BMP_INFO_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})


def sniff_format(header: bytes) -> str | None:
    """Return one of `FORMATS` for the first bytes of a file, or None when they are none of these."""
    for prefix, name in _PREFIXES:
        if header.startswith(prefix):
            return name
    if header[:4] == b"RIFF" and header[8:12] == b"WEBP":
        return "webp"
    if header[4:8] == b"ftyp":
        return _sniff_brands(header)
    return "bmp" if _is_bmp(header) else None


def _sniff_brands(header: bytes) -> str | None:
    """Tell AVIF from HEIC: both are ISO media files and may share the major brand `mif1`."""
    end = min(int.from_bytes(header[:4], "big"), HEADER_BYTES, len(header))
    brands = {header[8:12], *(header[at : at + 4] for at in range(16, end - 3, 4))}
    if brands & _AVIF_BRANDS:
        return "avif"
    return "heic" if brands & _HEIC_BRANDS else None


def _is_bmp(header: bytes) -> bool:
    """Two letters are too little to go by, so the size of the header that follows has to be a known one."""
    return header[:2] == b"BM" and int.from_bytes(header[14:18], "little") in _BMP_INFO_SIZES
