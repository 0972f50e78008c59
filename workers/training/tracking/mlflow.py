"""Runs in MLflow: parameters, curves, the best epoch's measures, the run's files and its bundle.

An optional extra (requirements/mlflow.txt), imported when a run is logged.
"""

from pathlib import Path
from typing import Any

from workers.training.errors import TrainingError
from workers.training.run_folder import RunFolder
from workers.training.tracking.compare import flat
from workers.training.tracking.mlflow_store import mlflow_client, mlflow_experiment
from workers.training.tracking.runs import Run

STATUS = {"finished": "FINISHED", "running": "RUNNING", "not started": "FAILED", "stopped": "KILLED"}
VALUE_CHARACTERS = 6000
"""The longest value of a parameter that MLflow keeps."""


def log_run(run: Run, uri: str, experiment: str, bundle: Path | None = None) -> str:
    """Log a run to the tracking store at `uri` and return its id there; a run logged before is replaced.

    `bundle`: its model; by default `NAME.bundle.zip` beside the run's folder, where there is one. Raises TrainingError
    without MLflow or where the store does not answer.
    """
    client, error = mlflow_client(uri)
    try:
        where = mlflow_experiment(client, experiment, uri)
        _forget(client, where, run)
        logged = client.create_run(where, run_name=run.name, tags=_tags(run)).info.run_id
        _log(client, logged, run, bundle or run.path.with_name(f"{run.name}.bundle.zip"))
        client.set_terminated(logged, STATUS.get(run.state, "FINISHED"))
    except error as problem:
        raise TrainingError(f"MLflow at {uri}: {problem}") from None
    return str(logged)


def _forget(client: Any, experiment: str, run: Run) -> None:
    """The same run, logged before, was of an earlier epoch."""
    for old in client.search_runs([experiment], filter_string=f"tags.`sightline.run` = '{_identity(run)}'"):
        client.delete_run(old.info.run_id)


def _identity(run: Run) -> str:
    return str(run.path.resolve()).replace("'", "")


def _tags(run: Run) -> dict[str, str]:
    prints = {f"fingerprint.{name}": value for name, value in run.facts["fingerprints"].items()}
    return {"sightline.run": _identity(run), "state": run.state, "reason": run.reason, **prints}


def _log(client: Any, logged: str, run: Run, bundle: Path) -> None:
    for name, value in flat(run.recipe).items():
        client.log_param(logged, name, str(value)[:VALUE_CHARACTERS])
    for line in run.curve:
        for name, value in _numbers(line).items():
            client.log_metric(logged, name, value, step=line["epoch"])
    for name, value in _numbers(run.quality or {}).items():
        client.log_metric(logged, f"best.{name}", value)
    folder = RunFolder(run.path)
    for path in (folder.config, folder.curves, folder.log, folder.metrics, folder.ranks, bundle):
        if path.is_file():
            client.log_artifact(logged, str(path), "bundle" if path == bundle else "run")


def _numbers(table: dict[str, Any]) -> dict[str, float]:
    return {name: float(v) for name, v in flat(table).items() if isinstance(v, int | float)}
