"""What text encoders with a pretrained part share: it is frozen unless layers of it are trained, and remembered."""

from typing import cast

import torch
from torch import Tensor, nn

# Their vectors take 300 MB at 384 values.
KEPT_TEXTS = 200_000
TOGETHER = 64


class PretrainedTextEncoder(nn.Module):
    """Tokens (batch, length) padded with 0 and lengths (batch), int64 ≥ 1 → (batch, dim), not yet unit length.

    `pretrained` maps them to (batch, width); `project` is the linear map behind it, the part that is trained. While the
    pretrained part is `held_back`, it gets no gradient, whatever of it is to be trained later.
    """

    held_back = False

    def __init__(self, pretrained: nn.Module, project: nn.Linear, dropout: float) -> None:
        super().__init__()
        self.pretrained = pretrained.requires_grad_(requires_grad=False)
        self.dropout = nn.Dropout(dropout)
        self.project = project
        self._known: dict[bytes, Tensor] | None = None

    @property
    def blocks(self) -> nn.ModuleList:
        """The pretrained part's layers in their order."""
        raise NotImplementedError

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """See the class."""
        return self.mapped(self.sentences(tokens, lengths))

    def mapped(self, sentences: Tensor) -> Tensor:
        """The pretrained part's vectors (batch, width) → (batch, dim)."""
        return cast("Tensor", self.project(self.dropout(sentences)))

    def sentences(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """What the pretrained part makes of them (batch, width), looked up where it is remembered."""
        known = self._known
        if known is not None:
            return self._looked_up(known, tokens, lengths)
        if self.held_back:
            with torch.no_grad():
                return cast("Tensor", self.pretrained(tokens, lengths))
        return cast("Tensor", self.pretrained(tokens, lengths))

    def remember(self, *, on: bool) -> None:
        """Keep what the pretrained part computes, since in training the same captions come in every epoch.

        Only while none of it is trained; off forgets all.
        """
        frozen = not any(value.requires_grad for value in self.pretrained.parameters())
        self._known = {} if on and frozen else None

    @torch.no_grad()
    def _looked_up(self, known: dict[bytes, Tensor], tokens: Tensor, lengths: Tensor) -> Tensor:
        """The pretrained part's vectors (batch, width), computed for those texts alone that are new."""
        sizes = lengths.tolist()
        keys = [row[:size].tobytes() for row, size in zip(tokens.cpu().numpy(), sizes, strict=True)]
        if len(known) + len(keys) > KEPT_TEXTS:
            known.clear()
        new = sorted((row for row, key in enumerate(keys) if key not in known), key=sizes.__getitem__)
        for at in range(0, len(new), TOGETHER):  # texts of like length, since padding costs as much as words
            rows = new[at : at + TOGETHER]
            made = self.pretrained(tokens[rows, : sizes[rows[-1]]], lengths[rows])
            known.update((keys[row], vector) for row, vector in zip(rows, made, strict=True))
        return torch.stack([known[key] for key in keys])
