"""A run's folder: what was asked for, how it went, and the checkpoints to go on from.

config.json      recipe, data, fingerprints, versions     vocabulary.txt   one token a line
curves.jsonl     one line per epoch                        metrics.json     the best epoch's quality
checkpoints/     last.ckpt, best.ckpt (and first.ckpt      log.txt          everything that was said
                 where a curriculum's second loss begins)   state.json       how the run stands
"""

import json
import os
import platform
import socket
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workers.neural.configs import config_from, config_to
from workers.neural.former_names import present_names
from workers.training.errors import TrainingError
from workers.training.former_runs import present_state
from workers.training.layout import Captioned, concatenated
from workers.training.readers.read import DataSet, DataSource, listed_set, read_source
from workers.training.recipe import Recipe

if TYPE_CHECKING:
    from workers.training.measures.ranks import Ranks

State = Literal["running", "finished", "not started", "stopped"]
PACKAGES = ("torch", "torchvision", "lightning", "nltk", "numpy", "pillow")


@dataclass(frozen=True, slots=True)
class DatasetPaths:
    """Where the data lie: `sets` in published layouts, or the files of one set, each by its path.

    `groups`: name<TAB>label lines, or empty; see `workers.training.layout`.
    """

    images: str = ""
    captions: str = ""
    train: str = ""
    val: str = ""
    groups: str = ""
    sets: tuple[DataSource, ...] = ()

    def splits(self) -> tuple[Captioned, Captioned]:
        """The training and the validation split. Raises TrainingError for data that are missing or wrong."""
        sets = self.data_sets()
        train, val = (_split_of(sets, name) for name in ("train", "val"))
        return train, val

    def data_sets(self) -> list[DataSet]:
        """All that there is, wrong lines and missing files included. Raises TrainingError where nothing can be read."""
        if self.sets:
            return [read_source(source) for source in self.sets]
        lists = {"train": Path(self.train), "val": Path(self.val)}
        return [
            listed_set(
                Path(self.images), Path(self.captions), lists, Path(self.groups) if self.groups else None
            )
        ]


@dataclass(frozen=True, slots=True)
class RunState:
    """How a run stands, and in `reason` why, in a sentence or empty.

    `running`; `finished`: as asked, early stopping included; `not started`: its sum of recalls stayed near that of
    guessing; `stopped`: by a person, an error or a kill, and can be resumed. `process` and `machine` are whose it is.
    """

    state: State
    reason: str = ""
    process: int = 0
    machine: str = ""


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
    def base(self) -> Path:
        """The quality of the version that the run goes on from, where there is one."""
        return self.path / "base.json"

    @property
    def base_ranks(self) -> Path:
        """Where that version's queries found their right items."""
        return self.path / "base_ranks.npz"

    @property
    def ranks(self) -> Path:
        """Where the best epoch's queries found their right items; see `measures.ranks`."""
        return self.path / "ranks.npz"

    @property
    def log(self) -> Path:
        """Everything that was said."""
        return self.path / "log.txt"

    @property
    def checkpoints(self) -> Path:
        """Where last.ckpt and best.ckpt lie."""
        return self.path / "checkpoints"

    def keep_base(self, ranks: "Ranks") -> None:
        """Keep what the version was worth that the run goes on from."""
        ranks.save(self.base_ranks)
        _write_quality(self.base, ranks)

    def keep_best(self, ranks: "Ranks") -> None:
        """Keep what the best epoch was worth."""
        ranks.save(self.ranks)
        _write_quality(self.metrics, ranks)

    @property
    def state(self) -> RunState:
        """How the run stands; one whose process is gone from this machine has stopped."""
        try:
            state = RunState(**present_state(json.loads((self.path / "state.json").read_text())))
        except FileNotFoundError:
            return self._state_before_there_was_a_file()
        except (OSError, ValueError, TypeError, AttributeError) as error:
            return RunState("stopped", f"state.json cannot be read: {error}.")
        if state.state == "running" and state.machine == socket.gethostname() and not _alive(state.process):
            return RunState("stopped", "The process that trained it is gone.", state.process, state.machine)
        return state

    def set_state(self, state: State, reason: str = "") -> None:
        """Note how the run stands, in one step: who reads at the same time finds the former state or this one."""
        facts = asdict(RunState(state, reason, os.getpid(), socket.gethostname()))
        partial = self.path / ".state.json"
        partial.write_text(json.dumps(facts) + "\n")
        partial.replace(self.path / "state.json")

    def _state_before_there_was_a_file(self) -> RunState:
        return RunState("finished" if self.metrics.exists() else "stopped")

    def begin(self, recipe: Recipe, data: DatasetPaths, splits: tuple[Captioned, Captioned]) -> None:
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
            "sets": {name: s.set_fingerprints() for name, s in zip(("train", "val"), splits, strict=True)},
            "versions": {package: version(package) for package in PACKAGES}
            | {"python": platform.python_version()},
        }
        self.config.write_text(json.dumps(facts, indent=1) + "\n")

    def facts(self) -> dict[str, Any]:
        """What `begin` wrote, its settings under their present names. Raises TrainingError where there is no run."""
        try:
            facts: dict[str, Any] = json.loads(self.config.read_text())
        except (OSError, ValueError) as error:
            raise TrainingError(f"{self.path} holds no run to go on with: {error}.") from None
        return facts | {"recipe": present_names(facts.get("recipe", {}))}

    def recipe(self) -> Recipe:
        """The settings that the run was begun with."""
        return config_from(Recipe, self.facts()["recipe"], "recipe")

    def recipe_and_data(self) -> tuple[Recipe, DatasetPaths]:
        """What the run was begun with."""
        return self.recipe(), config_from(DatasetPaths, self.facts()["data"], "data")

    def check_data(self, splits: tuple[Captioned, Captioned]) -> None:
        """Raises TrainingError when the data are no longer those that the run began with."""
        begun = self.facts()["fingerprints"]
        if [begun["train"], begun["val"]] != [split.fingerprint() for split in splits]:
            raise TrainingError("The pictures or captions have changed since the run began; begin a new one.")


def _split_of(sets: list[DataSet], split: str) -> Captioned:
    names, parts = [data.name for data in sets], [data.split(split) for data in sets]
    if not any(parts):
        raise TrainingError(f"No picture of {', '.join(names)} is in the split {split!r}.")
    return concatenated(names, parts)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        return True
    return True


def _write_quality(path: Path, ranks: "Ranks") -> None:
    path.write_text(json.dumps(ranks.quality().to_json(), indent=1) + "\n")
