"""What goes on beside the searches of `bench.switching`: models are measured, learn, are compared, and challenge.

Imported once `bench.serving.attached` has named the server. Everything is asked for as people ask for it: jobs by the
services behind the buttons, which the server's own workers do, and comparisons and the challenger by the API.
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

from bench import asking
from bench.client import Client
from models_admin.job_types import LEARN
from models_admin.learning import version_learn
from search.evaluation.making import NewSet, evaluation_set_create, evaluation_start_all
from search.models import Document, EvaluationResult, Judgement, Query, ShadowAnswer

if TYPE_CHECKING:
    from bench.measure import Report
    from models_admin.models import ModelVersion

QUERIES, MARKED, COMPARED = 100, 60, 10
SHADOWED_SECONDS = 90.0
"""For how long answers of the challenger are waited for: kept searches are looked through every half minute."""


def done_meanwhile(report: Report, port: int, token: str, base: ModelVersion, champion: ModelVersion) -> None:
    """Measure both versions, learn from marks, compare, and let the former one challenge; print what came of each."""
    steps = (
        ("evaluation set", _measured),
        ("learning from marks", lambda: _learned(base)),
        ("side by side", lambda: _compared(Client(port, token), base, champion)),
        ("challenger", lambda: _challenged(Client(port, token), base)),
    )
    for name, step in steps:
        started = time.monotonic()
        count, what = step()
        report.say(f"{name}: {what}", float(count), "")
        report.say(name, time.monotonic() - started, "s")


def _measured() -> tuple[int, str]:
    """Ask every ready version for the notes of which each query has the beginning."""
    documents = list(Document.objects.order_by("pk")[:QUERIES])
    asked = "".join(f"q{n}\t{' '.join(one.body.split()[:8])}\n" for n, one in enumerate(documents))
    answers = "".join(f"q{n} 0 {one.external_id} 1\n" for n, one in enumerate(documents))
    files: dict[str, Any] = {"queries": io.BytesIO(asked.encode()), "qrels": answers.encode()}
    made = evaluation_set_create(
        new=NewSet(name="Beginnings", source="qrels", collection="captions", **files)
    )
    for job in evaluation_start_all(evaluation_set=made):
        asking.finished(job)
    return EvaluationResult.objects.filter(evaluation_set=made).count(), "versions measured"


def _learned(base: ModelVersion) -> tuple[int, str]:
    """Mark the first hits of kept searches, and learn from them."""
    marks = []
    for query in Query.objects.exclude(answer=[]).order_by("-created_at")[:MARKED]:
        grades = zip((hit["document"] for hit in query.answer[:2]), (2, 0), strict=False)
        marks += [
            Judgement(query=query, document_id=document, grade=grade, session="bench")
            for document, grade in grades
        ]
    Judgement.objects.bulk_create(marks)
    found = LEARN.result_of(asking.finished(version_learn(version=base)))
    print(f"  {found.said}")
    return found.searches or 0, "photos learned from"


def _compared(client: Client, base: ModelVersion, champion: ModelVersion) -> tuple[int, str]:
    for number in range(COMPARED):
        words = Document.objects.order_by("pk")[number].body
        asked = {"text": words[:200], "first": base.key, "second": champion.key}
        answer = client.post("side-by-side/", **asked, blind=True)
        if answer.status >= 300:
            raise SystemExit(f"side by side: {answer.status} {answer.body}")
    return COMPARED, "questions"


def _challenged(client: Client, base: ModelVersion) -> tuple[int, str]:
    """Ask the challenger every live search, too, until it has answered some of them; it is none again afterwards."""
    where = f"models/{base.key}/challenger/"
    answer = client.post(where, share=1.0, interleaved=0.5, reason="bench")
    if answer.status >= 300:
        raise SystemExit(f"challenger: {answer.status} {answer.body}")
    until = time.monotonic() + SHADOWED_SECONDS
    answers = ShadowAnswer.objects.filter(version=base)
    while not answers.exists() and time.monotonic() < until:
        time.sleep(1.0)
    client.send("DELETE", f"/api/v1/{where}")
    return answers.count(), "live searches asked, too"
