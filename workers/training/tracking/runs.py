"""What a folder of runs holds: one summary per run, from the files that training wrote; nothing is computed again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.training.errors import TrainingError
from workers.training.run_folder import RunFolder

Curve = tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Run:
    """`recipe`: settings as plain data. `curve`: an entry per epoch. `quality`: the best epoch's, or None so far."""

    path: Path
    recipe: dict[str, Any]
    state: str
    reason: str
    curve: Curve
    quality: dict[str, Any] | None
    facts: dict[str, Any]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def best_sum(self) -> float:
        """The largest validation sum of recalls so far; 0 before the first epoch has ended."""
        return max((float(line["sum_of_recalls"]) for line in self.curve), default=0.0)

    @property
    def best(self) -> dict[str, Any] | None:
        """The quality of the best epoch: measured anew when the run ended, until then as its curve tells it."""
        if self.quality is not None:
            return self.quality
        return max(self.curve, key=lambda line: float(line["sum_of_recalls"]), default=None)

    @property
    def seconds(self) -> float:
        """What the epochs took together."""
        return sum(float(line["seconds"]) for line in self.curve)


def read_run(path: Path) -> Run:
    """The run in a folder. Raises TrainingError where there is none."""
    folder = RunFolder(path)
    facts = folder.facts()
    state = folder.state
    return Run(
        path,
        facts["recipe"],
        state.state,
        state.reason,
        _curve(folder.curves),
        _json(folder.metrics),
        facts,
    )


def read_runs(folder: Path) -> list[Run]:
    """All runs below a folder (or the one that it is), by name. Raises TrainingError where there is no folder."""
    if not folder.is_dir():
        raise TrainingError(f"There is no folder {folder}.")
    found = [path.parent for path in folder.rglob("config.json") if path.is_file()]
    return [read_run(path) for path in sorted(found)]


def _curve(path: Path) -> Curve:
    """Whole lines only: the last one may be half written by a run that goes on."""
    if not path.exists():
        return ()
    lines = path.read_text().splitlines(keepends=True)
    return tuple(json.loads(line) for line in lines if line.endswith("\n"))


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found


COLUMNS = ("run", "recipe", "state", "epochs", "sum", "R@1 i→t", "R@1 t→i", "minutes")


def run_row(run: Run) -> tuple[str, ...]:
    """A run as words in the order of COLUMNS."""
    best = run.best
    recalls = (
        tuple(f"{best[way]['r1']:.1f}" for way in ("image_to_text", "text_to_image")) if best else ("–", "–")
    )
    total = f"{best['sum_of_recalls']:.1f}" if best else "–"
    minutes = f"{run.seconds / 60:.1f}"
    return run.name, run.recipe["name"], run.state, str(len(run.curve)), total, *recalls, minutes


def table_lines(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of words as aligned lines; the first two columns to the left, the others to the right."""
    widths = [max(len(row[k]) for row in [head, *rows]) for k in range(len(head))]
    return [
        "  ".join(_cell(row[k], widths[k], k) for k in range(len(head))).rstrip() for row in [head, *rows]
    ]


def _cell(word: str, width: int, column: int) -> str:
    return word.ljust(width) if column < 2 else word.rjust(width)
