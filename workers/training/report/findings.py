"""The papers' findings, each with a verdict from our own runs: confirmed, refuted or undecided."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.training.errors import TrainingError
from workers.training.measures.bootstrap import paired_bootstrap
from workers.training.measures.ranks import read_ranks
from workers.training.report.papers import PAPERS, STARTED
from workers.training.report.plan import row_name
from workers.training.run_folder import RunFolder
from workers.training.tracking.runs import Run, read_run

LEVEL_POINTS = 10.0
"""Two models are level when the whole interval of their sums' difference lies within so many points of 600."""
STARTS_AT = 10.0
"""A run whose sum of recalls stays below has not started (Vilalta et al. 2017)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`difference`: of the sums, first minus second, with its 95 % interval, in words; `paper`: the paper's own."""

    claim: str
    verdict: str
    difference: str
    paper: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """That `first` is better than `second`, or with `level` that they are level.

    `sizes`: recipes that differ from the first in their size alone; the one trained at the second's size is taken.
    """

    said: str
    first: str
    second: str
    level: bool = False
    sizes: tuple[str, ...] = ()


CLAIMS = (
    *(
        Claim(f"FNE over one layer, {loss.upper()}", f"fne-{loss}", f"fc7-{loss}")
        for loss in ("sh", "mh", "soe", "moe", "ph", "poe")
    ),
    *(
        Claim(f"max over sum of hinges, {said}", f"{image}-{largest}", f"{image}-{summed}")
        for said, image, largest, summed in (
            ("cosine, one layer", "fc7", "mh", "sh"),
            ("cosine, FNE", "fne", "mh", "sh"),
            ("order, one layer", "fc7", "moe", "soe"),
            ("order, FNE", "fne", "moe", "soe"),
        )
    ),
    Claim("K = 1 over K = 10, summed", "two-branch-k1", "two-branch-k10-sum"),
    Claim("K = 1 over K = 10, averaged", "two-branch-k1", "two-branch-k10-mean"),
    Claim("light region reasoning over global features", "light-gcn-1024", "global-1024"),
    Claim("VSRN's region reasoning over global features", "vsrn", "global-1024"),
    Claim(
        "light GCN level with VSRN's",
        "light-gcn-2048",
        "vsrn",
        level=True,
        sizes=("light-gcn-1024", "light-gcn-512"),
    ),
)


def findings(folder: Path, seeds: int) -> list[Finding]:
    """Every claim and, of both kinds of features, what the curriculum does for order-max."""
    return [
        *(_checked(folder, claim) for claim in CLAIMS),
        *(rescue(folder, f, seeds) for f in ("fc7", "fne")),
    ]


def _checked(folder: Path, claim: Claim) -> Finding:
    paper = ""
    if claim.first in PAPERS and claim.second in PAPERS:
        paper = f"{PAPERS[claim.first].total - PAPERS[claim.second].total:+.1f}"
    try:
        pair = (_of_equal_size(folder, claim), claim.second)
        first, second = (read_ranks(RunFolder(folder / name).ranks) for name in pair)
        d = paired_bootstrap(first, second).sum_of_recalls
    except TrainingError:
        return Finding(claim.said, "not measured", "a run is missing", paper)
    verdict = d.within(LEVEL_POINTS) if claim.level else d.verdict
    return Finding(claim.said, verdict, f"{d.value:+.1f} ({d.low:+.1f} to {d.high:+.1f})", paper)


def _of_equal_size(folder: Path, claim: Claim) -> str:
    runs = {name: _run(folder / name) for name in (claim.first, *claim.sizes, claim.second)}
    sizes = {name: run.recipe.get("dim") for name, run in runs.items() if run}
    wanted = sizes.pop(claim.second, None)
    return next((name for name, size in sizes.items() if size == wanted), claim.first)


def rescue(folder: Path, features: str, seeds: int) -> Finding:
    """Whether order-max fails to start from several initialisations where the curriculum does start.

    Confirmed when order-max failed at least once, at that of its two settings at which it failed most, and the
    curriculum never; refuted when order-max always started (there was nothing to rescue) or the curriculum failed as
    often; else undecided.
    """
    claim = f"order-max fails to start and the curriculum always starts, {_said(features)}"
    paper = (
        f"order-max started {', '.join(map(str, STARTED[features]))} of 5 times at three settings; POE always"
    )
    settings = [_started(folder, f"{features}-{loss}", seeds) for loss in ("moe", "moe-unstable")]
    measured = [starts for starts in settings if starts]
    curriculum = _started(folder, f"{features}-poe", seeds)
    if not (measured and curriculum):
        return Finding(claim, "not measured", "runs are missing", paper)
    counts = [f"{sum(starts)} of {len(starts)}" for starts in (*measured, curriculum)]
    told = f"order-max started {' and '.join(counts[:-1])}, the curriculum {counts[-1]}"
    largest = max(measured, key=lambda starts: starts.count(False))
    return Finding(claim, _rescue_verdict(largest, curriculum), told, paper)


def _rescue_verdict(largest: Sequence[bool], curriculum: Sequence[bool]) -> str:
    failed, rescued = largest.count(False), curriculum.count(False)
    if not failed or rescued >= failed:
        return "refuted"
    return "confirmed" if not rescued else "undecided"


def _started(folder: Path, recipe: str, seeds: int) -> list[bool]:
    """Of each finished run of these initialisations, whether its sum of recalls ever rose above that of no start."""
    runs = [_run(folder / row_name(recipe, seed)) for seed in range(seeds)]
    return [run.best_sum >= STARTS_AT for run in runs if run and run.state in ("finished", "not started")]


def _run(path: Path) -> Run | None:
    try:
        return read_run(path)
    except TrainingError:
        return None


def _said(features: str) -> str:
    return {"fc7": "one layer", "fne": "FNE"}[features]
