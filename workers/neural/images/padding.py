"""TensorFlow's `SAME` padding for networks that were trained with it."""

from torch import Tensor, nn


class AsymmetricConv(nn.Module):
    """A stride-2 convolution whose padding stands below and to the right only, as TensorFlow pads even-sized inputs."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        before = conv.kernel_size[0] // 2 - 1
        self.pad = nn.ZeroPad2d((before, before + 1, before, before + 1))
        conv.padding = (0, 0)
        self.conv = conv

    def forward(self, pixels: Tensor) -> Tensor:
        """(batch, channels, height, width) → half the height and width."""
        padded: Tensor = self.conv(self.pad(pixels))
        return padded


def pad_like_tensorflow(network: nn.Module) -> None:
    """Replace every padded stride-2 convolution in place. Each is assumed to see inputs of even size."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d) and _strides_with_padding(child):
                setattr(parent, name, AsymmetricConv(child))


def _strides_with_padding(conv: nn.Conv2d) -> bool:
    return conv.stride == (2, 2) and conv.kernel_size[0] > 1
