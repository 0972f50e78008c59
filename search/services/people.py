"""Which columns name a person, and erasing what is kept of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, ForeignKey, OuterRef

from retrieval_site.audit import audit_note
from retrieval_site.errors import AppError
from retrieval_site.sign_in import forget_account
from search.models import Invitation, Judgement, PhotoBatch, Query, QueryPart, ResumableUpload, SavedSearch
from search.services.admin_log import admin_log_erase
from search.services.audit import audit_erase_person
from search.services.judgement_choices import OfPerson
from search.services.judgement_copies import skips_forget
from search.services.photo_batches import photo_batch_delete
from search.services.queries import queries_end
from search.services.raters import judgements_anonymise, judgements_delete
from search.services.resumable_uploads import upload_delete

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.db.models import QuerySet

    from retrieval_site.accounts.models import User

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


def check_administrator_stays(going: Iterable[User]) -> None:
    """Raise AppError `user.last_administrator` where no administrator would be left without these people."""
    gone = [person.pk for person in going]
    administrators = get_user_model().objects.filter(is_superuser=True)
    stays = administrators.filter(is_active=True).exclude(pk__in=gone).exists()
    if not stays and administrators.filter(pk__in=gone).exists():
        raise AppError("user.last_administrator")


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
    be of nothing without it; with `delete_judged` it goes with everybody's judgements of it. All other searches go,
    with the person's own judgements of them, and out of queues and evaluation sets. Raises AppError
    `user.last_administrator`.
    """
    check_administrator_stays([person])
    get_user_model().objects.filter(pk=person.pk).update(is_active=False)
    _erase_files(person)
    # Before the judgements: once these are nobody's, they would look like those of others.
    gone = _erase_searches(person, None if delete_judged else _judged_by_others(person))
    chosen = OfPerson(person.pk)
    judgements = judgements_delete(chosen) if delete_judgements else judgements_anonymise(chosen)
    skips_forget(person.pk)
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


def _judged_by_others(person: User) -> Exists:
    """Return the condition that somebody else judged a search."""
    return Exists(Judgement.objects.filter(query=OuterRef("pk")).exclude(user=person.pk))


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
