"""Several runs side by side: the settings in which they differ, their measures, and whether one is better."""

from typing import Any

from workers.training.measures.bootstrap import Comparison, paired_bootstrap
from workers.training.measures.ranks import read_ranks
from workers.training.run_folder import RunFolder
from workers.training.tracking.runs import Run, table_lines

MEASURES = ("r1", "r3", "r5", "r10", "recall10", "p1", "p3", "median_rank", "mean_rank", "mrr", "ndcg10")
ABSENT = "–"


def flat(settings: Any, prefix: str = "") -> dict[str, Any]:
    """Nested settings under dotted names, as `--set` takes them."""
    if not isinstance(settings, dict):
        return {prefix: settings}
    parts = (flat(value, f"{prefix}.{key}" if prefix else key) for key, value in settings.items())
    return {key: value for part in parts for key, value in part.items()}


def differing(runs: list[Run]) -> dict[str, list[Any]]:
    """The settings, and the data's fingerprints, in which the runs are not all alike: value by run, in their order."""
    tables = [flat(run.recipe) | flat(run.facts.get("fingerprints", {}), "data fingerprint") for run in runs]
    names = dict.fromkeys(name for table in tables for name in table)
    values = {name: [table.get(name, ABSENT) for table in tables] for name in names}
    return {name: row for name, row in values.items() if any(value != row[0] for value in row)}


def compare_lines(runs: list[Run]) -> list[str]:
    """Settings that differ, measures, and each run against the first by paired bootstrap, as lines for people."""
    head = ("", "", *(run.name for run in runs))
    settings = [(name, "", *map(_short, values)) for name, values in differing(runs).items()]
    lines = ["Settings that differ", *table_lines(head, settings), ""]
    lines += ["Best epoch on validation", *table_lines(head, _measures(runs)), ""]
    for other in runs[1:]:
        lines += comparison_lines(f"{other.name} against {runs[0].name}", _compared(other, runs[0]))
    return lines


def comparison_lines(title: str, comparison: Comparison | str) -> list[str]:
    """A bootstrap's outcome as lines for people; a sentence where there is none."""
    if isinstance(comparison, str):
        return [f"{title}: {comparison}"]
    rows = [
        (name, "", f"{d.value:+.1f}", f"{d.low:+.1f}", f"{d.high:+.1f}", f"{d.chance:.4f}")
        for name, d in {"sum of recalls": comparison.sum_of_recalls, **comparison.recalls}.items()
    ]
    head = ("points of percent", "", "difference", "from", "to (95 %)", "chance")
    note = f"{comparison.units} pictures or groups drawn {comparison.draws} times, each with its captions"
    verdict = f"{title}: that it is better is {comparison.sum_of_recalls.verdict}"
    return [verdict, *table_lines(head, rows), note]


def _compared(first: Run, second: Run) -> Comparison | str:
    """The bootstrap, or why there is none."""
    without = [run.name for run in (first, second) if not RunFolder(run.path).ranks.is_file()]
    if without:
        return f"{' and '.join(without)} kept no ranks: it is not finished, or older than they are."
    if first.facts["fingerprints"]["val"] != second.facts["fingerprints"]["val"]:
        return "they were not validated on the same pictures and captions."
    ranks, others = (read_ranks(RunFolder(run.path).ranks) for run in (first, second))
    return paired_bootstrap(ranks, others)


def _measures(runs: list[Run]) -> list[tuple[str, ...]]:
    rows = []
    for way, name in (("image_to_text", "i→t"), ("text_to_image", "t→i")):
        for measure in MEASURES:
            values = [((run.best or {}).get(way) or {}).get(measure) for run in runs]
            rows.append((f"{measure} {name}", "", *(ABSENT if v is None else f"{v:.1f}" for v in values)))
    sums = ((run.best or {}).get("sum_of_recalls") for run in runs)
    return [*rows, ("sum of recalls", "", *(ABSENT if v is None else f"{v:.1f}" for v in sums))]


def _short(value: Any) -> str:
    word = str(value)
    return word if len(word) <= 24 else f"{word[:21]}…"
