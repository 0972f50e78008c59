"""From trained rows to the report's files: report.md, report.png, curves.png and report.json."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from workers.inference.errors import InferenceError
from workers.training.errors import TrainingError
from workers.training.layout import Captioned
from workers.training.report.costs import Costs, costs_of
from workers.training.report.findings import findings
from workers.training.report.plan import ReportRow
from workers.training.report.table import Measured, report_markdown, report_plot
from workers.training.report.training import Failures
from workers.training.tracking.plots import plot_runs
from workers.training.tracking.runs import Run, read_run


@dataclass(frozen=True, slots=True)
class ReportScope:
    """What a report is about: the runs' folder, the split measured on, how many seeds, and what its head says."""

    folder: Path
    split: Captioned
    seeds: int
    about: Sequence[str] = ()


def write_report(rows: Sequence[ReportRow], failures: Failures, report: ReportScope) -> str:
    """Measure what each row costs, compare, and write the files into the runs' folder; the report as Markdown."""
    measured = [_measured(row, failures.get(row.name, ""), report.split) for row in rows]
    checked = findings(report.folder, report.seeds)
    text = report_markdown(measured, checked, report.about)
    (report.folder / "report.md").write_text(text)
    plain = {
        "rows": [_plain(row) for row in measured],
        "findings": [asdict(finding) for finding in checked],
    }
    (report.folder / "report.json").write_text(json.dumps(plain, indent=1) + "\n")
    report_plot(measured, report.folder / "report.png")
    if curves := [row.run for row in measured if row.run and row.run.curve]:
        plot_runs(curves, report.folder / "curves.png")
    return text


def _measured(row: ReportRow, failure: str, split: Captioned) -> Measured:
    """A row with whatever there is of it."""
    run = _run(row.run)
    words = [failure] if failure and not (run and failure in run.reason) else []
    if not (run or failure):
        words.append(f"not run: `--only {row.name}` with the settings above runs it")
    if run and run.state != "finished":
        words.append(f"{run.state}. {run.reason}".strip())
    if row.left_out:
        words.append(f"without {', '.join(row.left_out)}, which its parts do not have")
    costs, why = _costs(row, split)
    return Measured(row.name, row.recipe.name, run, costs, "; ".join([*words, *([why] if why else [])]))


def _run(path: Path) -> Run | None:
    try:
        return read_run(path)
    except TrainingError:
        return None


def _costs(row: ReportRow, split: Captioned) -> tuple[Costs | None, str]:
    if not row.bundle.is_file():
        return None, ""
    try:
        return costs_of(row.bundle, split.paths, split.texts()), ""
    except InferenceError as error:
        return None, f"its bundle cannot be served: {error}"


def _plain(row: Measured) -> dict[str, object]:
    costs = asdict(row.costs) if row.costs else None
    state = row.run.state if row.run else "missing"
    return {"name": row.name, "state": state, "quality": row.quality, "costs": costs, "why": row.why}
