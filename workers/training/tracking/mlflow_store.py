"""MLflow's store: its client, and an experiment in it.

An optional extra (requirements/mlflow.txt), imported when it is used. Nothing here needs torch: the commands that take
bundles from the store and put them there run in an environment without it.
"""

from pathlib import Path
from typing import Any

from workers.training.errors import TrainingError


def mlflow_client(uri: str) -> tuple[Any, type[Exception]]:
    """Return a client of the store at `uri` and what it raises; raises TrainingError without MLflow."""
    try:
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient
    except ImportError:
        raise TrainingError("Logging to MLflow needs it: pip install -r requirements/mlflow.txt.") from None
    try:
        return MlflowClient(tracking_uri=uri), MlflowException
    except MlflowException as problem:
        raise TrainingError(f"MLflow at {uri}: {problem}") from None


def mlflow_experiment(client: Any, name: str, uri: str) -> str:
    """Return the id of the experiment of this name, made where there is none."""
    found = client.get_experiment_by_name(name)
    if found:
        return str(found.experiment_id)
    return str(client.create_experiment(name, artifact_location=_artifacts(uri)))


def _artifacts(uri: str) -> str | None:
    """Beside an SQLite file, which holds no files; MLflow itself would take the folder that one happens to be in."""
    database = uri.removeprefix("sqlite:///")
    return None if database == uri else (Path(database).resolve().parent / "artifacts").as_uri()
