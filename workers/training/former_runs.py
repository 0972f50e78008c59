"""Run folders written until November 2026: their states and checkpoints under the present names."""

from collections.abc import Mapping, MutableMapping
from typing import Any

WEIGHTS = {"average.": "ema."}
CALLBACKS = {"Course": "RunControl"}
STATES = {"said": "reason"}


def present_weights(weights: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a checkpoint's `state_dict`."""
    return {_present_weight(name): value for name, value in weights.items()}


def present_callbacks(checkpoint: MutableMapping[str, Any]) -> None:
    """Rename in place whose states a checkpoint of Lightning keeps beside the weights."""
    states = checkpoint.get("callbacks", {})
    for former, present in CALLBACKS.items():
        if former in states:
            states[present] = states.pop(former)


def _present_weight(name: str) -> str:
    for former, present in WEIGHTS.items():
        if name.startswith(former):
            return present + name.removeprefix(former)
    return name


def present_state(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `state.json`."""
    return {STATES.get(name, name): value for name, value in facts.items()}
