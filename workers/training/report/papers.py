"""What the papers report, in percent: R@1, R@5, R@10 of both directions, and the median rank where it is told."""

from dataclasses import dataclass

Recalls = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Reported:
    """One row of a paper. `data`: on what it was measured; networks and splits differ from ours.

    `megabytes`: of the model's weights. `picture_ms`: to encode one picture, on that paper's machine.
    """

    data: str
    there: Recalls
    back: Recalls
    medians: tuple[int, int] | None = None
    megabytes: float | None = None
    picture_ms: float | None = None

    @property
    def total(self) -> float:
        """The sum of the six recalls."""
        return sum(self.there) + sum(self.back)


FLICKR8K = "Flickr8k test, VGG-16"
VGG19 = "Flickr30k, VGG-19"
REGIONS = "Flickr30k, regions"


def _fne(there: Recalls, back: Recalls, medians: tuple[int, int]) -> Reported:
    return Reported(FLICKR8K, there, back, medians)


def _refine(there: Recalls, back: Recalls, costs: tuple[float, float]) -> Reported:
    return Reported(REGIONS, there, back, megabytes=costs[0], picture_ms=costs[1])


PAPERS: dict[str, Reported] = {
    "fc7-sh": _fne((22.4, 49.8, 62.9), (16.6, 41.2, 54.3), (6, 8)),
    "fne-sh": _fne((25.0, 50.8, 64.3), (18.6, 44.9, 58.0), (5, 7)),
    "fc7-mh": _fne((23.0, 49.0, 63.3), (18.5, 43.2, 56.1), (6, 8)),
    "fne-mh": _fne((27.3, 56.8, 69.3), (21.2, 47.1, 59.7), (4, 6)),
    "fc7-soe": _fne((21.2, 48.1, 61.7), (17.8, 43.6, 56.5), (6, 8)),
    "fne-soe": _fne((24.0, 52.4, 63.9), (18.7, 44.2, 57.7), (5, 7)),
    "fc7-moe": _fne((21.5, 46.1, 60.0), (15.6, 39.0, 51.9), (7, 9)),
    "fne-moe": _fne((25.5, 55.5, 67.8), (18.7, 44.4, 58.4), (4, 7)),
    "fc7-ph": _fne((22.9, 48.8, 62.5), (17.1, 41.7, 54.6), (6, 8)),
    "fne-ph": _fne((26.3, 55.7, 68.5), (20.5, 45.8, 58.1), (4, 7)),
    "fc7-poe": _fne((21.0, 48.3, 62.0), (16.9, 41.7, 55.3), (6, 8)),
    "fne-poe": _fne((26.2, 53.6, 65.8), (19.7, 45.6, 58.4), (5, 7)),
    "vsepp": Reported("Flickr30k, ResNet fine-tuned", (52.9, 80.5, 87.2), (39.6, 70.1, 79.5)),
    "two-branch-k1": Reported(VGG19, (19.6, 43.0, 56.2), (15.3, 36.7, 48.7)),
    "two-branch-k10-sum": Reported(VGG19, (3.5, 12.5, 16.7), (2.9, 10.9, 14.5)),
    "vsrn": Reported(REGIONS, (71.3, 90.6, 96.0), (54.7, 81.8, 88.2)),
    "light-gcn-2048": _refine((71.6, 91.3, 95.7), (53.5, 79.8, 87.0), (433.0, 48.4)),
    "light-gcn-1024": _refine((68.8, 88.5, 93.9), (50.3, 76.8, 84.8), (121.5, 13.1)),
    "light-gcn-512": _refine((64.5, 88.3, 93.1), (47.4, 75.3, 83.3), (40.6, 6.1)),
}

# Of five initialisations of order-max, how many started learning, at settings that the paper tried.
STARTED = {"fc7": (5, 0, 0), "fne": (0, 0, 4)}

# Table 3 of Ebert et al.: VSE++ on COCO and Flickr30k together, 6,000 test pictures; it names no direction.
BLUEPRINT = {"r1": 34.3, "r3": 54.2, "r5": 63.4, "p1": 34.3, "p3": 38.8}
