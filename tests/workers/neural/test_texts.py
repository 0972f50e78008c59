import pytest
import torch
from torch import nn

from workers.neural.texts.gru import GruConfig
from workers.neural.texts.mean import MeanConfig
from workers.neural.texts.two_branch import TwoBranchTextConfig

CONFIGS = [
    GruConfig(words=12),
    GruConfig(words=12, hidden=9),
    GruConfig(words=12, bidirectional=True),
    GruConfig(words=12, pool="mean"),
    GruConfig(words=12, bidirectional=True, pool="mean", hidden=9),
    MeanConfig(words=12),
    TwoBranchTextConfig(words=12, hidden=9),
]


@pytest.fixture
def texts():
    torch.manual_seed(3)
    lengths = torch.tensor([6, 2, 4, 1])
    tokens = torch.randint(1, 30, (4, 6))
    return tokens * (torch.arange(6) < lengths[:, None]), lengths


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_a_text_gives_the_same_vector_alone_and_beside_longer_ones(config, texts):
    encoder = config.build(30, 16).eval()
    tokens, lengths = texts
    together = encoder(tokens, lengths)
    assert together.shape == (4, 16)
    for row, length in enumerate(lengths):
        alone = encoder(tokens[row : row + 1, :length], length.unsqueeze(0))
        torch.testing.assert_close(alone[0], together[row], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_what_stands_in_the_padding_does_not_count(config, texts):
    encoder = config.build(30, 16).eval()
    tokens, lengths = texts
    other = torch.where(torch.arange(6) < lengths[:, None], tokens, 7)
    torch.testing.assert_close(encoder(other, lengths), encoder(tokens, lengths))


def test_the_last_state_is_the_one_of_a_packed_sequence(texts):
    encoder = GruConfig(words=12).build(30, 16).eval()
    tokens, lengths = texts
    packed = nn.utils.rnn.pack_padded_sequence(
        encoder.table(tokens), lengths, batch_first=True, enforce_sorted=False
    )
    torch.testing.assert_close(encoder(tokens, lengths), encoder.gru(packed)[1][0], rtol=1e-4, atol=1e-6)


def test_both_directions_equal_torchs_bidirectional_gru(texts):
    encoder = GruConfig(words=12, bidirectional=True).build(30, 16).eval()
    both = nn.GRU(12, 16, batch_first=True, bidirectional=True)
    both.load_state_dict(
        encoder.gru.state_dict()
        | {f"{name}_reverse": value for name, value in encoder.back.state_dict().items()}
    )
    tokens, lengths = texts
    packed = nn.utils.rnn.pack_padded_sequence(
        encoder.table(tokens), lengths, batch_first=True, enforce_sorted=False
    )
    torch.testing.assert_close(encoder(tokens, lengths), both(packed)[1].mean(0), rtol=1e-4, atol=1e-6)
