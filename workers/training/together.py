"""Several processes that train one run, on one machine or more: the first begins, keeps and tells; the others follow.

Lightning starts those of one machine, and names a process's place in its environment as torchrun and Slurm do.
"""

import os
import time

from workers.training.errors import TrainingError
from workers.training.run_folder import RunFolder

PLACES = ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID")
WAIT_SECONDS = 600
LOOK_SECONDS = 0.2


def follows() -> bool:
    """Whether this process was started to help another one."""
    return any(int(os.environ.get(name) or 0) > 0 for name in PLACES)


def wait_until_begun(folder: RunFolder, seconds: float = WAIT_SECONDS) -> None:
    """Until the first process has written what the others read. Raises TrainingError where it does not."""
    end = time.monotonic() + seconds
    while not folder.vocabulary.exists():
        if time.monotonic() > end:
            raise TrainingError(
                f"{folder.path} holds no run after {seconds:g} seconds: the process of NODE_RANK 0 begins it, "
                "in a folder that all machines share."
            )
        time.sleep(LOOK_SECONDS)
