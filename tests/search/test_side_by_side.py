"""Two versions side by side: asking, blind preferences, the sign test, and what the gate makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from django.urls import reverse

from models_admin import services
from models_admin.models import Alias, ModelVersion
from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search import retrieval
from search.models import Document, Judgement, Query, SideBySide
from search.retrieval import encode
from search.retrieval.encode import Known
from search.retrieval.types import EncodedPart, EncodedQuery, TextPart
from search.side_by_side import asking
from search.side_by_side.asking import preference_set, side_by_side_create
from search.side_by_side.preferences import DECIDED_MIN, preferences_of
from search.side_by_side.standing import standing_of
from tests.support.corpus import make_collection, make_documents, make_version, store
from workers.training.measures.sign_test import sign_test

pytestmark = pytest.mark.django_db
DIM = 8


@pytest.fixture
def rater():
    return User.objects.create_user("rater", password="a long enough password")


@pytest.fixture
def versions(monkeypatch):
    """Two that answer words “n”: one by document n first, one by the document after it."""
    from search.retrieval import asking as retrieval_asking

    passages = make_documents(make_collection(), DIM)
    found = []
    for moved, name in enumerate(("first", "second")):
        version = make_version(name, dim=DIM, champion=not moved)
        store(version, passages, np.roll(np.eye(DIM, dtype=np.float32) + 0.1, moved, axis=0))
        found.append(version)
    Alias.objects.create(name="challenger", version=found[1])

    def encoding_for(request, mode, preview_px):
        version = encode.searchable_version(request.model, viewer=request.viewer)
        (part,) = request.parts
        vector = np.eye(DIM, dtype=np.float32)[[int(part.text)]]
        return Known(EncodedQuery(version, (EncodedPart("text", vector, text=part.text),)))

    monkeypatch.setattr(retrieval_asking, "encoding_for", encoding_for)
    monkeypatch.setattr(encode, "version_reachable", lambda version, viewer: True)
    return found


def asked(rater, words="2", **fields):
    return side_by_side_create(
        viewer=rater, part=TextPart(words), first="first@1", second="second@1", **fields
    )


def test_one_question_gets_both_answers_with_what_moved(rater, versions):
    made = asked(rater)
    standing = standing_of(made, rater)
    documents = list(Document.objects.order_by("pk"))
    assert standing.first[0].hit.document == documents[2]
    assert standing.second[0].hit.document == documents[3]
    assert standing.first[0].rank == 1
    assert standing.second[0].other_rank is not None
    assert standing.shared == DIM
    assert not Query.objects.filter(listed=True).exists()


def test_a_version_with_itself_and_one_that_is_not_reachable_are_refused(rater, versions):
    with pytest.raises(AppError, match=r"side_by_side\.same"):
        side_by_side_create(viewer=rater, part=TextPart("1"), first="first@1", second="first@1")
    make_version("hidden", dim=DIM, champion=False)
    with pytest.raises(AppError, match=r"model\.not_found"):
        side_by_side_create(viewer=rater, part=TextPart("1"), first="first@1", second="hidden@1")


def test_a_preference_is_said_once(rater, versions):
    made = asked(rater, blind=True)
    preference_set(side_by_side=made, preference="second")
    with pytest.raises(AppError, match=r"side_by_side\.said"):
        preference_set(side_by_side=made, preference="first")
    with pytest.raises(AppError, match=r"parameter\.invalid"):
        preference_set(side_by_side=asked(rater, blind=True), preference="A")


def test_the_last_word_of_a_rater_on_a_question_counts(rater, versions):
    for preference in ("second", "first"):
        preference_set(side_by_side=asked(rater, " 2 ", blind=True), preference=preference)
    preference_set(side_by_side=asked(rater, "3", blind=True), preference="neither")
    preference_set(side_by_side=asked(rater, "4"), preference="second")  # seen openly
    found = preferences_of(versions[1], versions[0])
    assert (found.wins, found.losses, found.ties) == (0, 1, 1)
    assert "too few" in found.says


def test_which_is_a_is_drawn_for_blind_ones_alone(rater, versions, monkeypatch):
    monkeypatch.setattr(asking.secrets, "randbelow", lambda most: 1)
    assert asked(rater, blind=True).swapped
    assert not asked(rater).swapped


def preferred(versions, raters, preference):
    """So many people's blind preference for one question each."""
    query = Query.objects.create(version=versions[0])
    for number in range(raters):
        SideBySide.objects.create(
            user=User.objects.create_user(f"{preference}{number}"),
            first=query,
            second=query,
            first_version=versions[0],
            second_version=versions[1],
            asked="x",
            blind=True,
            preference=preference,
        )


def test_the_gate_refuses_what_people_like_less_and_says_why(versions):
    preferred(versions, DECIDED_MIN, "first")
    with pytest.raises(AppError, match=r"version\.judged_worse") as refused:
        services.version_activate(version=versions[1])
    assert "people prefer first@1 (sign test)" in refused.value.message
    services.version_activate(version=versions[1], force=True, reason="a trial")
    assert services.champion() == versions[1]
    assert versions[1].activations.get().reason == "a trial"


def test_few_preferences_and_close_ones_do_not_stop_a_version(versions):
    preferred(versions, DECIDED_MIN - 1, "first")
    assert not services.judged_worse(versions[1])
    preferred(versions, DECIDED_MIN - 1, "second")
    assert "may well be chance" in preferences_of(versions[1], versions[0]).says
    assert not services.judged_worse(versions[1])


@pytest.mark.parametrize(
    ("first", "second", "chance"), [(0, 0, 1), (5, 5, 1), (1, 9, 22 / 1024), (0, 6, 2 / 64)]
)
def test_the_sign_test_is_the_binomials_two_tails(first, second, chance):
    assert sign_test(first, second) == pytest.approx(chance)
    assert sign_test(second, first) == sign_test(first, second)


def test_a_blind_page_names_nobody_before_a_preference_is_said(client, rater, versions):
    client.force_login(rater)
    sent = {"text": "2", "first": "first@1", "second": "second@1", "blind": "1"}
    where = client.post(reverse("search:side-by-side"), sent).url
    page = client.get(where).content.decode()
    assert "first@1" not in page
    assert "second@1" not in page
    after = client.post(f"{where}prefer/", {"preference": "second"}, follow=True).content.decode()
    assert "second@1" in after
    assert "You preferred" in after


def test_a_hit_of_either_list_is_judged_for_the_question(client, rater, versions):
    client.force_login(rater)
    where = client.post(
        reverse("search:side-by-side"), {"text": "2", "first": "first@1", "second": "second@1"}
    ).url
    made = SideBySide.objects.get()
    document = Document.objects.order_by("pk")[5]
    judge = reverse("search:judge", args=[made.first_id])
    answer = client.post(judge, {"document": document.pk, "verdict": "relevant", "back": where}, follow=True)
    assert "You marked it relevant." in answer.content.decode()
    assert Judgement.objects.get().document == document


def test_answers_of_others_are_nobodys_business(client, rater, versions):
    made = asked(rater)
    client.force_login(User.objects.create_user("other"))
    assert client.get(reverse("search:side-by-side-one", args=[made.pk])).status_code == 404
    client.logout()
    assert client.get(reverse("search:side-by-side")).status_code == 302


def test_what_cannot_be_asked_is_said_on_the_page(client, rater, versions):
    client.force_login(rater)
    for sent in ({}, {"text": "2", "first": "first@1", "second": "first@1"}):
        answer = client.post(reverse("search:side-by-side"), sent)
        assert answer.status_code in (400, 422)
        assert 'role="alert"' in answer.content.decode()
    ModelVersion.objects.filter(name="second").update(state="retired")
    assert "only one model" in client.get(reverse("search:side-by-side")).content.decode()


def test_where_one_of_two_cannot_be_asked_nothing_is_kept(rater, versions, monkeypatch):
    plain, times = retrieval.search, iter([False, True])

    def once(request):
        if next(times):
            raise AppError("encoder.unavailable")
        return plain(request)

    monkeypatch.setattr(retrieval, "search", once)
    with pytest.raises(AppError, match=r"encoder\.unavailable"):
        asked(rater)
    assert not Query.objects.exists()
