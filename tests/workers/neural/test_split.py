import pytest
import torch

from workers.neural.errors import ModelConfigError
from workers.neural.images.cnn import CnnConfig
from workers.neural.images.fne import FneConfig
from workers.neural.images.split import split_before


def trunk_of(architecture, padding="torch"):
    torch.manual_seed(1)
    trunk, _ = CnnConfig(architecture=architecture, padding=padding).build_trunk()
    return trunk.eval()


@pytest.mark.parametrize(
    ("architecture", "module", "padding"),
    [
        ("mobilenet_v2", "features.11", "tensorflow"),
        ("resnet18", "layer3", "torch"),
        ("resnet18", "layer3.1", "torch"),
        ("squeezenet1_1", "features.9", "torch"),
    ],
)
def test_both_parts_give_what_the_whole_gives_and_share_its_weights(architecture, module, padding):
    trunk, pixels = trunk_of(architecture, padding), torch.randn(2, 3, 64, 64)
    early, late = split_before(trunk, module)
    with torch.no_grad():
        assert torch.equal(late(early(pixels)), trunk(pixels))
    whole, parts = ({id(p) for p in module.parameters()} for module in (trunk, late))
    assert parts
    assert parts < whole
    assert whole == parts | {id(p) for p in early.parameters()}


def test_training_the_late_part_trains_the_trunk():
    trunk = trunk_of("squeezenet1_1")
    _, late = split_before(trunk, "features.9")
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    optimiser = torch.optim.SGD(late.parameters(), lr=0.1)
    late(torch.rand(2, 256, 7, 7)).square().sum().backward()
    optimiser.step()
    changed = {name for name, value in trunk.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert all(int(name.split(".")[2]) >= 9 for name in changed)


def test_features_of_several_layers_are_split_where_only_late_ones_are_taken():
    torch.manual_seed(1)
    config = FneConfig(architecture="squeezenet1_1", layers=("features.10", "features.12"), peaks=True)
    trunk, width = config.build_trunk()
    pixels = torch.randn(2, 3, 64, 64)
    early, late = split_before(trunk.eval(), "features.9")
    with torch.no_grad():
        assert torch.equal(late(early(pixels)), trunk(pixels))
        assert trunk(pixels).shape == (2, width)
    with pytest.raises(ModelConfigError, match="values cross"):
        split_before(trunk, "features.12")


@pytest.mark.parametrize("module", ["features.99", "features.0", ""])
def test_a_place_that_the_network_does_not_compute_or_begins_with_is_refused(module):
    with pytest.raises(ModelConfigError, match="computes nothing"):
        split_before(trunk_of("squeezenet1_1"), module)


def test_a_place_into_which_several_values_lead_is_refused():
    with pytest.raises(ModelConfigError, match="values cross"):
        split_before(trunk_of("densenet121"), "features.denseblock2.denselayer3")
