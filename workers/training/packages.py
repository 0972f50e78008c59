"""`package` in a recipe's start: the file of the installed package that the starter is made of, by its SHA-256."""

from pathlib import Path

from workers.inference.starter.packages import (
    CLASSIFIER,
    SENTENCES,
    PretrainedPackage,
    StarterError,
    installed_file,
)
from workers.training.errors import TrainingError

PACKAGE = "package"


def weights_source(written: str) -> str:
    """What `start.weights` stands for: EfficientNet-Lite2's package, or what is written. Raises TrainingError."""
    return str(_file(CLASSIFIER)) if written == PACKAGE else written


def sentence_source(written: str) -> Path:
    """Where the encoder of `start.sentence` is: MiniLM's package, or what is written. Raises TrainingError."""
    return _file(SENTENCES) if written == PACKAGE else Path(written)


def _file(package: PretrainedPackage) -> Path:
    try:
        return installed_file(package)
    except StarterError as error:
        raise TrainingError(str(error)) from None
