"""The installation that is attacked: real processes, a champion, an open collection, people of every kind."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
from django.core.files.base import ContentFile

from tests.flows.test_api_story import Program
from tests.support.tiny_bundle import COLOURS, make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flows.served import Served

MIB = 1024 * 1024


@dataclass
class Site:
    """A served installation and its operator."""

    served: Served
    operator: Program
    temporary: Path
    """Where its processes put temporary files."""

    @property
    def port(self) -> int:
        """Where it answers."""
        return self.served.port

    def anonymous(self) -> Program:
        """A program without a token."""
        return Program(self.port)

    def program_of(self, name: str, *scopes: str) -> Program:
        """A program with a token of this person, who must exist."""
        words = [word for scope in scopes or ("read", "write") for word in ("--scope", scope)]
        made = self.served.command("create_token", name, *words)
        assert made.returncode == 0, made.stderr
        return Program(self.port, made.stdout.strip().splitlines()[-1])

    def shell(self, code: str) -> str:
        """Run code on the installation's database and return what it printed."""
        done = self.served.command("shell", "--verbosity", "0", "-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def tree(self, name: str) -> list[psutil.Process]:
        """A part's process and all below it."""
        process = self.served.children()[name]
        return [process, *process.children(recursive=True)]

    def memory(self, *names: str) -> int:
        """The bytes that these parts and their children hold of their own."""
        return sum(_own_bytes(process) for name in names for process in self.tree(name))

    def bytes_on_disk(self) -> int:
        """What temporary files and the blob storage hold."""
        folders = (self.temporary, self.served.data_dir / "blobs")
        return sum(
            _size(os.path.join(at, name))
            for top in folders
            for at, _, names in os.walk(top)
            for name in names
        )


def _own_bytes(process: psutil.Process) -> int:
    try:
        found = process.memory_info()
    except psutil.Error:  # ended a moment ago
        return 0
    return int(found.rss - found.shared)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:  # removed a moment ago
        return 0


def notes() -> ContentFile[bytes]:
    """One document a colour."""
    lines = [
        json.dumps({"external_id": colour, "title": colour, "body": f"a {colour} part"}) for colour in COLOURS
    ]
    return ContentFile("\n".join(lines).encode(), "notes.jsonl")


def fill(site: Site, folder: Path) -> None:
    """An open collection and a champion that answers, with another one before it to fall back to."""
    operator = site.operator
    operator.must("POST", "collections/", {"slug": "notes", "name": "Notes", "visibility": "public"})
    job = operator.must("POST", "documents/import/", form={"collection": "notes", "file": notes()})
    operator.finished(job)
    bundle = make_tiny_bundle(folder / "tiny.zip").read_bytes()
    upload = operator.must("POST", "models/", form={"bundle": ContentFile(bundle, "tiny.zip")})
    operator.finished(upload["job"])
    operator.finished(operator.must("POST", "models/tiny@1/prepare/"))
    operator.must("POST", "models/tiny@1/activate/", {"reason": "first"})


def refusal(answer: Any) -> str:
    """The id of an answer in the one error shape."""
    assert set(answer) == {"error"}, answer
    assert set(answer["error"]) == {"id", "message", "detail"}
    assert answer["error"]["message"]
    return str(answer["error"]["id"])
