"""VSE++ as published: ResNet-152, GRU, 1,024 dimensions, max of hinges; every pair in each epoch."""

from workers.neural.images.cnn import CnnConfig
from workers.training.recipe import DataConfig, Recipe, StartConfig

RECIPE = Recipe(
    name="vsepp",
    image=CnnConfig(architecture="resnet152"),
    start=StartConfig(weights="default", tune="all", lr_factor=0.1),
    data=DataConfig(batch=128, captions="every"),
)
