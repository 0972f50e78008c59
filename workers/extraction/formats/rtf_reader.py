"""Goes through RTF's tokens: a stack of groups, each with the properties that its text has."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from workers.extraction.formats.docx_styles import BODY_LEVEL, is_caption_name, level_by_name
from workers.extraction.formats.rtf_flow import RtfFlow, RtfText
from workers.extraction.formats.rtf_tokens import tokens
from workers.extraction.formats.rtf_words import (
    CHARSETS,
    DOCUMENT_CHARSETS,
    READ_THOUGH_STARRED,
    SAID,
    SIGNS,
    UNREAD,
)

if TYPE_CHECKING:
    from workers.extraction.draft import Draft
    from workers.extraction.formats.rtf_tokens import RtfToken

Place: TypeAlias = Literal[
    "text",
    "aside",
    "unread",
    "settings",
    "fonts",
    "styles",
    "info",
    "said",
    "created",
    "picture",
    "name",
    "value",
]
_PLACES: dict[str, Place] = {
    "fonttbl": "fonts", "stylesheet": "styles", "info": "info", "creatim": "created", "pict": "picture",
    "sn": "name", "sv": "value", "shpinst": "settings", "picprop": "settings", "footnote": "aside", "shptxt": "aside",
    **dict.fromkeys(UNREAD, "unread"),
}  # fmt: skip
_AROUND_ASIDES = frozenset({"text", "aside", "settings", "value"})
_ALTERNATIVE_TEXT = "wzDescription"
_ENDS = frozenset({"par", "sect", "page", "column"})
_TIMES = frozenset({"yr", "mo", "dy", "hr", "min"})
_SKIP_MAX = 100


@dataclass
class _Group:
    """A group's place in the document, and the properties that end with it."""

    place: Place = "text"
    charset: str = ""
    after_unicode: int = 1
    """How many characters behind one by its number stand for it in older programs."""
    is_hidden: bool = False
    in_table: bool = False
    style: int = 0
    level: int | None = None
    said: str = ""
    begins_place: bool = False


@dataclass
class RtfReader:
    """Puts what it meets into a draft by way of a flow; `said` are title, author and the like."""

    draft: Draft
    said: dict[str, str] = field(default_factory=dict)
    created: dict[str, int] = field(default_factory=dict)
    language: int = 0
    flow: RtfFlow = field(init=False)
    _groups: list[_Group] = field(default_factory=lambda: [_Group()])
    _words: RtfText = field(default_factory=RtfText)
    """Of fonts' and styles' names, of properties: not of the document's text."""
    _charset: str = "cp1252"
    _fonts: dict[int, str] = field(default_factory=dict)
    _font: int = 0
    _styles: dict[int, tuple[str, int | None]] = field(default_factory=dict)
    _picture: bytearray = field(default_factory=bytearray)
    _raw: bytes = b""
    _alternative: str = ""
    _property: str = ""
    _is_header: bool = False
    _is_first: bool = False
    _is_starred: bool = False
    _skip: int = 0

    def __post_init__(self) -> None:
        self.flow = RtfFlow(self.draft)

    def read(self, data: bytes) -> None:
        """Read a whole file; one that ends early is read up to there."""
        for token in tokens(data):
            if token.kind == "open":
                self._groups.append(replace(self._group, begins_place=False))
                self._is_first, self._is_starred, self._skip = True, False, 0
            elif token.kind == "close":
                self._close()
            elif self._group.place != "unread":
                self._content(token)
        if len(self._groups) > 1:
            self.draft.note("The file ends early.")
        self.flow.end()

    @property
    def _group(self) -> _Group:
        return self._groups[-1]

    def _content(self, token: RtfToken) -> None:
        if token.kind == "text":
            self._text(token.data, is_byte=bool(token.word))
        elif token.kind == "raw":
            self._raw = token.data
        elif token.kind == "sign" and token.word == "*":
            self._is_starred = True
            return
        elif token.kind == "sign":
            self._sign(token.word)
        else:
            self._word(token.word, token.number)
        self._is_first = False

    def _text(self, data: bytes, *, is_byte: bool) -> None:
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        group = self._group
        if not data or group.is_hidden:
            return
        if group.place == "picture":
            self._picture += b"" if is_byte else data
        elif group.place in ("text", "aside"):
            self.flow.text.add_bytes(data, group.charset or self._charset)
        else:
            self._words.add_bytes(data, group.charset or self._charset)

    def _sign(self, sign: str) -> None:
        if sign in ("\r", "\n"):
            self._end_paragraph()
        elif sign in "\\{}":
            self._text(sign.encode(), is_byte=False)
        elif sign in SIGNS:
            self._add(SIGNS[sign])

    def _add(self, text: str) -> None:
        if self._group.place in ("text", "aside") and not self._group.is_hidden:
            self.flow.text.add(text)
        elif self._group.place != "picture":
            self._words.add(text)

    def _word(self, word: str, number: int | None) -> None:
        self._skip = 0
        if self._is_first and self._is_starred and word not in READ_THOUGH_STARRED:
            self._group.place = "unread"
        elif word in _PLACES:
            self._enter(_PLACES[word])
        elif word in SAID and self._group.place == "info":
            self._enter("said")
            self._group.said = word
        elif word == "u" and number is not None:
            self._add(chr(number % 0x10000))
            self._skip = self._group.after_unicode
        elif word in SIGNS:
            self._add(SIGNS[word])
        elif self._group.place in ("text", "aside"):
            self._flowing(word, number)
        else:
            self._setting(word, 0 if number is None else number)
        self._formatting(word, number)

    def _enter(self, place: Place) -> None:
        group = self._group
        if place == "aside":
            if group.place not in _AROUND_ASIDES or (group.place == "aside" and group.begins_place):
                return
            self.flow.begin_aside()
            group.is_hidden = group.in_table = False
        if place == "picture":
            self._picture.clear()
            self._raw, self._alternative = b"", ""
        self._words.taken()
        group.place, group.begins_place = place, True

    def _flowing(self, word: str, number: int | None) -> None:
        """Take what ends paragraphs, cells and rows."""
        if word in _ENDS:
            self._end_paragraph()
        elif word == "cell":
            self.flow.end_cell()
        elif word == "row":
            self.flow.end_row(is_header=self._is_header)
        elif word == "trowd":
            self._is_header = False
        elif word == "trhdr":
            self._is_header = True
        elif word == "deflang":
            self.language = number or 0
        elif word == "ansicpg":
            self._charset = _known(f"cp{number}", self._charset)
        else:
            self._charset = DOCUMENT_CHARSETS.get(word, self._charset)

    def _setting(self, word: str, number: int) -> None:
        place = self._group.place
        if place == "fonts" and word == "f":
            self._font = number
        elif place == "fonts" and word == "fcharset" and number in CHARSETS:
            self._fonts[self._font] = CHARSETS[number]
        elif place == "created" and word in _TIMES:
            self.created[word] = number

    def _formatting(self, word: str, number: int | None) -> None:
        """Take the properties of text and paragraphs, which end with their group."""
        group, value = self._group, number or 0
        if word in ("pard", "intbl"):
            group.in_table = word == "intbl"
            group.style, group.level = (0, None) if word == "pard" else (group.style, group.level)
        elif word == "plain":
            group.is_hidden, group.charset = False, ""
        elif word in ("v", "deleted"):
            group.is_hidden = number != 0
        elif word == "f":
            group.charset = self._fonts.get(value, "")
        elif word == "s":
            group.style = value
        elif word == "outlinelevel":
            group.level = value + 1 if 0 <= value < BODY_LEVEL else 0
        elif word == "uc":
            group.after_unicode = min(max(value, 0), _SKIP_MAX)

    def _end_paragraph(self) -> None:
        group = self._group
        if group.place in ("text", "aside"):
            name, level_of_style = self._styles.get(group.style, ("", None))
            known = (group.level, level_of_style, level_by_name(name))
            level = next(level for level in known if level is not None)
            self.flow.end_paragraph(level, is_caption=is_caption_name(name), in_table=group.in_table)

    def _close(self) -> None:
        self._skip = 0
        if len(self._groups) == 1:
            return
        group = self._groups.pop()
        if group.place == "styles" and not group.begins_place:
            self._styles[group.style] = self._words.taken().strip().rstrip(";"), group.level
        elif group.begins_place:
            self._leave(group)

    def _leave(self, group: _Group) -> None:
        if group.place == "aside":
            self.flow.end_aside()
        elif group.place == "picture":
            self.flow.pictures.append((self._raw or _of_hexadecimal(self._picture), self._alternative))
        elif group.place == "name":
            self._property = self._words.taken().strip()
        elif group.place == "value" and self._property == _ALTERNATIVE_TEXT:
            self._describe(self._words.taken())
        elif group.place == "said":
            self.said[group.said] = " ".join(self._words.taken().split())

    def _describe(self, text: str) -> None:
        """Take the alternative text of the picture that is open, or of the last one."""
        self._alternative = text
        if self.flow.pictures and not any(group.place == "picture" for group in self._groups):
            self.flow.pictures[-1] = (self.flow.pictures[-1][0], text)


def _of_hexadecimal(digits: bytearray) -> bytes:
    try:
        return bytes.fromhex(digits.decode("ascii", "replace"))
    except ValueError:
        return b""


def _known(charset: str, otherwise: str) -> str:
    try:
        return codecs.lookup("utf-8" if charset == "cp65001" else charset).name
    except LookupError:
        return otherwise
