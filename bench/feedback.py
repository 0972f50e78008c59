"""`python -m bench.feedback`: do judgements make the next model better? The whole loop, with people who know the truth.

The demo's model meets a camera that it was not trained for: yellow light, soft focus, little contrast. Photos are asked
through the API; of the first ten hits those are judged relevant whose notes speak of a part of the photo's kind,
colour and condition, the others not relevant. The next model goes on from the demo's with what
`export_training_set --judged` writes, and the server measures it by the searches that were kept for that.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFilter

from bench.client import Client
from bench.measure import Report
from bench.serving import DATA_DIR, ROOT, attached, serving, wait_for
from demo.commands.evaluate import BUNDLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

YELLOW_LIGHT = (1.05, 0.95, 0.8)
CONTRAST = 0.8
BLUR_PIXELS = 1.0
JUDGED_HITS = 10
TRUTH = ("kind", "colour", "condition")


def main() -> None:
    """Ask, judge, export, train, prepare, measure; print what the judgements say of both models."""
    options, report = _options(), Report()
    folder = DATA_DIR / "feedback"
    with tempfile.TemporaryDirectory() as temporary, serving(DATA_DIR=str(folder), DEMO="1") as port:
        room, drawn = Path(temporary), folder / f"drawn-{options.seed}-{options.photos}"
        if not drawn.exists():
            _manage("demo", "draw", "--seed", options.seed, "--count", options.photos, "--out", drawn)
        wait_for(port, "/readyz")
        attached(folder)
        _ask_and_judge(port, drawn, report)
        _manage("export_training_set", "--collection", _collection(), "--judged", "--out", room / "set")
        bundle = _trained(room, options)
        judged = _measured(bundle)
    for name, value in asdict(judged.measures).items():
        found, before = getattr(judged.differences, name), getattr(judged.champion_measures, name)
        report.say(f"{name}: champion", before, "")
        report.say(f"{name}: next model", value, "")
        report.say(f"{name}: difference", found.value, "")
        print(f"    95 % of the draws: {found.low:.3f} to {found.high:.3f}")
    report.say("searches that measured", judged.searches, "")
    if options.json:
        options.json.write_text(json.dumps(report.figures, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--lr", type=float, default=0.0003)
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


def _ask_and_judge(port: int, drawn: Path, report: Report) -> None:
    from django.contrib.auth import get_user_model

    from search.models import Query
    from search.services.judgements import NOT_RELEVANT, RELEVANT, judgement_set
    from search.services.tokens import token_create

    user, _ = get_user_model().objects.get_or_create(username="bench")
    Query.objects.filter(user=user).delete()
    client = Client(port, token_create(user=user, name="bench.feedback", scopes=["read", "write"])[1])
    truths = [json.loads(line) for line in (drawn / "truth.jsonl").read_text().splitlines()]
    found = 0
    for truth in truths:
        answer = client.search_picture(_other_camera(drawn / truth["file"]), limit=str(JUDGED_HITS)).body
        right = [_is_right(hit["document"]["metadata"], truth) for hit in answer["results"]]
        found += any(right)
        for hit, is_right in zip(answer["results"], right, strict=True):
            grade = RELEVANT if is_right else NOT_RELEVANT
            judgement_set(
                query_id=answer["query"]["id"],
                document_id=hit["document"]["id"],
                viewer=user,
                session="",
                grade=grade,
            )
    report.say("photos asked", len(truths), "")
    report.say("of these with a relevant hit", found, "")


def _is_right(metadata: Mapping[str, Any], truth: Mapping[str, Any]) -> bool:
    return all(metadata.get(name) == truth[name] for name in TRUTH)


def _other_camera(path: Path) -> bytes:
    """The picture as JPEG, as a camera takes it whose pictures the demo's model has never seen."""
    with Image.open(path) as picture:
        soft = picture.convert("RGB").filter(ImageFilter.GaussianBlur(BLUR_PIXELS))
    lit = (128 + CONTRAST * (np.asarray(soft, np.float32) - 128)) * YELLOW_LIGHT
    out = io.BytesIO()
    Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=85)
    return out.getvalue()


def _collection() -> str:
    from search.models import Collection

    return str(Collection.objects.values_list("slug", flat=True).get())


def _trained(room: Path, options: argparse.Namespace) -> Path:
    bundle = room / "next.bundle.zip"
    settings = {
        "start.bundle": BUNDLE,
        "run.epochs": options.epochs,
        "optimiser.lr": options.lr,
        "schedule.warmup_epochs": 0.5,
    }
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    _manage(
        "train",
        "--recipe",
        "demo",
        "--data",
        room / "set",
        *words,
        "--out",
        room / "next",
        "--bundle",
        bundle,
    )
    return bundle


def _measured(bundle: Path) -> Any:
    from bench.asking import finished, uploaded
    from models_admin import services
    from models_admin.job_types import MEASURE

    version = uploaded(bundle)
    finished(services.version_prepare(version=version))
    version.refresh_from_db()
    return MEASURE.result_of(finished(services.version_measure(version=version)))


def _manage(*words: object) -> None:
    command: Sequence[str] = [sys.executable, str(ROOT / "manage.py"), *map(str, words)]
    subprocess.run(command, check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
