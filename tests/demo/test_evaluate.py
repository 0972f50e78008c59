import json

import pytest
from PIL import Image

from demo.commands import SUBCOMMANDS
from demo.evaluate import evaluate_demo, probe_demo, report_json, report_lines
from demo.probes import PROBES
from tests.support.tiny_bundle import COLOURS, make_tiny_bundle

NOTES = {
    "red": "The red pump is rusty. " * 3,
    "blue": "A blue pump is rusty.",
    "green": "A green valve is worn.",
}


def row(colour, kind="pump", condition="rusty"):
    return {"kind": kind, "colour": colour, "condition": condition}


@pytest.fixture
def drawings(tmp_path):
    """Plain pictures: red and blue are what the notes say, the green one is said to be a new pump."""
    folder = tmp_path / "drawings"
    folder.mkdir()
    truth = [row("red"), row("blue"), row("green", condition="new"), row("red")]
    for number, facts in enumerate(truth):
        Image.new("RGB", (64, 64), COLOURS[facts["colour"]]).save(folder / f"{number}.png")
    lines = [json.dumps({"file": f"{number}.png", **facts}) for number, facts in enumerate(truth)]
    (folder / "truth.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def documents(tmp_path):
    folder = tmp_path / "documents"
    folder.mkdir()
    facts = {"red": row("red"), "blue": row("blue"), "green": row("green", "valve", "worn")}
    lines = [json.dumps({"body": body, "metadata": facts[colour]}) for colour, body in NOTES.items()]
    (folder / "documents.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def bundle(tmp_path):
    return make_tiny_bundle(tmp_path / "tiny.zip")


def test_first_hits_are_judged_by_metadata_that_never_entered_the_ranking(bundle, drawings, documents):
    accuracy = evaluate_demo(bundle, drawings, documents, lambda *told: None)
    assert (accuracy.drawings, accuracy.passages) == (4, 3)
    assert accuracy.colour == 1
    assert (accuracy.kind, accuracy.condition, accuracy.everything) == (0.75, 0.75, 0.75)


def test_the_probes_are_asked_with_the_same_drawings(drawings):
    probes = probe_demo(drawings, drawings)
    assert set(probes) == set(PROBES)
    assert all(result.everything == 1 for result in probes.values())


def test_the_command_draws_what_is_missing_and_prints_model_and_probes(bundle, documents, tmp_path):
    said, report = [], tmp_path / "report.json"
    options = {
        "bundle": bundle, "out": tmp_path / "out", "documents": documents, "seed": 3, "count": 2,
        "json": report, "processes": 1,
    }  # fmt: skip
    (tmp_path / "out/known-4").mkdir(parents=True)
    known = tmp_path / "out/known-4"
    Image.new("RGB", (32, 32), "red").save(known / "a.png")
    (known / "truth.jsonl").write_text(json.dumps({"file": "a.png", **row("red")}) + "\n")
    SUBCOMMANDS["evaluate"].run(options, said.append)
    assert any("model" in line and "histogram" in line for line in said)
    assert json.loads(report.read_text())["model"]["drawings"] == 2
    said.clear()
    SUBCOMMANDS["evaluate"].run(options, said.append)
    assert not any("drawing" in line and "…" in line for line in said)


def test_the_report_is_in_percent_for_people_and_in_shares_for_programs(bundle, drawings, documents):
    accuracy = evaluate_demo(bundle, drawings, documents, lambda *told: None)
    probes = probe_demo(drawings, drawings)
    assert "75.0" in report_lines(accuracy, probes)[2]
    assert report_json(accuracy, probes)["model"]["kind"] == 0.75
