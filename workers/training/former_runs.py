"""Run folders written until November 2026: their states and checkpoints under the present names."""

from collections.abc import Mapping, MutableMapping
from typing import Any

WEIGHTS = {"average.": "ema."}
CALLBACKS = {"Course": "RunControl"}
STATES = {"said": "reason"}


def present_weights(module: object, state_dict: MutableMapping[str, Any], *_: object) -> None:
    """Rename a checkpoint's entries in place; a hook that torch calls before a module loads them."""
    for name in list(state_dict):
        for former, present in WEIGHTS.items():
            if name.startswith(former):
                state_dict[present + name.removeprefix(former)] = state_dict.pop(name)


def present_callbacks(checkpoint: MutableMapping[str, Any]) -> None:
    """Rename in place whose states a checkpoint of Lightning keeps beside the weights."""
    states = checkpoint.get("callbacks", {})
    for former, present in CALLBACKS.items():
        if former in states:
            states[present] = states.pop(former)


def present_state(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `state.json`."""
    return {STATES.get(name, name): value for name, value in facts.items()}
