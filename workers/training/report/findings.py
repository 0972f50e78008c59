"""The papers' findings, each with a verdict from our own runs: confirmed, refuted or undecided."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.training.errors import TrainingError
from workers.training.measures.bootstrap import paired_bootstrap
from workers.training.measures.ranks import Ranks, joined_ranks, read_ranks
from workers.training.report.claims import CLAIMS, FEATURES, Claim
from workers.training.report.papers import PAPERS, STARTED
from workers.training.report.plan import ORDER_MAX, row_name
from workers.training.run_folder import RunFolder
from workers.training.tracking.compare import flat
from workers.training.tracking.runs import Run, read_run

LEVEL_POINTS = 10.0
"""Two models are level when the whole interval of their sums' difference lies within so many points of 600."""
STARTS_AT = 10.0
"""A run whose sum of recalls stays below has not started (Vilalta et al. 2017)."""
SEED = "run.seed"

Pair = tuple[Run, Run]


@dataclass(frozen=True, slots=True)
class Finding:
    """`difference`: of the sums, first minus second, with its 95 % interval, in words; `paper`: the paper's own.

    `seeds`: how many initialisations the verdict rests on, in words.
    """

    claim: str
    verdict: str
    difference: str
    seeds: str = ""
    paper: str = ""


def findings(folder: Path, seeds: int) -> list[Finding]:
    """Every claim and, of both kinds of features, what the curriculum does for order-max."""
    return [
        *(_checked(folder, claim, seeds) for claim in CLAIMS),
        *(rescue(folder, features, seeds) for features in FEATURES),
    ]


def _checked(folder: Path, claim: Claim, seeds: int) -> Finding:
    paper = ""
    if claim.first in PAPERS and claim.second in PAPERS:
        paper = f"{PAPERS[claim.first].total - PAPERS[claim.second].total:+.1f}"
    pairs = _pairs(folder, claim, seeds)
    if not pairs:
        return Finding(claim.statement, "not measured", "a run is missing", paper=paper)
    if others := _differing(*pairs[0], besides=claim.about):
        return Finding(
            claim.statement, "not comparable", f"they also differ in {', '.join(others)}", paper=paper
        )
    first, second = (joined_ranks([_ranks(run) for run in side]) for side in zip(*pairs, strict=True))
    d = paired_bootstrap(first, second).sum_of_recalls
    verdict = d.within(LEVEL_POINTS) if claim.level else d.verdict
    difference = f"{d.value:+.1f} ({d.low:+.1f} to {d.high:+.1f})"
    return Finding(claim.statement, verdict, difference, _counted(len(pairs)), paper)


def _pairs(folder: Path, claim: Claim, seeds: int) -> list[Pair]:
    """Both sides' runs by seed; of further seeds those that were trained as the first was."""
    first = _of_equal_size(folder, claim)
    found = [
        (one, other)
        for seed in range(max(1, seeds))
        if (one := _compared(folder / row_name(first, seed)))
        and (other := _compared(folder / row_name(claim.second, seed)))
    ]
    return [
        pair
        for pair in found
        if not any(_differing(run, as_first, (SEED,)) for run, as_first in zip(pair, found[0], strict=True))
    ]


def _differing(first: Run, second: Run, besides: tuple[str, ...]) -> list[str]:
    """The settings that both have and in which they differ, but for their names and those that begin with `besides`."""
    one, other = flat(first.recipe), flat(second.recipe)
    return [
        f"{name} ({one[name]} and {other[name]})"
        for name in one
        if name in other and one[name] != other[name] and not _among(name, ("name", *besides))
    ]


def _among(name: str, settings: tuple[str, ...]) -> bool:
    return any(name == setting or name.startswith(f"{setting}.") for setting in settings)


def _of_equal_size(folder: Path, claim: Claim) -> str:
    runs = {name: _run(folder / name) for name in (claim.first, *claim.sizes, claim.second)}
    sizes = {name: run.recipe.get("embedding_dim") for name, run in runs.items() if run}
    wanted = sizes.pop(claim.second, None)
    return next((name for name, size in sizes.items() if size == wanted), claim.first)


def rescue(folder: Path, features: str, seeds: int) -> Finding:
    """Whether order-max fails to start from several initialisations where the curriculum does start.

    It rests on every setting of order-max that was run. Confirmed when order-max failed at least once at each of them
    and the curriculum never; refuted when order-max always started (there was nothing to rescue) or the curriculum
    failed as often; else undecided.
    """
    claim = f"order-max fails to start and the curriculum always starts, {FEATURES[features]}"
    paper = (
        f"order-max started {', '.join(map(str, STARTED[features]))} of 5 times at three settings; POE always"
    )
    counted = {column: _started(folder, f"{features}-{column}", seeds) for column in ORDER_MAX}
    settings = {column: starts for column, starts in counted.items() if starts}
    curriculum = _started(folder, f"{features}-poe", seeds)
    if not (settings and curriculum):
        return Finding(claim, "not measured", "runs are missing", paper=paper)
    counts = [f"`{column}` {sum(starts)} of {len(starts)}" for column, starts in settings.items()]
    starts = f"order-max started {', '.join(counts)}, the curriculum {sum(curriculum)} of {len(curriculum)}"
    least = min(map(len, (*settings.values(), curriculum)))
    verdict = _rescue_verdict(list(settings.values()), curriculum)
    return Finding(claim, verdict, starts, _counted(least), paper)


def _rescue_verdict(settings: Sequence[Sequence[bool]], curriculum: Sequence[bool]) -> str:
    largest = [start for starts in settings for start in starts]
    if _failed(largest) <= _failed(curriculum):
        return "refuted"
    return "confirmed" if all(map(_failed, settings)) and not _failed(curriculum) else "undecided"


def _failed(starts: Sequence[bool]) -> float:
    """The share that did not start."""
    return starts.count(False) / len(starts)


def _started(folder: Path, recipe: str, seeds: int) -> list[bool]:
    """Of each finished run of these initialisations, whether its sum of recalls ever rose above that of no start."""
    runs = [_run(folder / row_name(recipe, seed)) for seed in range(seeds)]
    return [run.best_sum >= STARTS_AT for run in runs if run and run.state in ("finished", "not started")]


def _counted(seeds: int) -> str:
    return "one seed" if seeds == 1 else f"{seeds} seeds"


def _compared(path: Path) -> Run | None:
    """The run at `path`, where it has ended and its ranks are there."""
    return _run(path) if RunFolder(path).ranks.is_file() else None


def _ranks(run: Run) -> Ranks:
    return read_ranks(RunFolder(run.path).ranks)


def _run(path: Path) -> Run | None:
    try:
        return read_run(path)
    except TrainingError:
        return None
