from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo.commands.options import positive
from demo.corpus import TRAINING_SIZE, write_documents, write_drawings

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

HELP = "Search the demo's documents with unseen drawings and count the right first hits, beside two plain probes."
BUNDLE = Path(__file__).parents[1] / "bundle" / "demo.bundle.zip"
DOCUMENTS = 2240


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the subcommand's options."""
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="the model (default: the demo's own)")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for what is drawn; used again if it is there"
    )
    parser.add_argument(
        "--documents", type=Path, help="folder with the documents.jsonl to search (default: written)"
    )
    parser.add_argument(
        "--seed", type=int, default=900, help="of the drawings (default 900); training used others"
    )
    parser.add_argument("--count", type=positive, default=500, help="drawings to ask with (default 500)")
    parser.add_argument("--json", type=Path, help="write the result here as well")
    parser.add_argument("--processes", type=positive, default=1, help="processes that draw (default 1)")


def run(options: dict[str, Any], say: Callable[[str], Any]) -> None:
    """Draws what is missing, searches, and prints the shares of right first hits."""
    # Imported here: the other subcommands need no encoder.
    from demo.evaluate import evaluate_demo, probe_demo, report_json, report_lines

    drawings, known, documents = _prepared(options, say)
    accuracy = evaluate_demo(options["bundle"], drawings, documents, lambda stage, done, total: None)
    probes = probe_demo(known, drawings)
    say("\n".join(report_lines(accuracy, probes)))
    if options["json"]:
        options["json"].write_text(json.dumps(report_json(accuracy, probes), indent=1) + "\n")


def _prepared(options: dict[str, Any], say: Callable[[str], Any]) -> tuple[Path, Path, Path]:
    """The folders of drawings to ask with, of drawings that the probes know, and of documents, drawn where missing."""
    out, seed, processes = options["out"], options["seed"], options["processes"]
    drawings, known = out / f"drawings-{seed}-{options['count']}", out / f"known-{seed + 1}"
    documents = options["documents"] or out / f"documents-{seed}"
    if not (drawings / "truth.jsonl").exists():
        say(f"drawing {options['count']} pictures to ask with …")
        write_drawings(drawings, seed, options["count"], processes=processes)
    if not (known / "truth.jsonl").exists():
        say(f"drawing {DOCUMENTS} pictures that the probes may know …")
        write_drawings(known, seed + 1, DOCUMENTS, size=TRAINING_SIZE, processes=processes)
    if not (documents / "documents.jsonl").exists():
        say(f"writing {DOCUMENTS} documents …")
        write_documents(documents, seed, DOCUMENTS, processes=processes)
    return drawings, known, documents
