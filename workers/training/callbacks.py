"""What happens beside the training itself: a line per epoch for people and one for programs."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import lightning

from workers.training.module import RetrievalModule

Say = Callable[[str], None]


class Validation(lightning.Callback):
    """Measures the validation split when an epoch ends, before those who ask for the result; stands first of all."""

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Fill `module.quality`."""
        cast("RetrievalModule", module).validate()


class Curves(lightning.Callback):
    """Appends each epoch's loss, learning rate, seconds and quality to a JSON-lines file, and says them in one line."""

    def __init__(self, path: Path, say: Say) -> None:
        self.path = path
        self.say = say
        self.started = 0.0

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Drop what a killed run wrote about epochs that are trained again."""
        if not trainer.is_global_zero:
            return
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        kept = [line for line in lines if json.loads(line)["epoch"] <= trainer.current_epoch]
        self.path.write_text("".join(f"{line}\n" for line in kept))

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Take the time."""
        self.started = time.monotonic()

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Write and say the epoch's line; epochs count from 1."""
        if not trainer.is_global_zero:
            return
        line = self._line(trainer, cast("RetrievalModule", module))
        with self.path.open("a") as sink:
            sink.write(json.dumps(line) + "\n")
        self.say(_sentence(line, trainer.max_epochs or 0))

    def _line(self, trainer: lightning.Trainer, module: RetrievalModule) -> dict[str, Any]:
        return {
            "epoch": trainer.current_epoch + 1,
            "loss": module.loss_sum / max(1, int(trainer.num_training_batches)),
            "stage": 2 if module.in_second_stage else 1,
            "lr": trainer.optimizers[0].param_groups[0]["lr"],
            "seconds": round(time.monotonic() - self.started, 1),
            "sum_of_recalls": module.quality.sum_of_recalls,
            "image_to_text": asdict(module.quality.image_to_text),
            "text_to_image": asdict(module.quality.text_to_image),
        }


def _sentence(line: dict[str, Any], epochs: int) -> str:
    there, back = line["image_to_text"], line["text_to_image"]
    left = (epochs - line["epoch"]) * line["seconds"] / 60
    return (
        f"epoch {line['epoch']}/{epochs}  loss {line['loss']:.3f}  "
        f"R@1/5/10 {there['r1']:.1f}/{there['r5']:.1f}/{there['r10']:.1f} image → text, "
        f"{back['r1']:.1f}/{back['r5']:.1f}/{back['r10']:.1f} text → image  "
        f"sum {line['sum_of_recalls']:.1f}  {line['seconds']:.0f} s, at most {left:.0f} min left"
    )
