"""The retrieval quality of any bundle on pictures with captions, through the same encoders that serve searches."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workers.inference.bundles import bundle_extract
from workers.inference.encoder import Encoder, load_encoder
from workers.inference.errors import PictureError
from workers.inference.pictures import open_picture
from workers.training.errors import TrainingError
from workers.training.layout import Captioned
from workers.training.metrics import SCORES, Ranks, Score, Vectors, retrieval_ranks

Progress = Callable[[str, int, int], None]
PICTURES_AT_ONCE = 64


@contextmanager
def opened_bundle(bundle: Path, device: str = "auto") -> Iterator[Encoder]:
    """The encoder of a bundle file, or of the folder of an extracted one. Raises BundleError or EncoderError."""
    if bundle.is_dir():
        yield load_encoder(bundle, device=device)
        return
    if not bundle.is_file():
        raise TrainingError(f"There is no bundle {bundle}.")
    with tempfile.TemporaryDirectory() as folder:
        extracted = Path(folder) / "bundle"
        bundle_extract(bundle, extracted)
        yield load_encoder(extracted, device=device)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A bundle on a split: its embeddings (n, dim) and (m, dim), the places of right items, and who computed them."""

    model: str
    similarity: str
    device: str
    precision: str
    images: Vectors
    captions: Vectors
    ranks: Ranks

    @property
    def score(self) -> Score:
        """How the model compares a picture with a caption."""
        return SCORES[self.similarity]

    def report(self) -> dict[str, Any]:
        """Both directions of retrieval as plain data; see `metrics` for the measures and how ties count."""
        return {
            "model": self.model,
            "dim": int(self.images.shape[1]),
            "device": self.device,
            "precision": self.precision,
            "pictures": len(self.images),
            "captions": len(self.captions),
            **self.ranks.quality().to_json(),
        }


def evaluated(bundle: Path, split: Captioned, progress: Progress, device: str = "auto") -> Evaluated:
    """Embed a split with a bundle and find every query's right items. Raises InferenceError or TrainingError."""
    with opened_bundle(bundle, device) as encoder:
        images = embed_files(encoder, split.paths, progress)
        captions = encoder.encode_texts(split.texts())
        progress("encoding captions", len(captions), len(captions))
        labels = (list(split.groups), split.text_groups())
        similarity = encoder.manifest.similarity
        ranks = retrieval_ranks(images, captions, labels, SCORES[similarity])
        name, how = encoder.manifest.name, (encoder.device, encoder.precision)
        return Evaluated(name, similarity, *how, images, captions, ranks)


def embed_files(encoder: Encoder, paths: tuple[Path, ...], progress: Progress) -> Vectors:
    """Embeddings (n, dim) of picture files. Raises TrainingError with the name of one that cannot be read."""
    spec = encoder.manifest.image
    shortest = spec.resize if spec else None
    parts = []
    for start in range(0, len(paths), PICTURES_AT_ONCE):
        pictures = [_opened(path, shortest) for path in paths[start : start + PICTURES_AT_ONCE]]
        parts.append(encoder.encode_pictures(pictures))
        progress("encoding pictures", start + len(pictures), len(paths))
    vectors: Vectors = np.concatenate(parts)
    return vectors


def _opened(path: Path, shortest_side: int | None) -> Any:
    try:
        return open_picture(path.read_bytes(), shortest_side=shortest_side)
    except (PictureError, OSError) as error:
        raise TrainingError(f"The picture {path} cannot be used: {error}") from None


def report_lines(report: dict[str, Any]) -> list[str]:
    """The report as a small table for people."""
    head = f"{report['model']}: {report['pictures']} pictures, {report['captions']} captions, "
    lines = [head + f"{report['device']} {report['precision']}; percent; ties count against the model"]
    columns = ("r1", "r3", "r5", "r10", "p1", "p3", "recall10", "mrr", "ndcg10", "median_rank", "mean_rank")
    names = ("R@1", "R@3", "R@5", "R@10", "P@1", "P@3", "TREC@10", "MRR", "nDCG@10", "median", "mean")
    lines.append(f"{'':16}" + "".join(f"{name:>8}" for name in names))
    for name in ("image_to_text", "text_to_image"):
        values = "".join(f"{report[name][column]:8.1f}" for column in columns)
        lines.append(f"{name.replace('_to_', ' → '):16}{values}")
    return [*lines, f"sum of recalls {report['sum_of_recalls']:.1f}"]
