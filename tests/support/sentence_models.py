"""Pretrained sentence encoders as transformers publishes them, small and random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def publish_sentence_model(folder: Path, pieces: Sequence[str]) -> BertModel:
    """Write one of two layers over these pieces, special ones included, into `folder`, and return it."""
    torch.manual_seed(2)
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24,
        max_position_embeddings=32, layer_norm_eps=1e-12, pad_token_id=0,
    )  # fmt: skip
    model = BertModel(config, add_pooling_layer=False).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    return model
