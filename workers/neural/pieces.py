"""Pieces of words (WordPiece, Wu et al. 2016) as BERT cuts them: lower case, without accents, longest piece first."""

import json
from collections.abc import Sequence

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from workers.neural.tokens import END, END_ID, START, START_ID, UNKNOWN


def piece_tokenizer(vocabulary: Sequence[str]) -> Tokenizer:
    """The tokeniser over a vocabulary that begins with our special tokens; it puts start and end around a text."""
    numbers = {piece: number for number, piece in enumerate(vocabulary)}
    tokenizer = Tokenizer(WordPiece(numbers, unk_token=UNKNOWN))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, START_ID), (END, END_ID)]
    )
    return tokenizer


def vocabulary_in(tokenizer_file: str) -> list[str]:
    """The pieces of such a tokeniser's file, in the order of their ids."""
    numbers: dict[str, int] = json.loads(tokenizer_file)["model"]["vocab"]
    return sorted(numbers, key=numbers.__getitem__)
