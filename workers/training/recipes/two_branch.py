"""Two-branch networks (Wang et al. 2016) with the triplets that their comparison chose, on VGG-19's last layer.

2,048 values between the layers and 512 dimensions, as in that paper's own code (lwwang/Two_branch_network).
"""

from typing import Any

Settings = dict[str, Any]

MINING: dict[str, Settings] = {
    "k1": {"mining": "hardest", "count": 1},
    "k1-clamp": {"mining": "hardest", "count": 1, "above_margin": "clamp"},
    "k1-drop": {"mining": "hardest", "count": 1, "above_margin": "drop"},
    "k10-sum": {"mining": "hardest", "count": 10, "reduce": "sum"},
    "k10-sum-clamp": {"mining": "hardest", "count": 10, "reduce": "sum", "above_margin": "clamp"},
    "k10-sum-drop": {"mining": "hardest", "count": 10, "reduce": "sum", "above_margin": "drop"},
    "k10-mean": {"mining": "hardest", "count": 10, "reduce": "mean"},
    "semi-hard": {"mining": "semi-hard"},
    "hard": {"mining": "hard"},
    "hard-semi-hard": {"mining": "hard-semi-hard"},
}
COMMON: Settings = {
    "embedding_dim": 512,
    "image": {"kind": "two-branch", "architecture": "vgg19"},
    "text": {"kind": "two-branch", "word_dim": 300},
    "start.weights": "default",
    "start.tune": "head",
    "data.batch": 64,
    "optimiser.lr": 2e-4,
    "balance": 0.1,
    "run.epochs": 30,
}


COMPARED = ("k1", "k10-sum", "k10-mean")
RESNET50: Settings = {"image": {"kind": "two-branch", "architecture": "resnet50"}}


def family() -> dict[str, Settings]:
    """One recipe for each way to choose triplets on VGG-19, and the K hardest on ResNet-50, the other network there."""
    recipes = {
        f"two-branch-{name}": COMMON | {"loss": {"kind": "triplet", "margin": 0.1, **mining}}
        for name, mining in MINING.items()
    }
    resnet50 = {f"two-branch-{name}-resnet50": recipes[f"two-branch-{name}"] | RESNET50 for name in COMPARED}
    return recipes | resnet50
