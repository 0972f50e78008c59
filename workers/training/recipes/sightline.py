"""What works best of all that the papers describe, for some thousand captioned photographs and two cores.

Standardised means and maxima of MobileNetV2's last layers; a mean of word vectors and a convolution over them side by
side, each with a contrastive loss of its own over all captions of a batch's pictures; the head is trained first, then
the network's last blocks along with it, on random crops whose early layers are computed once, until validation gets no
better; the weights are averaged, and serving takes a picture in two sizes, each with its mirror image.
`docs/training.md` says what that cost and reached.
"""

from workers.neural.images.fne import FneConfig
from workers.neural.losses.contrastive import ContrastiveConfig
from workers.neural.schedules.cosine import CosineScheduleConfig
from workers.neural.similarity.cosine import CosineConfig
from workers.neural.texts.convolution import ConvolutionConfig
from workers.neural.texts.mean import MeanConfig
from workers.neural.texts.several import SeveralConfig
from workers.training.recipe import DataConfig, OptimiserConfig, PixelsConfig, Recipe, RunConfig, StartConfig

RECIPE = Recipe(
    name="sightline",
    image=FneConfig(
        architecture="mobilenet_v2",
        layers=("features.16", "features.17", "features.18"),
        peaks=True,
        discretise=False,
        bias=True,
        dropout=0.5,
    ),
    text=SeveralConfig(encoders=(MeanConfig(dropout=0.3), ConvolutionConfig(dropout=0.3))),
    similarity=CosineConfig(parts=2),
    loss=ContrastiveConfig(temperature=0.07),
    schedule=CosineScheduleConfig(),
    pixels=PixelsConfig(resize=224, size=224, train_crop="zoom", zoom_min=0.45, views="random", kept=8),
    start=StartConfig(weights="default", lr_factor=0.3, tune_from="features.14", head_epochs=8),
    data=DataConfig(batch=128, captions="grouped", min_count=2, drop_words=0.1),
    optimiser=OptimiserConfig(lr=1e-3, clip=0.0, weight_decay=0.01),
    mirror=True,
    scales=(1.0, 1.25),
    run=RunConfig(epochs=32, patience=3, ema_decay=0.995),
)
