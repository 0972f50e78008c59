"""Going on from a version with native weights, an imported CLIP-like model above all, on one's own captioned pictures.

The version gives the shape (`start.shape`), so a recipe says nothing but how it is trained. `finetune-heads` trains the
linear maps behind both frozen networks, whose values are computed once: minutes on two cores. `finetune-blocks` trains
the last two blocks of both along, at a hundredth of the heads' learning rate; `finetune-lora` lets all blocks learn a
little beside their weights. Both want a GPU for models of full size.
"""

from dataclasses import replace

from workers.neural.losses.contrastive import ContrastiveConfig
from workers.neural.schedules.cosine import CosineScheduleConfig
from workers.training.recipe import DataConfig, OptimiserConfig, PixelsConfig, Recipe, RunConfig, StartConfig

HEADS = Recipe(
    name="finetune-heads",
    loss=ContrastiveConfig(temperature=0.03),
    schedule=CosineScheduleConfig(),
    pixels=PixelsConfig(train_crop="center", flip=False),
    start=StartConfig(tune="head", shape="bundle"),
    data=DataConfig(batch=128, captions="one"),
    optimiser=OptimiserConfig(lr=3e-4, clip=1.0, weight_decay=0.01),
    run=RunConfig(epochs=20, patience=5, start_epochs=0),
)
BLOCKS = replace(
    HEADS,
    name="finetune-blocks",
    start=StartConfig(
        tune="all", shape="bundle", tune_blocks=2, tune_sentence=2, head_epochs=2, lr_factor=0.01
    ),
    run=RunConfig(epochs=10, patience=4, start_epochs=0),
)
LORA = replace(
    BLOCKS,
    name="finetune-lora",
    start=StartConfig(tune="all", shape="bundle", lora_rank=8, head_epochs=2),
)
