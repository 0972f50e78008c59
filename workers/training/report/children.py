"""Rows trained in processes of their own, forked from one that has imported everything: seven seconds less for each."""

import logging
import multiprocessing
import warnings
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from workers.inference.errors import InferenceError
from workers.neural.errors import ModelConfigError, WeightsError
from workers.training.errors import TrainingError
from workers.training.export import ExportOptions
from workers.training.report.plan import ReportRow
from workers.training.run_folder import DatasetPaths, RunFolder
from workers.training.train import TrainOptions, train


@dataclass(frozen=True, slots=True)
class InChild:
    """Trains a row as `manage.py train` does, with `threads` threads. Raises TrainingError with why it could not."""

    data: DatasetPaths
    cache: Path
    device: str = "auto"
    threads: int = 1

    def __call__(self, row: ReportRow) -> None:
        """Train a row to its end, or go on with it where it was stopped."""
        # From a server of forks, not from this process: its threads, torch's among them, would be missing in a fork.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(target=_trained, args=(self._options(row), self.threads, sender))
        child.start()
        child.join()
        if receiver.poll():
            raise TrainingError(receiver.recv())
        if child.exitcode:
            raise TrainingError(RunFolder(row.run).state.reason or f"It ended with status {child.exitcode}.")

    def _options(self, row: ReportRow) -> TrainOptions:
        return TrainOptions(
            recipe=row.recipe,
            data=self.data,
            out=row.run,
            cache=self.cache,
            bundle=row.bundle if row.bundled else None,
            export=ExportOptions(row.name),
            resume=RunFolder(row.run).config.exists(),
            device=self.device,
            say=_nobody,
        )


def _trained(options: TrainOptions, threads: int, answer: Connection) -> None:
    """What the child does; it answers only where training is refused."""
    torch.set_num_threads(threads)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    try:
        train(options)
    except (TrainingError, ModelConfigError, WeightsError, InferenceError) as error:
        answer.send(str(error))


def _nobody(line: str) -> None:
    """The run's own log holds it."""
