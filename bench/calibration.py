"""`python -m bench.calibration --data FOLDER --bundle FILE`: how far shown probabilities are from the truth.

A server of the benchmark's own holds a document for each photo of one split, whose text is the photo's captions. Every
other document has its photo as its picture, and from those the product's own job calibrates. The photos that no
document has then ask: of each one's hits, its own document is relevant and no other is, also where another says nearly
the same, so the probabilities look rather too high here. What the version's page shows is printed beside.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.data import data_options
from bench.measure import Report
from bench.serving import DATA_DIR, attached, serving
from search.relevance.curve import BINS, calibration_error
from workers.training.readers.read import DataSource, read_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models_admin.models import ModelVersion

HITS = 20
"""Of each answer so many are looked at: what a page shows."""


@dataclass(frozen=True)
class Shown:
    """The probabilities of all hits `(n,)`, and which of them are relevant."""

    probability: NDArray[np.float64]
    relevant: NDArray[np.bool_]


def main() -> None:
    """Print the error of the job's own folds, that of photos which no document has, and the curve of these."""
    options, report = _options(), Report()
    split = read_source(DataSource(options.data, options.layout, options.images)).split(options.split)
    folder = DATA_DIR / "calibration"
    with serving(DATA_DIR=str(folder)):
        attached(folder)
        version = _prepared(options.bundle, split.paths, split.captions)
        _say(version, _answered(version, split.paths[1::2]), report)
    if options.json:
        options.json.write_text(json.dumps(report.figures, indent=1) + "\n")


def _prepared(bundle: Path, photos: Sequence[Path], captions: Sequence[Sequence[str]]) -> ModelVersion:
    """Store the documents, every other one with its photo, and let the server's own worker encode and calibrate."""
    from bench import asking  # needs the server's database, and so comes after it
    from models_admin import services
    from search.models import Collection
    from search.services.collections import collection_delete
    from search.services.document_fields import DocumentFields, image_input
    from search.services.documents import DocumentRecord, documents_save

    version = asking.uploaded(bundle)
    for earlier in Collection.objects.filter(slug="photos"):
        collection_delete(collection=earlier)
    photographed = Collection.objects.create(slug="photos", name="Photos")
    for place, (photo, texts) in enumerate(zip(photos, captions, strict=True)):
        images = () if place % 2 else (image_input(photo.read_bytes(), photographed),)
        record = DocumentRecord(str(place), DocumentFields(body="\n\n".join(texts)), images)
        documents_save(collection=photographed, records=[record])
    asking.finished(services.version_prepare(version=version))
    version.refresh_from_db()
    return version


def _answered(version: ModelVersion, photos: Sequence[Path]) -> Shown:
    """Let photos ask whose documents have the odd numbers in turn."""
    from bench import asking
    from search.models import Document
    from search.retrieval.encode import Known
    from search.retrieval.runner import Asked, run
    from search.retrieval.types import EncodedPart, EncodedQuery, Scope
    from search.vectors.tables import VectorTable

    scope = Scope(VectorTable(version.pk, "passage"), asking.collections_all())
    number = {pk: int(name) for pk, name in Document.objects.values_list("pk", "external_id")}
    probability, relevant = [], []
    for place, vector in enumerate(asking.encoded(version, photos)):
        query = EncodedQuery(version, (EncodedPart("image", vector[None]),))
        for hit in run(Asked(Known(query), scope, HITS, HITS)).documents:
            if hit.relevance is None:
                raise SystemExit("the version has no calibration: fewer than 100 documents have both")
            probability.append(hit.relevance)
            relevant.append(number[hit.document_id] == 2 * place + 1)
    return Shown(np.array(probability), np.array(relevant))


def _say(version: ModelVersion, shown: Shown, report: Report) -> None:
    from search.relevance.stored import fitted_of

    fitted = fitted_of(version.calibrations.get(modality="image", kind="passage", collection=None))
    if fitted is None:
        raise SystemExit("the version's calibration cannot be read")
    report.say("calibration error by the version's page", 100 * fitted.error, "points")
    error = calibration_error(shown.probability, shown.relevant)
    report.say("calibration error of photos that no document has", 100 * error, "points")
    report.say("of their hits relevant", 100 * float(shown.relevant.mean()), "%")
    print(
        f"  {fitted.queries} photos calibrated by {fitted.labels} hits; {len(shown.relevant)} hits asked for"
    )
    for places in np.array_split(np.argsort(shown.probability, kind="stable"), BINS):
        said, true = shown.probability[places].mean(), shown.relevant[places].mean()
        print(f"  shown {100 * said:5.1f} %, relevant {100 * true:5.1f} %")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    data_options(parser, "whose photos are asked about")
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
