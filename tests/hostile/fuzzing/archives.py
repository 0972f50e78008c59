"""Zip archives written by hand, so that their two directories can say what they like."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from tests.hostile.fuzzing.values import INTERESTING

NAMES = (
    "../evil",
    "/etc/passwd",
    "a\\b",
    "a//b",
    "a/b/c/d",
    "",
    ".",
    "..",
    "manifest.json",
    "MANIFEST.JSON",
    "image.onnx",
    "image.onnx/inner",
    "folder/",
    "x\x00y",
    "é.jpg",
    "documents.jsonl",
    "captions.txt",
    "__MACOSX/._x",
    "n" * 300,
    "con",
    "a\nb",
    "\ud83d\ude00.png".encode("utf-16", "surrogatepass").decode("utf-16"),
)
METHODS = (0, 8, 9, 12, 14, 93, 95, 99)


@dataclass(frozen=True)
class Member:
    """A file of the archive, and what is said of it that is not so (None: the truth)."""

    name: str
    data: bytes
    method: int = 8
    flags: int = 0
    local_size: int | None = None
    central_size: int | None = None
    central_packed: int | None = None
    crc: int | None = None
    attributes: int = 0o100644 << 16
    extra: bytes = b""
    offset: int | None = None
    hidden: bool = False
    """Not in the central directory."""


@dataclass(frozen=True)
class Tail:
    """What the end of the archive says."""

    entries: int | None = None
    start: int | None = None
    comment: bytes = b""
    before: bytes = b""
    after: bytes = b""
    twice: bool = False


def packed(member: Member) -> bytes:
    """The member's content as it stands in the archive."""
    if member.method != 8:
        return member.data
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(member.data) + packer.flush()


def archive(members: list[Member], tail: Tail) -> bytes:
    """The bytes of the archive."""
    body, directory = bytearray(tail.before), bytearray()
    for member in members:
        content, name = packed(member), member.name.encode("utf-8", "surrogatepass")[:60000]
        crc = zlib.crc32(member.data) if member.crc is None else member.crc
        size = len(member.data)
        at = len(body)
        claimed = size if member.local_size is None else member.local_size
        flags = member.flags | (0 if name.isascii() else 0x800)
        body += struct.pack(
            "<4sHHHIIIIHH",
            b"PK\x03\x04",
            20,
            flags,
            member.method,
            0x21 << 16,
            crc,
            len(content) & 0xFFFFFFFF,
            claimed & 0xFFFFFFFF,
            len(name),
            len(member.extra),
        )
        body += name + member.extra + content
        if not member.hidden:
            claimed = size if member.central_size is None else member.central_size
            pressed = len(content) if member.central_packed is None else member.central_packed
            where = at if member.offset is None else member.offset
            directory += struct.pack(
                "<4sHHHHIIIIHHHHHII",
                b"PK\x01\x02",
                0x0314,
                20,
                flags,
                member.method,
                0x21 << 16,
                crc,
                pressed & 0xFFFFFFFF,
                claimed & 0xFFFFFFFF,
                len(name),
                len(member.extra),
                0,
                0,
                0,
                member.attributes,
                where & 0xFFFFFFFF,
            )
            directory += name + member.extra
    start = len(body) if tail.start is None else tail.start
    count = sum(not member.hidden for member in members) if tail.entries is None else tail.entries
    end = (
        struct.pack(
            "<4sHHHHIIH",
            b"PK\x05\x06",
            0,
            0,
            count & 0xFFFF,
            count & 0xFFFF,
            len(directory),
            start & 0xFFFFFFFF,
            len(tail.comment),
        )
        + tail.comment
    )
    return bytes(body + directory + end * (2 if tail.twice else 1) + tail.after)


_sizes = st.one_of(st.none(), st.sampled_from(INTERESTING), st.integers(0, 400))
_ZIP64 = struct.pack("<HHQQ", 1, 16, 2**63, 2**40)
_EXTRAS = (b"", _ZIP64, b"\x01\x00\xff\xff", b"\x75\x70\x09\x00\x01abcdevil", b"\x00")
_LINK, _DEVICE, _FOLDER = 0o120777 << 16, 0o020666 << 16, 0o040755 << 16 | 0x10

member_changes = st.lists(
    st.one_of(
        st.tuples(st.just("name"), st.one_of(st.sampled_from(NAMES), st.text(max_size=8))),
        st.tuples(st.just("method"), st.sampled_from(METHODS)),
        st.tuples(st.just("flags"), st.sampled_from((1, 8, 0x40, 0x800, 0x2000, 0xFFFF))),
        st.tuples(st.sampled_from(("local_size", "central_size", "central_packed", "crc", "offset")), _sizes),
        st.tuples(st.just("attributes"), st.sampled_from((0, _LINK, _DEVICE, _FOLDER, 0xFFFFFFFF))),
        st.tuples(st.just("extra"), st.sampled_from(_EXTRAS)),
        st.tuples(st.just("hidden"), st.just(True)),
        st.tuples(st.just("data"), st.sampled_from((b"", b"\x00" * 3_000_000, b"x" * 70_000, b"PK\x05\x06"))),
    ).flatmap(lambda change: st.tuples(st.integers(0, 99), st.just(change))),
    max_size=3,
)
tails = st.one_of(
    st.just(Tail()),
    st.just(Tail()),
    st.builds(
        Tail,
        entries=st.one_of(st.none(), st.sampled_from((0, 1, 2, 0xFFFF))),
        start=_sizes,
        comment=st.sampled_from((b"", b"c" * 500, b"PK\x05\x06" + b"\x00" * 18)),
        before=st.sampled_from((b"", b"#!/bin/sh\n", b"\x00" * 100)),
        after=st.sampled_from((b"", b"\x00" * 100, b"PK\x06\x06")),
        twice=st.booleans(),
    ),
)


def with_changes(members: list[Member], changes: list[tuple[int, tuple[str, object]]]) -> list[Member]:
    """The members with some of what is said of them changed."""
    found = list(members)
    for where, (name, value) in changes:
        at = where % len(found)
        found[at] = replace(found[at], **{name: value})
    return found
