"""VSE++ on a frozen network's standardised features: minutes on two cores where fine-tuning takes a GPU."""

from workers.neural.images.cnn import CnnConfig
from workers.neural.images.features import HeadConfig
from workers.training.recipe import DataConfig, Recipe, RunConfig, StartConfig

RECIPE = Recipe(
    name="vsepp-features",
    image=CnnConfig(architecture="resnet152", head=HeadConfig(features="standard")),
    start=StartConfig(weights="default", tune="head"),
    data=DataConfig(batch=128, captions="one", min_count=2),
    run=RunConfig(epochs=30, patience=6),
)
