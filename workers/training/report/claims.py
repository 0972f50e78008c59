"""What the papers say of their recipes, as pairs of rows: the first is better than the second, or level with it."""

from dataclasses import dataclass

from workers.training.recipes import fne

FEATURES = {"fc7": "one layer", "fne": "FNE"}


@dataclass(frozen=True, slots=True)
class Claim:
    """That `first` is better than `second`, or with `level` that they are level.

    `about`: the settings in which the two may differ, by the beginnings of their names; a pair that differs in
    anything else shows nothing. `sizes`: recipes that differ from the first in their size alone; the one trained at
    the second's size is taken.
    """

    statement: str
    first: str
    second: str
    about: tuple[str, ...]
    level: bool = False
    sizes: tuple[str, ...] = ()


CLAIMS = (
    *(
        Claim(f"FNE over one layer, {column.upper()}", f"fne-{column}", f"fc7-{column}", ("image",))
        for column in fne.COLUMNS
    ),
    *(
        Claim(
            f"max over sum of hinges, {similarity}, {features}",
            f"{image}-{largest}",
            f"{image}-{summed}",
            ("loss.kind",),
        )
        for similarity, largest, summed in (("cosine", "mh", "sh"), ("order", "moe", "soe"))
        for image, features in FEATURES.items()
    ),
    Claim("K = 1 over K = 10, summed", "two-branch-k1", "two-branch-k10-sum", ("loss.count",)),
    Claim(
        "K = 1 over K = 10, averaged", "two-branch-k1", "two-branch-k10-mean", ("loss.count", "loss.reduce")
    ),
    *(
        Claim(
            f"K = 1 over K = 10, summed, hard triplets {what}",
            f"two-branch-k1-{above}",
            f"two-branch-k10-sum-{above}",
            ("loss.count",),
        )
        for above, what in (("clamp", "cut at the margin"), ("drop", "left out"))
    ),
    Claim(
        "light region reasoning over global features", "light-gcn-1024", "global-1024", ("image", "pixels")
    ),
    Claim(
        "VSRN's region reasoning over global features",
        "vsrn",
        "global-1024",
        ("image", "pixels", "generation"),
    ),
    Claim(
        "light GCN level with VSRN's",
        "light-gcn-2048",
        "vsrn",
        ("image.reasoning", "generation"),
        level=True,
        sizes=("light-gcn-1024", "light-gcn-512"),
    ),
)
