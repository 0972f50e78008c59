"""Pictures by a vision transformer (Dosovitskiy et al. 2021) as CLIP and SigLIP have it, and a linear map behind it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

from torch import Tensor, nn

from workers.neural.errors import ModelConfigError
from workers.neural.images.features import FeatureEncoder, HeadConfig
from workers.neural.transformer_blocks import (
    MAX_PICTURE,
    MAX_POSITIONS,
    MIN_PATCH,
    Activation,
    check_shape,
    settings_of,
    through,
    transformers_library,
)


@dataclass(frozen=True, slots=True)
class VitConfig:
    """The shape, that of CLIP ViT-B/32 by default: pictures of `size`² in patches of `patch`², in pixels.

    `family`: `clip` reads the picture from a token of its own; `siglip` lets one more head attend to all patches.
    """

    kind: Literal["vit"] = "vit"
    family: Literal["clip", "siglip"] = "clip"
    size: int = 224
    patch: int = 32
    layers: int = 12
    width: int = 768
    heads: int = 12
    inner: int = 3072
    activation: Activation = "quick_gelu"
    epsilon: float = 1e-5
    bias: bool = False
    dropout: float = 0.0

    def build(self, dim: int) -> FeatureEncoder:
        """The encoder into `dim` dimensions, with random weights. ModelConfigError for a size out of range."""
        check_shape(self)
        if not (MIN_PATCH <= self.patch <= self.size <= MAX_PICTURE):
            raise ModelConfigError("A vision transformer's size or patch is out of range.")
        if (self.size // self.patch) ** 2 >= MAX_POSITIONS:
            raise ModelConfigError("A vision transformer's patches are too many.")
        return FeatureEncoder(VitTrunk(self), self.width, dim, HeadConfig("plain", self.bias, self.dropout))


class VitTrunk(nn.Module):
    """pixels (batch, 3, size, size) → features (batch, width)."""

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        self.family, self.size = config.family, config.size
        self.network = _network(config)

    @property
    def blocks(self) -> nn.ModuleList:
        """The blocks in their order."""
        return cast("nn.ModuleList", self.network.encoder.layers)

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        return self.pooled(through(self.blocks, self.tokens(pixels)))

    def tokens(self, pixels: Tensor) -> Tensor:
        """Pixels → what the first block gets (batch, tokens, width)."""
        if pixels.shape[-1] != self.size:
            raise ModelConfigError(f"This vision transformer takes pictures of {self.size}² alone.")
        states: Tensor = self.network.embeddings(pixels)
        return cast("Tensor", self.network.pre_layrnorm(states)) if self.family == "clip" else states

    def pooled(self, states: Tensor) -> Tensor:
        """What the last block gives → features."""
        if self.family == "clip":
            return cast("Tensor", self.network.post_layernorm(states[:, 0]))
        return cast("Tensor", self.network.head(self.network.post_layernorm(states)))

    def split(self, blocks: int) -> "tuple[EarlyBlocks, LateBlocks]":
        """The part before the last `blocks` blocks, and the one from them on; both share the trunk's weights.

        Raises ModelConfigError where it has no so many.
        """
        if not 0 < blocks <= len(self.blocks):
            raise ModelConfigError(f"start.tune_blocks: the image encoder has {len(self.blocks)} blocks.")
        at = len(self.blocks) - blocks
        return EarlyBlocks(self, at), LateBlocks(self, at)


class EarlyBlocks(nn.Module):
    """pixels → what the first trained block gets."""

    def __init__(self, trunk: VitTrunk, at: int) -> None:
        super().__init__()
        self.trunk, self.at = trunk, at

    def forward(self, pixels: Tensor) -> Tensor:
        return through(_listed(self.trunk)[: self.at], self.trunk.tokens(pixels))


class LateBlocks(nn.Module):
    """What the first trained block gets → features."""

    def __init__(self, trunk: VitTrunk, at: int) -> None:
        super().__init__()
        self.trunk, self.at = trunk, at

    def forward(self, states: Tensor) -> Tensor:
        return self.trunk.pooled(through(_listed(self.trunk)[self.at :], states))

    def learnt(self) -> Iterable[nn.Module]:
        """The modules that are trained, which are not all of the trunk's."""
        network = self.trunk.network
        yield from (*_listed(self.trunk)[self.at :], network.post_layernorm)
        if self.trunk.family == "siglip":
            yield network.head


def _listed(trunk: VitTrunk) -> list[nn.Module]:
    return list(trunk.blocks)


def _network(config: VitConfig) -> Any:
    library = transformers_library()
    settings = settings_of(config) | {"image_size": config.size, "patch_size": config.patch}
    if config.family == "clip":
        return library.CLIPVisionModel(library.CLIPVisionConfig(**settings))
    return library.SiglipVisionModel(library.SiglipVisionConfig(**settings))
