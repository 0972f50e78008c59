"""Pieces of words that training never saw: zeros, and left out of the graph."""

from __future__ import annotations

import numpy as np
import openvino
import torch
from torch import nn

from workers.neural.texts.mean import MeanConfig, MeanEncoder
from workers.neural.tokens import SPECIAL_TOKENS
from workers.training.graphs import text_tower_graph
from workers.training.seen_words import PackedTable, forget_unseen, with_packed_tables

PIECES, SEEN = 5000, (10, 20, 4999)


def encoder() -> MeanEncoder:
    torch.manual_seed(0)
    made = MeanConfig(word_dim=32).build(PIECES, 16)
    forget_unseen([made.table], SEEN)
    return made.eval()


def test_only_rows_of_seen_and_special_tokens_keep_values_and_learning_leaves_the_others_at_zero():
    made = encoder().train()
    kept = {*SEEN, *range(len(SPECIAL_TOKENS))}
    learner = torch.optim.AdamW(made.parameters(), lr=0.1, weight_decay=0.1)
    before = made.table.weight.detach().clone()
    for _ in range(3):
        made(torch.tensor([[1, 10, 20, 2]]), torch.tensor([4])).square().sum().backward()
        learner.step()
    after = made.table.weight.detach()
    assert set(after.any(1).nonzero()[:, 0].tolist()) == kept
    assert (after[10] != before[10]).all()


def test_the_graph_gives_the_models_vectors_for_seen_and_unseen_pieces_and_has_seen_rows_alone():
    made = encoder()
    tokens = torch.tensor([[1, 10, 4998, 4999, 2], [1, 20, 2, 0, 0], [1, 77, 78, 2, 0]])
    lengths = torch.tensor([5, 3, 4])
    graph = text_tower_graph(made, half=False)
    core = openvino.Core()
    network = core.compile_model(core.read_model(graph), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = np.asarray(network({"tokens": tokens.numpy(), "lengths": lengths.numpy()})[0])
    with torch.inference_mode():
        wanted = made(tokens, lengths).numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    places, rows = 8 * PIECES, 4 * 32 * (len(SEEN) + len(SPECIAL_TOKENS))
    assert len(graph) < places + rows + 20_000 < 4 * 32 * PIECES


def test_a_table_that_is_mostly_filled_stays():
    table = nn.Embedding(100, 8, padding_idx=0)
    tower = nn.Sequential(table)
    with_packed_tables(tower)
    assert tower[0] is table
    forget_unseen([table], range(60))
    with_packed_tables(tower)
    assert tower[0] is table
    forget_unseen([table], range(30))
    with_packed_tables(tower)
    assert isinstance(tower[0], PackedTable)
