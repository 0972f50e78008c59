"""Each similarity against its formula written as plain loops."""

import pytest
import torch

from workers.neural.errors import ModelConfigError
from workers.neural.similarity import order
from workers.neural.similarity.cosine import CosineConfig
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
    similarity = OrderConfig().build(3)
    torch.testing.assert_close(similarity.scores(*pair).detach(), slow_order(*pair))
    rooted = OrderConfig(root=True).build(3).scores(*pair).detach()
    torch.testing.assert_close(rooted, -(-slow_order(*pair)).clamp_min(1e-12).sqrt())


def test_its_gradients_are_those_of_the_formula_with_all_pairs_in_memory(pair):
    images, captions = pair
    weights = torch.randn(5, 4)
    plain = -(captions.unsqueeze(0) - images.unsqueeze(1)).clamp_min(0).square().sum(2)
    expected = torch.autograd.grad((plain * weights).sum(), pair)
    got = torch.autograd.grad((OrderConfig().build(3).scores(*pair) * weights).sum(), pair)
    for left, right in zip(got, expected, strict=True):
        torch.testing.assert_close(left, right)


def test_the_root_has_a_finite_gradient_where_a_caption_exceeds_its_picture_nowhere():
    images, captions = torch.ones(1, 3, requires_grad=True), torch.zeros(1, 3, requires_grad=True)
    OrderConfig(root=True).build(3).scores(images, captions).sum().backward()
    assert torch.isfinite(images.grad).all()
    assert torch.isfinite(captions.grad).all()


def test_embeddings_have_unit_length_and_absolute_values_where_asked():
    vectors = torch.tensor([[3.0, -4.0]])
    torch.testing.assert_close(OrderConfig().build(2).finish(vectors), torch.tensor([[0.6, -0.8]]))
    torch.testing.assert_close(
        OrderConfig(absolute=True).build(2).finish(vectors), torch.tensor([[0.6, 0.8]])
    )


def test_a_score_is_the_mean_of_the_parts_cosines_and_a_loss_is_taken_of_each_part():
    torch.manual_seed(0)
    images, captions = torch.randn(5, 6), torch.randn(4, 6)
    similarity = CosineConfig(parts=3).build(6)
    stored = similarity.finish(images), similarity.finish(captions)
    cosines = [
        torch.nn.functional.cosine_similarity(x.unsqueeze(1), y.unsqueeze(0), dim=2)
        for x, y in zip(images.chunk(3, 1), captions.chunk(3, 1), strict=True)
    ]
    torch.testing.assert_close(similarity.scores(*stored), torch.stack(cosines).mean(0))
    torch.testing.assert_close(stored[0].norm(dim=1), torch.ones(5))
    spaces = zip(*map(similarity.spaces, stored), strict=True)
    for (x, y), expected in zip(spaces, cosines, strict=True):
        torch.testing.assert_close(similarity.scores(x, y), expected)


@pytest.mark.parametrize("parts", [0, -1, 4])
def test_parts_that_cannot_share_the_joint_space_equally_are_refused(parts):
    with pytest.raises(ModelConfigError, match=f"{parts} parts cannot share 6 dimensions"):
        CosineConfig(parts=parts).build(6)
