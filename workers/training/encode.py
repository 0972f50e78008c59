"""A whole split's embeddings by a model in training."""

import numpy as np
import torch
from torch import Tensor

from workers.neural.two_tower import TwoTower
from workers.training.batches import TrainingData, padded
from workers.training.metrics import SCORES, Quality, Ranks, Vectors, retrieval_ranks

BATCH = 128


def split_quality(model: TwoTower, data: TrainingData, device: torch.device) -> Quality:
    """The retrieval quality of a split; captions of one group describe all of its pictures."""
    return split_ranks(model, data, device).quality()


def split_ranks(model: TwoTower, data: TrainingData, device: torch.device) -> Ranks:
    """Where each query's right items are found; what `split_quality` sums up."""
    images, captions = embed_split(model, data, device)
    labels = (list(data.split.groups), data.split.text_groups())
    return retrieval_ranks(images, captions, labels, SCORES[model.config.similarity.kind])


@torch.inference_mode()
def embed_split(model: TwoTower, data: TrainingData, device: torch.device) -> tuple[Vectors, Vectors]:
    """Embeddings of all pictures (n, dim) and all captions (m, dim), float32, in the split's order."""
    model.eval()
    texts = [ids for captions in data.captions for ids in captions]
    images = [
        _picture_embeddings(model, data, range(start, min(start + BATCH, len(data.split))), device)
        for start in range(0, len(data.split), BATCH)
    ]
    captions = [
        model.encode_text(*(part.to(device) for part in padded(texts[start : start + BATCH])))
        for start in range(0, len(texts), BATCH)
    ]
    return torch.cat(images).cpu().numpy(), torch.cat(captions).cpu().numpy()


def _picture_embeddings(model: TwoTower, data: TrainingData, rows: range, device: torch.device) -> Tensor:
    views = []
    for mirrored in (False, True) if model.config.mirror else (False,):
        pictures = np.stack([data.pictures.for_serving(row, mirrored=mirrored) for row in rows])
        views.append(data.pictures.features(model, torch.from_numpy(pictures).to(device)))
    return model.encode_features(*views)
