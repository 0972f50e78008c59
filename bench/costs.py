"""`python -m bench.costs`: what the chart's three sizes cost a month, by the list prices of `deploy/prices.toml`.

Nothing is measured here: the chart's requests, what PostgreSQL needs for its index and the disks are added up, in whole
machines. The index's bytes a vector are those that `bench.indexes` measured.
"""

from __future__ import annotations

import argparse
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
CHART = DEPLOY / "helm" / "sightline"
MACHINE_CPU, MACHINE_GIB = 4, 16
USABLE = 0.9
"""The share of a machine that its kubelet and system leave to pods."""
INDEX_BYTES = 182 * 2**20 / 70_000
"""Of a vector of 1,024 halves in pgvector's HNSW index."""
FILE_BYTES, ROW_BYTES = 200_000, 10_000
"""Of a document: its picture or file with the thumbnail, and what the database keeps of it. Assumed, not measured."""


@dataclass(frozen=True)
class Size:
    """A size of the chart; `database_cpu` is assumed."""

    name: str
    who: str
    documents: int
    database_cpu: int


SIZES = (
    Size("small", "10 people, 10⁵ documents", 100_000, 1),
    Size("medium", "1,000 people, 10⁶ documents", 1_000_000, 2),
    Size("large", "10⁷ documents", 10_000_000, 8),
)


@dataclass(frozen=True)
class Needs:
    """What has to be paid for."""

    machines: int
    most_machines: int
    disk_gb: int


def main() -> None:
    """Print the table of `docs/kubernetes.md`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prices", type=Path, default=DEPLOY / "prices.toml")
    print("\n".join(table(tomllib.loads(parser.parse_args().prices.read_text())["provider"])))


def table(providers: list[dict[str, Any]]) -> list[str]:
    """Return the lines of a Markdown table: a size a line, with its cost at each provider."""
    names = " | ".join(f"{provider['name']} ({provider['machine']})" for provider in providers)
    lines = [f"| | machines, least to most | disk | {names} |", "|---" * (3 + len(providers)) + "|"]
    for size in SIZES:
        needs = needs_of(size)
        costs = " | ".join(_range(provider, needs) for provider in providers)
        machines = _span(needs.machines, needs.most_machines)
        lines.append(f"| {size.name}: {size.who} | {machines} | {needs.disk_gb:,} GB | {costs} |")
    return lines


def needs_of(size: Size) -> Needs:
    """Return how many machines and how much disk a size needs, at its least and its most pods.

    PostgreSQL's memory is twice its index and 1 GiB, Redis' 1 GiB. A larger machine is counted as so many small ones.
    """
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    own = yaml.safe_load((CHART / f"values-{size.name}.yaml").read_text())
    database_gib = 2 * size.documents * INDEX_BYTES / 2**30 + 2
    machines = []
    for most in (False, True):
        cpu, gib = float(size.database_cpu), database_gib
        for part in ("web", "query", "bulk"):
            settings = _merged(values[part], own.get(part, {}))
            pods, requests = _pods(settings, most=most), settings["resources"]["requests"]
            cpu += pods * _cpu(requests["cpu"])
            gib += pods * _gib(requests["memory"])
        machines.append(math.ceil(max(cpu / MACHINE_CPU, gib / MACHINE_GIB) / USABLE))
    return Needs(*machines, math.ceil(size.documents * (FILE_BYTES + ROW_BYTES) / 1e9))


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return `one` with what `other` says, as Helm lays values over each other."""
    deeper = {
        name: _merged(one[name], value)
        for name, value in other.items()
        if isinstance(value, dict) and isinstance(one.get(name), dict)
    }
    return {**one, **other, **deeper}


def _pods(settings: dict[str, Any], *, most: bool) -> int:
    scaled = settings["autoscaling"]
    return int(scaled["max" if most else "min"] if scaled["enabled"] else settings["replicas"])


def _cpu(written: str) -> float:
    return float(written[:-1]) / 1000 if written.endswith("m") else float(written)


def _gib(written: str) -> float:
    return float(written[:-2]) * {"Mi": 1 / 1024, "Gi": 1.0}[written[-2:]]


def _span(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"


def _range(provider: dict[str, Any], needs: Needs) -> str:
    fixed = provider["balancer_month"] + needs.disk_gb * provider["volume_gb_month"]
    costs = (
        fixed + machines * provider["machine_month"] for machines in (needs.machines, needs.most_machines)
    )
    least, most = (round(cost) for cost in costs)
    return provider["currency"] + (f"{least:,}" if least == most else f"{least:,} to {most:,}")


if __name__ == "__main__":
    main()
