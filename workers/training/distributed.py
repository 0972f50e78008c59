"""Several processes that train one run, on one machine or more: rank zero keeps the run's folder, the others help.

Lightning starts those of one machine, and names a process's place in its environment as torchrun and Slurm do.
"""

import os
import time

from workers.training.errors import TrainingError
from workers.training.run_folder import RunFolder

PLACES = ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID")
WAIT_SECONDS = 600
LOOK_SECONDS = 0.2


def is_rank_zero() -> bool:
    """Whether this process keeps the run; otherwise it was started to help the one that does."""
    return not any(int(os.environ.get(name) or 0) for name in PLACES)


def wait_for_rank_zero(folder: RunFolder, seconds: float = WAIT_SECONDS) -> None:
    """Until rank zero has written what the others read. Raises TrainingError where it does not."""
    end = time.monotonic() + seconds
    while not folder.vocabulary.exists():
        if time.monotonic() > end:
            raise TrainingError(
                f"{folder.path} holds no run after {seconds:g} seconds: the process of NODE_RANK 0 begins it, "
                "in a folder that all machines share."
            )
        time.sleep(LOOK_SECONDS)
