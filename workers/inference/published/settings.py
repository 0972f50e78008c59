"""What a published model's own files say of pictures and texts, in a manifest's words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workers.formats.bounded_json import DepthMeter
from workers.inference.published.graphs import Padding, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

INTERPOLATIONS = {2: "bilinear", 3: "bicubic"}
"""Pillow's numbers, by which preprocessing names them."""
_PADDED = ("siglip", "siglip2")
"""Families that were trained on texts padded to one length, with the padding attended to."""
_LOWERED = ("siglip", "siglip2")
"""Families that were trained on small letters. SigLIP 2's tokenizer.json, Gemma's, leaves capitals as they are."""
_TOKENS_MAX = 4096
_DEPTH_MAX = 32
_PUNCTUATION = r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]"""


def read_settings(data: bytes, name: str) -> dict[str, Any]:
    """Return the JSON object of a published file. Raises BundleError `hub.cannot_convert`."""
    try:
        DepthMeter(_DEPTH_MAX).feed(data)
        found = json.loads(data)
    except (ValueError, RecursionError):
        refuse(f"{name} is no JSON")
    if not isinstance(found, dict):
        refuse(f"{name} is no JSON object")
    return found


def picture_settings(preprocessor: Mapping[str, Any], *, takes_bytes: bool) -> dict[str, Any]:
    """Return the manifest's `image`, of either layout's file. Raises BundleError where pictures cannot be prepared so.

    `takes_bytes`: the graph centres and scales pictures itself.
    """
    try:
        found = _open_clip(preprocessor) if "mean" in preprocessor else _transformers(preprocessor)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        refuse(f"its preparation of pictures is not understood: {error}")
    if takes_bytes:
        found |= {"mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}
    return found


def _open_clip(described: Mapping[str, Any]) -> dict[str, Any]:
    """Read open_clip's `preprocess_cfg.json`."""
    size, mode = _side(described["size"]), described.get("resize_mode", "shortest")
    if mode not in ("shortest", "squash"):
        refuse(f"it fits pictures in by “{mode}”")
    return {
        "resize": size,
        "size": size,
        "crop": "center" if mode == "shortest" else "squash",
        "interpolation": _one_of(described.get("interpolation", "bicubic"), INTERPOLATIONS.values()),
        "mean": _three(described["mean"]),
        "std": _three(described["std"]),
    }


def _transformers(described: Mapping[str, Any]) -> dict[str, Any]:
    """Read transformers' `preprocessor_config.json`."""
    size, crops = described["size"], described.get("do_center_crop", False)
    shortest = isinstance(size, dict) and "shortest_edge" in size
    resize = int(size["shortest_edge"]) if shortest else _side(size)
    side = _side(described["crop_size"]) if crops else resize
    if shortest and not crops:
        refuse("its pictures have no one shape")
    normalizes = described.get("do_normalize", True)
    return {
        "resize": resize,
        "size": side,
        "crop": "center" if crops and (shortest or isinstance(size, int)) else "squash",
        "interpolation": INTERPOLATIONS[int(described.get("resample", 3))],
        "mean": _three(described["image_mean"]) if normalizes else [0.0, 0.0, 0.0],
        "std": _three(described["image_std"]) if normalizes else [1.0, 1.0, 1.0],
    }


def _side(size: Any) -> int:
    """Return the side of a square, written as a number, a pair or by its height and width."""
    sides = (
        [size, size]
        if isinstance(size, int)
        else [size["height"], size["width"]]
        if isinstance(size, dict)
        else size
    )
    height, width = (int(side) for side in sides)
    if height != width:
        refuse("its pictures are not square")
    return height


def _three(values: Any) -> list[float]:
    first, second, third = (float(value) for value in values)
    return [first, second, third]


def _one_of(value: Any, known: Any) -> str:
    if value not in known:
        refuse(f"it resizes pictures by “{value}”")
    return str(value)


@dataclass(frozen=True)
class TextSettings:
    """How a published model reads texts: its tokeniser (`tokenizer.json`, as it is to be), at most so many tokens.

    `lowercase`: texts are lowered before the tokeniser sees them.
    """

    tokenizer: dict[str, Any]
    max_tokens: int
    padding: Padding
    lowercase: bool


def text_settings(settings: Mapping[str, Mapping[str, Any]], length: int | None) -> TextSettings:
    """Return how texts are read, from the files `tokenizer`, `tokenizer_config` and `config`.

    `length`: how many tokens the graph wants of every text, where it wants one number.
    """
    config, about = settings.get("config", {}), settings.get("tokenizer_config", {})
    tokenizer = dict(settings["tokenizer"])
    text = config.get("text_cfg") or config.get("text_config") or {}
    if _cleans(text):
        tokenizer["normalizer"] = _canonical(tokenizer.get("normalizer"))
    family = str(config.get("model_type", ""))
    known = [
        length,
        text.get("context_length"),
        about.get("model_max_length"),
        text.get("max_position_embeddings"),
    ]
    limits = [int(one) for one in known if isinstance(one, int | float) and 3 <= one <= _TOKENS_MAX]
    most = length or (min(limits) if limits else 77)
    if family.startswith(_PADDED) and not length and "text_config" in config:
        length = most
    padding = Padding(_pad_token(tokenizer, about, text), length, attended=family.startswith(_PADDED))
    asks = _cleaning(text) == "lower" and not _lowers(tokenizer)
    return TextSettings(tokenizer, most, padding, lowercase=asks or lowered_before(family, tokenizer))


def lowered_before(family: str, tokenizer: Mapping[str, Any]) -> bool:
    """Return whether texts must be lowered before a `tokenizer.json` of this family, which does not do it itself."""
    return family.startswith(_LOWERED) and not _lowers(tokenizer)


def _lowers(tokenizer: Mapping[str, Any]) -> bool:
    """Return whether a `tokenizer.json` turns capitals into small letters itself."""
    waiting = [tokenizer.get("normalizer")]
    while waiting:
        step = waiting.pop()
        if not isinstance(step, dict):
            continue
        if step.get("type") == "Lowercase" or (
            step.get("type") == "BertNormalizer" and step.get("lowercase")
        ):
            return True
        more = step.get("normalizers")
        waiting += more if isinstance(more, list) else []
    return False


def _pad_token(tokenizer: Mapping[str, Any], about: Mapping[str, Any], text: Mapping[str, Any]) -> int:
    """Return the id of the token that fills texts up; 0 where nothing says it."""
    named = about.get("pad_token")
    named = named.get("content") if isinstance(named, dict) else named
    for token in tokenizer.get("added_tokens") or ():
        if isinstance(token, dict) and token.get("content") == named and isinstance(token.get("id"), int):
            return int(token["id"])
    padding = tokenizer.get("padding")
    for found in ((padding or {}).get("pad_id"), text.get("pad_token_id")):
        if isinstance(found, int):
            return found
    return 0


def _cleans(text: Mapping[str, Any]) -> bool:
    """Return whether open_clip takes punctuation and capitals out of texts before this model sees them."""
    return _cleaning(text) == "canonicalize"


def _cleaning(text: Mapping[str, Any]) -> str:
    """Return how open_clip cleans texts before the tokeniser sees them; empty where its config does not say it."""
    extra = text.get("tokenizer_kwargs")
    return str(extra.get("clean", "")) if isinstance(extra, dict) else ""


def _canonical(own: Any) -> dict[str, Any]:
    """Return a normaliser behind open_clip's `canonicalize_text`: no punctuation, small letters, one blank."""
    steps: list[Any] = [
        {"type": "Replace", "pattern": {"String": "_"}, "content": " "},
        {"type": "Replace", "pattern": {"Regex": _PUNCTUATION}, "content": ""},
        {"type": "Lowercase"},
        {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
        {"type": "Strip", "strip_left": True, "strip_right": True},
    ]
    return {"type": "Sequence", "normalizers": [*steps, *([own] if own else [])]}
