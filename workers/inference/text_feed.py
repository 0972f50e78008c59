"""How a text graph is fed with the ids of a `tokenizer.json`: the manifest's `text.feed`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.inference.reading import refuse

if TYPE_CHECKING:
    from workers.inference.reading import Section

IDS = ("tokens", "input_ids", "text")
"""Names under which a graph may take the ids."""
INPUTS = (*IDS, "lengths", "attention_mask", "token_type_ids")
PADDINGS = ("longest", "fixed")
INTEGERS = ("int64", "int32")
_PAD_MAX = (1 << 20) - 1


@dataclass(frozen=True)
class TextFeed:
    """What the text graph takes, by the names of its inputs, and how texts of different lengths fill a batch.

    `padding`: to the `longest` text of the batch, or `fixed` to `max_tokens`, for models that were trained so and
    give other vectors otherwise. `pad`: the id behind a text. `lowercase`: texts are lowered first.
    """

    inputs: tuple[str, ...] = ("tokens", "lengths")
    integers: str = "int64"
    padding: str = "longest"
    pad: int = 0
    lowercase: bool = False

    @property
    def ids(self) -> str:
        """The name of the input that takes the ids."""
        return next(name for name in self.inputs if name in IDS)


def read_feed(section: Section) -> TextFeed:
    """Return the feed in a manifest's section; raises BundleError `bundle.manifest_invalid` with the wrong key."""
    section.only(("inputs", "integers", "padding", "pad", "lowercase"))
    return TextFeed(
        inputs=_inputs(section),
        integers=section.choice("integers", INTEGERS, "int64"),
        padding=section.choice("padding", PADDINGS, "longest"),
        pad=section.whole("pad", 0, _PAD_MAX),
        lowercase=section.flag("lowercase", default=False),
    )


def _inputs(section: Section) -> tuple[str, ...]:
    found = section.values.get("inputs")
    known = isinstance(found, list) and all(isinstance(name, str) and name in INPUTS for name in found)
    if not isinstance(found, list) or not known or len(set(found)) != len(found):
        refuse(section.key("inputs"), f"must be a list of names out of {', '.join(INPUTS)}, each once")
    if sum(name in IDS for name in found) != 1:
        refuse(section.key("inputs"), f"must name one of {', '.join(IDS)}, which takes the ids")
    return tuple(found)
