"""PostgreSQL's own programs on the database that Django uses: `pg_dump` out of it, `pg_restore` and `psql` into it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from functools import cache
from typing import IO, TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS, connection
from psycopg.pq import Conninfo

from retrieval_site.database.vector_servers import foreign_tables, servers_standing, tables_elsewhere
from retrieval_site.errors import AppError
from retrieval_site.supervisor.errors import SupervisorError
from retrieval_site.supervisor.postgres import binaries
from workers.backup.emptying import EMPTY_PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from django.db.backends.base.base import BaseDatabaseWrapper

CHUNK_BYTES = 1024 * 1024
LOCK_WAIT_SECONDS = 60
MAJOR = 10_000
"""PostgreSQL counts versions as 180004."""
NOT_KEPT = ("django_session",)
"""Tables that a backup has without their rows: whoever reads a session's key can act as its person."""
_OF_THE_SITE = ("application_name", "fallback_application_name", "tcp_user_timeout")
"""Parameters of a connection that are not the programs' business, `keepalives…` beside."""


def environment(database: BaseDatabaseWrapper | None = None) -> dict[str, str]:
    """Return how the programs reach the site's database, or another, by variables: anybody can read a program's words.

    Raises AppError `backup.parameter_not_supported` for a parameter that has no variable.
    """
    known = (database or connection).settings_dict
    options = known["OPTIONS"]
    values = {
        "PGHOST": known["HOST"],
        "PGPORT": str(known["PORT"]),
        "PGUSER": known["USER"],
        "PGPASSWORD": known["PASSWORD"],
        "PGDATABASE": known["NAME"],
        "PGAPPNAME": "sightline backup",
    }
    values |= {_variable(name): str(options[name]) for name in _handed_on(options)}
    return {**os.environ, **{name: value for name, value in values.items() if value}}


def _handed_on(options: dict[str, Any]) -> list[str]:
    """Return which options libpq knows and the programs need; Django's and psycopg's own are neither."""
    known = [name for name in options if name in _variables()]
    return [name for name in known if name not in _OF_THE_SITE and not name.startswith("keepalives")]


def _variable(name: str) -> str:
    variable = _variables()[name]
    if not variable:
        raise AppError("backup.parameter_not_supported", name=name)
    return variable


@cache
def _variables() -> dict[str, str]:
    """Return libpq's parameters with their variables, "" of those that have none."""
    return {each.keyword.decode(): (each.envvar or b"").decode() for each in Conninfo.get_defaults()}


def program(name: str, database: BaseDatabaseWrapper | None = None) -> str:
    """Return the path of one of PostgreSQL's programs that is not older than the server of the database.

    Those of the installed wheel, else those of the system; raises AppError `backup.programs_too_old`.
    """
    server = server_major(database or connection)
    found = [path for path in _candidates(name) if _major(path) >= server]
    if not found:
        raise AppError("backup.programs_too_old", program=name, version=server)
    return found[0]


def _candidates(name: str) -> Iterator[str]:
    with suppress(SupervisorError):
        yield str(binaries() / name)
    if on_path := shutil.which(name):
        yield on_path


def _major(path: str) -> int:
    said = subprocess.run([path, "--version"], check=False, capture_output=True, text=True)  # noqa: S603  ours
    version = re.search(r"\) (\d+)", said.stdout)
    return int(version[1]) if version else 0


def server_major(database: BaseDatabaseWrapper) -> int:
    """Return the version of a database's server, such as 18."""
    database.ensure_connection()
    return int(database.connection.info.server_version) // MAJOR


_EXTENSIONS = """
    SELECT extname, nspname FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
    WHERE extname NOT IN ('plpgsql', 'postgres_fdw') ORDER BY extname
"""


def _without_servers() -> list[str]:
    """Return the words by which a dump leaves out servers of vectors, their passwords, and what leads there.

    `pg_dump` can leave out no server by name, but has none where it is told which schemas to dump.
    """
    if not servers_standing(DEFAULT_DB_ALIAS):
        return []
    with connection.cursor() as cursor:
        cursor.execute(_EXTENSIONS)
        found = dict(cursor.fetchall())
    schemas = {"public", *found.values()} - {"pg_catalog"}
    left_out = [*tables_elsewhere(DEFAULT_DB_ALIAS), *foreign_tables(DEFAULT_DB_ALIAS)]
    return [
        *(f'--schema="{name}"' for name in sorted(schemas)),
        *(f'--extension="{name}"' for name in found),
        *(f'--exclude-table=public."{name}"' for name in left_out),
    ]


@contextmanager
def dumped(snapshot: str, without: Iterable[str] = NOT_KEPT) -> Iterator[IO[bytes]]:
    """Give the dump of the database as of an exported snapshot, to be read to its end; of `without` no rows.

    Asked for in the transaction that has the snapshot. Of servers of vectors it knows nothing.
    Raises AppError `backup.program_failed` at the end where `pg_dump` did not end well.
    """
    words = [program("pg_dump"), "--format=custom", f"--snapshot={snapshot}", "--no-owner", "--no-privileges"]
    words += [f"--lock-wait-timeout={LOCK_WAIT_SECONDS}s"]
    words += [f"--exclude-table-data={table}" for table in without]
    words += _without_servers()
    with tempfile.TemporaryFile() as errors:
        dump = _start(words, errors, stdout=subprocess.PIPE)
        try:
            yield _out(dump)
            _check("pg_dump", dump, errors)
        finally:
            _end(dump)


def load(dump: Path, *, replace: bool, database: BaseDatabaseWrapper | None = None) -> None:
    """Fill the database, the site's own or another, from a dump, all of it in one transaction, or nothing.

    With `replace`, what the database holds goes in the same transaction; that waits a short while for whoever reads
    it. Raises AppError `backup.program_failed`.
    """
    script = [program("pg_restore", database), "--file=-", "--no-owner", "--no-privileges", "--no-comments"]
    into = [
        program("psql", database),
        "--no-psqlrc",
        "--quiet",
        "--set=ON_ERROR_STOP=1",
        "--single-transaction",
        "--file=-",
    ]
    with (
        tempfile.TemporaryFile() as errors,
        tempfile.TemporaryFile() as refused,
        _listed(dump, database) as listed,
    ):
        script += [f"--use-list={listed}", str(dump)]
        reader = _start(script, errors, stdout=subprocess.PIPE)
        writer = _start(into, refused, database, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            _pump(reader, writer, _first_words(replace))
            # Only a script that is whole may be committed, which psql does at its end.
            if writer.poll() is None:
                _check("pg_restore", reader, errors)
            if writer.stdin:
                _close(writer.stdin)
            _check("psql", writer, refused)
        finally:
            _end(writer)
            _end(reader)


@contextmanager
def _listed(dump: Path, database: BaseDatabaseWrapper | None) -> Iterator[str]:
    """Give the name of a file that lists what of a dump is restored.

    Not the schema `public`, which is there already, nor `postgres_fdw` without a server: it stays where there were
    servers of vectors once, and only a superuser may make it.
    """
    with tempfile.TemporaryFile() as errors, tempfile.NamedTemporaryFile() as listed:
        reader = _start(
            [program("pg_restore", database), "--list", str(dump)], errors, stdout=subprocess.PIPE
        )
        try:
            lines = _out(reader).readlines()
            has_servers = any(b" SERVER - " in line for line in lines)
            unwanted = [b" SCHEMA - public ", *([] if has_servers else [b" EXTENSION - postgres_fdw "])]
            listed.writelines(line for line in lines if not any(words in line for words in unwanted))
            _check("pg_restore", reader, errors)
        finally:
            _end(reader)
        listed.flush()
        yield listed.name


def _first_words(replace: bool) -> bytes:  # noqa: FBT001  (private)
    words = "SET lock_timeout = '15s'; SET client_min_messages = error;\n"
    if replace:
        words += EMPTY_PUBLIC
    return (words + "CREATE SCHEMA IF NOT EXISTS public;\n").encode()


def _pump(reader: subprocess.Popen[bytes], writer: subprocess.Popen[bytes], first: bytes) -> None:
    """Hand on until one of both ends."""
    assert writer.stdin is not None  # noqa: S101  (for the type checker: it was asked for)
    try:
        writer.stdin.write(first)
        while chunk := _out(reader).read(CHUNK_BYTES):
            writer.stdin.write(chunk)
    except BrokenPipeError:
        return


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return


def _start(
    words: list[str], errors: IO[bytes], database: BaseDatabaseWrapper | None = None, **pipes: int
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(words, env=environment(database), stderr=errors, **pipes)  # type: ignore[call-overload,no-any-return]  # noqa: S603  ours


def _out(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout is not None  # noqa: S101  (for the type checker: it was asked for)
    return process.stdout


def _check(name: str, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    if process.wait() != 0:
        errors.seek(0)
        said = [line for line in errors.read(1 << 16).decode(errors="replace").splitlines() if line.strip()]
        reason = next((line for line in said if "ERROR" in line or "FATAL" in line), said[-1] if said else "")
        raise AppError("backup.program_failed", program=name, reason=reason[:500])


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that still runs: what it did is rolled back."""
    if process.poll() is None:
        process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            _close(pipe)
