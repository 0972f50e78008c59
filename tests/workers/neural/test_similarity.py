"""Each similarity against its formula written as plain loops."""

import pytest
import torch

from workers.neural.similarity import order
from workers.neural.similarity.order import OrderConfig


def slow_order(images, captions):
    rows = [
        [-sum(max(0.0, float(c - i)) ** 2 for i, c in zip(x, y, strict=True)) for y in captions]
        for x in images
    ]
    return torch.tensor(rows)


@pytest.fixture(params=[1, 8, 1 << 20])
def pair(request, monkeypatch):
    """Chunks of one image, of a few, and all at once."""
    monkeypatch.setitem(order.CHUNK_VALUES, "cpu", 12 * request.param)
    torch.manual_seed(0)
    return torch.randn(5, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)


def test_order_similarity_equals_the_slow_loop(pair):
    similarity = OrderConfig().build()
    torch.testing.assert_close(similarity.scores(*pair).detach(), slow_order(*pair))
    rooted = OrderConfig(root=True).build().scores(*pair).detach()
    torch.testing.assert_close(rooted, -(-slow_order(*pair)).clamp_min(1e-12).sqrt())


def test_its_gradients_are_those_of_the_formula_with_all_pairs_in_memory(pair):
    images, captions = pair
    weights = torch.randn(5, 4)
    plain = -(captions.unsqueeze(0) - images.unsqueeze(1)).clamp_min(0).square().sum(2)
    expected = torch.autograd.grad((plain * weights).sum(), pair)
    got = torch.autograd.grad((OrderConfig().build().scores(*pair) * weights).sum(), pair)
    for left, right in zip(got, expected, strict=True):
        torch.testing.assert_close(left, right)


def test_the_root_has_a_finite_gradient_where_a_caption_exceeds_its_picture_nowhere():
    images, captions = torch.ones(1, 3, requires_grad=True), torch.zeros(1, 3, requires_grad=True)
    OrderConfig(root=True).build().scores(images, captions).sum().backward()
    assert torch.isfinite(images.grad).all()
    assert torch.isfinite(captions.grad).all()


def test_embeddings_have_unit_length_and_absolute_values_where_asked():
    vectors = torch.tensor([[3.0, -4.0]])
    torch.testing.assert_close(OrderConfig().build().finish(vectors), torch.tensor([[0.6, -0.8]]))
    torch.testing.assert_close(OrderConfig(absolute=True).build().finish(vectors), torch.tensor([[0.6, 0.8]]))
