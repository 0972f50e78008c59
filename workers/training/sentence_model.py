"""A pretrained sentence encoder as it is published: a folder, or a zip of it, with the layout of sentence-transformers.

`config.json` (a BERT's shape), `model.safetensors` and `tokenizer.json` (WordPiece) are read; no pickle is opened.
"""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from workers.neural.errors import WeightsError
from workers.neural.texts.sentence import Bert, SentenceConfig
from workers.neural.tokens import SPECIAL_TOKENS

FILES = ("config.json", "model.safetensors", "tokenizer.json")
MEMBER_MAX_BYTES = 2 << 30
# What BERT calls the special tokens, in the order of `tokens.SPECIAL_TOKENS`.
SPECIAL_PIECES = ("[PAD]", "[CLS]", "[SEP]", "[UNK]")
# BERT's names of the parts of a layer, and ours.
PARTS = {
    "attention.self.query": "query", "attention.self.key": "key", "attention.self.value": "value",
    "attention.output.dense": "mix", "attention.output.LayerNorm": "attended",
    "intermediate.dense": "widen", "output.dense": "narrow", "output.LayerNorm": "finished",
}  # fmt: skip
SHAPE = {
    "layers": "num_hidden_layers", "width": "hidden_size", "heads": "num_attention_heads",
    "inner": "intermediate_size", "positions": "max_position_embeddings",
}  # fmt: skip


class SentenceModel:
    """The model in a folder or zip. Raises WeightsError where it is none, or of another architecture."""

    def __init__(self, path: Path) -> None:
        self.path = path
        files = _read(path)
        self._settings = self._json(files["config.json"])
        self._pieces = self._vocabulary(self._json(files["tokenizer.json"]))
        try:
            self._state = load(files["model.safetensors"])
        except SafetensorError as error:
            raise WeightsError(f"The weights in {path.name} cannot be read: {error}") from None
        self._order = self._in_order()

    @property
    def vocabulary(self) -> list[str]:
        """Our special tokens, then the model's other pieces in its own order."""
        return [*SPECIAL_TOKENS, *(self._pieces[number] for number in self._order[len(SPECIAL_TOKENS) :])]

    def fill(self, encoder: Bert, config: SentenceConfig) -> None:
        """Set the weights of an encoder that was built for `vocabulary`. Raises WeightsError for another shape."""
        wrong = [
            ours for ours, theirs in SHAPE.items() if getattr(config, ours) != self._settings.get(theirs)
        ]
        if self._settings.get("model_type") != "bert" or self._settings.get("hidden_act") != "gelu":
            raise WeightsError(f"{self.path.name} is no BERT with GELU.")
        if wrong:
            shape: dict[str, Any] = {ours: self._settings.get(theirs) for ours, theirs in SHAPE.items()}
            raise WeightsError(
                f"{self.path.name} has another shape; its encoder is {replace(config, **shape)}."
            )
        try:
            encoder.load_state_dict(self._translated())
        except (KeyError, RuntimeError) as error:
            raise WeightsError(f"The weights in {self.path.name} are not a BERT's: {error}") from None

    def _translated(self) -> dict[str, Tensor]:
        state = {name.removeprefix("bert."): value.float() for name, value in self._state.items()}
        words = state["embeddings.word_embeddings.weight"][torch.tensor(self._order)]
        # Every text is one sentence, of type 0.
        made = {
            "words.weight": words + state["embeddings.token_type_embeddings.weight"][0],
            "places.weight": state["embeddings.position_embeddings.weight"],
        }
        made |= {f"norm.{part}": state[f"embeddings.LayerNorm.{part}"] for part in ("weight", "bias")}
        for number in range(self._settings["num_hidden_layers"]):
            for theirs, ours in PARTS.items():
                for part in ("weight", "bias"):
                    made[f"layers.{number}.{ours}.{part}"] = state[f"encoder.layer.{number}.{theirs}.{part}"]
        return made

    def _in_order(self) -> list[int]:
        numbers = {piece: number for number, piece in enumerate(self._pieces)}
        if missing := [piece for piece in SPECIAL_PIECES if piece not in numbers]:
            raise WeightsError(f"The vocabulary of {self.path.name} has no {missing[0]}.")
        special = [numbers[piece] for piece in SPECIAL_PIECES]
        return special + [number for number in range(len(self._pieces)) if number not in set(special)]

    def _vocabulary(self, tokenizer: Mapping[str, Any]) -> list[str]:
        model = tokenizer.get("model", {})
        normalizer = tokenizer.get("normalizer") or {}
        if model.get("type") != "WordPiece" or normalizer.get("type") != "BertNormalizer":
            raise WeightsError(f"The tokeniser of {self.path.name} is not BERT's WordPiece.")
        if not normalizer.get("lowercase"):
            raise WeightsError(
                f"The tokeniser of {self.path.name} tells capital letters apart; choose an uncased one."
            )
        numbers: dict[str, int] = model.get("vocab", {})
        pieces = sorted(numbers, key=numbers.__getitem__)
        if [numbers[piece] for piece in pieces] != list(range(len(pieces))):
            raise WeightsError(f"The vocabulary of {self.path.name} is not numbered from 0.")
        return pieces

    def _json(self, content: bytes) -> dict[str, Any]:
        try:
            value = json.loads(content)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise WeightsError(f"{self.path.name} holds JSON files that cannot be read.")
        return value


def _read(path: Path) -> dict[str, bytes]:
    """The three files by name. Raises WeightsError."""
    try:
        if path.is_dir():
            return {name: (path / name).read_bytes() for name in FILES}
        with zipfile.ZipFile(path) as archive:
            if any(archive.getinfo(name).file_size > MEMBER_MAX_BYTES for name in FILES):
                raise WeightsError(f"{path.name} is too large.")
            return {name: archive.read(name) for name in FILES}
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path} is no sentence model ({', '.join(FILES)}): {error}") from None
