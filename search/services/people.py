"""What is kept of one person: taken out for them, and erased."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import BinaryField, Exists, ForeignKey, OuterRef

from retrieval_site.audit import audit_note
from retrieval_site.errors import AppError
from retrieval_site.sign_in import forget_account
from search.models import (
    AuditEntry,
    Invitation,
    Judgement,
    JudgingPair,
    PhotoBatch,
    Query,
    QueryPart,
    ResumableUpload,
    SavedSearch,
)
from search.services.admin_log import admin_log_erase
from search.services.audit import audit_erase_person
from search.services.photo_batches import photo_batch_delete
from search.services.queries import queries_end
from search.services.record_ages import judgements_anonymise
from search.services.resumable_uploads import upload_delete
from workers.storage.blobs import blob_open
from workers.storage.folder import CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model, QuerySet

    from retrieval_site.accounts.models import User

NOT_SHOWN = frozenset({"password", "digest", "secret", "session", "data"})
"""Columns that are keys, or made of keys; `data` is that of second factors."""
BATCH_QUERIES = 200
CHUNK_ROWS = 500

OF_PEOPLE: dict[str, str] = {
    "account.EmailAddress.user": "deleted",
    "admin.LogEntry.user": "deleted",
    "accounts.User_groups.user": "deleted",
    "accounts.User_user_permissions.user": "deleted",
    "mfa.Authenticator.user": "deleted",
    "models_admin.Activation.by": "stays, as nobody's",
    "models_admin.LicenceAcceptance.by": "stays, as nobody's",
    "models_admin.ModelVersion.created_by": "stays, as nobody's",
    "search.ApiToken.user": "deleted",
    "search.ChangeSet.by": "stays, as nobody's",
    "search.EvaluationSet.created_by": "stays, as nobody's",
    "search.GuestLink.created_by": "stays, as nobody's",
    "search.Invitation.invited_by": "stays, as nobody's, and its link opens nothing",
    "search.Judgement.user": "made anonymous, without comments; or deleted",
    "search.JudgingQueue.created_by": "stays, as nobody's",
    "search.JudgingSkip.user": "deleted",
    "search.Membership.user": "deleted",
    "search.PhotoBatch.user": "deleted, with the photos",
    "search.Query.user": "deleted, with the photos; one that others judged stays, as nobody's, or is deleted, too",
    "search.ResumableUpload.user": "deleted, with the bytes",
    "search.SavedSearch.user": "deleted",
    "search.SearchSetting.by": "stays, as nobody's",
    "search.SearchSetting.undone_by": "stays, as nobody's",
    "search.SideBySide.user": "deleted",
    "search.Source.owner": "stays, as nobody's",
    "search.TrashedDocument.deleted_by": "stays, as nobody's",
    "search.Webhook.created_by": "stays, as nobody's",
    "socialaccount.SocialAccount.user": "deleted",
    "workers.Job.owner": "stays, as nobody's",
}
"""Every column that names a person, and what erasing the person does with its rows."""


def person_of(username: str) -> User:
    """Return somebody by their user name; raises AppError `user.not_found`."""
    person = get_user_model().objects.filter(username=username).first()
    if person is None:
        raise AppError("user.not_found", users=[username])
    return person


def people_fields() -> Iterator[ForeignKey[Any, Any]]:
    """Yield every column that names a person, whichever app has it."""
    for relation in get_user_model()._meta.get_fields(include_hidden=True):
        field = getattr(relation, "field", None)
        if relation.auto_created and isinstance(field, ForeignKey):
            yield field


def field_name(field: ForeignKey[Any, Any]) -> str:
    """Return a column's name in `OF_PEOPLE`."""
    return f"{field.model._meta.label}.{field.name}"


def person_export(*, person: User, file: IO[bytes]) -> int:
    """Write a zip of all that is kept of a person; return how many rows.

    `data.jsonl` has a JSON object for each row, `photos/` the small copies of the photos that they searched with. Keys
    and vectors are left out. Memory stays constant.
    """
    rows = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("data.jsonl", "w", force_zip64=True) as lines:
            for kind, row in _rows_of(person):
                said = {"kind": kind} | _values(row)
                lines.write(json.dumps(said, cls=DjangoJSONEncoder, ensure_ascii=False).encode() + b"\n")
                rows += 1
        _write_photos(person, archive)
    audit_note("person.exported", person, rows=rows)
    return rows


def _rows_of(person: User) -> Iterator[tuple[str, Model]]:
    yield "accounts.User", person
    for field in people_fields():
        for row in _all(field.model, **{field.name: person.pk}):
            yield field_name(field), row
    yield from (("search.QueryPart", part) for part in _all(QueryPart, query__user=person.pk))
    yield from (("search.AuditEntry", entry) for entry in _all(AuditEntry, actor_id=person.pk))
    yield from (("search.Invitation", row) for row in _all(Invitation, email__iexact=person.email))


def _all(model: type[Model], **wanted: Any) -> Iterator[Model]:
    return model._base_manager.filter(**wanted).order_by("pk").iterator(chunk_size=CHUNK_ROWS)


def _values(row: Model) -> dict[str, Any]:
    fields = (field for field in row._meta.concrete_fields if not isinstance(field, BinaryField))
    return {field.attname: getattr(row, field.attname) for field in fields if field.name not in NOT_SHOWN}


def _write_photos(person: User, archive: zipfile.ZipFile) -> None:
    parts = QueryPart.objects.filter(query__user=person.pk, preview__isnull=False).select_related("preview")
    for part in parts.order_by("pk").iterator(chunk_size=CHUNK_ROWS):
        if part.preview is None:
            continue
        try:
            with blob_open(part.preview) as photo, archive.open(f"photos/{part.pk}", "w") as copy:
                for chunk in photo.chunks(CHUNK_BYTES):
                    copy.write(chunk)
        except AppError:  # the storage has lost it
            continue


@dataclass(frozen=True)
class Erased:
    """How many searches went, how many stay as nobody's, and how many judgements were made anonymous or deleted."""

    searches: int
    searches_kept: int
    judgements: int


def person_erase(*, person: User, delete_judgements: bool = False, delete_judged: bool = False) -> Erased:
    """Erase what is kept of a person, the account last: if this is broken off, it goes on when it is called again.

    Their judgements become anonymous, for models were trained and compared by them, and a grade says nothing of who
    gave it; with `delete_judgements` they go. A search that others judged stays as nobody's, for their judgements would
    be of nothing without it; with `delete_judged` it goes with everybody's judgements of it. Raises AppError
    `user.last_administrator`.
    """
    users = get_user_model().objects
    if (
        person.is_superuser
        and not users.filter(is_superuser=True, is_active=True).exclude(pk=person.pk).exists()
    ):
        raise AppError("user.last_administrator")
    users.filter(pk=person.pk).update(is_active=False)
    _erase_files(person)
    own = Judgement.objects.filter(user=person.pk)
    judgements = own.delete()[0] if delete_judgements else judgements_anonymise(own)
    gone = _erase_searches(person, None if delete_judged else _judged())
    with transaction.atomic():
        kept = Query.objects.filter(user=person.pk).update(user=None)
        erased = Erased(gone, kept, judgements)
        Invitation.objects.filter(email__iexact=person.email).delete()
        audit_erase_person(user_id=person.pk, username=person.get_username(), email=person.email)
        admin_log_erase(person)
        audit_note("person.erased", None, searches=gone, searches_kept=kept, judgements=judgements)
        person.delete()
    forget_account(person.get_username())
    return erased


def _erase_files(person: User) -> None:
    """Sign the person out and remove what they sent and never imported, and what they saved."""
    for session in Session.objects.iterator(chunk_size=CHUNK_ROWS):
        if session.get_decoded().get("_auth_user_id") == str(person.pk):
            session.delete()
    for batch in PhotoBatch.objects.filter(user=person.pk).select_related("job"):
        photo_batch_delete(batch=batch)
    for upload in ResumableUpload.objects.filter(user=person.pk):
        upload_delete(upload=upload)
    SavedSearch.objects.filter(user=person.pk).delete()


def _judged() -> Exists:
    """Return the condition that somebody judged a search, or that it waits in a queue for that."""
    judged = Judgement.objects.filter(query=OuterRef("pk"))
    return Exists(judged) | Exists(JudgingPair.objects.filter(query=OuterRef("pk")))  # type: ignore[return-value]


def _erase_searches(person: User, kept: Any) -> int:
    """Delete the person's searches but those of the condition `kept`, with their photos; return how many."""
    gone = 0
    own: QuerySet[Query] = Query.objects.filter(user=person.pk)
    while True:
        with transaction.atomic():
            chosen = own if kept is None else own.exclude(kept)
            ids = list(chosen.select_for_update(of=["self"]).values_list("pk", flat=True)[:BATCH_QUERIES])
            if not ids:
                return gone
            queries_end(Query.objects.filter(pk__in=ids), QueryPart.objects.filter(sent_with__in=ids))
            gone += len(ids)
