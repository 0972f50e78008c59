"""The drill: the whole way, by the commands that people use, into another server and another folder."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from tests.support.corpus import clustered, make_collection, make_documents, make_version, store
from tests.support.pages import kept_query
from workers.backup import answers
from workers.storage.blobs import blob_store


@pytest.mark.django_db(transaction=True)
def test_a_restored_site_has_the_same_rows_and_files_and_gives_the_same_answers(tmp_path, monkeypatch):
    bundle = blob_store(b"a bundle", "application/zip")
    version = make_version(bundle=bundle)
    passages = make_documents(make_collection(), 30)
    store(version, passages, clustered(30, 16))
    kept_query([passages[0].document])
    out = StringIO()
    place = str(tmp_path / "place")
    call_command("backup", "drill", place, "--new", "--folder", str(tmp_path), stdout=out)
    assert "1 files are equal; of 20 questions 20 had the same answer" in out.getvalue()
    assert not list(tmp_path.glob("sightline-drill-*"))


def test_answers_are_compared_by_the_hits_that_both_have(monkeypatch):
    monkeypatch.setattr(answers, "_askers", {})
    now = {1: [1, 2, 3, 4], 2: [5, 6]}
    answers.asker_register(
        "numbers", answers.SampleAsker(lambda: [{"n": 1}, {"n": 2}], lambda one: now[one["n"]])
    )
    taken = list(answers.answers_take())
    assert answers.answers_compare(taken) == answers.AnswersAgreement(2, 2, 1.0, {"n": 1})
    now[1] = [4, 3, 2, 9]
    found = answers.answers_compare(taken)
    assert (found.equal, found.share, found.least, found.is_good) == (1, 0.875, {"n": 1}, False)
