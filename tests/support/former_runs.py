"""Run folders as they were written until November 2026."""

import json

import torch

from workers.neural.former_names import NAMES
from workers.training.former_runs import CALLBACKS, STATES, WEIGHTS


def former_settings(settings, inside=""):
    """The settings of a recipe under their former names."""
    back = {present: former for former, present in NAMES.items()}
    found = {}
    for key, value in settings.items():
        dotted = f"{inside}.{key}" if inside else key
        found[back.get(dotted, dotted).rpartition(".")[2]] = _former_value(value, dotted)
    return found


def _former_value(value, dotted):
    if isinstance(value, dict):
        return former_settings(value, dotted)
    if isinstance(value, list):
        return [_former_value(item, dotted) for item in value]
    return "together" if value == "grouped" else value


def make_former(run):
    """Rewrite a run's folder: its settings, state and checkpoints."""
    facts = json.loads((run / "config.json").read_text())
    facts["recipe"] = former_settings(facts["recipe"])
    (run / "config.json").write_text(json.dumps(facts))
    state = json.loads((run / "state.json").read_text())
    (run / "state.json").write_text(json.dumps(_renamed(state, STATES)))
    for path in (run / "checkpoints").glob("*.ckpt"):
        kept = torch.load(path, weights_only=True)
        kept["callbacks"] = _renamed(kept["callbacks"], CALLBACKS)
        kept["state_dict"] = _renamed(kept["state_dict"], WEIGHTS)
        torch.save(kept, path)


def _renamed(table, names):
    """The table with its keys' present beginnings replaced by the former ones."""
    found = {}
    for key, value in table.items():
        former = next((f + key.removeprefix(p) for f, p in names.items() if key.startswith(p)), key)
        found[former] = value
    return found
