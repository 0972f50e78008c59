"""Whatever meets people's text takes time in proportion to it: patterns, tokenizers, splitting, readers of files."""

from __future__ import annotations

import io
from collections import deque

import pytest

from retrieval_site.errors import AppError
from search.importers.captions import read_captions
from search.importers.detecting import detect
from search.importers.foreign import refuse_foreign
from search.importers.jsonl import read_jsonl
from search.importers.tables import read_csv
from search.importers.types import Reading
from search.services.document_fields import DocumentFields, check_record
from search.splitting import passages
from search.templatetags.sightline import beginning
from search.views.cards import excerpt, facts
from search.words.identifiers import identifiers_of
from tests.support.growth import too_fast
from workers.formats.bounded_json import JsonError, load_json
from workers.inference.byte_pairs import BytePairTokenizer
from workers.neural.tokens import WordTokenizer, words_of

pytestmark = pytest.mark.slow

PIECES = BytePairTokenizer(["a b", "l o", "lo n", "lon g", ". .", ".. .."])
WORDS = WordTokenizer(["<pad>", "<start>", "<end>", "<unk>", "pump"])


def quiet(work, *errors):
    """The same work, for which an expected refusal is an answer too."""

    def run(text: str) -> None:
        try:
            work(text)
        except errors:
            return

    return run


def lines_of(reader):
    return lambda text: consume(reader(io.BytesIO(text.encode(errors="surrogatepass"))))


def consume(items):
    """Take all, keep none: holding on to a hundred thousand rows costs time of its own."""
    deque(items, maxlen=0)


def row(text: str) -> bytes:
    return f"external_id,body,tags\na,{text},{text}\n".encode()


def check(text: str) -> None:
    check_record("a", DocumentFields(title=text[:400], body=text, metadata={"a": text[:90_000]}), ())


@pytest.mark.parametrize(
    ("work", "characters"),
    [
        pytest.param(passages, 4000, id="splitting"),
        pytest.param(words_of, 2000, id="nltk words"),
        pytest.param(lambda text: WORDS.encode(text, 64), 4000, id="nltk tokens"),
        pytest.param(lambda text: PIECES.encode(text, 10**9), 2000, id="byte pairs"),
        pytest.param(quiet(load_json, JsonError), 20_000, id="json"),
        pytest.param(lambda text: quiet(load_json, JsonError)(f'["{text}"]'), 20_000, id="json in a list"),
        pytest.param(lines_of(lambda file: read_jsonl(file, Reading())), 20_000, id="json lines"),
        pytest.param(lines_of(lambda file: read_captions(file, "caption")), 20_000, id="captions"),
        pytest.param(lambda text: consume(read_csv(io.BytesIO(row(text)), Reading())), 20_000, id="csv"),
        pytest.param(
            quiet(lambda text: refuse_foreign(io.BytesIO(text.encode())), AppError), 8_000, id="the door"
        ),
        pytest.param(lambda text: detect(io.BytesIO(text.encode())), 8_000, id="detecting a format"),
        pytest.param(quiet(check, AppError), 20_000, id="record"),
        pytest.param(lambda text: beginning(text, 160), 20_000, id="beginning of a text"),
        pytest.param(lambda text: excerpt(text, 10, 20), 20_000, id="excerpt"),
        pytest.param(lambda text: facts({"a": text, text: "b"}), 20_000, id="facts"),
        pytest.param(lambda text: identifiers_of("a", "", text, {}), 4000, id="identifiers"),
    ],
)
def test_the_time_grows_no_faster_than_the_text(work, characters):
    assert too_fast(work, characters) == []
