"""The loss of one step, where the joint space has parts."""

from types import SimpleNamespace

import pytest
import torch

from workers.neural.losses.contrastive import ContrastiveConfig
from workers.neural.similarity.cosine import CosineConfig
from workers.training.memory import Memory, Remembered
from workers.training.module import RetrievalModule
from workers.training.recipe import Recipe

PAIRS, DIM = 6, 8


def step_loss(images, captions, parts):
    """What training takes of raw vectors (PAIRS, dim), each pair of a group of its own."""
    similarity = CosineConfig(parts=parts).build(images.shape[1])
    module = SimpleNamespace(
        model=SimpleNamespace(similarity=similarity),
        recipe=Recipe("small", balance=0.5),
        memory=Memory(0, images.shape[1]),
        current_epoch=0,
        _stage_loss=ContrastiveConfig,
    )
    rows = torch.arange(PAIRS)
    batch = Remembered(similarity.finish(images), similarity.finish(captions), rows, rows)
    return RetrievalModule._loss(module, batch).item()


def test_each_part_has_a_loss_of_its_own_and_they_count_alike():
    torch.manual_seed(0)
    images, captions = torch.randn(PAIRS, DIM), torch.randn(PAIRS, DIM)
    # What one part is sure of must not outweigh the other, however long its vectors are.
    images[:, : DIM // 2] *= 100
    alone = [step_loss(x, y, parts=1) for x, y in zip(images.chunk(2, 1), captions.chunk(2, 1), strict=True)]
    assert step_loss(images, captions, parts=2) == pytest.approx(sum(alone) / 2, rel=1e-5)
    assert step_loss(images, captions, parts=1) != pytest.approx(sum(alone) / 2, rel=0.01)
