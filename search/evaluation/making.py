"""Making an evaluation set: from a collection's own pairs, from judgements, or from files; and starting its jobs."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Func, OuterRef
from django.utils.translation import gettext

from models_admin.models import ModelVersion, VersionState
from models_admin.services import champion
from models_admin.versions import versions_live
from retrieval_site.errors import AppError
from retrieval_site.people import account_of
from search.evaluation.files import queries_of, read_qrels
from search.evaluation.rights import evaluation_sets_seen
from search.job_types import EVALUATE, EvaluateParameters
from search.judged.searches import judged_searches
from search.models import Collection, Document, DocumentImage, EvaluationQuery, EvaluationSet, Passage
from search.services.judgements import RELEVANT
from workers.jobs.services import job_create_once
from workers.storage.blobs import blob_store
from workers.storage.sweeping import blob_remove_unused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from django.db.models import QuerySet

    from search.evaluation.files import FiledGrade, FiledQuery
    from workers.models import Job

SETS_MAX = 100
ID_MAX = 2**63
NAME_MAX = 120
PAIRS_MAX = 500
"""Documents of a set of pairs, each of which asks twice: by its picture and by its text."""
JUDGED_MAX = 2_000
_NOTHING_IDS = {
    "pairs": "evaluation.nothing/pairs",
    "judgements": "evaluation.nothing/judgements",
    "qrels": "evaluation.nothing/qrels",
}
_RELEVANT_FROM = {"pairs": 1, "judgements": RELEVANT, "qrels": 1}


@dataclass(frozen=True, kw_only=True)
class NewSet:
    """What a set is made of: its name, its source, a collection's slug, and for `qrels` the two files.

    `queries` is open and is read once.
    """

    name: str
    source: str
    collection: str = ""
    queries: BinaryIO | None = None
    qrels: bytes = b""
    note: str = ""


def evaluation_set_create(*, new: NewSet, by: Any = None) -> EvaluationSet:
    """Make a set with its queries, all or nothing.

    Raises AppError `parameter.invalid`, `permission.denied` and `collection.not_found` for what `by` does not see,
    `evaluation.name_taken`, `evaluation.too_many`, `evaluation.nothing`, and those of the two files and their lines.
    """
    collection = _checked(new, by)
    if EvaluationSet.objects.count() >= SETS_MAX:
        raise AppError("evaluation.too_many", limit=SETS_MAX)
    try:
        with transaction.atomic():
            made = EvaluationSet.objects.create(
                name=new.name.strip(),
                source=new.source,
                collection=collection,
                relevant_from=_RELEVANT_FROM[new.source],
                note=new.note.strip(),
                created_by_id=account_of(by) if by else None,
            )
            _queries_add(made, _queries_of(new, collection))
    except IntegrityError as error:
        raise AppError("evaluation.name_taken", name=new.name.strip()) from error
    return made


def _checked(new: NewSet, by: Any) -> Collection | None:
    """Return the collection of a set that can be made, None where it asks judged searches; `by` None: the operator."""
    if new.source not in EvaluationSet.Source.values:
        raise AppError.of_parameter(
            "source", gettext("Send one of {values}.").format(values=", ".join(EvaluationSet.Source.values))
        )
    if not new.name.strip() or len(new.name) > NAME_MAX or "\0" in new.name + new.note:
        raise AppError.of_parameter(
            "name", gettext("Give the set a name of at most {name_max} characters.").format(name_max=NAME_MAX)
        )
    if new.source == EvaluationSet.Source.JUDGEMENTS:
        if by is not None and not by.is_superuser:
            raise AppError("permission.denied/administrators")
        return None
    seen = Collection.objects.all() if by is None else Collection.objects.visible_to(by)
    found: Collection | None = seen.filter(slug=new.collection).first()
    if found is None:
        raise AppError("collection.not_found")
    return found


def _queries_of(new: NewSet, collection: Collection | None) -> Iterable[EvaluationQuery]:
    if collection is None:
        return _of_judgements()
    if new.source == EvaluationSet.Source.PAIRS:
        return _of_pairs(collection)
    return _of_files(collection, new)


def _queries_add(made: EvaluationSet, queries: Iterable[EvaluationQuery]) -> None:
    rows = list(queries)
    if not rows:
        raise AppError(_NOTHING_IDS[made.source])
    for place, row in enumerate(rows, 1):
        row.evaluation_set, row.place = made, place
    EvaluationQuery.objects.bulk_create(rows, batch_size=500)
    made.size = len(rows)
    made.save(update_fields=["size"])


def _of_pairs(collection: Collection) -> Iterator[EvaluationQuery]:
    """Yield each document's first picture, which asks for its texts, and its first passage, which asks for pictures.

    A fixed sample of the documents that have both.
    """
    both = Document.objects.filter(
        Exists(DocumentImage.objects.filter(document=OuterRef("pk"))),
        Exists(Passage.objects.filter(document=OuterRef("pk"))),
        collection=collection,
    ).order_by(Func(F("pk"), function="hashint8"), "pk")
    documents = list(both.only("pk", "external_id")[:PAIRS_MAX])
    pictures = _first(DocumentImage.objects.filter(document__in=documents).only("document_id", "blob_id"))
    passages = _first(Passage.objects.filter(document__in=documents))
    for document in documents:
        asks: dict[str, Any] = {
            "name": document.external_id[:NAME_MAX],
            "document": document,
            "grades": {str(document.pk): 1},
        }
        picture, passage = pictures[document.pk], passages[document.pk]
        words = "\n".join(filter(None, (passage.heading, passage.text)))
        yield EvaluationQuery(modality="image", target="passages", picture_id=picture.blob_id, **asks)
        yield EvaluationQuery(modality="text", target="images", text=words, **asks)


def _first(rows: QuerySet[Any]) -> dict[int, Any]:
    """Return the first of each document's rows, by the document's id."""
    return {row.document_id: row for row in rows.order_by("document_id", "-ordinal")}


def _of_judgements() -> Iterator[EvaluationQuery]:
    for search in judged_searches(JUDGED_MAX):
        yield EvaluationQuery(
            name=str(search.query.pk),
            modality=search.query.modality,
            target=search.query.target,
            text=search.query.text,
            judged=search.query,
            grades={str(document): grade for document, grade in search.grades.items()},
        )


def _of_files(collection: Collection, new: NewSet) -> Iterator[EvaluationQuery]:
    """Yield the queries for which the qrels name a relevant document; raises AppError `evaluation.line_document`."""
    with queries_of(new.queries or BytesIO()) as queries:
        asked = {query.name for query in queries}
        grades = [grade for grade in read_qrels(new.qrels, collection.slug) if grade.query in asked]
        found = _grades_of(collection, grades)
        for query in queries:
            if max(found.get(query.name, {}).values(), default=0) > 0:
                yield _filed(query, found[query.name])


def _filed(query: FiledQuery, grades: dict[str, int]) -> EvaluationQuery:
    modality, picture = "text", None
    if query.picture:
        modality, picture = "image", blob_store(query.picture(), "")
    return EvaluationQuery(
        name=query.name, modality=modality, text=query.text, picture=picture, grades=grades
    )


def _grades_of(collection: Collection, grades: Sequence[FiledGrade]) -> dict[str, dict[str, int]]:
    """Return the grades by query and document id."""
    documents = _documents(collection, grades)
    found: dict[str, dict[str, int]] = {}
    for grade in grades:
        found.setdefault(grade.query, {})[str(_document(documents, grade))] = grade.grade
    return found


def _documents(collection: Collection, grades: Sequence[FiledGrade]) -> dict[str, int]:
    named = {name for grade in grades for name in (grade.document, grade.exported) if name}
    rows = Document.objects.filter(collection=collection, external_id__in=named)
    return dict(rows.values_list("external_id", "pk"))


def _document(documents: Mapping[str, int], grade: FiledGrade) -> int:
    """Return the document that a line names: by the id as it is written, else as an export writes it."""
    found = documents.get(grade.document) or documents.get(grade.exported)
    if found is None:
        raise AppError("evaluation.line_document", line=grade.line, external_id=grade.document[:80])
    return found


def evaluation_set_delete(*, evaluation_set: EvaluationSet) -> None:
    """Delete a set with its queries and all that was measured by it; its uploaded pictures go, too."""
    pictures = list(evaluation_set.queries.exclude(picture=None).values_list("picture", flat=True).distinct())
    evaluation_set.delete()
    for picture in pictures:
        blob_remove_unused(picture)


def evaluation_set_find(name: str) -> EvaluationSet:
    """Return the set of this name or id; raises AppError `evaluation.not_found`."""
    rows = EvaluationSet.objects.select_related("collection")
    found = rows.filter(name=name).first()
    if found is None and name.isascii() and name.isdigit() and len(name) < 10:
        found = rows.filter(pk=int(name)).first()
    if found is None:
        raise AppError("evaluation.not_found")
    return found


def evaluation_set_by_id(set_id: int, viewer: Any) -> EvaluationSet:
    """Return the set with this id that somebody sees; raises AppError `evaluation.not_found`."""
    rows = evaluation_sets_seen(viewer).select_related("collection", "created_by")
    found = rows.filter(pk=set_id).first() if set_id < ID_MAX else None
    if found is None:
        raise AppError("evaluation.not_found")
    return found


def evaluation_start(*, evaluation_set: EvaluationSet, version: ModelVersion, by: Any = None) -> Job:
    """Measure a version by a set; while such a job waits or runs, return that.

    Raises AppError `version.wrong_state`.
    """
    if version.state != VersionState.READY:
        raise AppError("version.wrong_state", model=version.key, state=str(version.state), action="measured")
    parameters = EvaluateParameters(evaluation_set=evaluation_set.pk, version=version.pk)
    return job_create_once(EVALUATE, parameters, owner=by)[0]


def evaluation_start_all(*, evaluation_set: EvaluationSet, by: Any = None) -> list[Job]:
    """Measure every version that is ready, the champion first, with which the others are compared.

    Raises AppError `model.none_active` where none is.
    """
    if champion() is None and not versions_live():
        raise AppError("model.none_active")
    return [evaluation_start(evaluation_set=evaluation_set, version=each, by=by) for each in versions_live()]
