"""A run's turns, decided from validation: that it has not started, when a curriculum's second loss begins, when to
stop. What is decided follows from the epochs' sums of recalls alone, so a resumed run decides the same.
"""

import shutil
from collections.abc import Callable
from typing import Any, cast

import lightning
import torch

from workers.neural.losses.curriculum import CurriculumConfig, epochs_without_better
from workers.training.module import RetrievalModule
from workers.training.recipe import Recipe
from workers.training.run_folder import RunFolder

STARTED_SUM = 10.0  # of six recalls in percent, as in the papers; a trained model has more than 200
NOT_STARTED = (
    "did not start: after {epochs} epochs the sum of the six recalls is {best:.1f}, about that of guessing. Begin with "
    "an easier loss (loss.kind=curriculum with loss.first_epochs=2, or loss.kind=sum-hinge), or an optimiser.lr "
    "below {lr:g}; run.start_epochs=0 trains on regardless."
)


class RunControl(lightning.Callback):
    """Comes after validation and before the checkpoints, which keep its state."""

    def __init__(self, recipe: Recipe, folder: RunFolder, say: Callable[[str], None]) -> None:
        self.recipe = recipe
        self.folder = folder
        self.say = say
        self.sums: list[float] = []

    def state_dict(self) -> dict[str, Any]:
        """The sums of recalls so far."""
        return {"sums": self.sums}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The sums of recalls so far."""
        self.sums = list(state_dict["sums"])

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Tell the module, which may be a resumed one, when its second loss began, and train no epoch after the last.

        A run may have been stopped after its last epoch, while the best one was measured.
        """
        self._decide(trainer, cast("RetrievalModule", module))

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Begin the second loss where it is due: by validation from the first one's best epoch."""
        module = cast("RetrievalModule", module)
        if module.second_from != trainer.current_epoch:
            return
        if isinstance(self.recipe.loss, CurriculumConfig) and self.recipe.loss.patience:
            self._back_to_the_best(trainer, module)
        module.set_lr()
        if trainer.is_global_zero:
            self.say(f"the second loss begins with epoch {trainer.current_epoch + 1}")

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Take the epoch's sum of recalls and decide."""
        module = cast("RetrievalModule", module)
        self.sums.append(module.validation_sum)
        self._decide(trainer, module)

    def _decide(self, trainer: lightning.Trainer, module: RetrievalModule) -> None:
        module.second_from = self._second_from()
        if not self.sums:
            return
        if not_started(self.sums, self.recipe.run.start_epochs):
            trainer.should_stop = True
            if trainer.is_global_zero:
                self._tell_not_started()
        elif self._waited_enough(module):
            trainer.should_stop = True

    def _second_from(self) -> int | None:
        loss = self.recipe.loss
        if not isinstance(loss, CurriculumConfig):
            return None
        if not loss.patience:
            return loss.first_epochs
        ends = (n for n in range(1, len(self.sums) + 1) if loss.first_is_over(self.sums[:n]))
        return next(ends, None)

    def _waited_enough(self, module: RetrievalModule) -> bool:
        """Early stopping, which the first stage of a curriculum by validation does for itself."""
        by_validation = isinstance(self.recipe.loss, CurriculumConfig) and self.recipe.loss.patience > 0
        if by_validation and module.second_from is None:
            return False
        since = module.second_from or 0 if by_validation else 0
        return 0 < self.recipe.run.patience <= epochs_without_better(self.sums, since)

    def _back_to_the_best(self, trainer: lightning.Trainer, module: RetrievalModule) -> None:
        best, kept = self.folder.checkpoints / "best.ckpt", self.folder.checkpoints / "first.ckpt"
        # A copy: the second stage writes `best` anew, and a run killed in it begins the stage from the same once more.
        if trainer.is_global_zero and not kept.exists():
            partial = kept.with_name(".first.ckpt")
            shutil.copyfile(best, partial)
            partial.replace(kept)
        trainer.strategy.barrier()
        module.load_state_dict(torch.load(kept, map_location="cpu", weights_only=True)["state_dict"])
        for optimiser in trainer.optimizers:
            optimiser.state.clear()

    def _tell_not_started(self) -> None:
        sentence = NOT_STARTED.format(epochs=len(self.sums), best=max(self.sums), lr=self.recipe.optimiser.lr)
        self.folder.set_state("not started", f"The run {sentence}")
        self.say(f"the run {sentence}")


def not_started(sums: list[float], epochs: int) -> bool:
    """Whether the sums of recalls of the first `epochs` epochs and all since stayed below 10; never where it is 0."""
    return 0 < epochs <= len(sums) and max(sums) < STARTED_SUM
