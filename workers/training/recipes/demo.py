"""The demo's small VSE++: trained from scratch on drawings, on a CPU, in a bundle of a few megabytes."""

from workers.neural.images.features import HeadConfig
from workers.neural.images.small_resnet import SmallResnetConfig
from workers.neural.losses.contrastive import ContrastiveConfig
from workers.neural.schedules.cosine import CosineScheduleConfig
from workers.neural.texts.gru import GruConfig
from workers.training.recipe import (
    ConceptsConfig,
    DataConfig,
    OptimiserConfig,
    PixelsConfig,
    Recipe,
    RunConfig,
)

RECIPE = Recipe(
    name="demo",
    embedding_dim=256,
    image=SmallResnetConfig(head=HeadConfig(dropout=0.1)),
    text=GruConfig(word_dim=128, hidden=128, pool="mean", dropout=0.1),
    loss=ContrastiveConfig(),
    schedule=CosineScheduleConfig(warmup_epochs=1.0),
    pixels=PixelsConfig(resize=128, size=128, train_crop="zoom", zoom_min=0.7),
    data=DataConfig(batch=96, captions="one", min_count=2, drop_words=0.1, workers=1),
    concepts=ConceptsConfig(weight=1.0),
    optimiser=OptimiserConfig(lr=1.2e-3, weight_decay=0.01),
    run=RunConfig(epochs=32, precision="bfloat16"),
)
