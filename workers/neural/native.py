"""The native form of a model: a typed config as plain data, and safetensors weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor
from torch.overrides import TorchFunctionMode

from workers.neural.configs import config_from, config_to
from workers.neural.errors import ModelConfigError, WeightsError
from workers.neural.former_names import present_names
from workers.neural.two_tower import TwoTower, TwoTowerConfig

ARCHITECTURE = "two-tower"
# A hostile config must not make a process allocate without bound before its weights are looked at.
MAX_EMBEDDING_DIM, MAX_VOCABULARY = 8192, 1_000_000

HALF_MIN_VALUES = 16_384
"""Smaller matrices and kernels stay float32, here and in graphs, which must agree: those of depthwise convolutions,
into which graphs fold batch norm, take a hundredth of an EfficientNet's file and most of what half precision costs.
"""


def native_config(model: TwoTower) -> dict[str, Any]:
    """What a bundle's native.json holds; `model_from` reads it."""
    return {"architecture": ARCHITECTURE, **config_to(model.config)}


def native_weights(model: TwoTower, *, half: bool) -> bytes:
    """The weights as safetensors; `half` stores large matrices and kernels in float16.

    What has one axis stays: it is small, and a feature's statistics would lose what discretising asks of them.
    """
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    return save({name: _stored(value, half=half) for name, value in state.items()})


def model_from(config: Mapping[str, Any]) -> TwoTower:
    """The model of a native.json with random weights; ModelConfigError says what is wrong with the config."""
    return shape_from(config).build()


def shape_from(config: Mapping[str, Any]) -> TwoTowerConfig:
    """The shape that a native.json describes; ModelConfigError says what is wrong with it."""
    settings = present_names(dict(config))
    if settings.pop("architecture", None) != ARCHITECTURE:
        raise ModelConfigError(f"native.json must name the architecture {ARCHITECTURE!r}.")
    typed = config_from(TwoTowerConfig, settings, "native.json")
    if not (0 < typed.embedding_dim <= MAX_EMBEDDING_DIM and 4 <= typed.vocabulary <= MAX_VOCABULARY):
        raise ModelConfigError("native.json's embedding_dim or vocabulary is out of range.")
    return typed


def shapes_of(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shapes of the weights that a native.json's model has, by name; nothing is allocated for them.

    Raises ModelConfigError, or what torch raises for sizes that cannot be.
    """
    with torch.device("meta"), _CountingOnCpu():
        model = model_from(config)
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}


class _CountingOnCpu(TorchFunctionMode):
    """Keeps numbers that are counted or listed, which the meta device would forget: RegNets build on them."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in (torch.arange, torch.tensor):
            kwargs = {"device": "cpu", **(kwargs or {})}
        return func(*args, **(kwargs or {}))


def load_native(config: Mapping[str, Any], weights: Path) -> TwoTower:
    """The model with its weights, float32, in evaluation mode. Raises ModelConfigError or WeightsError."""
    return fill_native(model_from(config), weights).eval()


def fill_native(model: TwoTower, weights: Path) -> TwoTower:
    """The same model with the weights of a safetensors file, float32. Raises WeightsError where they do not fit."""
    try:
        state = load_file(weights)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{weights.name} cannot be read as safetensors: {error}.") from None
    return _with_state(model, state)


def _with_state(model: TwoTower, state: Mapping[str, Tensor]) -> TwoTower:
    wanted = model.state_dict()
    if missing := sorted(set(wanted) - set(state)):
        raise WeightsError(f"The weights lack {missing[0]!r} and {len(missing) - 1} more.")
    if extra := sorted(set(state) - set(wanted)):
        raise WeightsError(f"The weights hold {extra[0]!r}, which the architecture does not have.")
    if wrong := [name for name in wanted if wanted[name].shape != state[name].shape]:
        raise WeightsError(f"The weight {wrong[0]!r} has another shape than the architecture says.")
    model.load_state_dict({name: state[name].to(wanted[name].dtype) for name in wanted})
    return model


def _stored(value: Tensor, *, half: bool) -> Tensor:
    large = value.is_floating_point() and value.dim() > 1 and value.numel() >= HALF_MIN_VALUES
    return value.to(torch.float16) if half and large else value
