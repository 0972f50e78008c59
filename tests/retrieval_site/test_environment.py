"""What operators write into the environment: every variable of the site and of its web server, by its type."""

from __future__ import annotations

import inspect
from collections import defaultdict

import pytest
from django.core.exceptions import ImproperlyConfigured

from retrieval_site.config import read_config
from retrieval_site.environment import Environment
from retrieval_site.web.config import read_web_config

SET = {
    "OIDC_ISSUER": "https://id.example",
    "OIDC_CLIENT_ID": "sightline",
    "LDAP_URL": "ldaps://ldap.example",
    "LDAP_USER_BASE": "dc=x",
    "LDAP_GROUP_BASE": "dc=y",
}
"""With these, what belongs to them is read, too."""
KINDS = [name for name, _ in inspect.getmembers(Environment, inspect.isfunction) if not name.startswith("_")]


class Recorder(Environment):
    """Notes which variable is read as what."""

    def __init__(self) -> None:
        super().__init__(SET)
        object.__setattr__(self, "names", defaultdict(set))


def _recording(kind):
    def read(self, name, *words, **more):
        self.names[kind].add(name)
        return getattr(Environment, kind)(Environment(SET), name, *words, **more)

    return read


for _kind in KINDS:
    setattr(Recorder, _kind, _recording(_kind))


def _names() -> dict[str, set[str]]:
    recorder = Recorder()
    read_config(recorder)
    read_web_config(recorder)
    return recorder.names


NAMES = _names()


def read(**variables: str) -> tuple[object, object]:
    given = Environment({**SET, **variables})
    return read_config(given), read_web_config(given)


def test_every_kind_is_used_and_every_variable_is_of_one_kind() -> None:
    assert set(NAMES) == set(KINDS)
    assert sum(len(names) for names in NAMES.values()) == len(set().union(*NAMES.values())) > 100


CUT = [
    f"a://u:{password}@host/d"
    for password in ("geheim/x", "12/geheim", "geheim#x", "1#geheim", "[geheim", "geheim?x")
] + ["a://u:1?geheim@host"]
"""Addresses with a password that ends where it should not."""
WRONG = {
    "address": CUT,
    "addresses": CUT,
    "flag": ["ture", "2", "yes please", "$X"],
    "integer": ["20MiB", "1.5", "-1", "many", "1e6", "$X"],
    "number": ["1h", "10s 5", "nan", "inf", "-0.5", "$X"],
    "share": ["0", "1.5", "95%", "$X"],
    "days": ["-1", "1.5", "a year", "1000000", "$X"],
    "ports": ["http", "0", "70000", "80;443", "80, x", "$X"],
    "networks": ["10.1.0.0/16, 10.2", "10.1.0.1/16", "$X"],
    "choice": ["something else", "$X"],
    "mapping": ["{", "[1]", '{"a": ""}', '{"a": 1}', "$X"],
    "rate": ["60/min", "many", "10", "-1/minute", "1/second/hour", "$X"],
}


def test_of_every_kind_that_can_be_wrong_wrong_values_are_tried() -> None:
    assert set(KINDS) - set(WRONG) == {"path", "text", "words"}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in WRONG for name in sorted(NAMES[kind])])
def test_a_wrong_value_is_refused_by_its_variables_name(kind: str, name: str) -> None:
    for written in WRONG[kind]:
        with pytest.raises(ImproperlyConfigured, match=rf"\b{name}\b") as refused:
            read(**{name: written})
        assert "geheim" not in str(refused.value)
        assert refused.value.__cause__ is None or kind not in ("address", "addresses")


@pytest.mark.parametrize("name", sorted(set().union(*NAMES.values()) - set(SET)))
def test_an_empty_variable_counts_as_not_set(name: str) -> None:
    expected = read()
    if name in NAMES["days"]:
        assert getattr(read(**{name: ""})[0], name.lower()) == 0
    else:
        assert read(**{name: ""}) == expected


SECRETS = {
    "SECRET_KEY": lambda config: config.secret_key,
    "EMAIL_HOST_PASSWORD": lambda config: config.email_host_password,
    "OIDC_CLIENT_SECRET": lambda config: config.oidc.client_secret,
    "LDAP_BIND_PASSWORD": lambda config: config.ldap.bind_password,
    "BLOB_S3_SECRET": lambda config: config.backup_s3.key_secret,
    "BACKUP_S3_SECRET": lambda config: config.backup_s3.key_secret,
    "SOURCE_S3_SECRET": lambda config: config.source_s3_secret,
    "HUB_TOKEN": lambda config: config.hub_token,
    "HF_TOKEN": lambda config: config.hub_token,
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_taken_as_it_is_written(name: str) -> None:
    for written in ("$9kQ", "$HOME", " a=b#c ", "a,b\\n%20"):
        assert SECRETS[name](read(**{name: written})[0]) == written


@pytest.mark.parametrize("name", sorted(NAMES["text"]))
def test_a_text_that_begins_with_a_dollar_sign_means_no_other_variable(name: str) -> None:
    assert Environment({name: "$x/y", "x": "z"}).text(name, "default") == "$x/y"


LISTS = {
    "ALLOWED_HOSTS": lambda config: config.allowed_hosts,
    "CSRF_TRUSTED_ORIGINS": lambda config: config.csrf_trusted_origins,
    "CORS_ORIGINS": lambda config: config.cors_origins,
    "PUBLIC_MODELS": lambda config: config.public_models,
    "SOURCE_FOLDERS": lambda config: [str(folder) for folder in config.source_folders],
    "FOOTER_LINKS": lambda config: [words for words, _ in config.footer_links],
    "OIDC_SCOPES": lambda config: config.oidc.scopes,
    "OIDC_GROUPS": lambda config: config.oidc.groups,
    "OIDC_STAFF_GROUPS": lambda config: config.oidc.staff_groups,
    "OIDC_ADMIN_GROUPS": lambda config: config.oidc.admin_groups,
    "OIDC_MODEL_GROUPS": lambda config: config.oidc.model_groups,
    "LDAP_GROUPS": lambda config: config.ldap.groups,
    "LDAP_STAFF_GROUPS": lambda config: config.ldap.staff_groups,
    "LDAP_ADMIN_GROUPS": lambda config: config.ldap.admin_groups,
    "LDAP_MODEL_GROUPS": lambda config: config.ldap.model_groups,
}


@pytest.mark.parametrize("name", sorted(NAMES["words"]))
def test_blanks_and_nothing_between_commas_are_no_part_of_a_list(name: str) -> None:
    written = " a=/a, b=/b ,,\tc=/c," if name == "FOOTER_LINKS" else " a, b ,,\tc,"
    assert LISTS[name](read(**{name: written})[0]) == ["a", "b", "c"]


def test_ports_and_networks_are_written_with_blanks_too() -> None:
    for name in NAMES["ports"]:
        assert getattr(read(**{name: "80, 8080"})[0], name.lower()) == [80, 8080]
    for name in NAMES["networks"]:
        given = read(**{name: "10.1.2.0/24, fd00::/8"})[0]
        assert getattr(given, name.lower()) == ["10.1.2.0/24", "fd00::/8"]


@pytest.mark.parametrize(
    "written",
    [
        "postgresql://u:a%2Fb%23c@db.example:5432/name?sslmode=require",
        "postgresql://postgres@/sightline?host=/srv/sightline/run",
        "postgresql://u:p@ss@[fd00::1]:5432/name?user=me@tenant",
        "redis://:secret@host:6379/0",
        "rediss://host",
        "unix:///srv/redis.sock?db=0",
    ],
)
def test_addresses_are_taken_as_they_are_written(written: str) -> None:
    assert Environment({"REDIS_URL": written}).address("REDIS_URL") == written
    assert Environment({"VECTOR_SHARDS": f"{written} {written}"}).addresses("VECTOR_SHARDS") == [
        written,
        written,
    ]


def test_words_and_figures_mean_yes_and_no() -> None:
    for written, meant in {
        "1": True,
        "on": True,
        "True": True,
        "0": False,
        "OFF": False,
        "no": False,
    }.items():
        assert Environment({"THROTTLE": written}).flag("THROTTLE", default=not meant) is meant


def test_numbers_are_read_as_people_and_programs_write_them() -> None:
    given = Environment({"A": "1e3", "B": " 7.5 ", "C": "20971520", "D": "60_000"})
    assert (given.number("A", 0), given.number("B", 0)) == (1000.0, 7.5)
    assert (given.integer("C", 0), given.integer("D", 0)) == (20971520, 60_000)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("WEB_THREADS", "0"), ("CONNECTIONS_MAX", "0"), ("CONNECTIONS_PER_ADDRESS", "0"), ("PORT", "65536"),
        ("EMAIL_PORT", "0"), ("SIGN_IN_PAUSE_SECONDS", "0"), ("JOB_MEMORY_BYTES", "4"), ("HUB_SECONDS", "0"),
        ("ENCODE_TIMEOUT_SECONDS", "0"), ("TRUSTED_PROXIES", "-1"), ("READ_TEXT_PROCESSES", "0"),
    ],
)  # fmt: skip
def test_a_number_with_which_nothing_would_work_is_refused(name: str, written: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^{name} is .* must be at (least|most)"):
        read(**{name: written})


def test_few_connections_leave_one_for_each_address() -> None:
    assert read(CONNECTIONS_MAX="4")[1].connections_per_address == 1


def test_a_mapping_that_cannot_be_read_is_not_quoted() -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        read(OIDC_GROUP_MAP="{secret")
    assert "secret" not in str(refused.value)
