import dataclasses
import json
import os
import pickle
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.former_runs import make_former
from tests.support.own_process import train_in_a_process_of_its_own
from workers.inference.adapted import adapted_write
from workers.inference.adapters import ResidualMap
from workers.inference.bundles import bundle_extract, read_manifest
from workers.inference.encoder import load_encoder
from workers.neural.errors import ModelConfigError, WeightsError
from workers.neural.images.trunks import build_network
from workers.neural.native import load_native
from workers.training import run_control
from workers.training.distributed import wait_for_rank_zero
from workers.training.errors import TrainingError
from workers.training.evaluate import evaluated
from workers.training.export import ExportOptions
from workers.training.recipe import recipe_with
from workers.training.run_folder import RunFolder
from workers.training.train import TrainOptions, train


def options(tiny, data, out, **changes):
    cache = out.parent / "cache"
    return TrainOptions(
        recipe=tiny, data=data, out=out, cache=cache, device="cpu", say=lambda line: None, **changes
    )


def curve(out):
    lines = [json.loads(line) for line in (out / "curves.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


class KilledError(Exception):
    pass


def killed_after(epochs):
    """A listener that ends the run as a kill would: in the middle, with no chance to tidy up."""

    def say(line):
        if line.startswith(f"epoch {epochs + 1}/"):
            raise KilledError

    return say


BY_VALIDATION = {
    "kind": "curriculum", "first": {"kind": "sum-hinge"}, "then": {"kind": "hardest", "count": 2},
    "first_epochs": 1, "first_at_most": 3, "patience": 2, "lr": 0.001,
}  # fmt: skip


@pytest.fixture(scope="module")
def curriculum(tiny, data, tmp_path_factory):
    """A curriculum by validation, the folder of its uninterrupted run, and what that reached."""
    recipe = recipe_with(tiny, [("run.epochs", 6), ("loss", BY_VALIDATION), ("balance", 0.5)])
    whole = tmp_path_factory.mktemp("curriculum") / "whole"
    return recipe, whole, train(options(recipe, data, whole))


@pytest.mark.parametrize("killed", [1, 2, 3, 4])
def test_a_curriculum_by_validation_killed_in_either_stage_resumes_bit_for_bit(
    curriculum, data, tmp_path, killed
):
    recipe, whole, reached = curriculum
    with pytest.raises(KilledError):
        train(dataclasses.replace(options(recipe, data, tmp_path / "parts"), say=killed_after(killed)))
    assert RunFolder(tmp_path / "parts").state.state == "stopped"
    assert train(options(recipe, data, tmp_path / "parts", resume=True)) == reached
    assert_equal_runs(whole, tmp_path / "parts")
    assert RunFolder(tmp_path / "parts").state.state == "finished"


def test_the_second_loss_begins_from_the_best_epoch_of_the_first_at_its_own_rate(tiny, data, tmp_path):
    settings = [("run.epochs", 5), ("loss", {**BY_VALIDATION, "lr": 1e-12}), ("concepts.weight", 0.0)]
    settings += [("optimiser.weight_decay", 0.0), ("start.tune", "head"), ("schedule", {"kind": "step"})]
    train(options(recipe_with(tiny, settings), data, tmp_path / "run"))
    lines = curve(tmp_path / "run")
    second = [line for line in lines if line["stage"] == 2]
    first = [line for line in lines if line["stage"] == 1]
    assert second
    assert {line["lr"] for line in first} == {0.003}
    assert [line["lr"] for line in second] == pytest.approx([1e-12] * len(second))
    best = max(line["sum_of_recalls"] for line in first)
    # So small a rate changes no weight: every epoch of the second stage measures the model that it began from.
    assert [line["sum_of_recalls"] for line in second] == pytest.approx([best] * len(second))


def test_a_run_that_learns_nothing_ends_as_not_started(tiny, data, tmp_path, monkeypatch):
    monkeypatch.setattr(
        run_control, "STARTED_SUM", 601.0
    )  # sixteen pictures: guessing alone gives more than 10
    recipe = recipe_with(tiny, [("run.start_epochs", 2)])
    bundle = tmp_path / "b.zip"
    quality = train(options(recipe, data, tmp_path / "run", bundle=bundle))
    assert np.isfinite(quality.sum_of_recalls)
    assert len(curve(tmp_path / "run")) == 2
    state = RunFolder(tmp_path / "run").state
    assert state.state == "not started"
    assert "curriculum" in state.reason
    assert not bundle.exists()
    assert train(options(recipe, data, tmp_path / "run", resume=True)) == quality
    assert len(curve(tmp_path / "run")) == 2


def test_a_run_has_started_once_one_epoch_was_better_than_guessing():
    assert run_control.not_started([1.0] * 5, 5)
    assert not run_control.not_started([1.0] * 4, 5)
    assert not run_control.not_started([1.0] * 4 + [10.0], 5)
    assert not run_control.not_started([1.0] * 9, 0)


def test_options_can_be_pickled(tiny, data, tmp_path):
    asked = TrainOptions(tiny, data, tmp_path, tmp_path)
    assert pickle.loads(pickle.dumps(asked)) == asked


FROZEN = [("start.tune", "head"), ("pixels.views", "flip")]
LATE = [
    ("image", {"kind": "cnn", "architecture": "squeezenet1_1", "head": {"features": "standard"}}),
    ("start.tune_from", "features.9"), ("pixels.views", "random"), ("pixels.kept", 2),
    ("data.captions", "grouped"), ("run.ema_decay", 0.9), ("loss.first_epochs", 0),
]  # fmt: skip


@pytest.mark.parametrize("settings", [[], FROZEN, LATE])
def test_a_run_killed_and_resumed_equals_the_uninterrupted_one_bit_for_bit(tiny, data, tmp_path, settings):
    recipe = recipe_with(tiny, settings)
    recipe = recipe_with(recipe, [("run.patience", 10), ("schedule", {"kind": "step", "every_epochs": 2})])
    whole = train(options(recipe, data, tmp_path / "whole"))
    with pytest.raises(KilledError):
        train(dataclasses.replace(options(recipe, data, tmp_path / "parts"), say=killed_after(2)))
    assert len(curve(tmp_path / "parts")) == 3
    resumed = train(options(recipe, data, tmp_path / "parts", resume=True))
    assert resumed == whole
    assert_equal_runs(tmp_path / "whole", tmp_path / "parts")


def test_a_run_begun_under_the_former_names_resumes_bit_for_bit(tiny, data, tmp_path):
    recipe = recipe_with(tiny, [("run.ema_decay", 0.9), ("data.captions", "grouped")])
    whole = train(options(recipe, data, tmp_path / "whole"))
    with pytest.raises(KilledError):
        train(dataclasses.replace(options(recipe, data, tmp_path / "parts"), say=killed_after(1)))
    make_former(tmp_path / "parts")
    with pytest.warns(DeprecationWarning, match=r"run\.ema_decay now"):
        begun, _ = RunFolder(tmp_path / "parts").recipe_and_data()
    assert begun == recipe
    assert RunFolder(tmp_path / "parts").state.reason == "KilledError"
    assert train(options(begun, data, tmp_path / "parts", resume=True)) == whole
    assert_equal_runs(tmp_path / "whole", tmp_path / "parts")


def trunk_after(run, name):
    states = torch.load(run / "checkpoints" / name, weights_only=True)["state_dict"]
    return {key: value for key, value in states.items() if key.startswith("model.image.trunk.")}


@pytest.mark.parametrize("processes", [1, 2])
def test_the_network_is_trained_after_the_head_and_only_its_late_part(tiny, data, tmp_path, processes):
    weights = tmp_path / "network.pth"
    torch.save(build_network("squeezenet1_1").state_dict(), weights)
    recipe = recipe_with(tiny, [*LATE, ("start.head_epochs", 2), ("run.start_epochs", 0)])
    recipe = recipe_with(recipe, [("start.weights", str(weights))])
    for epochs in (2, 4):
        asked = options(recipe_with(recipe, [("run.stop_after", epochs)]), data, tmp_path / str(epochs))
        train_in_a_process_of_its_own(dataclasses.replace(asked, devices=processes))
    before, after = (trunk_after(tmp_path / str(epochs), "last.ckpt") for epochs in (2, 4))
    begun = torch.load(weights, weights_only=True)
    assert_equal_trees({name: begun[name.split(".", 4)[4]] for name in before}, before)
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert changed
    assert all(int(name.split(".")[5]) >= 9 for name in changed)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ([("start.tune", "head")], "choose one"),
        ([("pixels.crop", "ten")], "crop=center only"),
        ([("start.tune_from", "layer4")], "computes nothing"),
    ],
)
def test_a_part_that_cannot_be_trained_alone_is_refused(tiny, data, tmp_path, settings, reason):
    recipe = recipe_with(tiny, [*LATE, *settings])
    with pytest.raises(ModelConfigError, match=reason):
        train(options(recipe, data, tmp_path / "late"))


def assert_equal_runs(*runs):
    assert curve(runs[0]) == curve(runs[1])
    for name in ("best.ckpt", "last.ckpt"):
        states = [torch.load(run / "checkpoints" / name, weights_only=True) for run in runs]
        assert states[0]["epoch"] == states[1]["epoch"]
        assert_equal_trees(states[0]["state_dict"], states[1]["state_dict"])
        assert_equal_trees(states[0]["optimizer_states"], states[1]["optimizer_states"])
        assert_equal_trees(states[0]["lr_schedulers"], states[1]["lr_schedulers"])


def assert_equal_trees(left, right):
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right)
    elif isinstance(left, dict):
        assert left.keys() == right.keys()
        for key in left:
            assert_equal_trees(left[key], right[key])
    elif isinstance(left, list):
        assert len(left) == len(right)
        for pair in zip(left, right, strict=True):
            assert_equal_trees(*pair)
    else:
        assert left == right


# Every pair of so small a corpus in every epoch, and nothing left to chance that regularises: R@1 is 94 with the seeds
# 0, 1 and 2, where one random caption a picture gave 56 to 81.
THOROUGH = [
    ("run.epochs", 24), ("run.seed", 0), ("loss.first_epochs", 20), ("optimiser.lr", 0.006),
    ("data.captions", "every"), ("data.drop_words", 0.0), ("pixels.train_crop", "center"),
    ("image.head.dropout", 0.0), ("text.dropout", 0.0),
]  # fmt: skip


@pytest.fixture
def one_thread():
    """Sums of several threads come in another order from run to run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_a_trained_model_ships_as_a_bundle_that_answers_like_the_model(tiny, data, tmp_path):
    out, bundle = tmp_path / "run", tmp_path / "tiny.bundle.zip"
    recipe = recipe_with(tiny, THOROUGH)
    export = ExportOptions("tiny", "Apache-2.0", "A test.", half=True)
    quality = train(options(recipe, data, out, bundle=bundle, export=export))
    # Eight groups: guessing finds a right one first in an eighth of the queries.
    assert quality.image_to_text.r1 > 60
    manifest = read_manifest(bundle)
    assert manifest.metrics["validation"]["sum_of_recalls"] == pytest.approx(quality.sum_of_recalls)
    assert manifest.training["recipe"]["image"]["widths"] == [8, 16]
    assert set(manifest.training["fingerprints"]) == {"train", "val"}
    assert str(tmp_path) not in json.dumps(manifest.to_json())

    bundle_extract(bundle, tmp_path / "extracted")
    served = load_encoder(tmp_path / "extracted", device="cpu")
    native = load_native(
        json.loads((tmp_path / "extracted/native.json").read_text()),
        tmp_path / "extracted/native.safetensors",
    )
    pixels = np.random.default_rng(0).standard_normal((5, 3, 32, 32)).astype(np.float32)
    with torch.inference_mode():
        expected = native.encode_image(torch.from_numpy(pixels)).numpy()
    assert (served.encode_pixels(pixels) * expected).sum(1).min() > 0.999

    _, val = data.splits()
    report = evaluated(bundle, val, lambda *told: None, "cpu").report()
    assert report["image_to_text"]["r1"] == pytest.approx(quality.image_to_text.r1, abs=7)
    assert (report["pictures"], report["captions"], report["ties"]) == (16, 48, "worst")


def test_a_text_alone_in_the_graph_equals_the_same_text_beside_longer_ones(tiny, data, tmp_path):
    bundle = tmp_path / "b.zip"
    train(options(recipe_with(tiny, [("run.epochs", 1)]), data, tmp_path / "run", bundle=bundle))
    bundle_extract(bundle, tmp_path / "extracted")
    served = load_encoder(tmp_path / "extracted", device="cpu")
    texts = ["red", "a red disc . it lies on grey .", "the square looks blue"]
    together = served.encode_texts(texts)
    alone = np.concatenate([served.encode_texts([text]) for text in texts])
    assert (together * alone).sum(1).min() > 0.999


def test_the_run_folder_tells_what_was_asked_and_how_it_went(tiny, data, tmp_path):
    told = []
    run = dataclasses.replace(options(tiny, data, tmp_path / "run"), say=told.append)
    train(run)
    folder = RunFolder(tmp_path / "run")
    assert folder.recipe_and_data() == (tiny, data)
    facts = folder.facts()
    assert facts["recipe"]["run"]["seed"] == 0
    assert facts["versions"]["torch"]
    assert [line["epoch"] for line in curve(tmp_path / "run")] == [1, 2, 3, 4]
    assert folder.log.read_text().splitlines() == told
    best = max(line["sum_of_recalls"] for line in curve(tmp_path / "run"))
    assert json.loads(folder.metrics.read_text())["sum_of_recalls"] == pytest.approx(best)


def test_early_stopping_ends_a_run_that_gets_no_better(tiny, data, tmp_path):
    recipe = recipe_with(tiny, [("optimiser.lr", 0.0), ("run.epochs", 30), ("run.patience", 2)])
    recipe = recipe_with(recipe, [("start.tune", "head")])
    train(options(recipe, data, tmp_path / "run"))
    assert len(curve(tmp_path / "run")) == 3


def test_a_run_stopped_after_its_last_epoch_trains_none_more_when_resumed(tiny, data, tmp_path, monkeypatch):
    recipe = recipe_with(tiny, [("optimiser.lr", 0.0), ("run.epochs", 30), ("run.patience", 2)])
    with monkeypatch.context() as patch:
        patch.setattr("workers.training.train._finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train(options(recipe, data, tmp_path / "run"))
    before = RunFolder(tmp_path / "run").curves.read_text()
    train(options(recipe, data, tmp_path / "run", resume=True))
    run = RunFolder(tmp_path / "run")
    assert run.curves.read_text() == before
    assert run.state.state == "finished"


def test_a_run_may_stop_before_its_schedule_ends(tiny, data, tmp_path):
    train(options(tiny, data, tmp_path / "whole"))
    train(options(recipe_with(tiny, [("run.stop_after", 2)]), data, tmp_path / "part"))
    assert curve(tmp_path / "part") == curve(tmp_path / "whole")[:2]


def test_bfloat16_trains_too(tiny, data, tmp_path):
    recipe = recipe_with(tiny, [("run.precision", "bfloat16"), ("run.epochs", 2)])
    quality = train(options(recipe, data, tmp_path / "run"))
    assert np.isfinite(quality.sum_of_recalls)


def test_several_processes_share_an_epochs_batches(tiny, data, tmp_path):
    recipe = recipe_with(tiny, [("run.epochs", 6), ("loss.first_epochs", 6), ("data.batch", 8)])
    train_in_a_process_of_its_own(options(recipe, data, tmp_path / "run", devices=2))
    lines = curve(tmp_path / "run")
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert lines[-1]["loss"] < lines[0]["loss"]
    state = torch.load(tmp_path / "run/checkpoints/last.ckpt", weights_only=True)
    assert state["global_step"] == 6 * 5  # ten batches an epoch, two at a time


def test_two_machines_train_one_run_as_two_processes_do(tiny, data, tmp_path):
    recipe = recipe_with(tiny, [("run.epochs", 2), ("loss.first_epochs", 2), ("data.batch", 8)])
    train_in_a_process_of_its_own(options(recipe, data, tmp_path / "forked", devices=2))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "LOCAL_RANK": "0"}
    asked = options(recipe, data, tmp_path / "run", nodes=2)
    with ThreadPoolExecutor() as machines:
        for number in "10":
            machines.submit(train_in_a_process_of_its_own, asked, NODE_RANK=number, **where)
    both = [
        [(line["loss"], line["sum_of_recalls"]) for line in curve(tmp_path / run)]
        for run in ("run", "forked")
    ]
    assert both[0] == [pytest.approx(pair, rel=1e-5) for pair in both[1]]
    assert RunFolder(tmp_path / "run").state.state == "finished"
    assert (tmp_path / "run/log.txt").read_text().count("epoch 1/2") == 1


def test_who_helps_a_run_that_nobody_begins_says_so(tmp_path):
    with pytest.raises(TrainingError, match="holds no run after 0 seconds"):
        wait_for_rank_zero(RunFolder(tmp_path), seconds=0)


def test_a_bundle_is_trained_further_with_its_own_words(tiny, data, tmp_path, corpus):
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    train(options(tiny, data, tmp_path / "one", bundle=first))
    captions = tmp_path / "captions.txt"
    captions.write_text((corpus / "captions.txt").read_text().replace("looks", "appears"))
    still = recipe_with(tiny, [("start.bundle", str(first)), ("optimiser.lr", 0.0), ("run.epochs", 1)])
    train(options(still, dataclasses.replace(data, captions=str(captions)), tmp_path / "two", bundle=second))
    folders = [tmp_path / "a", tmp_path / "b"]
    for bundle, folder in zip((first, second), folders, strict=True):
        bundle_extract(bundle, folder)
    words = [(folder / "vocabulary.txt").read_text() for folder in folders]
    assert words[0] == words[1]
    texts = [load_encoder(folder, device="cpu").encode_texts(["a red disc"]) for folder in folders]
    np.testing.assert_allclose(*texts, atol=1e-5)
    manifest = read_manifest(second)
    assert manifest.training["recipe"]["start"]["bundle"] == "first.zip"


def test_a_bundle_of_another_shape_is_not_trained_further(tiny, data, tmp_path):
    bundle = tmp_path / "first.zip"
    train(options(recipe_with(tiny, [("run.epochs", 1)]), data, tmp_path / "one", bundle=bundle))
    other = recipe_with(tiny, [("start.bundle", str(bundle)), ("embedding_dim", 8)])
    with pytest.raises(WeightsError, match="another shape"):
        train(options(other, data, tmp_path / "two"))
    with pytest.raises(TrainingError, match="no bundle"):
        train(options(recipe_with(tiny, [("start.bundle", "none.zip")]), data, tmp_path / "three"))


def test_a_second_run_in_the_same_folder_is_refused(tiny, data, tmp_path):
    recipe = recipe_with(tiny, [("run.epochs", 1)])
    train(options(recipe, data, tmp_path / "run"))
    with pytest.raises(TrainingError, match="--resume"):
        train(options(recipe, data, tmp_path / "run"))


def test_a_run_is_not_resumed_over_other_data(tiny, data, tmp_path, corpus):
    recipe = recipe_with(tiny, [("run.epochs", 1)])
    train(options(recipe, data, tmp_path / "run"))
    other = dataclasses.replace(data, train=str(corpus / "val.txt"))
    with pytest.raises(TrainingError, match="changed"):
        train(options(recipe, other, tmp_path / "run", resume=True))


def test_resuming_nothing_is_refused(tiny, data, tmp_path):
    with pytest.raises(TrainingError, match="holds no run"):
        train(options(tiny, data, tmp_path / "none", resume=True))


def test_weights_for_a_network_that_has_none_are_refused(tiny, data, tmp_path):
    with pytest.raises(ModelConfigError, match="small-resnet"):
        train(options(recipe_with(tiny, [("start.weights", "default")]), data, tmp_path / "run"))


def test_the_commands_train_and_evaluate_where_no_database_can_be_reached(data, tmp_path):
    """Run as a user would, in processes of their own, with a database address that nobody answers."""
    root = Path(__file__).parents[3]
    nowhere = {
        **os.environ, "DATABASE_URL": "postgres://nobody:x@127.0.0.1:9/none", "REDIS_URL": "redis://127.0.0.1:9/0",
    }  # fmt: skip
    where = ["--images", data.images, "--captions", data.captions]
    settings = [
        "embedding_dim=8",
        "image.widths=[8]",
        "image.blocks=[1]",
        "pixels.resize=32",
        "pixels.size=32",
    ]
    settings += ["data.batch=16", "run.epochs=1", "run.precision=float32"]
    bundle = tmp_path / "b.zip"
    trained = subprocess.run(
        [sys.executable, "manage.py", "train", "--recipe", "demo", *where, "--train", data.train, "--val", data.val,
         "--groups", data.groups, "--out", tmp_path / "run", "--bundle", bundle, "--device", "cpu",
         *(part for setting in settings for part in ("--set", setting))],
        cwd=root, env=nowhere, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    assert "epoch 1/1" in trained.stdout
    report = tmp_path / "report.json"
    measured = subprocess.run(
        [sys.executable, "manage.py", "evaluate", bundle, *where, "--split", data.val, "--json", report],
        cwd=root, env=nowhere, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert measured.returncode == 0, measured.stderr
    assert "text → image" in measured.stdout
    assert json.loads(report.read_text())["text_to_image"]["queries"] == 48


def test_a_bundle_with_an_adapter_is_not_trained_further_which_would_lose_it(tiny, data, tmp_path):
    bundle, adapted = tmp_path / "first.zip", tmp_path / "adapted.zip"
    train(options(recipe_with(tiny, [("run.epochs", 1)]), data, tmp_path / "one", bundle=bundle))
    dim = bundle_extract(bundle, tmp_path / "folder").dim
    one = ResidualMap(np.eye(dim, dtype=np.float32), np.zeros(dim, np.float32))
    adapted_write(tmp_path / "folder", {"image": one}, adapted, adapted_from="tiny@1", metrics={})
    with pytest.raises(TrainingError, match=r"has an adapter.*\(tiny@1\)"):
        train(options(recipe_with(tiny, [("start.bundle", str(adapted))]), data, tmp_path / "two"))
