import pytest
import torch
from torch import nn

from workers.neural.errors import ModelConfigError
from workers.neural.folding import fold
from workers.neural.reasoning.light import LightConfig
from workers.neural.reasoning.vsrn import VsrnConfig

K, D = 5, 7


def seen_by(affinity, nodes):
    """Σ_j A_ij v_j for every node i, as loops."""
    return torch.stack([sum(affinity[i, j] * nodes[j] for j in range(K)) for i in range(K)])


def vsrn_relations(layer, nodes):
    phi = [layer.affinity.phi.weight @ node for node in nodes]
    theta = [layer.affinity.theta.weight @ node for node in nodes]
    return torch.stack([torch.stack([phi[i].dot(theta[j]) / K for j in range(K)]) for i in range(K)])


def light_relations(layer, nodes):
    sigma = layer.affinity.sigma
    gram = [[nodes[i].dot(nodes[j]) for j in range(K)] for i in range(K)]
    rows = [
        torch.stack([sum(sigma[i, m] * gram[m][j] for m in range(K)) for j in range(K)]) for i in range(K)
    ]
    return torch.stack(rows)


def branch(layer, seen):
    """W_g, W_r and batch norm in evaluation mode, node by node."""
    norm = layer.norm
    out = []
    for node in seen:
        value = layer.response.weight @ (layer.gather.weight @ node)
        value = (value - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
        out.append(value * norm.weight + norm.bias)
    return torch.stack(out)


def trained(config):
    """A stack whose batch norms and maps are anything but their start."""
    torch.manual_seed(3)
    stack = config.build(K, D)
    for module in stack.modules():
        if isinstance(module, nn.BatchNorm1d):
            for value in (module.weight, module.bias, module.running_mean):
                nn.init.normal_(value)
            nn.init.uniform_(module.running_var, 0.5, 2)
    for name, value in stack.named_parameters():
        if name.endswith("sigma"):
            nn.init.normal_(value, std=0.3)
    return stack.eval().requires_grad_(requires_grad=False)


BOTH = [(VsrnConfig(layers=3), vsrn_relations), (LightConfig(layers=3), light_relations)]


@pytest.mark.parametrize(("config", "relations"), BOTH, ids=["vsrn", "light"])
def test_layers_are_the_papers_formula_written_slowly(config, relations):
    stack = trained(config)
    batch = torch.randn(4, K, D)
    for nodes, found in zip(batch, stack(batch), strict=True):
        expected = nodes
        for layer in stack:
            expected = branch(layer, seen_by(relations(layer, expected), expected)) + expected
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("config", [VsrnConfig(), LightConfig()], ids=["vsrn", "light"])
def test_a_new_stack_changes_nothing_but_learns(config):
    stack, nodes = config.build(K, D), torch.randn(6, K, D)
    torch.testing.assert_close(stack(nodes), nodes)
    stack(nodes).square().sum().backward()
    assert all(layer.norm.weight.grad.abs().sum() > 0 for layer in stack)


@pytest.mark.parametrize("config", [VsrnConfig(layers=2), LightConfig(layers=2)], ids=["vsrn", "light"])
def test_folding_gives_the_same_nodes_with_half_the_maps(config):
    stack = nn.Sequential(trained(config))
    nodes = torch.randn(4, K, D)
    wanted = stack(nodes)
    maps = sum(isinstance(module, nn.Linear) for module in stack.modules())
    fold(stack)
    torch.testing.assert_close(stack(nodes), wanted, rtol=1e-4, atol=1e-4)
    assert sum(isinstance(module, nn.Linear) for module in stack.modules()) == maps / 2


def test_the_light_layer_begins_with_what_plain_similarity_says():
    layer = LightConfig(layers=1).build(K, D)[0]
    nodes = torch.randn(2, K, D)
    torch.testing.assert_close(layer.affinity(nodes), nodes @ nodes.transpose(1, 2) / K)


def test_a_number_of_layers_that_nobody_means_is_refused():
    with pytest.raises(ModelConfigError, match="layers"):
        LightConfig(layers=10**9).build(K, D)
