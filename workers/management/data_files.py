"""The options of commands that name the files of one data set, each by its path."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser

DATA = ("images", "captions", "train", "val")
"""Those that such a command cannot do without."""


def add_data_files(parser: ArgumentParser) -> None:
    """Add the options, and `--groups`."""
    parser.add_argument("--images", help="folder of the pictures")
    parser.add_argument("--captions", help="lines of name.jpg#k<TAB>caption")
    parser.add_argument("--train", help="pictures to train on, one name a line")
    parser.add_argument("--val", help="pictures to validate on, one name a line")
    parser.add_argument(
        "--groups", default="", help="name.jpg<TAB>label lines: equal labels are no negatives"
    )
