"""Near-duplicates, found by vectors and shown with what they are nearly the same as."""

from __future__ import annotations

import pytest

from models_admin.models import VersionState
from models_admin.services import version_move
from search.curating import duplicates
from search.curating.duplicates import duplicate_groups, duplicates_look
from search.models import NearDuplicate
from search.services.documents import encode_soon
from search.vectors.tables import table_drop
from tests.support.corpus import make_version, tiny_version
from tests.support.pages import picture_bytes, save_document
from workers.jobs.runner import run_job_inline

pytestmark = pytest.mark.django_db

LONG = "The pump in the hall leaks at the flange and was mended with a new seal on Monday"


def test_texts_and_pictures_that_are_nearly_the_same_are_found_in_their_collection(
    notes, other, ann, tmp_path
):
    tiny_version(tmp_path)
    first = save_document(notes, "a", title="Note", body=f"{LONG}.")
    twin = save_document(notes, "b", title="Note again", body=f"{LONG}!")
    save_document(notes, "c", title="Part", body=f"{LONG} 204.")
    red = save_document(notes, "d", pictures=[picture_bytes()])
    again = save_document(notes, "e", pictures=[picture_bytes()])
    save_document(notes, "f", pictures=[picture_bytes("blue")])
    save_document(other, "g", title="Note", body=f"{LONG}.")
    run_job_inline(encode_soon())
    job = run_job_inline(duplicates_look(collection=notes, by=ann))
    assert (job.state, job.result["found"]) == ("succeeded", 2)
    assert set(NearDuplicate.objects.values_list("document", "same_as")) == {
        (twin.pk, first.pk),
        (again.pk, red.pk),
    }
    twin.delete()
    assert run_job_inline(duplicates_look(collection=notes, by=ann)).result["found"] == 1


def test_a_version_that_is_retired_while_duplicates_are_looked_for_ends_the_job_in_a_sentence(
    notes, ann, monkeypatch
):
    version, tables = make_version(champion=True), duplicates.tables_of
    save_document(notes, "a", body=f"{LONG}.")

    def retired_meanwhile(asked):
        found = tables(asked)
        table_drop(version)
        version_move(version, VersionState.RETIRED)
        return found

    monkeypatch.setattr(duplicates, "tables_of", retired_meanwhile)
    job = run_job_inline(duplicates_look(collection=notes, by=ann))
    assert (job.state, job.error_id) == ("failed", "model.not_ready")


def test_documents_of_a_large_collection_that_were_changed_since_are_the_same_no_more(notes, monkeypatch):
    monkeypatch.setattr(duplicates, "has_many_documents", lambda collection: True)
    duplicates._same_kept.clear()
    first, twin, third = (
        save_document(notes, name, title="Note", body=f"{LONG}.", metadata={}) for name in "abc"
    )
    assert duplicate_groups(notes) == [[first, twin, third]]
    save_document(notes, "b", title="Note", body="Of something else.")
    assert duplicate_groups(notes) == [[first, third]]
    duplicates._same_kept.clear()
