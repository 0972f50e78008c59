"""The kinds of tokenisers that published families bring, over the few words of tiny models, as their own files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from tests.support.published import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable

GEMMA_MARKS = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>")
_CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
_ENDS = ("<|startoftext|>", "<|endoftext|>")
_END_OF_WORD = "</w>"


def clip_bpe() -> Tokenizer:
    """As CLIP's and MobileCLIP's: byte pairs with an end of the word; the end of a text has the largest id."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = _merges([*word[:-1], word[-1] + _END_OF_WORD] for word in WORDS)
    pieces = [*letters, *(f"{one}{_END_OF_WORD}" for one in letters), *map("".join, merges), *_ENDS]
    vocab = {piece: at for at, piece in enumerate(dict.fromkeys(pieces))}
    made = Tokenizer(models.BPE(vocab, merges, end_of_word_suffix=_END_OF_WORD, unk_token=_ENDS[1]))
    made.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_CLIP_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    start, end = [(token, vocab[token]) for token in _ENDS]
    made.post_processor = processors.RobertaProcessing(end, start, add_prefix_space=False, trim_offsets=False)
    made.add_special_tokens([AddedToken(token, normalized=False) for token in _ENDS])
    return made


def siglip_unigram() -> Tokenizer:
    """As SigLIP's: pieces with scores, an end but no start, punctuation and capitals taken out."""
    letters = sorted({letter for word in WORDS for letter in word})
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -4.0)]
    pieces += [(f"▁{word}", -2.0 - 0.01 * at) for at, word in enumerate(WORDS)]
    pieces += [(letter, -6.0 - 0.01 * at) for at, letter in enumerate(letters)]
    made = Tokenizer(models.Unigram(pieces, unk_id=2, byte_fallback=False))
    made.normalizer = normalizers.Sequence(
        [
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"[!-/:-@\[-`{-~]"), ""),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    made.add_special_tokens(["<pad>", "</s>", "<unk>"])
    return made


def gemma_vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return Gemma's kind of pieces: marks, every byte, letters, and words; small letters and capitals apart."""
    words = [f"▁{word}" for word in (*WORDS, "café")]
    merges = _merges([*words, "▁RED", "▁Dog"])
    letters = sorted({letter for word in (*words, "▁REDog") for letter in word})
    bytes_ = [f"<0x{value:02X}>" for value in range(256)]
    pieces = dict.fromkeys([*GEMMA_MARKS, *bytes_, *letters, *map("".join, merges)])
    return {piece: at for at, piece in enumerate(pieces)}, merges


def gemma_bpe() -> Tokenizer:
    """As the tokenizer.json that SigLIP 2 is published with, Gemma's: it leaves capitals as they are."""
    vocab, merges = gemma_vocabulary()
    made = Tokenizer(models.BPE(vocab, merges, fuse_unk=True, unk_token="<unk>", byte_fallback=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous", invert=False)
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    made.post_processor = gemma_ending()
    made.add_special_tokens(list(GEMMA_MARKS))
    return made


def siglip2_reference() -> Tokenizer:
    """Return what transformers makes of these pieces for SigLIP 2."""
    from transformers import Siglip2Tokenizer

    vocab, merges = gemma_vocabulary()
    made = Siglip2Tokenizer(vocab=vocab, merges=merges).backend_tokenizer
    made.post_processor = gemma_ending()
    return made


def gemma_ending() -> processors.TemplateProcessing:
    """Return the last stage that SigLIP 2 asks of Gemma's tokeniser: an end and no beginning."""
    return processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])


TOKENIZERS = {
    "clip": (clip_bpe, "<|endoftext|>"),
    "mobileclip2": (clip_bpe, "<|endoftext|>"),
    "siglip": (siglip_unigram, "<pad>"),
    "siglip2": (gemma_bpe, "<pad>"),
}
"""How a family's tokeniser is made, and the token that fills texts up. Chinese-CLIP's is BERT's: `tiny_tokenizer`."""


def _merges(words: Iterable[Iterable[str]]) -> list[tuple[str, str]]:
    """Return the merges that put each word together from its left."""
    found: dict[tuple[str, str], None] = {}
    for word in words:
        whole = ""
        for piece in word:
            if whole:
                found[whole, piece] = None
            whole += piece
    return list(found)
