"""What jobs are asked to do and find, read from their rows."""

from __future__ import annotations

import uuid

import pytest

from models_admin.job_types import PREPARE, VersionParameters
from retrieval_site.errors import AppError
from search.importers.types import ImportOptions
from search.job_types import ENCODE, IMPORT, UNDO_IMPORT, ImportResult, collection_of
from tests.support.probe_jobs import PROBE, ProbeParameters, ProbeResult
from workers.jobs.registry import job_handler
from workers.jobs.runner import run_job_inline
from workers.jobs.services import job_create
from workers.jobs.types import JobParameters, JobWarning, common_parameters, common_result
from workers.models import Job


def test_rows_of_older_versions_are_read() -> None:
    asked = {
        "collection": 7, "blob": "ab", "filename": "a.csv", "format": None, "per": "picture",
        "extra_columns": "ignore", "table": None, "dry_run": True, "only_failed": True,
    }  # fmt: skip
    found = {
        "new": 2, "failed": 1, "position": 3, "stored": True, "retried": False, "undone_by": "x",
        "coverage": {"m@1": {"passage": {"total": 2, "stored": 1, "broken": 1, "missing": 0}}},
        "warnings": [{"id": "import.no_text", "message": "No text.", "detail": {"documents": 2}}],
        "something_that_nobody_reads_any_more": 1,
    }  # fmt: skip
    job = Job(type="import", params=asked, result=found)
    parameters, result = IMPORT.parameters_of(job), IMPORT.result_of(job)
    assert parameters.options == ImportOptions(None, "picture", "ignore", None)
    assert (parameters.collection, parameters.blob, parameters.path) == (7, "ab", None)
    assert (parameters.dry_run, parameters.only_failed) == (True, True)
    assert (result.new, result.failed, result.retried, result.undone_by) == (2, 1, False, "x")
    assert result.coverage is not None
    assert result.coverage["m@1"]["passage"].broken == 1
    assert result.warnings == (JobWarning(id="import.no_text", message="No text.", detail={"documents": 2}),)
    undo = Job(type="undo_import", params={"import": str(uuid.UUID(int=1)), "collection": 7})
    assert UNDO_IMPORT.parameters_of(undo).import_job == str(uuid.UUID(int=1))
    assert (collection_of(job), collection_of(undo), collection_of(Job(type="encode"))) == (7, 7, None)
    assert PREPARE.parameters_of(Job(type="prepare", params={"version": 4})) == VersionParameters(version=4)
    assert ENCODE.parameters_of(Job(type="encode")) == JobParameters()


def test_a_job_that_has_found_nothing_yet_has_an_empty_result() -> None:
    assert IMPORT.result_of(Job(type="import")) == ImportResult()


@pytest.mark.parametrize("params", [{}, {"collection": "7"}, {"collection": 7, "dry_runs": True}, []])
def test_parameters_of_another_form_are_refused_and_pages_do_without_them(params: object) -> None:
    job = Job(type="import", params=params, result=params)
    with pytest.raises(AppError) as refused:
        IMPORT.parameters_of(job)
    assert refused.value.id == "job.not_readable"
    assert IMPORT.find_parameters(job) is None
    assert common_parameters(job) == JobParameters()
    assert common_result(job).warnings is None


@pytest.mark.django_db
def test_a_job_whose_row_cannot_be_read_fails_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.jobs.registry._HANDLERS", {})
    job_handler(PROBE)(lambda run: ProbeResult(answer=run.parameters.n))
    assert run_job_inline(job_create(PROBE, ProbeParameters(n=4))).result == {"answer": 4}
    broken = run_job_inline(Job.objects.create(type="probe", params={"n": "4"}))
    assert (broken.state, broken.error_id) == ("failed", "job.not_readable")
    assert "n cannot be '4'" in broken.error
