"""Numbers of a spreadsheet as people see them: by the format of their cell, with English names of months.

ECMA-376, part 1, 18.8.30 and 18.8.31. What a format says of colours, widths and conditions is passed over.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import lru_cache

GENERAL = "General"
DATE, MOMENT = "yyyy\\-mm\\-dd", "yyyy\\-mm\\-dd\\ hh:mm"
"""Where a program would write the day as its user's settings say, it is written as ISO 8601 does."""
BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: GENERAL, 13: GENERAL,
    14: DATE, 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm",
    21: "h:mm:ss", 22: MOMENT, **dict.fromkeys(range(27, 37), DATE), 37: "#,##0", 38: "#,##0", 39: "#,##0.00",
    40: "#,##0.00", 41: "#,##0", 42: "#,##0", 43: "#,##0.00", 44: "#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss",
    47: "mm:ss.0", 48: "##0.0E+0", 49: "@", **dict.fromkeys(range(50, 59), DATE),
}  # fmt: skip
CODE_CHARACTERS_MAX = 255
DIGITS_MAX = 30
_TOKEN = re.compile(
    r'"[^"]*"?|\\.|_.|\*.|\[\$[^\]]*\]|\[[hms]+\]|\[[^\]]*\]|y+|m+|d+|h+|s+(?:\.0+)?|AM/PM|A/P|E[+-]0+|'
    r"[0#?,.]+|.",
    re.IGNORECASE | re.DOTALL,
)
_OF_DATES = re.compile(r"(?i)\[[hms]+\]|y+|m+|d+|h+|s+(?:\.0+)?|AM/PM|A/P")
_PLACES = re.compile(r"[0#?,.]*[0#?][0#?,.]*")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SERIAL_OF_MARCH_1900 = 61
"""Before it, days are counted as if 1900 had been a leap year."""
_DATES_END = 2_958_466


def shown(number: float, code: str, *, from_1904: bool = False) -> str:
    """Return a number as a cell of this format shows it."""
    sections = _sections(code[:CODE_CHARACTERS_MAX])
    section = _section(number, sections)
    if not section or "".join(section).lower() == "general":
        return general(number)
    if any(_OF_DATES.fullmatch(token) for token in section):
        return _date(number, section, from_1904=from_1904)
    if "@" in section or "/" in section:  # a text, a fraction
        return general(number)
    signed = number < 0 and len(sections) == 1
    text = _number(abs(number), section)
    return f"-{text}" if signed and any(sign in "123456789" for sign in text) else text


def plain(number: float, code: str, *, from_1904: bool = False) -> str:
    """Return a number whatever its format shows of it; a date or moment as ISO 8601 writes it, a time as shown."""
    section = _section(number, _sections(code[:CODE_CHARACTERS_MAX]))
    moment = moment_of(number, from_1904=from_1904) if _has(section, "ymdh") else None
    if moment is None:
        return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)
    if not _has(section, "yd"):
        return shown(number, code, from_1904=from_1904)
    return moment.isoformat() if _has(section, "hs") and number % 1 else moment.date().isoformat()


def _has(section: tuple[str, ...], parts: str) -> bool:
    """Tell whether a format shows one of these parts of a date."""
    return any(token[0].lower() in parts for token in section if _OF_DATES.fullmatch(token))


def general(number: float) -> str:
    """Return a number as a cell without a format shows it, whole ones with all digits."""
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else format(number, ".11g")


@lru_cache(maxsize=1000)
def _sections(code: str) -> tuple[tuple[str, ...], ...]:
    """Return the tokens of a format's sections: of positive numbers, negative ones, zero, text."""
    sections: list[list[str]] = [[]]
    for part in _TOKEN.findall(code):
        if part == ";":
            sections.append([])
        else:
            sections[-1].append(part)
    return tuple(map(tuple, sections))


def _section(number: float, sections: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    if number < 0 and len(sections) > 1:
        return sections[1]
    return sections[2] if number == 0 and len(sections) > 2 else sections[0]


def _literal(token: str) -> str:
    """Return what a token that stands for no digit shows."""
    if token.startswith("[$"):
        return token[2:-1].partition("-")[0]
    if token[0] in '"\\':
        return token.strip('"') if token[0] == '"' else token[1:]
    return "" if token[0] in "_*[" else token


def _number(number: float, section: tuple[str, ...]) -> str:
    places = [index for index, token in enumerate(section) if _PLACES.fullmatch(token)]
    if not places:
        return "".join(map(_literal, section)) or general(number)
    value = Decimal(repr(number)) * 100 ** sum(token.count("%") for token in section if token[0] not in '"\\')
    if len(places) > 1 and not any(sign in section[index] for index in places for sign in ".,"):
        return _mask(value, section)
    first = places[0]
    behind = section[first + 1] if first + 1 < len(section) else ""
    if behind[:1] in ("E", "e") and len(behind) > 1:
        digits = f"{value:.{min(_decimals(section[first])[1], DIGITS_MAX)}E}"
        section = section[: first + 1] + section[first + 2 :]
    else:
        digits = _digits(value, section[first])
    return "".join(
        digits if index == first else _literal(token)
        for index, token in enumerate(section)
        if index not in places[1:]
    ).strip()


def _decimals(places: str) -> tuple[int, int]:
    """Return how many decimals are always and how many at most shown."""
    behind = places.partition(".")[2]
    return behind.count("0"), sum(sign in "0#?" for sign in behind)


def _digits(value: Decimal, places: str) -> str:
    least, most = _decimals(places)
    whole_places = places.partition(".")[0]
    thousands = len(places) - len(places.rstrip(","))
    grouped = "," in whole_places.rstrip(",")
    with localcontext() as context:
        context.prec = 400
        value = (value / 1000**thousands).quantize(Decimal(1).scaleb(-min(most, DIGITS_MAX)), ROUND_HALF_UP)
        text = f"{value:,f}" if grouped else f"{value:f}"
    whole, point, behind = text.partition(".")
    behind = behind[:least] + behind[least:].rstrip("0")
    whole = (
        whole.rjust(min(whole_places.count("0"), DIGITS_MAX), "0")
        if whole != "0" or "0" in whole_places
        else ""
    )
    return f"{whole}{point if behind else ''}{behind}"


def _mask(value: Decimal, section: tuple[str, ...]) -> str:
    """Return digits with signs between them, as in a telephone's number: they are put in from the right."""
    digits = list(str(int(value.to_integral_value(ROUND_HALF_UP))))
    shown_signs: list[str] = []
    first = next(index for index, token in enumerate(section) if _PLACES.fullmatch(token))
    for index in range(len(section) - 1, -1, -1):
        if not _PLACES.fullmatch(section[index]):
            shown_signs.append(_literal(section[index]))
            continue
        for place in reversed(section[index]):
            shown_signs.append(digits.pop() if digits else "0" * (place == "0"))
        if index == first:
            shown_signs += reversed(digits)
    return "".join(reversed(shown_signs)).strip()


def _date(number: float, section: tuple[str, ...], *, from_1904: bool) -> str:
    moment = moment_of(number, from_1904=from_1904)
    if moment is None:
        return general(number)
    halves = any(token.upper() in ("AM/PM", "A/P") for token in section)
    text = ""
    for index, token in enumerate(section):
        if not _OF_DATES.fullmatch(token):
            text += _literal(token)
        elif token[0] == "[":
            text += _elapsed(number, token)
        elif token[0] in "mM" and _is_minutes(section, index):
            text += f"{moment.minute:0{min(len(token), 2)}d}"
        else:
            text += _part(moment, token, halves=halves)
    return text.strip()


def moment_of(number: float, *, from_1904: bool = False) -> datetime | None:
    """Return the moment that a number of days stands for; None where there is none."""
    if not 0 <= number < _DATES_END:
        return None
    start = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30)
    if not from_1904 and number < _SERIAL_OF_MARCH_1900:
        start += timedelta(days=1)
    moment = start + timedelta(milliseconds=round(number * 86_400_000))
    return (moment + timedelta(milliseconds=500)).replace(microsecond=0)


def _elapsed(number: float, token: str) -> str:
    units = {"h": 24, "m": 24 * 60, "s": 24 * 3600}[token[1].lower()]
    return f"{int(number * units + 1e-6):0{min(len(token) - 2, DIGITS_MAX)}d}"


def _is_minutes(section: tuple[str, ...], index: int) -> bool:
    """Tell minutes from months: they stand behind hours or before seconds."""
    before = [token.strip("[]")[0].lower() for token in section[:index] if _OF_DATES.fullmatch(token)]
    behind = [token.strip("[]")[0].lower() for token in section[index + 1 :] if _OF_DATES.fullmatch(token)]
    return before[-1:] == ["h"] or behind[:1] == ["s"]


def _part(moment: datetime, token: str, *, halves: bool) -> str:
    kind, length = token[0].lower(), len(token)
    if kind == "a":
        return ("PM" if moment.hour >= 12 else "AM")[: 1 if length < 4 else 2]
    if kind == "y":
        return f"{moment.year:04d}" if length > 2 else f"{moment.year % 100:02d}"
    if kind in "md" and length > 2:
        return _name(moment, kind, length)
    hour = (moment.hour % 12 or 12) if halves else moment.hour
    values = {"m": moment.month, "d": moment.day, "h": hour, "s": moment.second}
    return f"{values[kind]:0{min(length, 2)}d}"


def _name(moment: datetime, kind: str, length: int) -> str:
    name = _MONTHS[moment.month - 1] if kind == "m" else _DAYS[moment.weekday()]
    if length == 5 and kind == "m":
        return name[0]
    return name[:3] if length == 3 else name
