"""Train the rows that are missing; one that fails stops nothing else."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from workers.neural.configs import config_to
from workers.neural.errors import ModelConfigError
from workers.training.errors import TrainingError
from workers.training.report.plan import ReportRow
from workers.training.run_folder import RunFolder
from workers.training.tracking.compare import flat

TrainRow = Callable[[ReportRow], None]
Say = Callable[[str], None]
Failures = dict[str, str]


def train_missing(rows: Sequence[ReportRow], train: TrainRow, at_once: int, say: Say) -> Failures:
    """Train what is not trained yet, `at_once` rows at a time; why a row could not be, by its name.

    The first row of those that share a frozen network's features goes ahead of the others, which then find them.
    """
    firsts = list({row.shared_features(): row for row in reversed(rows)}.values())[::-1]
    rest = [row for row in rows if row not in firsts]
    failures: Failures = {}
    with ThreadPoolExecutor(at_once) as pool:
        for part in (firsts, rest):
            reasons = pool.map(lambda row: _attempt(row, train, say), part)
            failures |= {row.name: reason for row, reason in zip(part, reasons, strict=True) if reason}
    return failures


def _attempt(row: ReportRow, train: TrainRow, say: Say) -> str:
    """Train a row where that is needed; why it could not be, or nothing."""
    try:
        if not needs_training(row):
            say(f"{row.name}: trained already")
            return ""
        say(f"{row.name}: training")
        train(row)
    except TrainingError as error:
        say(f"{row.name}: {error}")
        return str(error)
    say(f"{row.name}: {RunFolder(row.run).state.state}")
    return ""


def needs_training(row: ReportRow) -> bool:
    """Whether a row is still to be trained. Raises TrainingError where its folder holds another run."""
    folder = RunFolder(row.run)
    if not folder.config.exists():
        return True
    if changed := _changed(row, folder):
        raise TrainingError(f"It was trained with other settings before ({changed}): remove {row.run}.")
    state = folder.state.state
    if state == "running":
        raise TrainingError("Another process is training it.")
    return not (state == "not started" or (state == "finished" and (row.bundle.is_file() or not row.bundled)))


def _changed(row: ReportRow, folder: RunFolder) -> str:
    """The settings in which the folder's run differs from the row, in a few words.

    A run keeps what it was begun with; settings that did not exist then have their defaults.
    """
    try:
        begun, _ = folder.recipe_and_data()
    except ModelConfigError as error:
        raise TrainingError(f"It was trained by another version ({error}): remove {row.run}.") from None
    before, now = (flat(config_to(recipe)) for recipe in (begun, row.recipe))
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return ", ".join(f"{name} {before.get(name)}, now {now.get(name)}" for name in names[:3])
