"""Train the rows that are missing: each in a process of its own, so that one that fails stops nothing else."""

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from workers.neural.configs import config_to
from workers.training.errors import TrainingError
from workers.training.report.plan import Row
from workers.training.run_folder import RunFolder
from workers.training.tracking.compare import flat

TrainRow = Callable[[Row], None]
Say = Callable[[str], None]
Failures = dict[str, str]


@dataclass(frozen=True, slots=True)
class ByCommand:
    """Trains a row with `manage.py train`, whose start is `command`; `threads` are those of each process.

    `data`: the options that name the data. Raises TrainingError with what the command said last.
    """

    command: Sequence[str]
    data: Sequence[str]
    cache: Path
    device: str = "auto"
    threads: int = 1

    def __call__(self, row: Row) -> None:
        """Train a row to its end, or go on with it where it was stopped."""
        resume = RunFolder(row.run).config.exists()
        how = ["--resume"] if resume else self._begun(row)
        where = ["--out", str(row.run), "--cache", str(self.cache)]
        where += ["--bundle", str(row.bundle)] if row.bundled else []
        done = subprocess.run(  # noqa: S603  our own command, no shell
            [*self.command, "train", *how, *where, "--device", self.device],
            env={**os.environ, "OMP_NUM_THREADS": str(self.threads)},
            stdout=subprocess.DEVNULL,  # the run's own log holds it
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            raise TrainingError(lines[-1] if lines else f"It ended with status {done.returncode}.")

    def _begun(self, row: Row) -> list[str]:
        settings = [word for key, value in row.settings for word in ("--set", f"{key}={json.dumps(value)}")]
        return ["--recipe", row.recipe.name, *self.data, *settings]


def train_missing(rows: Sequence[Row], train: TrainRow, at_once: int, say: Say) -> Failures:
    """Train what is not trained yet, `at_once` rows at a time; why a row could not be, by its name.

    The first row of those that share a frozen network's features goes ahead of the others, which then find them.
    """
    firsts = list({row.shared_features(): row for row in reversed(rows)}.values())[::-1]
    rest = [row for row in rows if row not in firsts]
    failures: Failures = {}
    with ThreadPoolExecutor(at_once) as pool:
        for part in (firsts, rest):
            reasons = pool.map(lambda row: _attempt(row, train, say), part)
            failures |= {row.name: reason for row, reason in zip(part, reasons, strict=True) if reason}
    return failures


def _attempt(row: Row, train: TrainRow, say: Say) -> str:
    """Train a row where that is needed; why it could not be, or nothing."""
    try:
        if not needs_training(row):
            say(f"{row.name}: trained already")
            return ""
        say(f"{row.name}: training")
        train(row)
    except TrainingError as error:
        say(f"{row.name}: {error}")
        return str(error)
    say(f"{row.name}: {RunFolder(row.run).state.state}")
    return ""


def needs_training(row: Row) -> bool:
    """Whether a row is still to be trained. Raises TrainingError where its folder holds another run."""
    folder = RunFolder(row.run)
    if not folder.config.exists():
        return True
    if changed := _changed(row, folder):
        raise TrainingError(f"It was trained with other settings before ({changed}): remove {row.run}.")
    state = folder.state.state
    if state == "running":
        raise TrainingError("Another process is training it.")
    return not (state == "not started" or (state == "finished" and (row.bundle.is_file() or not row.bundled)))


def _changed(row: Row, folder: RunFolder) -> str:
    """The settings in which the folder's run differs from the row, in a few words."""
    before = flat(folder.facts()["recipe"])
    now = flat(json.loads(json.dumps(config_to(row.recipe))))
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return ", ".join(f"{name} {before.get(name)}, now {now.get(name)}" for name in names[:3])
