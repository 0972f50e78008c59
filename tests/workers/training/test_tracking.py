import json

import numpy as np
import pytest

from workers.training.errors import TrainingError
from workers.training.metrics import retrieval_ranks
from workers.training.tracking.compare import compare_lines, differing
from workers.training.tracking.plots import plot_runs
from workers.training.tracking.runs import COLUMNS, read_run, read_runs, run_row, table_lines


def quality(total):
    side = {"r1": total / 20, "r5": 3.0, "r10": 4.0, "median_rank": 7.0}
    return {"sum_of_recalls": total, "image_to_text": side, "text_to_image": side}


def ranks(noise):
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((30, 8)).astype(np.float32)
    images = truth + noise * rng.standard_normal((30, 8)).astype(np.float32)
    return retrieval_ranks(images, truth, (range(30), range(30)))


@pytest.fixture
def make_run(tmp_path):
    def made(name, sums=(), noise=None, **settings):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        recipe = {"name": "vsepp", "embedding_dim": 8, "optimiser": {"lr": 0.1}, **settings}
        facts = {"recipe": recipe, "fingerprints": {"train": "a", "val": "b"}}
        (folder / "config.json").write_text(json.dumps(facts))
        lines = [{"epoch": k, "seconds": 30.0, "loss": 1.0, **quality(s)} for k, s in enumerate(sums, 1)]
        (folder / "curves.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        if noise is not None:
            (folder / "metrics.json").write_text(json.dumps(ranks(noise).quality().to_json()))
            ranks(noise).save(folder / "ranks.npz")
        return folder

    return made


def test_runs_are_listed_with_their_state_and_best_epoch(make_run, tmp_path):
    make_run("b", [20, 60, 40])
    make_run("a")
    runs = read_runs(tmp_path / "runs")
    assert [run_row(run) for run in runs] == [
        ("a", "vsepp", "stopped", "0", "–", "–", "–", "0.0"),
        ("b", "vsepp", "stopped", "3", "60.0", "3.0", "3.0", "1.5"),
    ]
    assert table_lines(COLUMNS, [run_row(run) for run in runs])[0].startswith("run  recipe")


def test_a_line_that_is_being_written_is_left_for_the_next_reader(make_run):
    folder = make_run("a", [20])
    with (folder / "curves.jsonl").open("a") as sink:
        sink.write('{"epoch": 2, "sum_')
    assert len(read_run(folder).curve) == 1


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="no run"):
        read_run(tmp_path)
    with pytest.raises(TrainingError, match="no folder"):
        read_runs(tmp_path / "nowhere")


def test_comparing_shows_only_the_settings_that_differ_and_who_is_better(make_run):
    first = read_run(make_run("first", [30], noise=3.0))
    second = read_run(make_run("second", [90], noise=0.1, embedding_dim=16, extra={"weight": 1}))
    assert differing([first, second]) == {"embedding_dim": [8, 16], "extra.weight": ["–", 1]}
    text = "\n".join(compare_lines([first, second]))
    assert "second against first: that it is better is confirmed" in text
    assert "optimiser.lr" not in text


def test_runs_without_ranks_are_compared_but_for_the_bootstrap(make_run):
    runs = [read_run(make_run("a", [30])), read_run(make_run("b", [40]))]
    assert "a and b kept no ranks" in "\n".join(compare_lines(runs[::-1])).replace("b and a", "a and b")


def test_curves_are_drawn_into_a_picture_file(make_run, tmp_path):
    runs = [read_run(make_run("a", [10, 50])), read_run(make_run("b"))]
    plot_runs(runs, tmp_path / "plots" / "curves.png")
    assert (tmp_path / "plots" / "curves.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(TrainingError, match="nothing to draw"):
        plot_runs(runs[1:], tmp_path / "none.png")
    with pytest.raises(TrainingError, match="cannot be drawn"):
        plot_runs(runs, tmp_path / "curves.nonsense")


@pytest.mark.parametrize("kind", ["file", "sqlite"])
def test_a_run_and_its_bundle_are_logged_to_mlflows_local_store(make_run, tmp_path, monkeypatch, kind):
    tracking = pytest.importorskip("mlflow.tracking", reason="requirements/mlflow.txt is not installed")
    from workers.training.tracking.mlflow import log_run

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # MLflow wants new stores to be databases
    monkeypatch.chdir(tmp_path)
    folder = make_run("a", [20, 60], noise=0.5)
    folder.with_name("a.bundle.zip").write_bytes(b"bundle")
    uri = {"file": (tmp_path / "store").as_uri(), "sqlite": f"sqlite:///{tmp_path}/runs.db"}[kind]
    log_run(read_run(folder), uri, "tests")
    logged = log_run(read_run(folder), uri, "tests")
    client = tracking.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("tests").experiment_id
    assert [run.info.run_id for run in client.search_runs([experiment])] == [logged]
    data = client.get_run(logged).data
    assert data.params["optimiser.lr"] == "0.1"
    assert [m.value for m in client.get_metric_history(logged, "sum_of_recalls")] == [20, 60]
    assert data.metrics["best.sum_of_recalls"] == pytest.approx(ranks(0.5).quality().sum_of_recalls)
    assert data.tags["fingerprint.val"] == "b"
    assert [file.path for file in client.list_artifacts(logged, "bundle")] == ["bundle/a.bundle.zip"]
    assert kind == "file" or (tmp_path / "artifacts").is_dir()
    assert not (tmp_path / "mlruns").exists()
    assert "run/ranks.npz" in [file.path for file in client.list_artifacts(logged, "run")]
