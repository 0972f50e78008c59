"""The first half of getting a model: its files, from the hub or a folder, made into a bundle that is stored."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.core.files.base import File

from models_admin.catalogue import check_accepted, hub_settings
from models_admin.own_models import wanted_model
from models_admin.services import version_add
from retrieval_site.config import MIB
from retrieval_site.errors import AppError
from workers.hub.download import folder_files, hub_commit, hub_fetch, sha256_of
from workers.hub.errors import HubError
from workers.hub.layouts import layout_files

if TYPE_CHECKING:
    from models_admin.job_types import GetModelParameters, GetModelResult
    from models_admin.models import ModelVersion
    from workers.hub.catalogue import PublishedModel
    from workers.hub.download import Hub, HubCommit
    from workers.jobs.context import JobContext, JobRun

    Run = JobRun[GetModelParameters, GetModelResult]


WEIGHTS_FILES = {"weights": "model.safetensors", "weights_config": "config.json"}
"""The parts that native weights are, and their names in a repository of their own."""
_WITHOUT_WEIGHTS = ("hub.not_found", "hub.not_permitted", "hub.not_cached", "hub.too_large")
"""Errors after which a model is taken over without native weights; others are raised, and the job can be retried."""


class _Files(NamedTuple):
    """Files on this machine, and their names in the repository, both by their part."""

    parts: dict[str, Path]
    names: dict[str, str]


def version_got(run: Run) -> ModelVersion:
    """Return the stored version of the model that the job asks for. Raises AppError, HubError `hub.*`, BundleError."""
    model = wanted_model(run.parameters)
    check_accepted(model)
    parts, source = _from_folder(model, run) if run.parameters.folder else _from_hub(model, run)
    run.remember(commit=source.get("commit"), bytes=sum(one["bytes"] for one in source["files"].values()))
    with tempfile.TemporaryDirectory(prefix="sightline-published-") as room:
        path = Path(room) / f"{model.name}.zip"
        _write_bundle(model, parts, source, path, run)
        place = "the catalogue: " if run.parameters.model else ""
        with path.open("rb") as file:
            return version_add(
                bundle=File(file, name=str(path)), note=f"From {place}{model.title}", by=run.job.owner
            )


def _from_hub(model: PublishedModel, run: Run) -> tuple[dict[str, Path], dict[str, Any]]:
    from workers.inference.published.libraries import missing_libraries

    hub, missing = hub_settings(run.parameters.endpoint), missing_libraries()
    revision = run.parameters.revision or model.revision
    run.stage("ask the hub")
    commit = hub_commit(hub, model.repository, revision)
    layout, names = layout_files(commit.files, folder=model.folder, variant=model.variant)
    has_weights = "weights" in names
    if missing:
        names = {part: name for part, name in names.items() if part not in WEIGHTS_FILES}
    files = _fetched(run, hub, commit, names, "download, in MB")
    place = {
        "hub": hub.endpoint,
        "repository": model.repository,
        "revision": revision,
        "commit": commit.commit,
    }
    more, weights = _Files({}, {}), {}
    if missing and (has_weights or model.weights_repository):
        weights = {"weights_left_out": f"{missing[0]} is not installed"}
    elif not has_weights and model.weights_repository:
        more, weights = _weights(model, run, hub)
    parts, source = _described(run, files, place | {"layout": layout})
    if not more.parts:
        return parts, source | weights
    weight_parts, described = _described(run, more, weights)
    return parts | weight_parts, source | {"weights": described}


def _weights(model: PublishedModel, run: Run, hub: Hub) -> tuple[_Files, dict[str, Any]]:
    """Return the weights of which the graphs were made, from a repository of their own, and where they come from.

    They are more than the model needs: a repository that lacks them, or is closed, leaves them out and says why.
    """
    try:
        revision = run.parameters.weights_revision or model.weights_revision
        commit = hub_commit(hub, model.weights_repository, revision)
        if missing := sorted(set(WEIGHTS_FILES.values()) - set(commit.files)):
            return _Files({}, {}), {"weights_left_out": f"{model.weights_repository} has no {missing[0]}"}
        files = _fetched(run, hub, commit, WEIGHTS_FILES, "download weights, in MB")
    except HubError as error:
        if error.id not in _WITHOUT_WEIGHTS:
            raise
        return _Files({}, {}), {"weights_left_out": error.message}
    place = {"repository": model.weights_repository, "revision": revision, "commit": commit.commit}
    return files, {"hub": hub.endpoint, **place}


def _fetched(run: Run, hub: Hub, commit: HubCommit, names: dict[str, str], stage: str) -> _Files:
    """Return a repository's files of these names by their part, counted on the job while they come."""
    counted = _Megabytes(run, stage, sum(commit.files[name].size for name in names.values()))
    found = hub_fetch(hub, commit, sorted(set(names.values())), counted)
    return _Files({part: found[name] for part, name in names.items()}, names)


def _from_folder(model: PublishedModel, run: Run) -> tuple[dict[str, Path], dict[str, Any]]:
    """Return the files of a folder that has the repository's layout, as on a machine without a network."""
    folder = Path(run.parameters.folder)
    if not folder.is_absolute() or not folder.is_dir():
        raise AppError("hub.folder_missing", folder=str(folder))
    layout, names = layout_files(folder_files(folder), folder=model.folder, variant=model.variant)
    files = _Files({part: folder / name for part, name in names.items()}, names)
    place = {"repository": model.repository} if model.repository else {}
    return _described(run, files, {"folder": folder.name, **place, "layout": layout})


def _described(run: Run, found: _Files, place: dict[str, Any]) -> tuple[dict[str, Path], dict[str, Any]]:
    """Return the parts, and what the version keeps of where they come from: each file's size and SHA-256."""
    parts, names = found.parts, found.names
    counted = _Megabytes(run, "hash, in MB", sum(path.stat().st_size for path in parts.values()))
    files = {
        names[part]: {"sha256": sha256_of(path, counted), "bytes": path.stat().st_size}
        for part, path in parts.items()
    }
    row = {"catalogue": run.parameters.model} if run.parameters.model else {}
    return parts, {**row, **place, "files": files}


def _write_bundle(
    model: PublishedModel, parts: dict[str, Path], source: dict[str, Any], path: Path, run: JobContext
) -> None:
    from models_admin.jobs import StageProgress
    from workers.inference.guard import ValidationLimits
    from workers.inference.published.bundle import PublishedAbout, published_bundle

    about = PublishedAbout(model.name, model.licence, model.description, source)
    limits = ValidationLimits(allow_unwalled=settings.CONFIG.allow_unwalled)
    published_bundle(parts, about, path, limits=limits, progress=StageProgress(run))


class _Megabytes:
    """Counts bytes on the job in whole megabytes, and stops where somebody asked for that."""

    def __init__(self, run: JobContext, stage: str, total: int) -> None:
        self._run, self._bytes, self._told = run, 0, 0
        run.stage(stage, -(-total // MIB))

    def __call__(self, count: int) -> None:
        self._bytes += count
        if (whole := self._bytes // MIB) != self._told:
            self._run.advance(whole - self._told)
            self._told = whole
        self._run.checkpoint()
