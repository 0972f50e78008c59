"""Settings under the names that they had until November 2026: recipes, run folders and bundles stay readable."""

import warnings
from collections.abc import Mapping
from typing import Any

NAMES = {
    "dim": "embedding_dim",
    "text.words": "text.word_dim",
    "text.encoders.words": "text.encoders.word_dim",
    "generation.words": "generation.word_dim",
    "optimiser.rate": "optimiser.lr",
    "start.rate": "start.lr_factor",
    "loss.rate": "loss.lr",
    "run.average": "run.ema_decay",
}
"""The present name of each, dotted; an entry of a list has the list's name."""
VALUES = {"data.captions": {"together": "grouped"}}


def present_name(key: str) -> str:
    """The present name of a dotted setting, with a warning that tells it where it was another."""
    name = NAMES.get(key, key)
    if name != key:
        _warn(key, name, FutureWarning)
    return name


def present_names(
    settings: Mapping[str, Any], category: type[Warning] = DeprecationWarning, inside: str = ""
) -> dict[str, Any]:
    """A copy of nested plain settings with their present names and values; warns of each that had another.

    `category`: FutureWarning, which Python shows, for what a person writes. `inside`: the dotted name of the table.
    Where a table has both names of a setting the former one stays, and whoever reads the settings refuses it.
    """
    found = {}
    for key, value in settings.items():
        dotted = f"{inside}.{key}" if inside else key
        name = NAMES.get(dotted, dotted).rpartition(".")[2]
        if name in settings:
            name = key
        if name != key:
            _warn(dotted, NAMES[dotted], category)
        found[name] = _value(dotted, value, category)
    return found


def _value(dotted: str, value: Any, category: type[Warning]) -> Any:
    if isinstance(value, Mapping):
        return present_names(value, category, dotted)
    if isinstance(value, list | tuple):
        return [_value(dotted, item, category) for item in value]
    present = VALUES.get(dotted, {}).get(str(value))
    if present is None:
        return value
    _warn(f"{dotted}={value}", f"{dotted}={present}", category)
    return present


def _warn(former: str, present: str, category: type[Warning]) -> None:
    warnings.warn(f"The setting {former} is called {present} now.", category, stacklevel=3)
