"""Curves as picture files. matplotlib is imported when something is drawn, with the renderer that needs no screen."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from workers.training.errors import TrainingError
from workers.training.tracking.runs import Run

PANELS: tuple[tuple[str, Callable[[dict[str, Any]], float]], ...] = (
    ("sum of the six recalls", lambda line: line["sum_of_recalls"]),
    ("R@1 image → text, %", lambda line: line["image_to_text"]["r1"]),
    ("R@1 text → image, %", lambda line: line["text_to_image"]["r1"]),
)
INCHES, DOTS_PER_INCH = (13, 4.2), 130


def figure_class() -> Any:
    """Matplotlib's Figure; TrainingError with what to install where it is not there."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise TrainingError("Plots need matplotlib: pip install -r requirements/train.txt.") from None

    def figure(**options: Any) -> Any:
        drawn = Figure(**options)
        FigureCanvasAgg(drawn)
        return drawn

    return figure


def plot_runs(runs: list[Run], path: Path) -> None:
    """Draw the recalls of runs over their epochs into a picture file (its ending says which kind).

    Raises TrainingError where no run has finished an epoch or matplotlib is not installed.
    """
    shown = [run for run in runs if run.curve]
    if not shown:
        raise TrainingError("No run has finished an epoch yet: there is nothing to draw.")
    figure = figure_class()(figsize=INCHES, layout="constrained")
    for axes, (title, value) in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        for run in shown:
            epochs = [line["epoch"] for line in run.curve]
            axes.plot(epochs, [value(line) for line in run.curve], marker=".", linewidth=1.2, label=run.name)
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.set_ylim(bottom=0)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(visible=True, alpha=0.3)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize="small", frameon=False)
    save(figure, path)


def save(figure: Any, path: Path) -> None:
    """Write a figure; TrainingError for an ending that matplotlib does not know."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        figure.savefig(path, dpi=DOTS_PER_INCH)
    except ValueError as error:
        raise TrainingError(f"{path.name} cannot be drawn: {error}") from None
