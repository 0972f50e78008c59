"""The options that say where a command's data sets lie: by their paths, or the files of one set, each by its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from workers.training.run_folder import DatasetPaths

FILES = ("images", "captions", "train", "val")
"""Those that a command cannot do without where there is no `--data`."""


def add_data_files(parser: ArgumentParser) -> None:
    """Add `--data`, `--layout`, and the files one by one."""
    parser.add_argument(
        "--data", action="append", default=[], metavar="PATH",
        help="a data set's folder or file of captions, in a published layout; give several to take all of them",
    )  # fmt: skip
    parser.add_argument(
        "--layout", action="append", default=[], metavar="NAME",
        help="flickr, coco, karpathy or csv, where it is not clear: one, or one for each --data",
    )  # fmt: skip
    parser.add_argument("--images", help="folder of the pictures")
    parser.add_argument("--captions", help="lines of name.jpg#k<TAB>caption")
    parser.add_argument("--train", help="pictures to train on, one name a line")
    parser.add_argument("--val", help="pictures to validate on, one name a line")
    parser.add_argument(
        "--groups", default="", help="name.jpg<TAB>label lines: equal labels are no negatives"
    )


def data_paths(options: dict[str, Any]) -> DatasetPaths:
    """What the options name. Raises CommandError where something is missing or said twice."""
    from workers.training.run_folder import DatasetPaths

    if options["data"]:
        return DatasetPaths(sets=tuple(_sources(options)))
    if missing := [f"--{name}" for name in FILES if not options[name]]:
        raise CommandError(
            f"Name the data by --data, or by --{', --'.join(FILES)}: {', '.join(missing)} missing."
        )
    return DatasetPaths(**{name: options[name] for name in (*FILES, "groups")})


def _sources(options: dict[str, Any]) -> list[Any]:
    from workers.training.readers.read import DataSource

    paths, layouts = options["data"], options["layout"] or [""]
    if both := [f"--{name}" for name in ("captions", "train", "val", "groups") if options[name]]:
        raise CommandError(f"--data has its own {', '.join(both)}; only --images can be given with it.")
    if len(layouts) not in {1, len(paths)}:
        raise CommandError("Give --layout once, or once for each --data.")
    layouts = layouts * len(paths) if len(layouts) == 1 else layouts
    images = options["images"] or ""
    return [DataSource(path, name, images) for path, name in zip(paths, layouts, strict=True)]
