"""The people of the bad day: they search, judge, save, import and switch, each in a thread, at a steady pace."""

from __future__ import annotations

import io
import itertools
import json
import random
import threading
import time
import uuid
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.client import Client, Timed
from bench.photos import photo
from bench.soak.ledger import Ledger, NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Sequence

FIXED, IMPORTED, SAVED = "captions", "imported", "saved"
IMPORT_DOCUMENTS, IMPORT_PICTURES = 120, 4
SCORE_TOLERANCE = 2e-3
"""Photos that are encoded together differ in the last digits."""
TOP = 10


@dataclass(frozen=True)
class Question:
    """A photo or words that are asked again and again, of documents that nobody changes."""

    picture: bytes | None = None
    text: str = ""

    def ask(self, client: Client, **more: Any) -> Timed:
        """Ask it."""
        if self.picture is not None:
            forms = {name: value for name, value in more.items() if isinstance(value, str)}
            return client.search_picture(unseen(self.picture), collections=FIXED, mode="dense", **forms)
        return client.search(text=self.text, collections=[FIXED], mode="dense", **more)


def unseen(jpeg: bytes) -> bytes:
    """Return the same picture as another file, by a comment in it, so that no vector of it is in a cache."""
    comment = uuid.uuid4().hex.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + jpeg[2:]


Answer = dict[int, float]


def answer_of(found: Timed) -> Answer:
    """Return the documents of an answer with their scores."""
    return {hit["document"]["id"]: hit["score"] for hit in found.body["results"]}


def differs(found: Answer, truth: Answer) -> bool:
    """Return whether an answer is another one: equal scores may stand in any order."""
    if len(found) != len(truth):
        return True
    pairs = zip(sorted(found.values()), sorted(truth.values()), strict=True)
    last = min(truth.values()) + 2 * SCORE_TOLERANCE
    return any(abs(one - other) > SCORE_TOLERANCE for one, other in pairs) or any(
        score > last and document not in found for document, score in truth.items()
    )


@dataclass
class Crowd:
    """All users, as a context: they begin when it is entered and end with it.

    `truth` has, by question and model, what it found on a good day.
    """

    port: int
    token: str
    ledger: Ledger
    questions: Sequence[Question]
    models: tuple[str, str]
    truth: dict[tuple[int, str], Answer]
    end: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._local = threading.local()
        loops = [(self._search, 0.5)] * 2 + [(self._save, 1.0), (self._import, 8.0), (self._switch, 12.0)]
        self._threads = [
            threading.Thread(target=self._loop, args=(work, pace, seed), daemon=True)
            for seed, (work, pace) in enumerate(loops)
        ]

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end.set()
        for thread in self._threads:
            thread.join(120)

    @property
    def client(self) -> Client:
        """This thread's connection."""
        if not hasattr(self._local, "client"):
            self._local.client = Client(self.port, self.token)
        return self._local.client  # type: ignore[no-any-return]

    def _loop(self, work: Any, pace: float, seed: int) -> None:
        draw, began = random.Random(seed), time.monotonic()
        for turn in itertools.count():
            if self.end.wait(max(0.0, began + turn * pace - time.monotonic())):
                return
            began = max(began, time.monotonic() - (turn + 5) * pace)  # after a long wait, no rush
            try:
                work(draw, turn)
            except NoAnswerError:
                del self._local.client
            except Exception as error:  # noqa: BLE001  a fault of the rehearsal itself must not go unseen
                self.ledger.count(self.ledger.fault, work.__name__, "benchmark", repr(error))

    def _search(self, draw: random.Random, turn: int) -> None:
        number = draw.randrange(len(self.questions))
        found = self.ledger.asked("search", lambda: self.questions[number].ask(self.client))
        if found is None:
            return
        model = found.body["query"]["model"]
        with self.ledger.lock:
            self.ledger.compared += 1
            self.ledger.models.add(model)
        if differs(answer_of(found), truth := self.truth[number, model]):
            self.ledger.wrong(
                f"question {number} by {model}: {answer_of(found)} instead of {truth}; {found.body['plan']}"
            )
        elif turn % 3 == 0 and found.body["query"]["id"]:
            self._judge(found, draw)

    def _judge(self, found: Timed, draw: random.Random) -> None:
        query, document = found.body["query"]["id"], found.body["results"][0]["document"]["id"]
        grade = draw.randrange(4)
        try:
            said = self.ledger.asked(
                "judge",
                lambda: self.client.post("judgements/", query=query, document=document, grade=grade),
            )
        except NoAnswerError:
            self.ledger.unsure_judgements.add((query, document))
            raise
        if said is not None:
            self.ledger.judgements[query, document] = grade

    def _save(self, draw: random.Random, turn: int) -> None:
        """Save a new document, change one, or delete one."""
        names = [name for name, body in self.ledger.documents.items() if body is not None]
        if names and turn % 10 == 9:
            self._delete(draw.choice(names))
            return
        name = draw.choice(names) if names and turn % 3 else f"s{turn}"
        body = f"Saved {name} in turn {turn}, a red pump."
        saved = self._unsure(
            name,
            "save",
            lambda: self.client.post("documents/", collection=SAVED, external_id=name, title=name, body=body),
        )
        if saved is not None:
            self.ledger.documents[name] = body

    def _delete(self, name: str) -> None:
        listed = self.ledger.asked(
            "list",
            lambda: self.client.send("GET", f"/api/v1/documents/?collection={SAVED}&external_id={name}"),
        )
        if listed is None or name in self.ledger.unsure:
            return
        if not listed.body["results"]:
            self.ledger.wrong(f"the saved document {name} is not listed")
            return
        number = listed.body["results"][0]["id"]
        path = f"/api/v1/documents/{number}/?permanently=true"
        if self._unsure(name, "delete", lambda: self.client.send("DELETE", path)) is not None:
            self.ledger.documents[name] = None

    def _unsure(self, name: str, what: str, ask: Any) -> Timed | None:
        """Ask; without an answer nobody knows how the document is, until it is saved again."""
        try:
            answer = self.ledger.asked(what, ask)
        except NoAnswerError:
            self.ledger.unsure.add(name)
            raise
        if answer is not None:
            self.ledger.unsure.discard(name)
        return answer

    def _import(self, draw: random.Random, turn: int) -> None:
        """Import a file until its job has succeeded, as somebody does who wants it in."""
        documents = {
            f"i{turn}-{n}": f"Imported {turn}-{n}: {draw.choice(WORDS)} {draw.choice(WORDS)}."
            for n in range(IMPORT_DOCUMENTS)
        }
        upload = import_file(documents, turn)
        while not self.end.is_set():
            begun = self.ledger.asked("import", lambda: self.client.send("POST", *upload))
            if begun is not None:
                self.ledger.imports[begun.body["id"]] = documents
                if self.waited(begun.body["id"]) == "succeeded":
                    return
            self.end.wait(2.0)

    def waited(self, job: str, seconds: float = 300.0) -> str:
        """Wait for a job's end and return its state, `waiting` after so many seconds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.end.is_set():
            try:
                found = self.ledger.asked("job", lambda: self.client.send("GET", f"/api/v1/jobs/{job}/"))
            except NoAnswerError:
                del self._local.client
                found = None
            if found is not None and found.body["finished_at"]:
                if found.body["error"]:
                    with self.ledger.lock:
                        self.ledger.job_errors[found.body["error"]["id"]] += 1
                return str(found.body["state"])
            self.end.wait(1.0)
        return "waiting"

    def _switch(self, _draw: random.Random, turn: int) -> None:
        """Roll back; every fourth time, drop the version that does not answer and prepare it anew."""
        if turn % 4 != 3:
            self.ledger.asked("switch", lambda: self.client.post("models/rollback/", reason="soak"))
            return
        listed = self.ledger.asked("models", lambda: self.client.send("GET", "/api/v1/models/champion/"))
        if listed is None:
            return
        other = next(model for model in self.models if model != listed.body["model"])
        self.ledger.asked("retire", lambda: self.client.post(f"models/{other}/retire/", force=True))
        prepared = "failed"
        while prepared not in ("succeeded", "waiting"):
            begun = self.ledger.asked(
                "prepare", lambda: self.client.send("POST", f"/api/v1/models/{other}/prepare/")
            )
            prepared = self.waited(begun.body["id"]) if begun is not None else "failed"
            if self.end.wait(1.0):
                return
        self.ledger.asked("switch", lambda: self.client.post(f"models/{other}/activate/", force=True))


def import_file(documents: dict[str, str], turn: int) -> tuple[str, bytes, str]:
    """Return path, body and content type of an import: every other one a zip with pictures."""
    lines = [{"external_id": name, "body": body} for name, body in documents.items()]
    content = io.BytesIO()
    if turn % 2:
        with zipfile.ZipFile(content, "w") as packed:
            for n, line in enumerate(lines[:IMPORT_PICTURES]):
                line["images"] = [f"{n}.jpg"]  # type: ignore[assignment]
                packed.writestr(f"{n}.jpg", photo(1000 * turn + n, 320, 240))
            packed.writestr("documents.jsonl", "\n".join(map(json.dumps, lines)))
    else:
        content.write("\n".join(map(json.dumps, lines)).encode())
    boundary = uuid.uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="collection"\r\n\r\n{IMPORTED}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="import"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = b"".join([head.encode(), content.getvalue(), f"\r\n--{boundary}--\r\n".encode()])
    return "/api/v1/documents/import/", body, f"multipart/form-data; boundary={boundary}"


WORDS = ("red pump", "blue gear", "rusty valve", "leaking hose", "worn bearing", "dusty fan", "black pulley")
