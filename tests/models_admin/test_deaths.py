"""Setting aside a version whose encoder's process ends again and again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from models_admin.challenger import challenger_end
from models_admin.deaths import WINDOW, version_died
from models_admin.models import Activation, Alias
from models_admin.services import version_activate, version_move, version_retire
from models_admin.versions import version_reachable
from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.models import AuditEntry
from tests.support.corpus import make_version
from workers.encoding.versions import versions

pytestmark = pytest.mark.django_db


def die(version, times=1):
    found = [version_died(version_id=version.pk, reason="SIGSEGV") for _ in range(times)]
    version.refresh_from_db()
    return found


@pytest.fixture
def told(monkeypatch):
    """What webhooks hear of, in order."""
    heard = []
    monkeypatch.setattr("retrieval_site.events._listeners", [lambda event, data: heard.append((event, data))])
    return heard


def noted():
    """What the audit log says, the oldest first."""
    return [(row.action, row.target_name) for row in AuditEntry.objects.order_by("pk")]


def test_the_second_death_within_a_day_sets_a_version_aside():
    version = make_version("other", champion=False)
    assert die(version, 2) == [False, True]
    assert (version.state, version.error_id, len(version.deaths)) == ("set_aside", "version.set_aside", 2)
    with pytest.raises(LookupError):
        versions().folder(version.pk)
    with pytest.raises(AppError) as caught:
        version_activate(version=version)
    assert caught.value.id == "version.wrong_state"


def test_a_version_that_was_retired_makes_vectors_and_is_set_aside_like_any_other():
    version = make_version("other", champion=False)
    version_move(version, "retired")
    assert die(version, 2) == [False, True]
    assert version.state == "set_aside"


@pytest.mark.parametrize("state", ["uploaded", "validating", "refused"])
def test_a_version_that_did_not_pass_validation_is_not_loaded(state):
    version = make_version("other", champion=False)
    type(version).objects.filter(pk=version.pk).update(state=state)
    with pytest.raises(LookupError):
        versions().folder(version.pk)


def test_deaths_that_lie_longer_apart_do_not():
    version = make_version("other", champion=False)
    old = timezone.now() - WINDOW - timedelta(minutes=1)
    version.deaths = [{"at": old.isoformat(), "reason": "SIGKILL"}]
    version.save()
    assert die(version) == [False]
    assert version.state == "ready"


def test_a_champion_falls_back_to_the_version_before_it_and_never_back_again(told):
    before, now = make_version("before"), make_version("now")
    Alias.objects.filter(name="champion").update(previous=before)
    assert die(now, 2) == [False, True]
    alias = Alias.objects.get(name="champion")
    assert (alias.version, alias.previous) == (before, None)
    reason = "fell back: the process of now@1 ended twice (SIGSEGV)"
    assert Activation.objects.get().reason == reason
    assert told == [
        ("version.rolled_back", {"model": "before@1", "alias": "champion", "previous": "now@1"}),
        ("version.set_aside", {"model": "now@1", "state": "set_aside", "error_id": "version.set_aside"}),
    ]
    assert noted() == [("version.rolled_back", "before@1"), ("version.set_aside", "now@1")]
    assert AuditEntry.objects.get(action="version.rolled_back").detail["reason"] == reason


@pytest.mark.parametrize("previous", [None, "valid"])
def test_a_champion_with_nothing_to_fall_back_to_goes_on(previous, told):
    before, now = make_version("before"), make_version("now")
    if previous:
        before.state = previous
        before.save()
        Alias.objects.filter(name="champion").update(previous=before)
    assert die(now, 3) == [False] * 3
    assert (now.state, Alias.objects.get(name="champion").version) == ("ready", now)
    assert len(now.deaths) == 3
    assert (told, noted()) == ([], [])


def test_a_challenger_that_is_set_aside_is_none_any_more(told):
    version = make_version("other", champion=False)
    Alias.objects.create(name="challenger", version=version)
    die(version, 2)
    assert not Alias.objects.filter(name="challenger").exists()
    ended = ("version.challenger_ended", {"model": "other@1"})
    assert (told[0], told[1][0]) == (ended, "version.set_aside")
    assert noted() == [("version.challenger_ended", "other@1"), ("version.set_aside", "other@1")]


def test_that_there_is_no_challenger_any_more_is_told_once(told):
    version = make_version("other", champion=False)
    Alias.objects.create(name="challenger", version=version)
    challenger_end()
    challenger_end()
    assert told == [("version.challenger_ended", {"model": "other@1"})]
    assert noted() == [("version.challenger_ended", "other@1")]


def test_a_version_that_is_retired_is_told(told):
    version_retire(version=make_version("other", champion=False))
    assert told == [("version.retired", {"model": "other@1", "state": "retired", "error_id": ""})]
    assert noted() == [("version.retired", "other@1")]


def test_a_job_that_was_preparing_it_does_not_make_it_ready():
    version = make_version(
        "other",
        champion=False,
    )
    version_move(version, "preparing")
    die(version, 2)
    version_move(version, "ready")
    assert version.state == "set_aside"
    version_move(version, "preparing", deaths=[])
    version_move(version, "ready")
    assert version.state == "ready"


def test_others_than_those_who_manage_models_reach_only_what_serves_searches(settings):
    from dataclasses import replace

    version = make_version("other", champion=False)
    champion = make_version("best")
    somebody, chief = User.objects.create_user("somebody"), User.objects.create_superuser("chief")
    assert version_reachable(champion, viewer=somebody)
    assert not version_reachable(version, viewer=somebody)
    assert version_reachable(version, viewer=chief)
    settings.CONFIG = replace(settings.CONFIG, public_models=["other@1"])
    assert version_reachable(version, viewer=somebody)
