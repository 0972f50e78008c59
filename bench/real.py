"""`python -m bench.real --data FOLDER --bundle FILE`: recall of the index where photos ask for captions.

A photo's vector lies far from every caption's, which generated vectors do not show. The captions of all splits are
stored, encoded and indexed by a server of the benchmark's own; the photos of one split ask for them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bench.data import SPLITS, data_options
from bench.measure import Report
from bench.serving import DATA_DIR, attached, serving
from workers.training.readers.read import DataSource, read_source


def main() -> None:
    """Print recall against an exact scan, and the time of both."""
    options, report = _options(), Report()
    data = read_source(DataSource(options.data, options.layout, options.images))
    captions = [caption for name in SPLITS for texts in data.split(name).captions for caption in texts]
    photos = data.split(options.split).paths[: options.photos]
    folder = DATA_DIR / "real"
    with serving(DATA_DIR=str(folder)):
        attached(folder)
        from bench import asking  # needs the server's database, and so comes after it

        version = asking.prepared(options.bundle, captions, options.index)
        asking.compare(version, asking.encoded(version, photos), report, str(version.vector_index))
    if options.json:
        options.json.write_text(json.dumps(report.figures, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    data_options(parser, "whose photos ask")
    parser.add_argument("--photos", type=int, default=1000, help="how many of them at most")
    parser.add_argument("--index", default="hnsw", choices=["hnsw", "ternary", "binary"])
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
