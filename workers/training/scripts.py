"""The two encoders as TorchScript, for programs that have torch and nothing of this project.

The inputs and the result are those of `graphs`; the batch and the texts' length are free. Weights stay in float32.
"""

import io
import warnings
import zipfile

import torch
from torch import Tensor, nn

from workers.neural.errors import ModelConfigError
from workers.neural.images.regions import RegionsConfig
from workers.neural.images.vit import VitConfig
from workers.neural.two_tower import TwoTower
from workers.training.towers import ImageTower, TextTower, image_inputs, ready, text_inputs

_SOURCES = ".debug_pkl"


def check_scriptable(image: object) -> None:
    """Raise ModelConfigError for what has no such form: a detector, whose suppressing of boxes is no operation of
    TorchScript's own, and an imported model, whose library's blocks are not made to be traced for any length.
    """
    if isinstance(image, VitConfig):
        raise ModelConfigError("An imported model has no TorchScript form; export it without --torchscript.")
    if isinstance(image, RegionsConfig) and image.source == "detector":
        raise ModelConfigError("A detector has no TorchScript form; export it without --torchscript.")


def image_script(model: TwoTower, size: int, *, crops: bool) -> bytes:
    """The image encoder as a TorchScript archive. Raises ModelConfigError for a detector."""
    check_scriptable(model.config.image)
    return _script(ImageTower(model), image_inputs(size, crops=crops))


def text_script(model: TwoTower) -> bytes:
    """The text encoder as a TorchScript archive."""
    return _script(TextTower(model), text_inputs())


def _script(tower: nn.Module, inputs: dict[str, Tensor]) -> bytes:
    with warnings.catch_warnings(), torch.no_grad():
        # Tracing warns of every shape that it takes as given, and of its age.
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(ready(tower), tuple(inputs.values()), check_trace=False)  # type: ignore[no-untyped-call]
        archive = io.BytesIO()
        torch.jit.save(traced, archive)
    return _without_sources(archive)


def _without_sources(archive: io.BytesIO) -> bytes:
    """Drop the notes about source lines, which tell the exporting machine's folders; torch reads archives without."""
    kept = io.BytesIO()
    with zipfile.ZipFile(archive) as whole, zipfile.ZipFile(kept, "w", zipfile.ZIP_STORED) as target:
        for info in whole.infolist():
            if not info.filename.endswith(_SOURCES):
                target.writestr(zipfile.ZipInfo(info.filename), whole.read(info))
    return kept.getvalue()
