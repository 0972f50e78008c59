"""What a version's bundle and its validation say of it, in words that people read; other keys stay away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext

from retrieval_site.languages.decimals import Decimals
from retrieval_site.languages.lazy import gettext_lazy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COLUMNS = {
    "queries": gettext_lazy("queries"),
    "r1": "R@1, %",
    "r5": "R@5, %",
    "r10": "R@10, %",
    "mrr": "MRR, %",
    "ndcg10": "nDCG@10, %",
    "median_rank": gettext_lazy("median rank"),
}
DIRECTIONS = {
    "image_to_text": gettext_lazy("pictures → texts"),
    "text_to_image": gettext_lazy("texts → pictures"),
}
PRECISIONS = {
    "f32": gettext_lazy("full precision (float32)"),
    "bf16": gettext_lazy("bfloat16, whose vectors agree with full precision"),
}
SIDES = {"image": "pictures", "text": "texts"}


@dataclass(frozen=True)
class ValidationFact:
    """One thing that is known, and what it means."""

    name: str
    value: str
    meaning: str


def reported_quality(metrics: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a row for each split and direction that the bundle's maker reports, with the values of COLUMNS."""
    return [
        (split.replace("_", " "), DIRECTIONS[way], *(_number(values.get(name)) for name in COLUMNS))
        for split, found in metrics.items()
        if isinstance(found, dict)
        for way, values in found.items()
        if way in DIRECTIONS and isinstance(values, dict)
    ]


def validation_facts(report: Mapping[str, Any]) -> list[ValidationFact]:
    """Return what validation found out, each with what it means."""
    return list(_facts(report))


def probe_milliseconds(report: Mapping[str, Any]) -> dict[str, float]:
    """Return by modality how long one picture and one text took when the version was validated on this machine."""
    probes = report.get("probes", {})
    return {name: found["milliseconds"] for name, found in probes.items() if found.get("milliseconds")}


def _facts(report: Mapping[str, Any]) -> Iterator[ValidationFact]:
    for side, probe in (report.get("probes") or {}).items():
        if side in SIDES and isinstance(probe, dict):
            yield from _of_probe(SIDES[side], probe)
    isolation = report.get("isolation") or {}
    if "is_tight" in isolation:
        meaning = gettext(
            "its files were opened in a process without network, with limits on time and memory"
        )
        yield ValidationFact(
            gettext("opened behind walls"),
            gettext("yes") if isolation["is_tight"] else gettext("in part"),
            meaning,
        )
    if report.get("converted"):
        yield ValidationFact(
            gettext("converted"),
            gettext("yes"),
            gettext("it came as TorchScript and is served as the ONNX made of it"),
        )
    seconds = [spent for spent in (report.get("seconds") or {}).values() if isinstance(spent, int | float)]
    if seconds:
        yield ValidationFact(
            gettext("validation took"), f"{Decimals(sum(seconds)):.1f} s", gettext("on this machine")
        )


def _of_probe(side: str, probe: Mapping[str, Any]) -> Iterator[ValidationFact]:
    if probe.get("precision") in PRECISIONS:
        yield ValidationFact(
            gettext("{side}, computed in").format(side=side),
            PRECISIONS[probe["precision"]],
            gettext("chosen by comparing vectors"),
        )
    if isinstance(probe.get("mean_cosine"), int | float):
        meaning = gettext("mean cosine of different ones: near 1, everything looks the same to it")
        yield ValidationFact(
            gettext("{side}, how alike").format(side=side), f"{Decimals(probe['mean_cosine']):.2f}", meaning
        )
    if isinstance(probe.get("batch_agreement"), int | float):
        meaning = gettext("cosine of the same one alone and among others: 1 is right")
        yield ValidationFact(
            gettext("{side}, alone and in a batch").format(side=side),
            f"{Decimals(probe['batch_agreement']):.4f}",
            meaning,
        )


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–"
    return intcomma(value) if isinstance(value, int) else f"{Decimals(value):.1f}"
