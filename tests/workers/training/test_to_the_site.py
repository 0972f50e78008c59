"""From a recipe to the running site: trained, validated in the guarded child, prepared, activated, searched with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from django.core.files.uploadedfile import SimpleUploadedFile

from models_admin import services
from search.retrieval import search
from search.retrieval.types import ImagePart, SearchRequest, TextPart
from search.services.collections import collection_create
from search.services.document_fields import DocumentFields, image_input
from search.services.documents import DocumentRecord, documents_save
from tests.support.compiled import compiled
from tests.support.detectors import enlarge
from workers.encoding.pool import POOL
from workers.inference.bundles import bundle_extract, read_manifest
from workers.inference.encoder import load_encoder
from workers.inference.pictures import open_picture, to_pixels
from workers.inference.precision import agreement
from workers.inference.probes import probe_pictures
from workers.inference.texts import TextReader, pad_ids
from workers.inference.torch_runtime import read_native
from workers.jobs.runner import run_job_inline
from workers.neural.images.trunks import build_network
from workers.training.export import ExportOptions
from workers.training.recipe import recipe_with
from workers.training.train import TrainOptions, train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("query_worker"),
]

SMALL = {"start.tune": "head", "run.epochs": 2, "concepts.weight": 0.0, "data.batch": 16, "embedding_dim": 32}
RECIPES = {
    "fne-soe": {
        "image.kind": "fne", "image.architecture": "squeezenet1_1", "pixels.crop": "ten", "pixels.resize": 64,
        "pixels.size": 48, "similarity.kind": "order", "similarity.absolute": True,
    },
    "detector": {
        "image.kind": "regions", "image.source": "detector", "image.architecture": "fasterrcnn_resnet50_fpn",
        "image.nodes": 12, "image.proposals": 40, "image.head.features": "standard", "run.epochs": 6,
        "pixels.resize": 64, "pixels.size": 64,
    },
}  # fmt: skip
DEPTH, OVERLAP_MIN, COSINE_MIN = 10, 0.95, 0.99
LEVEL = 5e-4
"""Scores are level that differ by less than vectors stored in half precision can tell."""


@pytest.fixture(autouse=True)
def _fresh_encoders():
    POOL.close()
    yield
    POOL.close()


@pytest.fixture(scope="module", params=RECIPES)
def bundle(request, tiny, data, tmp_path_factory):
    """The bundle of a recipe that was trained for a moment on a network with random weights."""
    settings, folder = SMALL | RECIPES[request.param], tmp_path_factory.mktemp(request.param)
    torch.manual_seed(1)
    network = build_network(settings["image.architecture"])
    if request.param == "detector":
        enlarge(network)
    torch.save(network.state_dict(), folder / "network.pth")
    settings["start.weights"] = str(folder / "network.pth")
    path = folder / f"{request.param}.zip"
    train(
        TrainOptions(
            recipe_with(tiny, settings.items()), data, folder / "run", folder / "cache", path,
            ExportOptions(request.param, half=True), device="cpu", say=lambda line: None,
        )
    )  # fmt: skip
    return path


@pytest.fixture
def notes(data):
    """Documents to find: one for each wording of the validation captions, one for each of its pictures."""
    split = data.splits()[1]
    texts = {f"text {at}": text for at, text in enumerate(sorted({*split.texts()}))}
    pictures = {path.name: path.read_bytes() for path in split.paths}
    records = [DocumentRecord(key, DocumentFields(body=text)) for key, text in texts.items()]
    collection = collection_create(name="Notes", visibility="public")
    records += [
        DocumentRecord(key, DocumentFields(), (image_input(picture, collection),))
        for key, picture in pictures.items()
    ]
    documents_save(collection=collection, records=records)
    return texts, pictures


@pytest.fixture
def on_the_site(bundle, notes):
    """The bundle's version as an operator brings it there: uploaded, validated, prepared over the notes, activated."""
    version, job = services.version_upload(bundle=SimpleUploadedFile("b.zip", bundle.read_bytes()))
    for step in (job, None):
        job = run_job_inline(step or services.version_prepare(version=version))
        assert job.state == "succeeded", job.error
        version.refresh_from_db()
    services.version_activate(version=version)
    return version


class Native:
    """What the bundle's own weights say, by torch: embeddings, and the scores of all pictures with all texts."""

    def __init__(self, bundle, folder):
        self.manifest = bundle_extract(bundle, folder)
        self.model = read_native(self.manifest, folder)
        self.reader = TextReader(self.manifest.text, folder)

    @torch.inference_mode()
    def scores(self, pictures, texts):
        """(pictures, texts), bigger is closer."""
        pixels = np.stack([to_pixels(open_picture(data), self.manifest.image) for data in pictures])
        ids = pad_ids([self.reader.encode(text) for text in texts])
        images = self.model.encode_image(torch.from_numpy(pixels))
        captions = self.model.encode_text(*map(torch.from_numpy, ids))
        return self.model.similarity.scores(images, captions).numpy()


def found(part, **asked):
    """The external ids of the documents that a search finds, best first."""
    hits = search(SearchRequest(viewer=None, parts=(part,), limit=DEPTH, **asked)).hits
    return [hit.document.external_id for hit in hits]


def overlap(answers, names, scores):
    """The share of the answers that are among the best by the scores (queries, documents), or level with these."""
    best = [{names[at] for at in np.flatnonzero(row >= np.sort(row)[-DEPTH] - LEVEL)} for row in scores]
    return np.mean([len(wanted & set(answer)) / DEPTH for wanted, answer in zip(best, answers, strict=True)])


def test_a_bundle_of_each_recipe_answers_searches_as_its_own_weights_do(bundle, notes, on_the_site, tmp_path):
    texts, pictures = notes
    assert on_the_site.report["probes"]["image"]["native_agreement"] >= COSINE_MIN
    assert on_the_site.similarity == read_manifest(bundle).similarity
    scores = Native(bundle, tmp_path / "native").scores(list(pictures.values()), list(texts.values()))
    by_picture = [found(ImagePart(picture)) for picture in pictures.values()]
    by_text = [found(TextPart(text), target="images") for text in texts.values()]
    assert overlap(by_picture, list(texts), scores) >= OVERLAP_MIN
    assert overlap(by_text, list(pictures), scores.T) >= OVERLAP_MIN


@pytest.mark.parametrize("bundle", ["detector"], indirect=True)
def test_a_detector_is_one_graph_over_batches_of_any_size(bundle, tmp_path):
    manifest = bundle_extract(bundle, tmp_path / "served")
    model = read_native(manifest, tmp_path / "served")
    assert manifest.image.stages == (12, 1024)
    pixels = torch.from_numpy(np.stack([to_pixels(picture, manifest.image) for picture in probe_pictures(4)]))
    with torch.inference_mode():
        regions = model.image.features(pixels)
        wanted = model.encode_image(pixels).numpy()
    # The pictures have regions, and each its own.
    assert (regions.abs().sum(2) > 0).all()
    assert (regions[1:] - regions[:1]).abs().amax((1, 2)).min() > 1
    run = compiled(tmp_path / "served/image.onnx")
    assert agreement(run(pixels), wanted) > 0.9999
    alone = np.concatenate([run(pixels[at : at + 1]) for at in range(4)])
    assert agreement(alone, wanted) > 0.9999
    served = load_encoder(tmp_path / "served", device="cpu", threads=1)
    at_once = served.encode_pixels(pixels.numpy())
    assert agreement(at_once, wanted) > 0.9999
    np.testing.assert_allclose(at_once, served.runtime.image(pixels.numpy()), atol=1e-3)
