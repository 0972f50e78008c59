"""JSON within bounds: depth counted before parsing, in pieces of any size; numbers and keys that mean one thing."""

from __future__ import annotations

import io
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.formats import bounded_json
from workers.formats.bounded_json import (
    BoundedReader,
    DepthMeter,
    JsonError,
    JsonTooDeepError,
    JsonTooLargeError,
    load_json,
)

LIMIT = 5
values = st.recursive(
    st.none() | st.text() | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def depth_of(value) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


def is_too_deep(text: bytes, sizes) -> bool:
    """Whether the meter says so, fed in pieces of these sizes."""
    meter, at = DepthMeter(LIMIT), 0
    try:
        for size in sizes:
            meter.feed(text[at : at + size])
            at += size
        meter.feed(text[at:])
    except JsonTooDeepError:
        return True
    return False


@given(values, st.booleans(), st.lists(st.integers(1, 4)))
def test_the_depth_is_that_of_the_parsed_value_however_the_text_is_cut_into_pieces(value, escaped, sizes):
    text = json.dumps(value, ensure_ascii=escaped).encode()
    assert is_too_deep(text, sizes) == (depth_of(value) > LIMIT)


@given(st.text(st.sampled_from('\\"[]{}a,'), max_size=20), st.lists(st.integers(1, 3)))
def test_brackets_in_texts_and_keys_are_no_levels(noise, sizes):
    text = json.dumps([{noise: [noise] * 2}]).encode()
    assert not is_too_deep(text, sizes)


def test_the_levels_allowed_are_read_and_one_more_is_not():
    most = "[" * bounded_json.DEPTH_MAX + "]" * bounded_json.DEPTH_MAX
    assert load_json(most) is not None
    with pytest.raises(JsonTooDeepError, match="64 levels"):
        load_json(f"[{most}]")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1 2]",
        b"\xff",
        "NaN",
        "-Infinity",
        "1e999",
        "-1e400",
        "9" * 1001,
        "9" * 100_000,
        '"\x01"',
        '["\\x"]',
        "[1]".encode("utf-16"),
    ],
)
def test_what_is_not_json_or_means_no_one_thing_is_refused(text):
    with pytest.raises(JsonError):
        load_json(text)


def test_of_a_key_given_twice_the_last_value_counts_unless_keys_must_be_unique():
    assert load_json('{"a": 1, "a": 2}') == {"a": 2}
    with pytest.raises(JsonError, match="twice"):
        load_json('{"a": 1, "a": 2}', unique_keys=True)


def test_ordinary_json_is_read_as_it_always_was():
    text = '{"a": [1, -2.5e3, true, null], "ü": {"x": "\\ud83d\\ude00"}, "big": 12345678901234567890}'
    assert load_json(text) == load_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    "unit", ["[", '"', "\\", '\\"', "{}", "[],", '"[', "}", '{"a":', "1", ",", " ", "\x00"]
)
def test_the_time_for_counting_grows_with_the_text_and_not_with_its_square(unit):
    def seconds(count: int) -> float:
        data = (unit * count).encode()
        began = time.process_time()
        for at in range(0, len(data), 65536):
            try:
                DepthMeter(10**9).feed(data[at:])
            except JsonError:
                break
            break
        return time.process_time() - began

    short = min(seconds(100_000) for _ in range(3))
    long = min(seconds(800_000) for _ in range(3))
    assert long < 8 * 4 * short + 0.01


def test_a_streamed_file_is_refused_before_the_parser_sees_the_level_too_many():
    reader = BoundedReader(io.BytesIO(b"[" * 100), item_level=1)
    assert reader.read(60) == b"[" * 60
    with pytest.raises(JsonTooDeepError):
        reader.read(60)


def test_an_entry_of_a_streamed_list_may_not_outgrow_memory_but_the_list_may(monkeypatch):
    monkeypatch.setattr(bounded_json, "ITEM_BYTES_MAX", 1000)

    def read(text: bytes) -> int:
        reader, total = BoundedReader(io.BytesIO(text), item_level=1), 0
        while piece := reader.read(100):
            total += len(piece)
        return total

    many = b"[" + b'{"a": "short"},' * 1000 + b"]"
    assert read(many) == len(many)
    for endless in (b'[{"a": "' + b"x" * 5000, b"[" + b"1" * 5000, b'[{"a": 1, ' + b'"b": [[1], [2]],' * 500):
        with pytest.raises(JsonTooLargeError):
            read(endless)
