"""The types of jobs that work on documents."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from models_admin.job_types import Covered
from search.importers.types import CharacterRecognition, ExtraColumns, Format, ImportOptions, Letters, Per
from workers.jobs.types import JobParameters, JobResult, JobType

if TYPE_CHECKING:
    from workers.models import Job


@dataclass(frozen=True, kw_only=True)
class ImportJobParameters(JobParameters):
    """What is imported into which collection: a stored file (`blob`, with its name) or a `path` here; and how."""

    collection: int
    blob: str | None = None
    filename: str = ""
    path: str | None = None
    format: Format | None = None
    per: Per | None = None
    extra_columns: ExtraColumns = "refuse"
    table: str | None = None
    mapping: dict[str, Any] | None = None
    character_recognition: CharacterRecognition | None = None
    letters: Letters | None = None

    @property
    def options(self) -> ImportOptions:
        """Return how the file is to be read."""
        return ImportOptions(
            self.format,
            self.per,
            self.extra_columns,
            self.table,
            self.mapping,
            self.character_recognition,
            self.letters,
        )


@dataclass(frozen=True, kw_only=True)
class LookParameters(JobParameters):
    """The stored file (`blob`, with its name) whose tables are looked at, and for which collection.

    `delimiter` and `encoding`: of a text, where somebody says so. `character_recognition` and `letters` are for the
    import that follows.
    """

    collection: int
    blob: str
    filename: str = ""
    delimiter: str = ""
    encoding: str = ""
    character_recognition: CharacterRecognition | None = None
    letters: Letters | None = None


@dataclass(frozen=True, kw_only=True)
class LookResult(JobResult):
    """`tables`: what the page needs of each table, as `search/importers/looking.py` says."""

    tables: tuple[dict[str, Any], ...] | None = None


CoverageByVersion = dict[str, dict[str, Covered]]
"""By version (`name@number`) and kind of unit."""


@dataclass(frozen=True, kw_only=True)
class EncodeResult(JobResult):
    """`coverage`: which units have their vector under each live version."""

    coverage: CoverageByVersion | None = None


@dataclass(frozen=True, kw_only=True)
class ImportResult(EncodeResult):
    """What was stored (or with `dry_run` would be), and how far: the `position` of the last document.

    `stored`: the whole file. `retried`: the failed documents, as was asked for. `documents` are those that were
    written, new or changed; `passages` and `images` are theirs. `not_shown`: of drawings of documents that are not
    shown, the document's external id and a sentence each.
    """

    position: int | None = None
    stored: bool | None = None
    retried: bool | None = None
    new: int | None = None
    changed: int | None = None
    unchanged: int | None = None
    documents: int | None = None
    passages: int | None = None
    images: int | None = None
    not_shown: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, kw_only=True)
class SourceRoundParameters(JobParameters):
    """Which source is looked at, and its collection.

    `anew`: read all again, whatever is known of it. `delete_many`: remove what is gone even if that is most of it.
    """

    source: int
    collection: int
    anew: bool = False
    delete_many: bool = False


@dataclass(frozen=True, kw_only=True)
class SourceRoundResult(EncodeResult):
    """What became of the files, records or manifests of a source since the last round.

    `waiting` are still being written, of which no round has seen `new_waiting` before. `position`: how far it came;
    `listed`: to the end; `complete`: of all there is, so that what it did not have is gone. `until`: up to when a
    server's records are known. `read_as` changes with the source's options. `held_back`: how many documents are gone
    and kept, because they are more than half; `kept_back`: how many of these so far. `dropped`: how many went because
    their entries have them no more, as rows of a table. `examples`: what the first documents of a dry run are called.
    """

    position: str | None = None
    listed: bool | None = None
    complete: bool | None = None
    finished: bool | None = None
    retried: bool | None = None
    until: str | None = None
    new: int | None = None
    changed: int | None = None
    moved: int | None = None
    deleted: int | None = None
    unchanged: int | None = None
    waiting: int | None = None
    read_as: str | None = None
    new_waiting: int | None = None
    dropped: int | None = None
    kept_back: int | None = None
    held_back: int | None = None
    examples: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class UndoParameters(JobParameters):
    """The import whose documents are removed, by the id of its job; and its collection."""

    import_job: str = field(metadata={"key": "import"})
    collection: int


@dataclass(frozen=True, kw_only=True)
class UndoResult(JobResult):
    """`removed`: how many documents."""

    removed: int | None = None


@dataclass(frozen=True, kw_only=True)
class ExpireResult(JobResult):
    """`stripped`: how many searches lost their photo or vectors; `removed`: how many searches went.

    `batches`: how many batches of photos went.
    """

    stripped: int | None = None
    removed: int | None = None
    batches: int | None = None


@dataclass(frozen=True, kw_only=True)
class FindNewResult(JobResult):
    """`found`: how many new documents fit saved searches, up to the one with the id `after`."""

    found: int | None = None
    after: int | None = None


@dataclass(frozen=True, kw_only=True)
class MailResult(JobResult):
    """`sent`: how many messages."""

    sent: int | None = None


@dataclass(frozen=True, kw_only=True)
class PhotosParameters(JobParameters):
    """The id of the batch whose photos are searched with."""

    batch: str


@dataclass(frozen=True, kw_only=True)
class PhotosResult(JobResult):
    """Nothing more: what was found stands with the batch."""


@dataclass(frozen=True, kw_only=True)
class FillQueueParameters(JobParameters):
    """The queue that gets its pairs, and the version that is compared with the champion."""

    queue: int
    other: int


@dataclass(frozen=True, kw_only=True)
class FillQueueResult(JobResult):
    """`pairs`: how many."""

    pairs: int | None = None


@dataclass(frozen=True, kw_only=True)
class CalibrateResult(JobResult):
    """`calibrations`: how many were fitted."""

    calibrations: int | None = None


@dataclass(frozen=True, kw_only=True)
class MonitorResult(JobResult):
    """`recalls` and `drifts`: how many were measured; `alerts`: the names of what is beyond its threshold."""

    recalls: int | None = None
    drifts: int | None = None
    alerts: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class DeliverResult(JobResult):
    """`delivered`: how many messages were taken; `failed_tries`: how many tries came to nothing."""

    delivered: int | None = None
    failed_tries: int | None = None


@dataclass(frozen=True, kw_only=True)
class CurateParameters(JobParameters):
    """The change set whose documents are changed, and its collection."""

    change_set: int
    collection: int


@dataclass(frozen=True, kw_only=True)
class CurateResult(JobResult):
    """`changed`: how many documents; `left`: how many stayed as they were because something was in the way."""

    changed: int | None = None
    left: int | None = None


@dataclass(frozen=True, kw_only=True)
class DuplicatesParameters(JobParameters):
    """The collection that is looked through."""

    collection: int


@dataclass(frozen=True, kw_only=True)
class DuplicatesResult(JobResult):
    """`found`: how many documents are nearly the same as an older one."""

    found: int | None = None


@dataclass(frozen=True, kw_only=True)
class EmptyTrashResult(JobResult):
    """`removed`: how many documents went for good."""

    removed: int | None = None


@dataclass(frozen=True, kw_only=True)
class ForgetTablesResult(JobResult):
    """`removed`: how many files went that nobody imported."""

    removed: int | None = None


@dataclass(frozen=True, kw_only=True)
class SweepFilesResult(JobResult):
    """`removed`: how many stored files went that nothing refers to."""

    removed: int | None = None


@dataclass(frozen=True, kw_only=True)
class ExpireRecordsResult(JobResult):
    """How many entries of the audit log and how many jobs went, and how many judgements are nobody's any more."""

    entries: int | None = None
    jobs: int | None = None
    judgements: int | None = None


@dataclass(frozen=True, kw_only=True)
class EvaluateParameters(JobParameters):
    """The evaluation set whose queries are asked, and the version that is asked."""

    evaluation_set: int
    version: int


@dataclass(frozen=True, kw_only=True)
class EvaluateResult(JobResult):
    """`queries`: how many can be asked; `answered`: how many of them the version could be asked."""

    queries: int | None = None
    answered: int | None = None


@dataclass(frozen=True, kw_only=True)
class ShadowParameters(JobParameters):
    """The challenger that is asked."""

    version: int


@dataclass(frozen=True, kw_only=True)
class ShadowResult(JobResult):
    """`asked`: how many live searches."""

    asked: int | None = None


IMPORT = JobType("import", ImportJobParameters, ImportResult)
LOOK_AT_TABLES = JobType("look_at_tables", LookParameters, LookResult)
SOURCE_ROUND = JobType("source_round", SourceRoundParameters, SourceRoundResult)
UNDO_IMPORT = JobType("undo_import", UndoParameters, UndoResult)
ENCODE = JobType("encode", JobParameters, EncodeResult)
CALIBRATE = JobType("calibrate", JobParameters, CalibrateResult)
SEARCH_PHOTOS = JobType("search_photos", PhotosParameters, PhotosResult)
FILL_QUEUE = JobType("fill_queue", FillQueueParameters, FillQueueResult)
EVALUATE = JobType("evaluate", EvaluateParameters, EvaluateResult)
SHADOW = JobType("shadow", ShadowParameters, ShadowResult)
FIND_NEW = JobType("find_new", JobParameters, FindNewResult)
MAIL_NEW = JobType("mail_new", JobParameters, MailResult)
FORGET_TABLES = JobType("forget_tables", JobParameters, ForgetTablesResult)
EXPIRE_QUERIES = JobType("expire_queries", JobParameters, ExpireResult)
EXPIRE_RECORDS = JobType("expire_records", JobParameters, ExpireRecordsResult)
MONITOR = JobType("monitor", JobParameters, MonitorResult)
DELIVER_WEBHOOKS = JobType("deliver_webhooks", JobParameters, DeliverResult)
CURATE = JobType("curate", CurateParameters, CurateResult)
FIND_DUPLICATES = JobType("find_duplicates", DuplicatesParameters, DuplicatesResult)
EMPTY_TRASH = JobType("empty_trash", JobParameters, EmptyTrashResult)
SWEEP_FILES = JobType("sweep_files", JobParameters, SweepFilesResult)


OF_A_COLLECTION = (IMPORT, LOOK_AT_TABLES, SOURCE_ROUND, UNDO_IMPORT, CURATE, FIND_DUPLICATES)
"""The types whose parameter `collection` is a collection's id."""


def collection_of(job: Job) -> int | None:
    """Return the id of the collection that a job works on; None for one that works on none."""
    found = (job_type.find_parameters(job) for job_type in OF_A_COLLECTION)
    return next((parameters.collection for parameters in found if parameters), None)
