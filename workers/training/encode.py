"""A whole split's embeddings by a model in training."""

import torch

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
        data.pictures.embeddings(model, range(start, min(start + BATCH, len(data.split))), device)
        for start in range(0, len(data.split), BATCH)
    ]
    captions = [
        model.encode_text(*(part.to(device) for part in padded(texts[start : start + BATCH])))
        for start in range(0, len(texts), BATCH)
    ]
    return torch.cat(images).cpu().numpy(), torch.cat(captions).cpu().numpy()
