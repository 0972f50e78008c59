"""A database that was made with Django's user model goes on with ours: nobody and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tests.flows.served import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

NAME = "before_accounts"
MADE_BEFORE = """
import django; django.setup()
from django.apps import apps
from django.core.management import call_command
from django.core.management.commands.migrate import Command
from django.db.migrations.loader import MigrationLoader
for label in sorted(MigrationLoader(None).migrated_apps - {"accounts"}):
    call_command(Command(), label, skip_checks=True, verbosity=0)
from django.contrib.auth.models import Group, Permission, User
from search.models import Collection, Membership
anna = User.objects.create_user("anna", "anna@example.org", "a word of hers", is_staff=True)
clerks = Group.objects.create(name="clerks")
clerks.permissions.add(Permission.objects.get(codename="change_user"))
anna.groups.add(clerks)
Membership.objects.create(user_id=anna.pk, collection=Collection.objects.create(name="Hers", slug="hers"))
"""
SEEN_NOW = """
import django; django.setup()
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.models import Permission
from search.models import Membership
anna = authenticate(username="anna", password="a word of hers")
print(anna._meta.label, anna.email, [group.name for group in anna.groups.all()])
print(Membership.objects.get().user == anna, [anna.has_perm(f"accounts.{may}_user") for may in ("change", "delete")])
bert = get_user_model().objects.create_user("bert")
print(Permission.objects.filter(codename__endswith="_user").count(), bert.pk > anna.pk)
"""


@pytest.fixture
def address(django_db_setup: None) -> Iterator[str]:
    """An empty database's address, on the server of the tests."""
    address = os.environ["DATABASE_URL"]
    other = urlunsplit(urlsplit(address)._replace(path=f"/{NAME}"))
    with psycopg.connect(address, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {NAME} TEMPLATE template0")
        yield other
        server.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


def run(address: str, *words: str, settings: str = "retrieval_site.settings") -> str:
    environment = {**os.environ, "DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": settings}
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.django_db
def test_users_their_rights_and_what_they_own_are_there_afterwards(address: str) -> None:
    run(address, "-c", MADE_BEFORE, settings="tests.support.settings_before_accounts")
    said = run(address, "manage.py", "migrate", "--verbosity=1")
    assert "The users that are here already are kept." in said
    assert run(address, "-c", SEEN_NOW).splitlines() == [
        "accounts.User anna@example.org ['clerks']",
        "True [True, False]",
        "4 True",
    ]
    assert "No migrations to apply" in run(address, "manage.py", "migrate")
