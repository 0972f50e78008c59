"""Full-Network Embedding in multimodal pipelines (Vilalta et al. 2017): every loss on one layer and on all layers.

`fc7-` and `fne-` with SH (UVS), MH (VSE++), SOE (Order), MOE (Order++), PH and POE. Sizes are those for Flickr8k.
"""

from typing import Any, NamedTuple

Settings = dict[str, Any]
MAX_EPOCHS, MAX_EPOCHS_MH = 200, 400


class Sizes(NamedTuple):
    """One column of the paper's table. `absolute`: of order embeddings; None where the similarity is the cosine."""

    dim: int
    words: int
    rate: float
    margin: float
    absolute: bool | None = None
    then_rate: float = 0.0


SIZES = {
    "fne-sh": Sizes(1536, 1024, 2e-4, 0.2),
    "fc7-sh": Sizes(2048, 1000, 2e-4, 0.2),
    "fne-mh": Sizes(1024, 1024, 2e-4, 0.2),
    "fc7-mh": Sizes(1024, 300, 2e-4, 0.2),
    "fne-soe": Sizes(1024, 1024, 1e-3, 0.05, absolute=True),
    "fc7-soe": Sizes(1024, 300, 1e-3, 0.05, absolute=True),
    "fne-moe": Sizes(1536, 1536, 1e-3, 0.05, absolute=True),
    "fc7-moe": Sizes(1024, 300, 2e-4, 0.2, absolute=False),
    "fne-ph": Sizes(1536, 1024, 2e-4, 0.2),
    "fc7-ph": Sizes(1536, 1024, 2e-4, 0.2),
    "fne-poe": Sizes(1024, 1024, 1e-3, 0.05, absolute=True, then_rate=1e-4),
    "fc7-poe": Sizes(1024, 1024, 1e-3, 0.05, absolute=True, then_rate=1e-4),
}
# Order-max with the settings that hardly ever started learning in the paper, and the curriculum at the same sizes.
UNSTABLE = Sizes(1024, 1024, 2e-4, 0.2, absolute=True)
ALIASES = {"uvs": "fc7-sh", "order": "fc7-soe", "order++": "fc7-moe", "ph": "fne-ph", "poe": "fne-poe"}

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
    recipes = {name: _settings(name, sizes) for name, sizes in SIZES.items()}
    recipes |= {f"{image}-moe-unstable": _settings(f"{image}-moe", UNSTABLE) for image in IMAGES}
    return recipes | {alias: recipes[name] for alias, name in ALIASES.items()}


def _settings(name: str, sizes: Sizes) -> Settings:
    image, loss = name.split("-")
    epochs = MAX_EPOCHS_MH if loss == "mh" else MAX_EPOCHS
    similarity: Settings = {"kind": "cosine"}
    if sizes.absolute is not None:
        similarity = {"kind": "order", "absolute": sizes.absolute}
    return COMMON | {
        "image": IMAGES[image],
        "dim": sizes.dim,
        "text": {"kind": "gru", "words": sizes.words},
        "similarity": similarity,
        "optimiser.rate": sizes.rate,
        "loss": _loss(loss, sizes),
        "run.epochs": epochs,
    }


def _loss(name: str, sizes: Sizes) -> Settings:
    sums, largest = ({"kind": kind, "margin": sizes.margin} for kind in ("sum-hinge", "max-hinge"))
    if name.startswith("p"):
        return {
            "kind": "curriculum",
            "first": sums,
            "then": largest,
            "first_epochs": 1,
            "patience": 10,
            "rate": sizes.then_rate,
        }
    return sums if name.startswith("s") else largest
