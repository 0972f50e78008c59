"""Bodies in chunks come out whole however the network cuts them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from waitress.buffers import OverflowableBuffer

from retrieval_site.web.chunks import ChunkedBody

AFTER = b"GET / HTTP/1.1\r\n"


def framed(blocks: list[bytes], extension: bytes, trailer: bytes) -> bytes:
    lines = [b"%X%s\r\n%s\r\n" % (len(block), extension, block) for block in blocks]
    return b"".join(lines) + b"0\r\n" + trailer + b"\r\n"


@given(
    st.lists(st.binary(min_size=1, max_size=300), max_size=8),
    st.sampled_from([b"", b";a=b", b' ;name="a value"']),
    st.sampled_from([b"", b"X-Sum: 3\r\n"]),
    st.integers(min_value=1, max_value=50),
)
def test_a_body_is_the_same_however_it_is_cut(
    blocks: list[bytes], extension: bytes, trailer: bytes, step: int
) -> None:
    sent = framed(blocks, extension, trailer) + AFTER
    body, used = ChunkedBody(OverflowableBuffer(1000)), 0
    for first in range(0, len(sent), step):
        used += body.received(sent[first : first + step])
        if body.completed:
            break
    assert body.completed
    assert body.error is None
    assert sent[used:] == AFTER  # what follows is the next request's
    assert body.getfile().read() == b"".join(blocks)
    assert len(body) == sum(map(len, blocks))


@given(st.binary(max_size=400))
def test_whatever_comes_is_a_body_or_an_error_or_waits_for_more(data: bytes) -> None:
    body = ChunkedBody(OverflowableBuffer(1000))
    assert 0 <= body.received(data) <= len(data)
    assert not (body.completed and body.error)
