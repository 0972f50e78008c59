"""Towers in plain PyTorch as their authors write them, without a line of Sightline: VSE++ and its kin."""

from __future__ import annotations

import io
import warnings

import torch
import torchvision
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def l2norm(x: Tensor) -> Tensor:
    return torch.div(x, torch.pow(x, 2).sum(dim=1, keepdim=True).sqrt())


class EncoderImage(nn.Module):
    """A ResNet whose last layer maps to the joint space."""

    def __init__(self, dim: int, use_abs: bool = False):
        super().__init__()
        self.cnn = torchvision.models.resnet18()
        self.cnn.fc = nn.Linear(self.cnn.fc.in_features, dim)
        self.use_abs = use_abs

    def forward(self, images: Tensor) -> Tensor:
        features = l2norm(self.cnn(images))
        if self.use_abs:
            features = torch.abs(features)
        return features


class EncoderText(nn.Module):
    """Packed sequences; which of the states is taken follows `how`."""

    def __init__(
        self, vocabulary: int, dim: int, *, how="gather", bi=False, layers=1, enforce=False, kind="GRU",
        first=True,
    ):  # fmt: skip
        super().__init__()
        self.embed = nn.Embedding(vocabulary, 12)
        self.rnn = getattr(nn, kind)(12, dim, layers, batch_first=first, bidirectional=bi)
        self.halves = nn.Linear(2 * dim, dim) if how == "states" and bi else nn.Identity()
        self.how, self.bi, self.enforce, self.first = how, bi, enforce, first

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        words = self.embed(tokens)
        if not self.first:
            words = words.transpose(0, 1)
        packed = pack_padded_sequence(
            words, lengths.cpu(), batch_first=self.first, enforce_sorted=self.enforce
        )
        out, last = self.rnn(packed)
        if self.how == "states":
            vector = self.halves(torch.cat([last[-2], last[-1]], dim=1) if self.bi else last[-1])
        else:
            states, _ = pad_packed_sequence(out, batch_first=True)
            if self.bi:
                states = (states[:, :, : states.size(2) // 2] + states[:, :, states.size(2) // 2 :]) / 2
            if self.how == "mean":
                vector = states.sum(1) / lengths.unsqueeze(1)
            else:
                at = (lengths - 1).view(-1, 1, 1).expand(tokens.size(0), 1, states.size(2))
                vector = torch.gather(states, 1, at).squeeze(1)
        return l2norm(vector)


class PaddedText(nn.Module):
    """A GRU over padding, whose state at the last word is taken."""

    def __init__(self, vocabulary: int, dim: int, *, first=True):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, 12, padding_idx=0)
        self.dropout = nn.Dropout(0.2)
        self.rnn = nn.GRU(12, dim, batch_first=first)
        self.first = first

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        words = self.dropout(self.embed(tokens))
        if not self.first:
            words = words.transpose(0, 1)
        states, _ = self.rnn(words)
        if not self.first:
            states = states.transpose(0, 1)
        rows = torch.arange(tokens.size(0), device=tokens.device)
        return nn.functional.normalize(states[rows, lengths - 1], dim=1)


class SortedByHand(nn.Module):
    """Sorts a batch itself, as code of before `enforce_sorted` does, and puts the vectors back into its order."""

    def __init__(self, vocabulary: int, dim: int):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, 12)
        self.rnn = nn.GRU(12, dim, batch_first=True)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        ordered, order = torch.sort(lengths, dim=0, descending=True)
        _, back = torch.sort(order, dim=0)
        packed = pack_padded_sequence(self.embed(tokens[order]), ordered.cpu(), batch_first=True)
        _, last = self.rnn(packed)
        return l2norm(last.squeeze(0))[back]


def scripted(module: nn.Module) -> bytes:
    return _saved(torch.jit.script(module.eval()))


def traced(module: nn.Module, *example: Tensor) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _saved(torch.jit.trace(module.eval(), example))


def _saved(module: torch.jit.ScriptModule) -> bytes:
    archive = io.BytesIO()
    torch.jit.save(module, archive)
    return archive.getvalue()
