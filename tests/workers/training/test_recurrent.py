"""A GRU as one operation of a graph."""

from __future__ import annotations

import torch
from torch import nn

from workers.training.recurrent import OneGru, with_one_grus


def test_one_operation_gives_the_states_of_torchs_gru():
    torch.manual_seed(1)
    gru, words = nn.GRU(5, 7, batch_first=True), torch.randn(3, 4, 5)
    torch.testing.assert_close(OneGru(gru)(words)[0], gru(words)[0])


def test_only_grus_that_one_operation_can_stand_for_are_replaced():
    plain, both = nn.GRU(2, 3, batch_first=True), nn.GRU(2, 3, batch_first=True, bidirectional=True)
    deep, first = nn.GRU(2, 3, num_layers=2, batch_first=True), nn.GRU(2, 3)
    kinds = [type(child) for child in with_one_grus(nn.ModuleList([plain, both, deep, first]))]
    assert kinds == [OneGru, nn.GRU, nn.GRU, nn.GRU]
