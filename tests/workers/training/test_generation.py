import math

import pytest
import torch
from torch import nn

from workers.neural.errors import ModelConfigError
from workers.neural.images.regions import RegionsConfig
from workers.neural.similarity.cosine import CosineConfig
from workers.neural.texts.gru import GruConfig
from workers.neural.two_tower import TwoTowerConfig
from workers.training.generation import Captioner, captioner_of, generation_loss
from workers.training.recipe import GenerationConfig

TINY = GenerationConfig(weight=1.0, word_dim=6, hidden=10)


def test_the_loss_is_the_sum_over_words_and_the_mean_over_captions():
    tokens = torch.tensor([[1, 5, 6, 2], [1, 4, 2, 0]])
    logits = torch.randn(2, 3, 8)
    slow = 0.0
    for row in range(2):
        for place in range(3):
            word = int(tokens[row, place + 1])
            if word != 0:
                chances = [math.exp(float(value)) for value in logits[row, place]]
                slow -= math.log(chances[word] / sum(chances))
    assert float(generation_loss(logits, tokens)) == pytest.approx(slow / 2, rel=1e-4)


def test_the_decoder_is_its_formula_step_by_step():
    torch.manual_seed(0)
    captioner, nodes, tokens = (
        Captioner(7, 9, TINY),
        torch.randn(2, 5, 7),
        torch.tensor([[1, 4, 5], [1, 8, 2]]),
    )
    cell = nn.GRUCell(6, 10)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in captioner.gru.state_dict().items()})
    found = captioner(nodes, tokens)
    for row in range(2):
        state = torch.tanh(captioner.begin(sum(nodes[row]) / 5))
        for place in range(3):
            state = cell(captioner.table(tokens[row, place])[None], state[None])[0]
            asked = captioner.ask(state)
            weights = [math.exp(float(asked.dot(node))) for node in nodes[row]]
            seen = sum(weight * node for weight, node in zip(weights, nodes[row], strict=True)) / sum(weights)
            wanted = captioner.tell(torch.tanh(captioner.join(torch.cat((state, seen)))))
            torch.testing.assert_close(found[row, place], wanted, rtol=1e-4, atol=1e-5)


def test_a_word_never_sees_those_behind_it():
    captioner, nodes = Captioner(7, 9, TINY), torch.randn(1, 5, 7)
    short, long = captioner(nodes, torch.tensor([[1, 4]])), captioner(nodes, torch.tensor([[1, 4, 6, 8]]))
    torch.testing.assert_close(long[:, :2], short)


def test_captions_of_a_tiny_set_are_learned_from_their_nodes_alone():
    torch.manual_seed(0)
    nodes = torch.randn(6, 4, 12)
    # All captions begin alike, so the first words can only come from the nodes.
    tokens = torch.tensor([[1, 4 + n, 10 - n, 2] for n in range(6)])
    captioner = Captioner(12, 12, GenerationConfig(weight=1.0, word_dim=8, hidden=24))
    optimiser = torch.optim.Adam(captioner.parameters(), lr=0.02)
    losses = []
    for _ in range(60):
        loss = generation_loss(captioner(nodes, tokens[:, :-1]), tokens)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > 6
    assert losses[-1] < 0.5


def test_only_an_encoder_with_nodes_can_tell_captions_and_weight_0_costs_nothing():
    image = RegionsConfig(architecture="squeezenet1_1", nodes=4)
    model = TwoTowerConfig(8, 20, image, GruConfig(word_dim=4), CosineConfig()).build()
    assert captioner_of(model, GenerationConfig()) is None
    captioner = captioner_of(model, TINY)
    assert captioner.tell.out_features == 20
    model.image = nn.Identity()
    with pytest.raises(ModelConfigError, match="regions"):
        captioner_of(model, TINY)
