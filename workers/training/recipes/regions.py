"""Region reasoning: VSRN (Li et al. 2019), the light GCN of Refine-ITR, and the same without regions to compare with.

With `image.source=cells` and a classification network as `image.architecture` they reason over its last map instead.
"""

from typing import Any

Settings = dict[str, Any]

DETECTOR: Settings = {
    "kind": "regions",
    "source": "detector",
    "architecture": "fasterrcnn_resnet50_fpn",
    "nodes": 36,
}
COMMON: Settings = {
    "text": {"kind": "gru", "word_dim": 300},
    "start.weights": "default",
    "start.tune": "head",
    "optimiser.lr": 2e-4,
    "schedule": {"kind": "step", "every_epochs": 10},
    "data.captions": "every",
    "run.epochs": 30,
}
# The detector sees the whole picture at a size at which small things are still found.
PIXELS: Settings = {"pixels.resize": 512, "pixels.size": 512}


def family() -> dict[str, Settings]:
    """`vsrn`, `light-gcn-512`, `-1024`, `-2048`, and `global-1024`: light-gcn-1024 on one vector a picture."""
    light = {
        f"light-gcn-{dim}": COMMON
        | PIXELS
        | {"embedding_dim": dim, "image": DETECTOR | {"reasoning": {"kind": "light"}}}
        for dim in (512, 1024, 2048)
    }
    vsrn = {
        "embedding_dim": 2048,
        "image": DETECTOR | {"reasoning": {"kind": "vsrn"}},
        "generation.weight": 1.0,
    }
    plain = {"kind": "cnn", "architecture": "resnet50", "head": {"features": "standard"}}
    return {
        "vsrn": COMMON | PIXELS | vsrn,
        **light,
        "global-1024": COMMON | {"embedding_dim": 1024, "image": plain},
    }
