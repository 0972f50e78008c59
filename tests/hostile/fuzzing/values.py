"""Values that break readers, and ways to change JSON and bytes: what every kind of input is made of."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

NESTED = 3000
RAW = {
    "«1e999»": "1e999",
    "«-1e999»": "-1e999",
    "«nan»": "NaN",
    "«infinity»": "-Infinity",
    "«digits»": "9" * 5000,
    "«lists»": "[" * NESTED + "]" * NESTED,
    "«objects»": '{"a":' * NESTED + "1" + "}" * NESTED,
    "«open»": "[" * NESTED,
    "«half»": '"\\ud800"',
    "«nul»": '"a\\u0000b"',
    "«escape»": '"\\q"',
}
"""Texts that stand for what `json.dumps` would never write."""

TEXTS = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff tail",
    "\ufeff",
    "\u202eexe.jpg",
    "../../etc/passwd",
    "..\\..\\windows",
    "/etc/passwd",
    "C:\\x",
    "a" * 81,
    "a" * 501,
    "é" * 2001,
    "." * 3000,
    "a. " * 1000,
    "\n" * 300,
    "=1+1",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "http://[",
    "http://example/" + "a" * 1100,
    "%00%ff",
    "'; DROP TABLE x; --",
    "{}",
    "[1]",
    "null",
    "champion",
    "tiny@1",
    "tiny@99999999999999999999",
    "tiny@١",
    "@",
    "𝔘𝔫𝔦",
    "e\u0301" * 50,
    *RAW,
)
NUMBERS = (
    0,
    -1,
    1,
    2,
    255,
    65536,
    2**31 - 1,
    2**31,
    2**63 - 1,
    2**63,
    2**64,
    10**30,
    0.5,
    -0.0,
    1e308,
    5e-324,
)

texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=12))
numbers = st.one_of(st.sampled_from(NUMBERS), st.integers(-5, 5))
leaves = st.one_of(st.none(), st.booleans(), numbers, texts)
json_values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=5,
)

CHANGES = ("replace", "replace", "replace", "delete", "rename", "add", "wrap", "repeat")
json_changes = st.lists(
    st.tuples(st.sampled_from(CHANGES), st.integers(0, 999), json_values, texts), min_size=1, max_size=3
)


def changed(value: Any, changes: list[tuple[str, int, Any, str]]) -> Any:
    """The JSON value with some places in it replaced, removed, renamed, wrapped or repeated."""
    holder = [copy.deepcopy(value)]
    for name, where, other, key in changes:
        found = places(holder)
        _change(*found[where % len(found)], name, other, key)
    return holder[0] if holder else None


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) below a value."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        item = waiting.pop()
        keys = list(item) if isinstance(item, dict) else range(len(item)) if isinstance(item, list) else ()
        found += [(item, key) for key in keys]
        waiting += [item[key] for key in keys]
    return found or [(value, None)]


def _change(container: Any, place: Any, name: str, other: Any, key: str) -> None:
    if place is None:
        container.append(other)
    elif name == "replace":
        container[place] = other
    elif name == "delete":
        del container[place]
    elif name == "wrap":
        container[place] = [container[place]]
    elif isinstance(container, dict):
        inner = container.pop(place) if name == "rename" else container[place] if name == "repeat" else other
        container[key] = inner
    else:
        container.append(container[place] if name == "repeat" else other)


def dumped(value: Any) -> bytes:
    """The value as JSON, with what stands for broken JSON put in; keys that are no text become one."""
    text = json.dumps(value, ensure_ascii=False)
    for mark, raw in RAW.items():
        text = text.replace(f'"{mark}"', raw)
    return text.encode("utf-8", "surrogatepass")


INTERESTING = (0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
BYTE_CHANGES = ("flip", "word", "double", "cut", "drop", "repeat", "insert")
byte_changes = st.lists(
    st.tuples(
        st.sampled_from(BYTE_CHANGES),
        st.integers(0, 2**20),
        st.integers(0, 64),
        st.sampled_from(INTERESTING),
    ),
    max_size=3,
)


def scrambled(data: bytes, changes: list[tuple[str, int, int, int]]) -> bytes:
    """The bytes with some of them changed, cut away, repeated or put in."""
    found = bytearray(data)
    for name, where, length, value in changes:
        at = where % (len(found) or 1)
        if name == "flip" and found:
            found[at] ^= 1 << (length % 8)
        elif name == "word":
            found[at : at + 2] = (value & 0xFFFF).to_bytes(2, "big")
        elif name == "double":
            found[at : at + 4] = value.to_bytes(4, "little" if length % 2 else "big")
        elif name == "cut":
            del found[at:]
        elif name == "drop":
            del found[at : at + length]
        elif name == "repeat":
            found[at:at] = found[at : at + length] * 3
        else:
            found[at:at] = value.to_bytes(4, "big") * (length % 4)
    return bytes(found)
