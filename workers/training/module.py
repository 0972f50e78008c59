"""What Lightning drives: one step, one epoch's end, the optimiser and its schedule."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, cast

import lightning
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from workers.neural.losses.curriculum import CurriculumConfig
from workers.neural.two_tower import TwoTower
from workers.training.batches import Batch, TrainingData
from workers.training.concepts import concept_loss
from workers.training.ema import Ema
from workers.training.encode import split_quality
from workers.training.former_runs import present_callbacks, present_weights
from workers.training.generation import captioner_of, generation_loss
from workers.training.memory import Memory, Remembered
from workers.training.metrics import Quality
from workers.training.start import pretrained_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workers.neural.family import LossConfig
    from workers.neural.images.regions import RegionEncoder
    from workers.training.recipe import Recipe

VALIDATION_SUM = "validation_sum"


class RetrievalModule(lightning.LightningModule):
    """Trains a two-tower model; after each epoch `quality` holds the validation split's."""

    quality: Quality
    loss_sum: float
    validation_sum: float
    second_from: int | None = (
        None  # the epoch with which a curriculum's second loss begins, once that is known
    )

    def __init__(self, model: TwoTower, train: TrainingData, validation: TrainingData) -> None:
        super().__init__()
        self.model = model
        self.train_data = train
        self.validation_data = validation
        self.recipe: Recipe = train.recipe
        width, words = model.image.width, len(train.word_weights)
        self.concepts = torch.nn.Linear(width, words) if words else None
        self.captioner = captioner_of(model, self.recipe.generation)
        for encoder in pretrained_texts(model):
            encoder.remember(on=True)
        self.memory = Memory(self.recipe.memory.size, self.recipe.embedding_dim)
        if not self.recipe.frozen:
            self.model.image.trunk.to(memory_format=torch.channels_last)
        self.ema = Ema(self.model, self.recipe.run.ema_decay)

    def load_state_dict(self, state_dict: "Mapping[str, Any]", *args: Any, **kwargs: Any) -> Any:
        """Take a checkpoint's weights, an older run's too."""
        return super().load_state_dict(present_weights(state_dict), *args, **kwargs)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from an older run's checkpoint too."""
        present_callbacks(checkpoint)

    def train_dataloader(self) -> "DataLoader[Batch]":
        """The batches of the current epoch; Lightning asks anew for each epoch."""
        epoch = self.train_data.epoch(self.trainer.current_epoch)
        # A generator of its own: the default one's draws would differ between a resumed and an uninterrupted run.
        return DataLoader(
            epoch,
            batch_size=None,
            num_workers=self.recipe.data.workers,
            generator=torch.Generator().manual_seed(0),
        )

    def on_train_epoch_start(self) -> None:
        """Begin each epoch with its own random numbers, so that a resumed run draws those of an uninterrupted one."""
        torch.manual_seed((self.recipe.run.seed * 1_000_003 + self.current_epoch) * 64 + self.global_rank)
        # Whoever measured or computed features before has left parts in evaluation mode, without their dropout.
        self.model.train()
        if self.recipe.frozen or self.recipe.start.tune_from or self.recipe.start.tune_blocks:
            self.model.image.trunk.eval()
        for encoder in pretrained_texts(self.model):
            encoder.held_back = self._trains_heads_alone
        self.loss_sum = 0.0

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """The batch's loss, a scalar in float32."""
        with torch.set_grad_enabled(not self._trains_heads_alone):
            features = self.train_data.pictures.features(self.model, batch.pictures)
        nodes, images = self._pictures(features)
        images = images[batch.owners]
        captions = self.model.encode_text(batch.tokens, batch.lengths)
        with self._full_precision():
            loss = self._loss(Remembered(images, captions, batch.groups, batch.texts))
            if self.concepts is not None:
                auxiliary = concept_loss(self.concepts(features.float()), batch.shares)
                loss = loss + self.recipe.concepts.weight * auxiliary
            if self.captioner is not None:
                logits = self.captioner(nodes[batch.owners].float(), batch.tokens[:, :-1])
                loss = loss + self.recipe.generation.weight * generation_loss(logits, batch.tokens)
        self.loss_sum += float(loss.detach()) / len(images)
        return loss

    @property
    def _trains_heads_alone(self) -> bool:
        """Whether neither pretrained network is trained yet."""
        return self.current_epoch < self.recipe.start.head_epochs

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Step, and take the weights into their average."""
        super().optimizer_step(*args, **kwargs)
        self.ema.update()

    def _pictures(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """What captions are told from, and the embeddings: reasoned nodes are computed once for both."""
        if self.captioner is None:
            return features, self.model.encode_features(features)
        encoder = cast("RegionEncoder", self.model.image)
        nodes = encoder.reason(features)
        return nodes, self.model.similarity.finish(encoder.pool(nodes))

    def _loss(self, batch: Remembered) -> Tensor:
        """Both directions in each space, against the batch and, once it is trusted, the memory."""
        others = (
            self.memory.with_past(batch) if self.current_epoch >= self.recipe.memory.from_epoch else batch
        )
        same = others.describes(batch)
        similarity, loss = self.model.similarity, self._stage_loss().loss
        embeddings = (batch.images, batch.captions, others.images, others.captions)
        losses = []
        for images, captions, all_images, all_captions in zip(
            *map(similarity.spaces, embeddings), strict=True
        ):
            to_text = loss(similarity.scores(images, all_captions), same, self.current_epoch)
            to_image = loss(similarity.scores(all_images, captions).T, same, self.current_epoch)
            losses.append(to_text + self.recipe.balance * to_image)
        self.memory.add(batch)
        return torch.stack(losses).mean()

    def _stage_loss(self) -> "LossConfig":
        loss = self.recipe.loss
        return loss.stage(second=self.in_second_stage) if isinstance(loss, CurriculumConfig) else loss

    @property
    def in_second_stage(self) -> bool:
        """Whether a curriculum's second loss is trained."""
        return self.second_from is not None and self.current_epoch >= self.second_from

    def validate(self) -> None:
        """Measure the validation split, in the precision of training, and log its sum of recalls."""
        with self.trainer.precision_plugin.forward_context(), self.ema.applied():
            self.quality = split_quality(self.model, self.validation_data, self.device)
        # Those who stop or go on must agree in every process.
        self.validation_sum = self.trainer.strategy.broadcast(self.quality.sum_of_recalls)
        self.log(VALIDATION_SUM, self.validation_sum)

    def configure_optimizers(self) -> Any:
        """Adam (decoupled weight decay), its learning rate by the recipe's schedule, step by step."""
        settings, start = self.recipe.optimiser, self.recipe.start
        parts = [self.model.image.trunk, *(encoder.pretrained for encoder in pretrained_texts(self.model))]
        pretrained = [p for part in parts for p in part.parameters()]
        trunk = [p for p in pretrained if p.requires_grad]
        known = {id(p) for p in pretrained}
        rest = [p for p in self.parameters() if id(p) not in known]
        groups = [{"params": rest}] + (
            [{"params": trunk, "lr": settings.lr * start.lr_factor}] if trunk else []
        )
        optimiser = torch.optim.AdamW(groups, lr=settings.lr, weight_decay=settings.weight_decay)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, self._lr_factor)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _lr_factor(self, step: int) -> float:
        epoch = step * self.trainer.world_size / self.train_data.batches_per_epoch()
        loss, schedule, epochs = self.recipe.loss, self.recipe.schedule, self.recipe.run.epochs
        if not (isinstance(loss, CurriculumConfig) and self.in_second_stage):
            return schedule.lr_factor(epoch, epochs)
        share = loss.lr / self.recipe.optimiser.lr if loss.lr else 1.0
        begun = self.second_from or 0
        return share * (
            schedule.lr_factor(epoch - begun, epochs - begun)
            if loss.patience
            else schedule.lr_factor(epoch, epochs)
        )

    def set_lr(self) -> None:
        """Set what the schedule asks for now; it was last asked when it was not known that a stage begins."""
        scheduler = self.lr_schedulers()
        if not isinstance(scheduler, torch.optim.lr_scheduler.LambdaLR):
            raise TypeError("The module has one schedule.")
        for group, base in zip(scheduler.optimizer.param_groups, scheduler.base_lrs, strict=True):
            group["lr"] = base * self._lr_factor(scheduler.last_epoch)

    def _full_precision(self) -> AbstractContextManager[Any]:
        """Scores in bfloat16 would differ by less than their rounding: the hardest negative would be any."""
        return torch.autocast(self.device.type, enabled=False)
