"""Names of files: as zips write them, and found again as a table of documents writes them.

The same name can be written in several ways: with accents composed or not (NFC, NFD), in the bytes of an old code page,
with backslashes between folders, in another case, or without its folder.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from workers.formats.zip_names import is_guessed

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Callable, Iterable, Iterator

CODE_PAGES = (
    "cp437", "cp850", "cp1252", "cp852", "cp1250", "cp932", "euc_jp", "gb18030", "big5", "cp949",
    "cp866", "cp1251", "koi8_r", "cp737", "cp1253", "cp857", "cp1254", "mac_roman",
)  # fmt: skip
"""In which a table's names are looked for among names that say nothing of how they are encoded."""

PICTURE_FOLDERS = ("images", "pictures")
ALIKE_MAX = 100
"""Files of one name that are compared by their folders."""

_DRIVE = re.compile(r"[A-Za-z]:")


def raw_name(name: str, code_page: str) -> bytes | None:
    """Return a name's bytes in a code page, `/` between folders; None where it cannot be written in it.

    In Shift-JIS and GBK the byte of a backslash may be half of a character; it is replaced all the same, on both sides.
    """
    try:
        return name.encode(code_page).replace(b"\\", b"/")
    except UnicodeEncodeError:
        return None


def name_once(name: str, seen: dict[str, int], key: Callable[[str], str] = str.casefold) -> str:
    """Return a name that none of those before has: a second “Name” is “Name (2)”, where none is called so yet.

    `seen`: how often each name came, by its `key`; this one is noted there.
    """
    number = seen.get(key(name), 0) + 1
    found = f"{name} ({number})" if number > 1 else name
    while number > 1 and key(found) in seen:
        number += 1
        found = f"{name} ({number})"
    seen[key(name)] = number
    seen.setdefault(key(found), 1)
    return found


def is_unsafe(name: str) -> bool:
    """Tell a name that leads out of its folder, or that no file has."""
    return (
        not name
        or name.startswith("/")
        or bool(_DRIVE.match(name))
        or "\0" in name
        or ".." in PurePosixPath(name).parts
    )


class NameIndex:
    """Finds files by the names that a table gives them."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_base: dict[str, list[str]] = {}
        for name in names:
            alike = self._by_base.setdefault(_base(name).casefold(), [])
            if len(alike) <= ALIKE_MAX:
                alike.append(name)

    def find(self, wanted: str, near: str = "") -> str | None:
        """Return the one file that is meant; None where there is none, or several that it could be.

        `near` is a folder that the name may be relative to.
        """
        wanted = _plain(wanted)
        alike = self._by_base.get(_base(wanted).casefold(), [])
        for fits in _ways(wanted, _nfc(near)):
            found = [name for name in alike if fits(_nfc(name))]
            if found:
                return found[0] if len(found) == 1 and len(alike) <= ALIKE_MAX else None
        return None


def _ways(wanted: str, near: str) -> Iterator[Callable[[str], bool]]:
    """Yield what a file's name may have in common with the one that is wanted, the closest first."""
    for folder in (near, "") if near else ("",):
        for sub in ("", *PICTURE_FOLDERS):
            yield "/".join(part for part in (folder, sub, wanted) if part).__eq__
    base, folded = _base(wanted), wanted.casefold()
    yield lambda name: name.casefold() == folded
    yield lambda name: name.endswith(f"/{wanted}")
    yield lambda name: name.casefold().endswith(f"/{folded}")
    yield lambda name: _base(name) == base
    yield lambda name: True


class RawIndex:
    """Finds members of a zip by the bytes of their names, where these do not say how they are encoded."""

    def __init__(self, members: Iterable[tuple[str, zipfile.ZipInfo]]) -> None:
        self._full: dict[bytes, str] = {}
        self._base: dict[bytes, str | None] = {}
        for name, info in members:
            if is_guessed(info) and (raw := raw_name(info.orig_filename, "cp437")):
                base = raw.rpartition(b"/")[2]
                self._full[raw] = name
                self._base[base] = None if base in self._base else name

    def find(self, wanted: str) -> str | None:
        """Return the member whose bytes are the wanted name in one of the code pages; None for none or several."""
        forms = [unicodedata.normalize(form, wanted.replace("\\", "/")) for form in ("NFC", "NFD")]
        raws = [raw for page in CODE_PAGES for form in forms if (raw := raw_name(form, page))]
        full = next((self._full[raw] for raw in raws if raw in self._full), None)
        bases = (raw.rpartition(b"/")[2] for raw in raws)
        return full or next((name for base in bases if (name := self._base.get(base))), None)


def _plain(name: str) -> str:
    name = _nfc(name.strip().replace("\\", "/"))
    while name.startswith("./"):
        name = name[2:]
    return name


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _base(name: str) -> str:
    return _nfc(PurePosixPath(name).name)
