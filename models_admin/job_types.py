"""The types of jobs that work on a model version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models_admin.judged import Judged
from retrieval_site.typed_json import NotReadableError, from_json
from workers.jobs.types import JobParameters, JobResult, JobType

if TYPE_CHECKING:
    from workers.models import Job


@dataclass(frozen=True, kw_only=True)
class VersionParameters(JobParameters):
    """`version`: the id of the version that the job works on."""

    version: int


@dataclass(frozen=True, kw_only=True)
class ValidateResult(JobResult):
    """`state`: what the version is now."""

    state: str | None = None


@dataclass(frozen=True, kw_only=True)
class Covered:
    """How many units of a kind there are, have a vector, cannot be encoded, and are still missing."""

    total: int
    stored: int
    broken: int
    missing: int


@dataclass(frozen=True, kw_only=True)
class PrepareResult(JobResult):
    """`coverage`: by kind of unit."""

    coverage: dict[str, Covered] | None = None


@dataclass(frozen=True, kw_only=True)
class LearnParameters(JobParameters):
    """`version`: the id of the version that learns. `collection`: whose documents' marks alone count, by its id.

    `evaluation_set`: the id of the set whose queries and answers are learned from in place of marks.
    """

    version: int
    collection: int | None = None
    evaluation_set: int | None = None


@dataclass(frozen=True, kw_only=True)
class LearnResult(JobResult):
    """What came of it in one sentence, `said`; the key of the `new` version, where there is one, and its id."""

    said: str | None = None
    new: str | None = None
    new_id: int | None = None
    searches: int | None = None
    coverage: dict[str, Covered] | None = None


@dataclass(frozen=True, kw_only=True)
class GetModelParameters(JobParameters):
    """`model`: its name in the catalogue. `revision`, `weights_revision`: others than the catalogue's.

    `folder`: on the machine that runs bulk workers, with the model's files; the hub is not asked then. `endpoint`:
    another hub than the operator's, which gets no token. A model that is in no catalogue has no `model` but a `name` of
    its own, its `licence`, and a `repository` or a `folder`; `subfolder` and `variant`: which of the graphs there.
    """

    model: str = ""
    revision: str = ""
    folder: str = ""
    endpoint: str = ""
    name: str = ""
    licence: str = ""
    repository: str = ""
    subfolder: str = ""
    variant: str = ""
    weights_revision: str = ""


@dataclass(frozen=True, kw_only=True)
class GetModelResult(JobResult):
    """`commit`: the repository's, `bytes`: what was read of it; `version`: the id of the version that came of it."""

    commit: str | None = None
    bytes: int | None = None
    version: int | None = None
    state: str | None = None


@dataclass(frozen=True, kw_only=True)
class StarterParameters(JobParameters):
    """`folder`: on the machine that runs bulk workers, with the packages' wheels; nothing is fetched then."""

    folder: str = ""


@dataclass(frozen=True, kw_only=True)
class StarterResult(JobResult):
    """`version`: the id of the version that was made, and its state."""

    version: int | None = None
    state: str | None = None


VALIDATE = JobType("validate", VersionParameters, ValidateResult)
PREPARE = JobType("prepare", VersionParameters, PrepareResult)
MEASURE = JobType("measure", VersionParameters, Judged)
LEARN = JobType("learn_from_marks", LearnParameters, LearnResult)
GET_MODEL = JobType("get_model", GetModelParameters, GetModelResult)
MAKE_STARTER = JobType("make_starter", StarterParameters, StarterResult)


@dataclass(frozen=True, kw_only=True)
class _Named:
    version: int | None = None
    new_id: int | None = None


def named_versions(job: Job) -> set[int]:
    """Return the ids of the versions that a job works on, or that came of it; of most jobs none."""
    try:
        named = from_json(_Named, job.params | job.result, extra=True)
    except NotReadableError:
        return set()
    return {one for one in (named.version, named.new_id) if one is not None}
