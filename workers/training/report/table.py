"""The report as Markdown and as a picture: our rows beside the papers' own numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.training.report.costs import Costs
from workers.training.report.findings import LEVEL_POINTS, Finding
from workers.training.report.papers import BLUEPRINT, PAPERS, Reported
from workers.training.tracking.plots import figure_class, save
from workers.training.tracking.runs import Run

ABSENT = "–"
HEAD = (
    "recipe", "i→t R@1/5/10, median", "t→i R@1/5/10, median", "sum", "epochs", "min",
    "M weights", "MB", "ms/picture", "ms/caption",
    "paper i→t", "paper t→i", "paper MB, ms/picture", "paper's data",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """A row of the report; `why` says what is missing and why, or what is unlike the other rows."""

    name: str
    recipe: str
    run: Run | None
    costs: Costs | None
    why: str = ""

    @property
    def quality(self) -> dict[str, Any] | None:
        """Of the best epoch, where the run has one."""
        return self.run.best if self.run else None


def report_markdown(rows: Sequence[Measured], checked: Sequence[Finding], about: Sequence[str]) -> str:
    """The whole report; `about` are lines on data and budget."""
    lines = ["# Recipes, beside their papers", "", *about, "", *_table(HEAD, [_cells(row) for row in rows])]
    lines += _beside_the_blueprint(rows)
    notes = [f"* `{row.name}`: {row.why}" for row in rows if row.why]
    if notes:
        lines += ["", "## Rows that need a word", "", *notes]
    lines += ["", "## The papers' findings", "", *_explained()]
    head = ("finding", "verdict", "seeds", "difference of sums (95 %)", "in the paper")
    lines += _table(
        head, [(f.claim, f.verdict, f.seeds or ABSENT, f.difference, f.paper or ABSENT) for f in checked]
    )
    return "\n".join(lines) + "\n"


def _beside_the_blueprint(rows: Sequence[Measured]) -> list[str]:
    """Our VSE++ by the measures of the blueprint's Table 3, which goes to R@5 and counts precision."""
    quality = next((row.quality for row in rows if row.recipe == "vsepp" and row.quality), None)
    if quality is None:
        return []
    sides = {"i→t": quality["image_to_text"], "t→i": quality["text_to_image"], "Ebert et al.": BLUEPRINT}
    lines = [(name, *(f"{values[measure]:.1f}" for measure in BLUEPRINT)) for name, values in sides.items()]
    head = ("", *(f"{measure[0].upper()}@{measure[1]}" for measure in BLUEPRINT))
    return ["", "## `vsepp` beside the blueprint", "", *_table(head, lines)]


def _explained() -> list[str]:
    return [
        "Paired bootstrap over the validation pictures with their captions, 10,000 draws, on the sum of recalls: "
        "confirmed where the 95 % interval lies above zero, refuted where it lies below, else undecided. "
        f"“Level” is confirmed where it lies within ±{LEVEL_POINTS:g} points, refuted where it lies outside. "
        "Of several seeds the mean is taken; a pair that differs in more than the finding is about is not compared.",
        "",
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def _cells(row: Measured) -> tuple[str, ...]:
    ours: tuple[str, ...] = (ABSENT,) * 5
    if row.run and row.quality:
        sides = (_recalls(row.quality[way]) for way in ("image_to_text", "text_to_image"))
        total = f"{row.quality['sum_of_recalls']:.1f}"
        ours = (*sides, total, str(len(row.run.curve)), f"{row.run.seconds / 60:.1f}")
    return (row.name, *ours, *_cost_cells(row.costs), *_paper_cells(PAPERS.get(row.name)))


def _recalls(direction: dict[str, Any]) -> str:
    return f"{direction['r1']:.1f}/{direction['r5']:.1f}/{direction['r10']:.1f}, {direction['median_rank']:g}"


def _cost_cells(costs: Costs | None) -> tuple[str, ...]:
    if costs is None:
        return (ABSENT,) * 4
    megabytes = f"{costs.bundle_bytes / 1e6:.1f}"
    return f"{costs.parameters / 1e6:.1f}", megabytes, f"{costs.picture_ms:.1f}", f"{costs.caption_ms:.2f}"


def _paper_cells(paper: Reported | None) -> tuple[str, ...]:
    if paper is None:
        return (ABSENT,) * 4
    medians = (f", {paper.medians[0]}", f", {paper.medians[1]}") if paper.medians else ("", "")
    sides = (
        "/".join(f"{v:.1f}" for v in side) + median
        for side, median in zip((paper.there, paper.back), medians, strict=True)
    )
    costs = ABSENT if paper.megabytes is None else f"{paper.megabytes:g}, {paper.picture_ms:g}"
    return (*sides, costs, paper.data)


def report_plot(rows: Sequence[Measured], path: Path) -> None:
    """Sums of recalls as bars, ours beside the papers'. Raises TrainingError without matplotlib."""
    shown = [row for row in rows if row.quality or row.name in PAPERS][::-1]
    figure = figure_class()(figsize=(9, 1.2 + 0.36 * len(shown)), layout="constrained")
    axes = figure.subplots()
    places = range(len(shown))
    ours = [row.quality["sum_of_recalls"] if row.quality else 0 for row in shown]
    theirs = [PAPERS[row.name].total if row.name in PAPERS else 0 for row in shown]
    axes.barh([k + 0.2 for k in places], ours, height=0.38, label="here, validation", color="#0b6e6e")
    axes.barh([k - 0.2 for k in places], theirs, height=0.38, label="paper, its own data", color="#c7cdd4")
    axes.set_yticks(list(places), [row.name for row in shown])
    axes.set_xlabel("sum of the six recalls (0 to 600)")
    axes.grid(visible=True, axis="x", alpha=0.3)
    axes.legend(loc="lower right", frameon=False)
    save(figure, path)
