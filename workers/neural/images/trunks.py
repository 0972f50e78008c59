"""Classification networks, torchvision's and EfficientNet-Lite, without their last layer."""

from typing import Any, cast

from torch import nn
from torchvision import models

from workers.neural.errors import ModelConfigError
from workers.neural.images import detector
from workers.neural.images.efficientnet_lite import SCALES, efficientnet_lite

CLASSES = 1000
# These two build further outputs for training unless told not to, and initialise slowly.
_AUXILIARY = {"googlenet": {"aux_logits": False}, "inception_v3": {"aux_logits": False}}
_INITIALISED = {"googlenet", "inception_v3"}


class UsesTorchvision:
    """The config of an image encoder whose trunk is made of one of torchvision's networks, and so may be pretrained.

    `architecture`: the network's name.
    """

    __slots__ = ()
    architecture: str

    def build_trunk(self) -> tuple[nn.Module, int]:
        """The trunk with random weights, and the last axis of its features."""
        return self.trunk_of(build_network(self.architecture))

    def trunk_of(self, network: nn.Module) -> tuple[nn.Module, int]:
        """A whole network as the trunk, and the last axis of its features; `network` itself is changed."""
        raise NotImplementedError


def classification_networks() -> list[str]:
    """The names that `build_network` takes, but for the detector's."""
    return [*models.list_models(module=models), *SCALES]


def build_network(name: str) -> nn.Module:
    """The network `name` with random weights; ModelConfigError for a name that there is not."""
    if name == detector.ARCHITECTURE:
        return cast("nn.Module", detector.detector_network())
    if name in SCALES:
        return efficientnet_lite(name)
    if name not in models.list_models(module=models):
        raise ModelConfigError(f"There is no classification network {name!r}.")
    options: dict[str, Any] = dict(_AUXILIARY.get(name, {}))
    if name in _INITIALISED:
        options["init_weights"] = False
    return cast("nn.Module", models.get_model(name, weights=None, **options))


def classifier_name(network: nn.Module) -> str:
    """The name of the last linear (SqueezeNet: convolution) layer, which tells the classes; a detector has none."""
    names: list[str] = [name for name, module in network.named_modules() if _is_classifier(module)]
    return names[-1] if names else ""


def cut_classifier(network: nn.Module) -> int:
    """Replace the classifier by the identity, in place; how many features feed it."""
    name = classifier_name(network)
    layer = network.get_submodule(name)
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, nn.Identity())
    return layer.in_features if isinstance(layer, nn.Linear) else cast("nn.Conv2d", layer).in_channels


def _is_classifier(module: nn.Module) -> bool:
    if isinstance(module, nn.Linear):
        return module.out_features == CLASSES
    return isinstance(module, nn.Conv2d) and module.out_channels == CLASSES
