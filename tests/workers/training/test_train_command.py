"""`manage.py train` with data sets by their path: what is detected, refused and reported."""

import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from workers.inference.bundles import read_manifest
from workers.training.run_folder import RunFolder


@pytest.fixture
def own(corpus, tmp_path):
    """A copy of the corpus, to be broken."""
    return shutil.copytree(corpus, tmp_path / "own")


def said(*words, **options):
    out = StringIO()
    call_command("train", *map(str, words), stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def refused(*words):
    out = StringIO()
    with pytest.raises(CommandError) as raised:
        call_command("train", *map(str, words), stdout=out, stderr=StringIO())
    assert raised.value.returncode == 1
    return f"{out.getvalue()}{raised.value}"


def replaced(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_data_set_is_trained_on_and_measured_by_its_path_alone(corpus, data, tmp_path):
    settings = ["embedding_dim=8", "image.widths=[8]", "image.blocks=[1]", "pixels.resize=32", "pixels.size=32",
                "data.batch=16", "data.workers=0", "run.epochs=1", "run.precision=float32"]  # fmt: skip
    words = [word for setting in settings for word in ("--set", setting)]
    told = said(
        "--recipe", "demo", "--data", corpus, "--out", tmp_path / "run", *words,
        "--bundle", tmp_path / "b.zip", "--device", "cpu", "--torchscript", "--pages",
    )  # fmt: skip
    manifest = read_manifest(tmp_path / "b.zip")
    assert (manifest.payloads.kinds, manifest.units) == (("onnx", "native", "torchscript"), ("page",))
    assert "80 pictures to train on, 16 to validate" in told
    assert RunFolder(tmp_path / "run").recipe_and_data()[1].sets[0].path == str(corpus)
    by_path, by_files = StringIO(), StringIO()
    call_command("evaluate", tmp_path / "b.zip", data=str(corpus), split="val", device="cpu", stdout=by_path)
    call_command(
        "evaluate", tmp_path / "b.zip", images=Path(data.images), captions=Path(data.captions), split=data.val,
        groups=Path(data.groups), device="cpu", stdout=by_files,
    )  # fmt: skip
    assert "text → image" in by_path.getvalue()
    assert by_path.getvalue() == by_files.getvalue()
    with pytest.raises(CommandError, match="is in the split 'test'"):
        call_command("evaluate", tmp_path / "b.zip", data=str(corpus), split="test")
    with pytest.raises(CommandError, match="give --captions"):
        call_command("evaluate", tmp_path / "b.zip", images=Path(data.images), split="val")


def test_a_run_that_goes_on_is_given_no_other_settings(tmp_path):
    for words in (("--set", "run.epochs=9"), ("--recipe", "demo")):
        assert "goes on as it was begun" in refused("--resume", "--out", tmp_path / "run", *words)


def test_torchscript_of_a_detector_is_refused_before_anything_is_trained(corpus, tmp_path):
    words = (
        "--set",
        "image.source=detector",
        "--set",
        "image.architecture=fasterrcnn_resnet50_fpn",
        "--torchscript",
    )
    told = refused("--recipe", "light-gcn-512", "--data", corpus, "--out", tmp_path / "run", *words)
    assert "no TorchScript form" in told
    assert not (tmp_path / "run").exists()


def test_the_report_on_a_whole_data_set_finds_no_fault(corpus, data):
    by_path = said("--data", corpus, "--check")
    assert f"{corpus.name} (flickr): 96 pictures, 288 captions; 80 in train, 16 in val" in by_path
    assert "0.0 % of the validation captions' words are not" in by_path
    assert "Nothing is missing or broken." in by_path
    files = ("--images", data.images, "--captions", data.captions, "--train", data.train, "--val", data.val)
    assert "Nothing is missing or broken." in said(*files, "--check")


def test_the_report_names_every_kind_of_fault_at_once(own):
    (own / "images/020.png").unlink()
    (own / "images/021.png").write_bytes((own / "images/021.png").read_bytes()[:90])
    shutil.copy(own / "images/000.png", own / "images/022.png")
    replaced(own / "captions.txt", "023.png#1\tthere", "023.png#1 there")
    (own / "train.txt").write_text((own / "train.txt").read_text() + "new.png\n")
    told = refused("--data", own, "--check")
    assert "1 wrong lines or entries:\n  captions.txt line 71: The line is not of the form" in told
    assert "1 pictures without a caption:\n  new.png" in told
    assert "2 pictures without a file:" in told
    assert f"{own}/images/020.png" in told
    assert f"1 pictures that cannot be used:\n  {own}/images/021.png: " in told
    assert "1 pictures in more than one split:\n" in told
    assert "000.png in val" in told
    assert "022.png in train" in told
    assert "not ready to be trained on" in told


def test_a_picture_listed_in_both_splits_is_a_fault(own):
    (own / "val.txt").write_text((own / "val.txt").read_text() + "050.png\n")
    assert "050.png in train, 050.png in val" in refused("--data", own, "--check")


def test_pictures_shared_by_two_data_sets_in_different_splits_are_a_fault(own, tmp_path):
    other = shutil.copytree(own, tmp_path / "other")
    names = (other / "train.txt").read_text().splitlines()
    (other / "train.txt").write_text("000.png\n")
    (other / "val.txt").write_text("\n".join(names[:7]))
    assert "8 pictures in more than one split" in refused("--data", own, "--data", other, "--check")


def test_the_share_of_unknown_words_counts_what_training_will_know(own):
    for number in range(16):
        replaced(own / "captions.txt", f"{number:03d}.png#2\tthe", f"{number:03d}.png#2\tthis")
    # One word of a picture's 4 + 12 + 4, full stops counted: “this” is never trained on.
    assert "; 5.0 % of the validation captions' words are not" in said("--data", own, "--check")


def test_many_faults_of_a_kind_are_counted_and_a_few_shown(own):
    for path in sorted((own / "images").iterdir())[40:50]:
        path.unlink()
    told = refused("--data", own, "--check")
    assert "10 pictures without a file:" in told
    assert "  and 5 more" in told
    assert told.count("/images/") == 5


def test_data_without_a_validation_split_are_a_fault(own):
    (own / "val.txt").unlink()
    assert "1 splits that nobody is in:\n  val" in refused("--data", own, "--check")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--recipe", "demo", "--data", "x"], "needs --out"),
        (["--out", "o", "--data", "x"], "needs --recipe"),
        (["--out", "o", "--recipe", "demo", "--images", "i"], "--captions, --train, --val missing"),
        (["--check", "--data", "x", "--captions", "c"], "--captions"),
        (["--check", "--data", "x", "--layout", "csv", "--layout", "coco"], "once for each --data"),
        (["--check", "--data", "nowhere"], "no data set nowhere"),
    ],
)
def test_what_is_missing_or_too_much_is_said(words, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert told in refused(*words)
    assert not list(Path().iterdir())
