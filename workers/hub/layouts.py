"""Which files of a published model are needed, by how its repository is laid out.

Two layouts of ready-made ONNX graphs are known, those of `immich-app/*` and those of transformers.js (`Xenova/*`,
`onnx-community/*`). Nothing else of a repository is ever fetched: no pickles, no code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.hub.errors import HubError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OPEN_CLIP, TRANSFORMERS = "open_clip", "transformers"
VARIANTS = ("", "fp16")
"""Which of a repository's graphs: those in float32, or those in float16. Whole numbers change vectors too much."""
NATIVE_WEIGHTS, NATIVE_CONFIG = "native/model.safetensors", "native/config.json"
"""Where a folder has the weights of which the graphs were made, with transformers' own config."""
_DATA_ENDS = ("_data", ".data")
"""How the file is called that holds a large graph's weights, after the graph's own name."""


@dataclass(frozen=True)
class Layout:
    """`required` and `optional` files by their part: several names are tried in this order."""

    name: str
    required: Mapping[str, tuple[str, ...]]
    optional: Mapping[str, tuple[str, ...]]


def _layouts(folder: str, variant: str) -> list[Layout]:
    """Return the layouts in the order in which they are tried, for the graphs in `folder` of the repository."""
    inside = f"{folder}/" if folder else "onnx/"
    end = f"_{variant}.onnx" if variant else ".onnx"
    beside: dict[str, tuple[str, ...]] = {
        "tokenizer": (f"{inside}tokenizer.json", "tokenizer.json"),
        "preprocessor": (f"{inside}preprocessor_config.json", "preprocessor_config.json"),
    }
    more: dict[str, tuple[str, ...]] = {
        "config": (f"{inside}config.json", "config.json"),
        "tokenizer_config": (f"{inside}tokenizer_config.json", "tokenizer_config.json"),
        "weights": (NATIVE_WEIGHTS, "model.safetensors"),
        "weights_config": (NATIVE_CONFIG, "config.json"),
    }
    towers: dict[str, tuple[str, ...]] = {
        "image": (f"{inside}vision_model{end}",),
        "text": (f"{inside}text_model{end}",),
    }
    both: dict[str, tuple[str, ...]] = {"both": (f"{inside}model{end}",)}
    open_clip = Layout(
        OPEN_CLIP,
        {
            "image": ("visual/model.onnx",),
            "text": ("textual/model.onnx",),
            "tokenizer": ("textual/tokenizer.json",),
            "preprocessor": ("visual/preprocess_cfg.json",),
            "config": ("config.json",),
        },
        {
            "tokenizer_config": ("textual/tokenizer_config.json",),
            "weights": (NATIVE_WEIGHTS,),
            "weights_config": (NATIVE_CONFIG,),
        },
    )
    return [
        *([] if folder or variant else [open_clip]),
        Layout(TRANSFORMERS, towers | beside, more),
        Layout(TRANSFORMERS, both | beside, more),
    ]


def layout_files(names: Iterable[str], *, folder: str = "", variant: str = "") -> tuple[str, dict[str, str]]:
    """Return the layout's name and the needed files by their part, of a repository that has these files.

    `folder`: where in the repository the graphs lie, where that is not the layout's own place. Raises HubError
    `hub.unknown_layout`.
    """
    present = set(names)
    for layout in _layouts(folder, variant):
        found = _found(layout.required, present)
        if len(found) == len(layout.required):
            more = _found(layout.optional, present)
            if "weights" not in more:
                more.pop("weights_config", None)
            return layout.name, found | more | _weights(found, present)
    wanted = [
        sorted({name for ways in layout.required.values() for name in ways})
        for layout in _layouts(folder, variant)
    ]
    raise HubError("hub.unknown_layout", found=sorted(present)[:20], wanted=wanted)


def _found(wanted: Mapping[str, tuple[str, ...]], present: set[str]) -> dict[str, str]:
    chosen = {part: next((name for name in ways if name in present), "") for part, ways in wanted.items()}
    return {part: name for part, name in chosen.items() if name}


def _weights(found: Mapping[str, str], present: set[str]) -> dict[str, str]:
    """Return the files of large graphs' weights, which lie beside them."""
    pairs = (
        (part, name + end) for part, name in found.items() if name.endswith(".onnx") for end in _DATA_ENDS
    )
    return {f"{part}_data": name for part, name in pairs if name in present}
