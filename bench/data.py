"""The data set that a benchmark asks about: its options, and the names of its splits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workers.training.readers.read import LAYOUTS

if TYPE_CHECKING:
    import argparse

SPLITS = ("train", "val", "test")


def data_options(parser: argparse.ArgumentParser, split_help: str) -> None:
    """Let a command take a data set, a split of it, and a bundle that was trained on such data."""
    parser.add_argument("--data", required=True, help="a data set's folder or file of captions")
    parser.add_argument("--bundle", required=True, type=Path, help="a bundle that was trained on such data")
    parser.add_argument("--layout", default="", choices=["", *LAYOUTS], help="where it is not clear")
    parser.add_argument("--images", default="", help="folder of the pictures, where it is not found")
    parser.add_argument("--split", default="val", choices=SPLITS, help=split_help)
