"""Pretrained weights for torchvision's networks: by name where its server is reachable, or from a local file."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision import models

from workers.neural.errors import WeightsError
from workers.neural.images.efficientnet_lite import own_names
from workers.neural.images.trunks import UsesTorchvision, build_network, classifier_name


def pretrained_trunk(config: UsesTorchvision, source: str) -> tuple[nn.Module, int]:
    """The trunk of `config` with the weights of `source`, and the number of its features. Raises WeightsError.

    `source`: `default` for torchvision's best weights, or the path of a .safetensors, .pth or .pt file of the whole
    network. A .pth is read by torch's restricted loader, which makes tensors and plain containers and runs no code.
    """
    network = build_network(config.architecture)
    state = _downloaded(config.architecture) if source == "default" else read_weights(Path(source))
    _fill(network, state, config.architecture)
    return config.trunk_of(network)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a weight file by name; a checkpoint's `state_dict` and `module.` prefixes are looked through."""
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise WeightsError(f"The weights {path} cannot be read: {error}") from None
    return _tensors(content, path)


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise WeightsError(f"{path} holds no table of weights by name.")
    return own_names({str(name).removeprefix("module."): value for name, value in content.items()})


def _downloaded(architecture: str) -> dict[str, Tensor]:
    try:
        weights = models.get_model_weights(architecture)["DEFAULT"]
        return dict(weights.get_state_dict(progress=False, check_hash=True))
    except (OSError, RuntimeError) as error:
        raise WeightsError(
            f"The weights of {architecture} could not be downloaded ({error}). Name a local file instead: "
            "--set start.weights=FILE, or start.weights=none to begin from random ones."
        ) from None


def _fill(network: nn.Module, state: dict[str, Tensor], architecture: str) -> None:
    """Load everything but the classifier, which is cut off anyway and may have another number of classes."""
    wanted = network.state_dict()
    unneeded = tuple(filter(None, [classifier_name(network)]))
    needed = {
        name for name in wanted if not name.startswith(unneeded) and not name.endswith("num_batches_tracked")
    }
    if missing := sorted(needed - set(state)):
        raise WeightsError(f"The weights are not those of {architecture}: {missing[0]!r} is missing.")
    if wrong := sorted(name for name in needed if state[name].shape != wanted[name].shape):
        raise WeightsError(f"The weights are not those of {architecture}: {wrong[0]!r} has another shape.")
    network.load_state_dict({name: state[name] for name in needed}, strict=False)
