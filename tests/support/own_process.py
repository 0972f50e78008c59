"""Training in a process of its own, as the command does it."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
from typing import TYPE_CHECKING

import torch

from workers.training.train import train

if TYPE_CHECKING:
    from workers.training.train import TrainOptions

_SECONDS = 300


def train_in_a_process_of_its_own(asked: TrainOptions, **environment: str) -> None:
    """A process that has computed gradients before cannot fork into several that do: this one has computed none.

    Forked from a server that has imported everything, which takes seconds. It trains with one thread.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    child = context.Process(target=_train, args=(dataclasses.replace(asked, say=print), environment))
    child.start()
    child.join(_SECONDS)
    if child.is_alive():
        child.kill()
    assert child.exitcode == 0


def _train(asked: TrainOptions, environment: dict[str, str]) -> None:
    os.environ |= environment
    torch.set_num_threads(1)
    train(asked)
