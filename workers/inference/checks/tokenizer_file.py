"""What a `tokenizer.json` may hold: parts on closed lists, whose time grows with a text's length and no faster.

The library `tokenizers` reads the file afterwards; it is told nothing that is not checked here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workers.formats.bounded_json import DepthMeter, no_constant, without_doubles
from workers.inference.checks.patterns import check_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FILE_MAX_BYTES = 64 << 20
WORDS_MAX = 1 << 20
"""Ids are below this."""
_MERGES_MAX = 2 << 20
_TOKEN_MAX = 512
"""Characters of a token; a dynamic program over the text looks as far at each place."""
_ADDED_MAX = 20_000
_WORD_MAX = 200
"""Characters of a word that WordPiece looks at: its time grows with their square."""
_DEPTH_MAX = 16
_PARTS_MAX, _TEMPLATE_MAX, _TEXT_MAX = 16, 16, 512
_GROWTH_MAX = 64
"""Times as long as it was a text may become by replacing; each step multiplies."""
_CHARSMAP_MAX = 4 << 20
_TOP = (
    "version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder",
    "model",
)  # fmt: skip
_STEPS = {
    "normalizer": (
        "normalizers",
        {"BertNormalizer", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt", "Precompiled", "Prepend", "Replace",
         "Strip", "StripAccents"},
    ),
    "pre_tokenizer": (
        "pretokenizers",
        {"BertPreTokenizer", "ByteLevel", "Digits", "Metaspace", "Punctuation", "Split", "UnicodeScripts", "Whitespace",
         "WhitespaceSplit"},
    ),
    "post_processor": (
        "processors",
        {"BertProcessing", "ByteLevel", "RobertaProcessing", "TemplateProcessing"},
    ),
    "decoder": (
        "decoders",
        {"BPEDecoder", "ByteFallback", "ByteLevel", "Fuse", "Metaspace", "Replace", "Strip", "WordPiece"},
    ),
}  # fmt: skip
"""The key of a sequence of steps, and the types that steps may have."""


@dataclass(frozen=True)
class TokenizerFacts:
    """Of a checked file: how many ids a graph has to know, and the id of what is unknown, if there is one."""

    size: int
    unknown: int | None


def check_tokenizer(data: bytes) -> TokenizerFacts:
    """Return what the file holds; raises ValueError with what is not allowed in it."""
    top = _parsed(data)
    if unknown := set(top) - set(_TOP):
        raise ValueError(f"It has a key “{min(unknown)[:80]}”, which is not known.")
    for name, (inner, allowed) in _STEPS.items():
        for step in _steps(top.get(name), inner):
            _check_step(step, allowed, name)
    _check_growth(top.get("normalizer"))
    model = _object(top.get("model"), "model")
    checked = _MODELS.get(str(model.get("type") or _guessed(model)))
    if checked is None:
        raise ValueError("Its model is none of BPE, WordPiece, Unigram.")
    ids = [*checked(model), *_added(top.get("added_tokens") or []), *_template_ids(top)]
    if not ids:
        raise ValueError("Its vocabulary is empty.")
    return TokenizerFacts(1 + max(ids), _unknown(model))


def _unknown(model: dict[str, Any]) -> int | None:
    """Return the id that stands for what the model has no token for; bytes stand for themselves."""
    if model.get("byte_fallback"):
        return None
    token, vocab = model.get("unk_token"), model["vocab"]
    found = vocab.get(token) if isinstance(vocab, dict) and isinstance(token, str) else model.get("unk_id")
    return found if type(found) is int else None


def _parsed(data: bytes) -> dict[str, Any]:
    if len(data) > FILE_MAX_BYTES:
        raise ValueError(f"It is larger than {FILE_MAX_BYTES >> 20} MB.")
    try:
        DepthMeter(_DEPTH_MAX).feed(data)
        found = json.loads(data.decode(), object_pairs_hook=without_doubles, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"It is no JSON ({str(error)[:200]}).") from None
    return _object(found, "file")


def _guessed(model: dict[str, Any]) -> str:
    """Return the type of a model that older files do not name."""
    return "BPE" if "merges" in model else "Unigram" if isinstance(model.get("vocab"), list) else ""


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"Its {name} is no object.")
    return value


def _steps(step: Any, inner: str) -> Iterator[dict[str, Any]]:
    """Yield the steps of one stage, without the sequences around them."""
    waiting, seen = [step] if step is not None else [], 0
    while waiting:
        one = _object(waiting.pop(), inner)
        seen += 1
        if seen > _PARTS_MAX:
            raise ValueError(f"It has more than {_PARTS_MAX} {inner}.")
        if one.get("type") != "Sequence":
            yield one
            continue
        if not isinstance(one.get(inner), list):
            raise ValueError(f"A sequence of {inner} has none.")
        waiting += one[inner]


def _check_step(step: dict[str, Any], allowed: set[str], stage: str) -> None:
    kind = step.get("type")
    if kind not in allowed:
        raise ValueError(f"Its {stage} “{str(kind)[:80]}” is not allowed.")
    if "pattern" in step:
        _check_pattern(step["pattern"])
    for key, value in step.items():
        longest = _CHARSMAP_MAX if key == "precompiled_charsmap" else _TEXT_MAX
        if isinstance(value, str) and len(value) > longest:
            raise ValueError(f"Its {stage} has a “{key[:80]}” of more than {longest} characters.")
    if kind == "TemplateProcessing":
        _check_template(step)


def _check_growth(normalizer: Any) -> None:
    growth = 1
    for step in _steps(normalizer, _STEPS["normalizer"][0]):
        if step["type"] == "Replace":
            growth *= max(1, len(str(step.get("content", ""))))
    if growth > _GROWTH_MAX:
        raise ValueError(f"It may make a text {_GROWTH_MAX} times as long.")


def _check_pattern(pattern: Any) -> None:
    found = pattern if isinstance(pattern, dict) else {"String": pattern}
    if set(found) == {"Regex"} and isinstance(found["Regex"], str):
        check_pattern(found["Regex"])
    elif (
        set(found) != {"String"}
        or not isinstance(found["String"], str)
        or not 0 < len(found["String"]) <= _TEXT_MAX
    ):
        raise ValueError("A pattern is neither a short text nor a regular expression.")


def _check_template(step: dict[str, Any]) -> None:
    """Refuse a template that repeats the text, or surrounds it by more than a few tokens."""
    single = step.get("single")
    if not isinstance(single, list) or not 0 < len(single) <= _TEMPLATE_MAX:
        raise ValueError("Its template is empty or too long.")
    if sum(isinstance(part, dict) and "Sequence" in part for part in single) != 1:
        raise ValueError("Its template does not hold the text once.")
    for token in _object(step.get("special_tokens"), "template").values():
        ids = _object(token, "template").get("ids")
        if not isinstance(ids, list) or not 0 < len(ids) <= 4:
            raise ValueError("Its template has a special token with too many ids.")


def _template_ids(top: Mapping[str, Any]) -> Iterator[int]:
    """Yield the ids that the last stage puts around a text."""
    for step in _steps(top.get("post_processor"), "processors"):
        for token in (step.get("special_tokens") or {}).values():
            yield from map(_id, token["ids"])
        for end in ("sep", "cls"):
            if end in step:
                pair = step[end]
                if not isinstance(pair, list) or len(pair) != 2:
                    raise ValueError("Its post_processor has a token without an id.")
                yield _id(pair[1])


def _added(tokens: Any) -> Iterator[int]:
    if not isinstance(tokens, list) or len(tokens) > _ADDED_MAX:
        raise ValueError(f"Its added tokens are no list of at most {_ADDED_MAX}.")
    for token in tokens:
        _token(_object(token, "added token").get("content"))
        yield _id(token.get("id"))


def _bpe(model: dict[str, Any]) -> Iterator[int]:
    if model.get("dropout"):
        raise ValueError("Its merges are left out at random.")
    merges = model.get("merges")
    if not isinstance(merges, list) or len(merges) > _MERGES_MAX:
        raise ValueError(f"Its merges are no list of at most {_MERGES_MAX}.")
    yield from _vocab(model)


def _word_piece(model: dict[str, Any]) -> Iterator[int]:
    longest = model.get("max_input_chars_per_word", 100)
    if type(longest) is not int or not 0 < longest <= _WORD_MAX:
        raise ValueError(f"Its words may have more than {_WORD_MAX} characters.")
    yield from _vocab(model)


def _vocab(model: dict[str, Any]) -> Iterator[int]:
    vocab = _object(model.get("vocab"), "vocabulary")
    if len(set(vocab.values())) != len(vocab):
        raise ValueError("Its vocabulary gives an id twice.")
    for token, at in vocab.items():
        _token(token)
        yield _id(at)


def _unigram(model: dict[str, Any]) -> Iterator[int]:
    vocab = model.get("vocab")
    if not isinstance(vocab, list) or len(vocab) > WORDS_MAX:
        raise ValueError(f"Its vocabulary is no list of at most {WORDS_MAX}.")
    for at, piece in enumerate(vocab):
        if not isinstance(piece, list) or len(piece) != 2 or not isinstance(piece[1], float | int):
            raise ValueError("Its vocabulary holds what is no piece with a score.")
        _token(piece[0], empty=at == 0)
        yield at


_MODELS: dict[str, Callable[[dict[str, Any]], Iterator[int]]] = {
    "BPE": _bpe, "WordPiece": _word_piece, "Unigram": _unigram,
}  # fmt: skip


def _token(token: Any, *, empty: bool = False) -> None:
    if not isinstance(token, str) or not (0 < len(token) <= _TOKEN_MAX or (empty and not token)):
        raise ValueError(f"It has a token that is no text of at most {_TOKEN_MAX} characters.")


def _id(value: Any) -> int:
    if type(value) is not int or not 0 <= value < WORDS_MAX:
        raise ValueError(f"It has an id that is no whole number below {WORDS_MAX}.")
    return value
