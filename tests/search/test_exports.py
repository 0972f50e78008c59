"""Judgements as files: every line can be read back, no secret leaves, nothing private to strangers."""

from __future__ import annotations

import csv
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.management import CommandError, call_command

from search.exports import csv_lines, exportable_by, qrels_lines, trec_id
from search.models import Collection, Document, Judgement, Membership
from tests.support.queries import make_query


@pytest.fixture
def users(db):
    create = get_user_model().objects.create_user
    return {name: create(name) for name in ("anna", "ben", "=cmd()")} | {
        "staff": create("staff", is_staff=True),
        "root": create("root", is_superuser=True),
    }


@pytest.fixture
def documents(users):
    public = Collection.objects.create(slug="open", name="Open", visibility="public")
    private = Collection.objects.create(slug="secret", name="Secret", visibility="private")
    Membership.objects.create(collection=private, user=users["anna"], role="curator")
    Membership.objects.create(collection=private, user=users["ben"], role="reader")
    return [
        Document.objects.create(collection=public, external_id="a 1\t%", title="=HYPERLINK(1)"),
        Document.objects.create(collection=private, external_id="b", title="B"),
    ]


@pytest.fixture
def query(documents):
    answer = [{"document": document.pk, "score": 0.9 - place} for place, document in enumerate(documents)]
    return make_query(modality="text", text="+leak", answer=answer)


def judged(query, document, grade, user=None, session="", comment=""):
    return Judgement.objects.create(
        query=query, document=document, grade=grade, user=user, session=session, comment=comment
    )


def rows(judgements) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO("".join(csv_lines(judgements)), newline="")))


def test_a_qrels_line_has_four_columns_whatever_the_external_id(query, documents, users):
    judged(query, documents[0], 3, users["anna"])
    (line,) = qrels_lines(Judgement.objects.all())
    assert line == f"{query.pk} 0 open/a%201%09%25 3\n"
    assert len(line.split()) == 4


def test_different_external_ids_stay_different_in_qrels():
    names = ["a b", "a%20b", "a\tb", "a\u00a0b", "ab"]
    assert len({trec_id("c", name) for name in names}) == len(names)
    assert not any(" " in trec_id("c", name) or "\u00a0" in trec_id("c", name) for name in names)


@pytest.mark.parametrize(
    ("grades", "agreed"), [([3], 3), ([0, 3], 0), ([0, 2, 3], 2), ([1, 2, 2, 3], 2), ([0, 0, 3, 3], 0)]
)
def test_several_raters_agree_on_their_lower_median(grades, agreed, query, documents):
    for number, grade in enumerate(grades):
        judged(query, documents[0], grade, session=f"s{number}")
    (line,) = qrels_lines(Judgement.objects.all())
    assert line.endswith(f" {agreed}\n")


def test_csv_says_who_what_where_and_how_good(query, documents, users):
    judged(query, documents[1], 1, users["anna"], comment='no,\n"really"')
    (row,) = rows(Judgement.objects.all())
    assert (row["collection"], row["external_id"], row["grade"], row["rank"]) == ("secret", "b", "1", "2")
    assert float(row["score"]) == pytest.approx(-0.1)
    assert (row["rater"], row["comment"]) == ("anna", 'no,\n"really"')


def test_a_cell_that_a_spreadsheet_would_run_is_guarded(query, documents, users):
    judged(query, documents[0], 1, users["=cmd()"], comment="@SUM(A1)")
    (row,) = rows(Judgement.objects.all())
    assert row["title"] == "'=HYPERLINK(1)"
    assert (row["comment"], row["query_text"], row["rater"]) == ("'@SUM(A1)", "'+leak", "'=cmd()")


def test_a_session_key_never_leaves_but_raters_stay_apart(query, documents):
    judged(query, documents[0], 1, session="secret-session-key")
    judged(query, documents[0], 2, session="another")
    text = "".join(csv_lines(Judgement.objects.all()))
    assert "secret-session-key" not in text
    raters = {row["rater"] for row in rows(Judgement.objects.all())}
    assert len(raters) == 2
    assert all(rater.startswith("anonymous:") for rater in raters)


@pytest.mark.parametrize(
    ("who", "slugs"),
    [("anna", {"secret"}), ("ben", set()), ("staff", {"open"}), ("root", {"open", "secret"})],
)
def test_who_may_take_which_judgements_away(who, slugs, query, documents, users):
    for document in documents:
        judged(query, document, 2, users["ben"])
    assert {row["collection"] for row in rows(exportable_by(users[who]))} == slugs


def test_nobody_takes_nothing_away(query, documents):
    judged(query, documents[0], 2, session="x")
    assert not exportable_by(AnonymousUser()).exists()
    assert not exportable_by(None).exists()


def test_the_command_writes_one_collection_to_a_file(query, documents, users, tmp_path):
    for document in documents:
        judged(query, document, 2, users["ben"])
    out = tmp_path / "qrels.txt"
    call_command("export_judgements", collection="secret", out=out, stderr=StringIO())
    assert out.read_text() == f"{query.pk} 0 secret/b 2\n"


def test_the_command_prints_csv(query, documents, users):
    judged(query, documents[0], 2, users["ben"])
    printed = StringIO()
    call_command("export_judgements", "--format", "csv", stdout=printed)
    assert printed.getvalue().count("\n") == 2


def test_the_command_refuses_a_collection_that_does_not_exist(db):
    with pytest.raises(CommandError, match="no collection 'none'"):
        call_command("export_judgements", "--collection", "none")
