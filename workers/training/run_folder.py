"""A run's folder: what was asked for, how it went, and the checkpoints to go on from.

config.json      recipe, data, fingerprints, versions     vocabulary.txt   one token a line
curves.jsonl     one line per epoch                        metrics.json     the best epoch's quality
checkpoints/     last.ckpt, best.ckpt                      log.txt          everything that was said
"""

import json
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from workers.neural.configs import config_from, config_to
from workers.training.errors import TrainingError
from workers.training.layout import Captioned, read_captions, read_split
from workers.training.recipe import Recipe

PACKAGES = ("torch", "torchvision", "lightning", "nltk", "numpy", "pillow")


@dataclass(frozen=True, slots=True)
class DataPaths:
    """Where the data lie; see `workers.training.layout`. `groups`: name<TAB>label lines, or empty."""

    images: str
    captions: str
    train: str
    val: str
    groups: str = ""

    def splits(self) -> tuple[Captioned, Captioned]:
        """The training and the validation split."""
        captions = read_captions(Path(self.captions))
        groups = Path(self.groups) if self.groups else None
        train, val = (
            read_split(Path(self.images), captions, Path(s), groups) for s in (self.train, self.val)
        )
        return train, val


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run."""

    path: Path

    @property
    def config(self) -> Path:
        """What the run was asked for."""
        return self.path / "config.json"

    @property
    def curves(self) -> Path:
        """One JSON line per epoch."""
        return self.path / "curves.jsonl"

    @property
    def vocabulary(self) -> Path:
        """One token a line; the line's number, from 0, is its id."""
        return self.path / "vocabulary.txt"

    @property
    def metrics(self) -> Path:
        """The best epoch's quality."""
        return self.path / "metrics.json"

    @property
    def log(self) -> Path:
        """Everything that was said."""
        return self.path / "log.txt"

    @property
    def checkpoints(self) -> Path:
        """Where last.ckpt and best.ckpt lie."""
        return self.path / "checkpoints"

    def begin(self, recipe: Recipe, data: DataPaths, splits: tuple[Captioned, Captioned]) -> None:
        """Start a new run here. Raises TrainingError where there is one already."""
        if self.config.exists():
            raise TrainingError(
                f"{self.path} holds a run already: go on with --resume, or name another folder."
            )
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        facts = {
            "recipe": config_to(recipe),
            "data": config_to(data),
            "fingerprints": {name: s.fingerprint() for name, s in zip(("train", "val"), splits, strict=True)},
            "versions": {package: version(package) for package in PACKAGES}
            | {"python": platform.python_version()},
        }
        self.config.write_text(json.dumps(facts, indent=1) + "\n")

    def facts(self) -> dict[str, Any]:
        """What `begin` wrote. Raises TrainingError where there is no run."""
        try:
            facts: dict[str, Any] = json.loads(self.config.read_text())
        except (OSError, ValueError) as error:
            raise TrainingError(f"{self.path} holds no run to go on with: {error}.") from None
        return facts

    def recipe_and_data(self) -> tuple[Recipe, DataPaths]:
        """What the run was begun with."""
        facts = self.facts()
        return config_from(Recipe, facts["recipe"], "recipe"), config_from(DataPaths, facts["data"], "data")

    def check_data(self, splits: tuple[Captioned, Captioned]) -> None:
        """Raises TrainingError when the data are no longer those that the run began with."""
        begun = self.facts()["fingerprints"]
        if [begun["train"], begun["val"]] != [split.fingerprint() for split in splits]:
            raise TrainingError("The pictures or captions have changed since the run began; begin a new one.")
