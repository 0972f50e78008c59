"""RTF as Outlook keeps it, packed: [MS-OXRTFCP]."""

from __future__ import annotations

import struct

_HEAD = struct.Struct("<II4sI")
_PACKED, _PLAIN = b"LZFu", b"MELA"
_WINDOW = 4096
_RUN_MIN = 2
_EIGHT = 8
"""References or letters behind each byte that tells which they are."""
_RATIO_MAX = 18
"""No reference, of two bytes, stands for more than seventeen; each eight have a byte of their own."""
_BEGINNING = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans Serif"
    rb"SymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0" + b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)


def rtf_of(data: bytes) -> bytes:
    """Return the RTF; as much as there is of one that ends early, nothing for what is none."""
    if len(data) < _HEAD.size:
        return b""
    _, size, kind, _ = _HEAD.unpack_from(data)
    if kind == _PLAIN:
        return data[_HEAD.size : _HEAD.size + size]
    return _unpacked(data[_HEAD.size :], size) if kind == _PACKED else b""


def _unpacked(data: bytes, size: int) -> bytes:
    """Return what the references into the last 4,096 bytes stand for, before which stands a fixed beginning."""
    text = bytearray(_BEGINNING)
    end = len(text) + min(size, len(data) * _RATIO_MAX)
    place = 0
    while place < len(data) and len(text) < end:
        kinds, place = data[place], place + 1
        for bit in range(_EIGHT):
            if not kinds >> bit & 1:
                text += data[place : place + 1]
                place += 1
                continue
            reference = int.from_bytes(data[place : place + 2], "big")
            place += 2
            if not _copied(text, reference >> 4, (reference & 15) + _RUN_MIN):
                return bytes(text[len(_BEGINNING) : end])
    return bytes(text[len(_BEGINNING) : end])


def _copied(text: bytearray, offset: int, count: int) -> bool:
    """Append what stands at an offset of the window; false for the place that is written next, which ends the text."""
    back = (len(text) - offset) % _WINDOW
    if not back or back > len(text):
        return False
    for _ in range(count):
        text.append(text[-back])
    return True
