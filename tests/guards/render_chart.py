"""Render the Helm chart by Helm's own engine: a JSON list of values in, the manifests of each out.

A process of its own, since the engine brings the run-time of Go with it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import helm_python

CHART = Path(__file__).resolve().parents[2] / "deploy" / "helm" / "sightline"


def rendered(values: dict[str, Any]) -> dict[str, Any]:
    """Return the manifests by template and what the linter says; or the error."""
    try:
        with helm_python.Chart.load(CHART) as chart:
            manifests = chart.render(values, name="sightline", namespace="find")
    except helm_python.HelmError as error:
        return {"error": str(error)}
    return {"manifests": manifests, "lint": helm_python.lint(CHART, values)["messages"]}


if __name__ == "__main__":
    json.dump([rendered(values) for values in json.load(sys.stdin)], sys.stdout)
