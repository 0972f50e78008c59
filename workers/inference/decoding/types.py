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

    from workers.inference.headers.types import Header, PictureWarning

MIB = 1 << 20
_PROCESSES_MAX = 8


@dataclass(frozen=True)
class PreparedPicture:
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
    it waits for memory and a process before it is refused. `patient` ones, of jobs, wait however many there are.
    """

    picture: PictureLimits = field(default_factory=PictureLimits)
    processor_seconds: int = 8
    memory_bytes: int = 1024 * MIB
    busy_seconds: float = 10.0
    wall_seconds: float = 24.0
    processes: int = min(_PROCESSES_MAX, os.cpu_count() or 1)

    patient: bool = False
    process_bytes: int | None = None

    @property
    def lane_memory_bytes(self) -> int:
        """What the pictures of one lane may take: quick and slow ones have half each."""
        return self.memory_bytes // 2

    @property
    def slow_processes(self) -> int:
        """How many slow pictures are decoded at once, at low priority."""
        return max(1, self.processes // 4)

    def is_slow(self, header: Header, shortest_side: int | None) -> bool:
        """Whether a picture takes so much time or memory that others must not wait for it."""
        too_much = self.lane_memory_bytes // 2
        return header.decoding_seconds > SLOW_SECONDS or header.decoding_bytes(shortest_side) > too_much

    @property
    def process_memory_bytes(self) -> int:
        """What one process may use: by default what the largest picture needs in the format that needs most."""
        return self.process_bytes or PROCESS_BYTES + BYTES_PER_PIXEL_MAX * self.picture.max_pixels


SLOW_SECONDS = 0.5
"""Photographs of telephones and cameras, up to 12 megapixels in HEIC, 25 in PNG and WebP and 60 in JPEG, take less."""
SLOW_WAITING_MAX = 2
"""For each process that decodes slow pictures: each that waits holds a thread here and one of the web server."""
SLOW_NICENESS = 10
PROCESS_BYTES = 256 * MIB
"""What decoding takes whatever the picture's size."""
BYTES_PER_PIXEL_MAX = 20
"""AVIF with more than 8 bits and transparency: see `headers.boxes`."""
