"""Texts by a `tokenizer.json`, the form in which most published models bring their words' pieces.

The library `tokenizers` (Apache-2.0) reads it: byte pairs, WordPiece or Unigram. Loaded only where a bundle needs it,
inside the encoder's walled process; what the file may hold is checked first (`checks/tokenizer_file.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenizers import Tokenizer, normalizers

from workers.inference.checks.tokenizer_file import check_tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXT_MAX = 8192
"""Characters of a text that are looked at."""


class SubwordTokenizer:
    """Encodes texts as the file says. Raises ValueError where it is not valid, or holds what is not allowed."""

    def __init__(self, data: bytes, max_tokens: int, *, lowercase: bool = False) -> None:
        facts = check_tokenizer(data)
        self.size, self._unknown = facts.size, facts.unknown
        try:
            self._tokenizer = Tokenizer.from_str(data.decode())
        except Exception as error:  # the library raises plain `Exception` for whatever it cannot read
            raise ValueError(f"It cannot be read ({str(error)[:200]}).") from error
        if lowercase:
            self._lower_first()
        self._tokenizer.no_padding()
        if self._tokenizer.num_special_tokens_to_add(is_pair=False) > max_tokens - 1:
            raise ValueError("It leaves no room for a text.")
        self._tokenizer.enable_truncation(max_tokens)
        self._max_tokens = max_tokens
        self._tokenizer.encode_special_tokens = True  # written out in a text they are words like others

    def _lower_first(self) -> None:
        """Lower texts before the file's own steps, letter by letter as `Siglip2Tokenizer` of transformers does."""
        own = self._tokenizer.normalizer
        self._tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *([own] if own else [])])

    @property
    def vocabulary(self) -> Sequence[str]:
        """Every token, in the order of its id; an id that nothing has is an empty text."""
        tokens = [""] * self.size
        for token, at in self._tokenizer.get_vocab(with_added_tokens=True).items():
            tokens[at] = token
        return tokens

    def encode(self, text: str) -> tuple[list[int], int]:
        """Return a text's ids, those around it included, and how many of them are the text's own."""
        found = self._tokenizer.encode(text[:TEXT_MAX])
        ids = list(found.ids)
        if len(ids) > self._max_tokens or not all(0 <= at < self.size for at in ids):
            raise ValueError("It gives ids that it does not name, or too many.")
        return ids, len(ids) - sum(found.special_tokens_mask)

    def unknown_places(self, text: str) -> list[tuple[int, int]]:
        """Return where, from and to, a text has no token but the one for what is unknown."""
        if self._unknown is None:
            return []
        found = self._tokenizer.encode(text[:TEXT_MAX])
        places = zip(found.ids, found.offsets, found.special_tokens_mask, strict=True)
        return [place for at, place, special in places if at == self._unknown and not special]
