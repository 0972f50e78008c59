"""docs/bundle.md tells the truth: its examples run, and its ids are those of the code."""

import re
from pathlib import Path

from tests.support.tiny_bundle import serialise, tiny_graphs, vocabulary_bytes
from workers.inference.bundles import DEFAULT_LIMITS
from workers.inference.manifest import parse_manifest
from workers.inference.reading import read_json
from workers.inference.validation import DEFAULT_LIMITS as VALIDATION_LIMITS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "bundle.md").read_text()


def code_blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_write_a_bundle_that_is_valid(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    image, text = tiny_graphs(32, 0)
    (tmp_path / "image.onnx").write_bytes(serialise(image))
    (tmp_path / "text.onnx").write_bytes(serialise(text))
    (tmp_path / "vocabulary.txt").write_bytes(vocabulary_bytes())
    namespace = {"__name__": "example"}
    for number, block in enumerate(code_blocks("python")):
        path = tmp_path / f"example{number}.py"
        path.write_text(block)  # torch reads the source of what it scripts
        exec(compile(block, str(path), "exec"), namespace)
    assert "batch_agreement" in capsys.readouterr().out
    report = namespace["validate_bundle"](tmp_path / "my-vsepp.zip")
    assert (report.converted, report.manifest.payloads.kinds) == (True, ("onnx",))


def test_the_manifest_shown_is_valid():
    values = read_json(code_blocks("json")[0].encode())
    names = ("image.onnx", "text.onnx", "vocabulary.txt", "native.json", "native.safetensors")
    values["files"] = {name: {"sha256": "0" * 64, "bytes": 1} for name in names}
    assert parse_manifest(values).name == "demo-vsepp"


def test_the_page_explains_every_id_and_no_other():
    code = "\n".join(path.read_text() for path in (ROOT / "workers" / "inference").rglob("*.py"))
    used = set(re.findall(r'"((?:bundle|encoder)\.[a-z_]+)(?:/[a-z_]+)?"', code))
    used |= {f"bundle.{kind}" for kind in re.findall(r'_refus(?:e|al)\(\s*"([a-z_]+)"', code)}
    used -= {"bundle.manifest"}
    assert used == set(re.findall(r"`((?:bundle|encoder)\.[a-z_]+)`", PAGE))


def test_the_limits_shown_are_those_that_hold():
    assert (DEFAULT_LIMITS.archive_bytes, DEFAULT_LIMITS.unpacked_bytes) == (2 << 30, 4 << 30)
    assert (DEFAULT_LIMITS.files, DEFAULT_LIMITS.ratio, DEFAULT_LIMITS.manifest_bytes) == (64, 100, 1 << 20)
    assert (VALIDATION_LIMITS.seconds, VALIDATION_LIMITS.memory_bytes) == (900, 6 << 30)
