import torch

from workers.neural.images.two_branch import TwoBranchImageConfig
from workers.neural.texts.two_branch import TwoBranchTextConfig
from workers.neural.two_branch import TwoBranchHead


def test_the_head_is_two_layers_with_a_relu_between_and_a_batch_norm_behind():
    torch.manual_seed(0)
    head = TwoBranchHead(5, 7, 3, dropout=0.0).train()
    vectors = torch.randn(6, 5)
    first, _, _, second, _ = head.layers
    expected = (vectors @ first.weight.T + first.bias).clamp_min(0) @ second.weight.T + second.bias
    expected = (expected - expected.mean(0)) / (expected.var(0, unbiased=False) + 1e-5).sqrt()
    torch.testing.assert_close(head(vectors), expected, rtol=1e-4, atol=1e-5)


def test_half_of_the_hidden_values_are_dropped_in_training_only():
    torch.manual_seed(0)
    head = TwoBranchHead(5, 4000, 3, dropout=0.5).train()
    vectors = torch.randn(2, 5)
    alive, kept = (head.layers[:end](vectors) > 0 for end in (2, 3))
    assert 0.45 < kept.sum() / alive.sum() < 0.55
    head.eval()
    torch.testing.assert_close(head(vectors), head(vectors))


def test_both_sides_meet_in_one_space_and_have_the_papers_widths_by_default():
    image = TwoBranchImageConfig(architecture="squeezenet1_1").build(16).eval()
    text = TwoBranchTextConfig(word_dim=12).build(30, 16).eval()
    assert image.linear.layers[0].out_features == text.head.layers[0].out_features == 2048
    assert image(torch.randn(2, 3, 64, 64)).shape == (2, 16)
    assert text(torch.tensor([[4, 5], [6, 0]]), torch.tensor([2, 1])).shape == (2, 16)


def test_the_texts_vector_is_the_heads_of_its_words_mean():
    text = TwoBranchTextConfig(word_dim=12, hidden=8).build(30, 16).eval()
    rows = text.table.weight[torch.tensor([4, 5, 9])]
    expected = text.head(rows.mean(0, keepdim=True))
    torch.testing.assert_close(text(torch.tensor([[4, 5, 9, 0]]), torch.tensor([3])), expected)
