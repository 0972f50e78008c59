"""What a worker asks of its decoders, and what they may use."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workers.inference.headers.types import PictureLimits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from workers.inference.headers.types import PictureWarning

MIB = 1 << 20
_PROCESSES_MAX = 8


@dataclass(frozen=True)
class Prepared:
    """What an encoder takes of a picture, and a small copy of it.

    `pixels` as `pictures.to_pixels` returns them; `small` is RGB, its longer side at most what was asked for, None
    where no copy was; `size` is the whole picture's, upright; `warnings` say what of its file was not looked at.
    """

    pixels: NDArray[np.float32]
    small: Image.Image | None
    size: tuple[int, int]
    warnings: tuple[PictureWarning, ...] = ()


@dataclass(frozen=True)
class Thumbnail:
    """A small RGB copy of a picture, and the whole picture's upright size."""

    image: Image.Image
    size: tuple[int, int]


@dataclass(frozen=True)
class DecodingLimits:
    """What decoding may cost: one picture's processor time, and the memory of all that are decoded at once.

    `wall_seconds` is how long a picture may take where the processor is shared with others, `busy_seconds` how long
    it waits for memory and a process before it is refused.
    """

    picture: PictureLimits = field(default_factory=PictureLimits)
    processor_seconds: int = 8
    memory_bytes: int = 1024 * MIB
    busy_seconds: float = 10.0
    wall_seconds: float = 24.0
    processes: int = min(_PROCESSES_MAX, os.cpu_count() or 1)

    process_bytes: int | None = None

    @property
    def process_memory_bytes(self) -> int:
        """What one process may use: by default what the largest picture needs in the format that needs most."""
        return self.process_bytes or PROCESS_BYTES + BYTES_PER_PIXEL_MAX * self.picture.max_pixels


PROCESS_BYTES = 256 * MIB
"""What decoding takes whatever the picture's size."""
BYTES_PER_PIXEL_MAX = 20
"""AVIF with more than 8 bits and transparency: see `headers.boxes`."""
