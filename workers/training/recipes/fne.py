"""Full-Network Embedding in multimodal pipelines (Vilalta et al. 2017): every loss on one layer and on all layers.

`fc7-` and `fne-` with SH (UVS), MH (VSE++), SOE (Order), MOE (Order++), PH and POE. A pair `fc7-X` and `fne-X` has the
settings of column X of the paper's table, a pair `fc7-X-bl` and `fne-X-bl` those of the baselines' column, so that a
pair differs in its features only. Sizes are those for Flickr8k.
"""

from typing import Any, NamedTuple

Settings = dict[str, Any]
MAX_EPOCHS, MAX_EPOCHS_MH = 200, 400


class Sizes(NamedTuple):
    """One column of the paper's table. `absolute`: of order embeddings; None where the similarity is the cosine."""

    embedding_dim: int
    word_dim: int
    lr: float
    margin: float
    absolute: bool | None = None
    second_lr: float = 0.0


COLUMNS = {
    "sh": Sizes(1536, 1024, 2e-4, 0.2),
    "sh-bl": Sizes(2048, 1000, 2e-4, 0.2),
    "mh": Sizes(1024, 1024, 2e-4, 0.2),
    "mh-bl": Sizes(1024, 300, 2e-4, 0.2),
    "soe": Sizes(1024, 1024, 1e-3, 0.05, absolute=True),
    "soe-bl": Sizes(1024, 300, 1e-3, 0.05, absolute=True),
    "moe": Sizes(1536, 1536, 1e-3, 0.05, absolute=True),
    "moe-bl": Sizes(1024, 300, 2e-4, 0.2, absolute=False),
    "ph": Sizes(1536, 1024, 2e-4, 0.2),
    "poe": Sizes(1024, 1024, 1e-3, 0.05, absolute=True, second_lr=1e-4),
}
# Order-max with the settings that hardly ever started learning in the paper.
UNSTABLE = {"moe-unstable": Sizes(1024, 1024, 2e-4, 0.2, absolute=True)}
# Published systems have the baselines' settings; the paper's own two losses are those on all layers.
ALIASES = {
    "uvs": "fc7-sh-bl",
    "order": "fc7-soe-bl",
    "order++": "fc7-moe-bl",
    "ph": "fne-ph",
    "poe": "fne-poe",
}

COMMON: Settings = {
    "start.weights": "default",
    "start.tune": "head",
    "pixels.crop": "ten",
    "pixels.resize": 256,
    "optimiser.clip": 2.0,
    "data.captions": "one",
    # The paper names no decay: one step behind the last epoch.
    "schedule": {"kind": "step", "every_epochs": MAX_EPOCHS_MH},
}
IMAGES: dict[str, Settings] = {
    "fc7": {
        "kind": "cnn",
        "architecture": "vgg16",
        "head": {"features": "unit", "bias": False},
    },
    "fne": {"kind": "fne", "architecture": "vgg16"},
}


def family() -> dict[str, Settings]:
    """Every recipe of the paper by name, and under the losses' own names."""
    columns = {**COLUMNS, **UNSTABLE}
    recipes = {
        f"{image}-{column}": _settings(image, column, sizes)
        for column, sizes in columns.items()
        for image in IMAGES
    }
    return recipes | {alias: recipes[name] for alias, name in ALIASES.items()}


def _settings(image: str, column: str, sizes: Sizes) -> Settings:
    similarity: Settings = {"kind": "cosine"}
    if sizes.absolute is not None:
        similarity = {"kind": "order", "absolute": sizes.absolute}
    return COMMON | {
        "image": IMAGES[image],
        "embedding_dim": sizes.embedding_dim,
        "text": {"kind": "gru", "word_dim": sizes.word_dim},
        "similarity": similarity,
        "optimiser.lr": sizes.lr,
        "loss": _loss(column, sizes),
        "run.epochs": MAX_EPOCHS_MH if column.startswith("mh") else MAX_EPOCHS,
    }


def _loss(column: str, sizes: Sizes) -> Settings:
    sums, largest = ({"kind": kind, "margin": sizes.margin} for kind in ("sum-hinge", "max-hinge"))
    if column.startswith("p"):
        return {
            "kind": "curriculum",
            "first": sums,
            "then": largest,
            "first_epochs": 1,
            "patience": 10,
            "lr": sizes.second_lr,
        }
    return sums if column.startswith("s") else largest
