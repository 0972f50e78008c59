"""PostgreSQL's programs reach the database as the site does, whatever its address asks for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from psycopg.pq import Conninfo

from retrieval_site.database.addresses import PATIENCE, database_settings
from retrieval_site.errors import AppError
from workers.backup import programs
from workers.backup.programs import environment

OWN = {"host", "port", "user", "password", "dbname", "application_name", "fallback_application_name"}
PARAMETERS = {
    each.keyword.decode(): (each.envvar or b"").decode()
    for each in Conninfo.get_defaults()
    if each.keyword.decode() not in OWN
}


@pytest.fixture
def environment_of(monkeypatch):
    """What the programs get for a parameter of DATABASE_URL."""

    def given(parameter):
        url = f"postgresql://me:secret@db.example:6432/site?{parameter}=of-the-url"
        used = database_settings(url, PATIENCE)
        monkeypatch.setattr(programs, "connection", SimpleNamespace(settings_dict=used))
        return environment()

    return given


@pytest.mark.parametrize("name", [name for name, variable in PARAMETERS.items() if variable])
def test_every_parameter_with_a_variable_reaches_them(environment_of, name):
    assert environment_of(name)[PARAMETERS[name]] == "of-the-url"


@pytest.mark.parametrize("name", ["sslpassword", "oauth_client_secret"])
def test_one_that_would_be_lost_is_refused(environment_of, name):
    with pytest.raises(AppError, match=rf"backup\.parameter_not_supported: .*{name}"):
        environment_of(name)


@pytest.mark.parametrize("name", ["keepalives_idle", "tcp_user_timeout", "application_name"])
def test_what_is_of_the_sites_own_connections_stays_there(environment_of, name):
    given = environment_of(name)
    assert "of-the-url" not in given.values()
    names = ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGAPPNAME")
    assert [given[each] for each in names] == [
        "db.example",
        "6432",
        "me",
        "secret",
        "site",
        "sightline backup",
    ]
