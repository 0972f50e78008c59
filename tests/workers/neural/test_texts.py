import pytest
import torch
from torch import nn

from workers.neural.errors import ModelConfigError
from workers.neural.texts.convolution import ConvolutionConfig
from workers.neural.texts.gru import GruConfig
from workers.neural.texts.mean import MeanConfig
from workers.neural.texts.sentence import SentenceConfig
from workers.neural.texts.several import SeveralConfig
from workers.neural.texts.two_branch import TwoBranchTextConfig

CONFIGS = [
    GruConfig(word_dim=12),
    GruConfig(word_dim=12, hidden=9),
    GruConfig(word_dim=12, bidirectional=True),
    GruConfig(word_dim=12, pool="mean"),
    GruConfig(word_dim=12, bidirectional=True, pool="mean", hidden=9),
    MeanConfig(word_dim=12),
    SentenceConfig(layers=2, width=12, heads=3, inner=20, positions=8, hidden=9),
    ConvolutionConfig(word_dim=12, kernels=6),
    SeveralConfig(encoders=(MeanConfig(word_dim=12), ConvolutionConfig(word_dim=9, kernels=4, span=5))),
    TwoBranchTextConfig(word_dim=12, hidden=9),
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
    encoder = GruConfig(word_dim=12).build(30, 16).eval()
    tokens, lengths = texts
    packed = nn.utils.rnn.pack_padded_sequence(
        encoder.table(tokens), lengths, batch_first=True, enforce_sorted=False
    )
    torch.testing.assert_close(encoder(tokens, lengths), encoder.gru(packed)[1][0], rtol=1e-4, atol=1e-6)


def test_both_directions_equal_torchs_bidirectional_gru(texts):
    encoder = GruConfig(word_dim=12, bidirectional=True).build(30, 16).eval()
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


def test_a_convolution_gives_the_largest_answer_of_each_kernel_to_words_that_follow_each_other(texts):
    encoder = ConvolutionConfig(word_dim=12, kernels=6).build(30, 16).eval()
    kernels, bias = encoder.phrases.weight, encoder.phrases.bias
    for row, (tokens, length) in enumerate(zip(*texts, strict=True)):
        words = encoder.table(tokens[:length])
        edged = torch.cat((torch.zeros(1, 12), words, torch.zeros(1, 12)))
        answers = [(kernels * edged[at : at + 3].T).sum((1, 2)) + bias for at in range(length)]
        phrases = torch.stack(answers).amax(0).clamp_min(0)
        expected = encoder.project(torch.cat((words.mean(0), phrases)))
        torch.testing.assert_close(encoder(*texts)[row], expected, rtol=1e-4, atol=1e-6)


def test_several_encoders_fill_the_joint_space_in_their_order(texts):
    encoder = (
        SeveralConfig(encoders=(MeanConfig(word_dim=12), ConvolutionConfig(word_dim=9))).build(30, 16).eval()
    )
    vectors = encoder(*texts)
    torch.testing.assert_close(vectors[:, :8], encoder.encoders[0](*texts))
    torch.testing.assert_close(vectors[:, 8:], encoder.encoders[1](*texts))


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (ConvolutionConfig(span=2), "odd number"),
        (
            SeveralConfig(encoders=(MeanConfig(), MeanConfig(), MeanConfig())),
            "3 text encoders cannot share 16",
        ),
        (SeveralConfig(encoders=()), "0 text encoders"),
    ],
)
def test_what_cannot_be_built_is_refused(config, reason):
    with pytest.raises(ModelConfigError, match=reason):
        config.build(30, 16)
