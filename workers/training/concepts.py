"""Words told from a picture alone: an auxiliary task that teaches an image network from scratch what things are called.

The loss between pictures and captions says only which caption is nearer; where colour and surface tell most captions
apart, a network takes long to look at shapes. Predicting the words of a picture's captions asks for all of them at once
(softmax over words against their tf-idf shares, as Mahajan et al. 2018 do with hashtags). The layer that predicts is
dropped after training.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workers.neural.tokens import SPECIAL_TOKENS

Captions = Sequence[Sequence[Sequence[int]]]


def word_weights(captions: Captions, vocabulary: int) -> NDArray[np.float32]:
    """How much each word tells, (vocabulary): log(pictures / pictures whose captions have it); 0 for special tokens."""
    seen = np.zeros(vocabulary, np.int64)
    for texts in captions:
        seen[list({word for text in texts for word in text})] += 1
    weights = np.log(len(captions) / np.maximum(seen, 1)).astype(np.float32)
    weights[: len(SPECIAL_TOKENS)] = 0
    return weights


def word_shares(texts: Sequence[Sequence[int]], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """One picture's target, (vocabulary): its captions' words by count and weight, of sum 1, or 0 without any word."""
    words = np.array([word for text in texts for word in text])
    shares = np.bincount(words, minlength=len(weights)).astype(np.float32) * weights
    total: NDArray[np.float32] = shares / max(float(shares.sum()), 1e-6)
    return total


def concept_loss(logits: Tensor, shares: Tensor) -> Tensor:
    """Σ over the batch of the cross-entropy between predicted words and their shares, both (batch, vocabulary)."""
    return -(torch.log_softmax(logits.float(), 1) * shares).sum()
