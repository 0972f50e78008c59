"""The recipes' report from end to end at a tiny size, and its verdicts on runs whose ranks are made up."""

import json
import os
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from workers.neural.configs import config_to
from workers.training.errors import TrainingError
from workers.training.export import ExportOptions
from workers.training.metrics import retrieval_ranks
from workers.training.recipes.catalogue import recipe_names
from workers.training.report.children import InChild
from workers.training.report.findings import STARTS_AT, findings, rescue
from workers.training.report.papers import PAPERS
from workers.training.report.plan import ROWS, STABILITY, Seeds, Setting, planned
from workers.training.report.training import needs_training, train_missing
from workers.training.report.write import ReportScope, write_report
from workers.training.run_folder import RunFolder
from workers.training.train import TrainOptions, train

NOWHERE = Path("nowhere")
BUDGET = [
    "image.architecture=squeezenet1_1", "start.weights=none", "embedding_dim=8", "text.word_dim=8", "pixels.resize=64",
    "pixels.size=64", "pixels.crop=center", "data.batch=16", "run.epochs=1", "schedule.every_epochs=9",
]  # fmt: skip


def plan(folder, settings, only=(), seeds=0, **options):
    counted = seeds if isinstance(seeds, Seeds) else Seeds(seeds)
    return planned(folder, [Setting.read(text) for text in settings], only, counted, **options)


def trainer(data, cache, done):
    def trained(row):
        done.append(row.name)
        if row.name == "fne-sh":
            raise TrainingError("No network today.")
        train(
            TrainOptions(
                recipe=row.recipe,
                data=data,
                out=row.run,
                cache=cache,
                bundle=row.bundle,
                export=ExportOptions(row.name),
                device="cpu",
                say=lambda line: None,
            )
        )

    return trained


def test_a_report_trains_what_is_missing_once_and_says_what_could_not_be_trained(data, tmp_path):
    folder, done, said = tmp_path / "runs", [], []
    folder.mkdir()
    rows = plan(folder, BUDGET, ["fc7-sh", "fne-sh"])
    work = trainer(data, tmp_path / "cache", done)
    failures = train_missing(rows, work, 1, said.append)
    assert sorted(done) == ["fc7-sh", "fne-sh"]
    assert failures == {"fne-sh": "No network today."}
    train_missing(rows, work, 1, said.append)
    assert done[2:] == ["fne-sh"]
    [longer] = plan(folder, [*BUDGET, "run.epochs=2"], ["fc7-sh"])
    with pytest.raises(TrainingError, match=r"other settings before \(run\.epochs 1, now 2\)"):
        needs_training(longer)
    _, split = data.splits()
    text = write_report(rows, failures, ReportScope(folder, split, 0, ("About.",)))
    [row] = [line for line in text.splitlines() if line.startswith("| fc7-sh |")]
    assert "22.4/49.8/62.9, 6" in row
    assert "* `fne-sh`: No network today." in text
    assert "| FNE over one layer, SH | not measured" in text
    plain = json.loads((folder / "report.json").read_text())
    costs = {entry["name"]: entry["costs"] for entry in plain["rows"]}
    assert costs["fc7-sh"]["picture_ms"] > 0
    assert costs["fc7-sh"]["bundle_bytes"] == (folder / "fc7-sh.bundle.zip").stat().st_size
    assert costs["fne-sh"] is None
    assert (folder / "report.png").is_file()
    assert (folder / "curves.png").is_file()


def test_what_an_earlier_version_trained_has_the_defaults_of_later_settings(data, tmp_path):
    [row] = plan(tmp_path, BUDGET, ["fc7-sh"], bundles=False)
    recipe = config_to(row.recipe)
    del recipe["scales"], recipe["similarity"]["parts"]
    row.run.mkdir(parents=True)
    config = row.run / "config.json"
    config.write_text(json.dumps({"recipe": recipe, "data": config_to(data)}))
    RunFolder(row.run).set_state("finished")
    assert not needs_training(row)
    config.write_text(json.dumps({"recipe": {**recipe, "given_up": 1}, "data": config_to(data)}))
    with pytest.raises(TrainingError, match=r"another version .*given_up"):
        needs_training(row)


def test_rows_are_trained_in_processes_of_their_own(data, tmp_path):
    work = InChild(data, tmp_path / "cache", device="cpu")
    [row] = plan(tmp_path, BUDGET, ["fc7-sh"], bundles=False)
    work(row)
    state = RunFolder(row.run).state
    assert (state.state, state.process != os.getpid()) == ("finished", True)
    [longer] = plan(tmp_path, [*BUDGET, "start.weights=missing.pt"], ["fne-sh"], bundles=False)
    with pytest.raises(TrainingError, match=r"missing\.pt"):
        work(longer)


def test_settings_are_for_all_rows_that_have_them_or_for_those_named():
    rows = {
        row.name: row for row in plan(NOWHERE, ["image.nodes=4", "fc7-*,fne-s*:embedding_dim=7"], seeds=2)
    }
    assert set(ROWS) < set(rows)
    assert {"fne-moe-unstable-seed1", "fc7-poe-seed1"} <= set(rows)
    assert rows["fne-poe-seed1"].recipe.run.seed == 1
    assert (
        rows["fc7-mh"].recipe.embedding_dim,
        rows["fne-sh"].recipe.embedding_dim,
        rows["fne-mh"].recipe.embedding_dim,
    ) == (7, 7, 1024)
    assert rows["vsrn"].recipe.image.nodes == 4
    assert rows["vsrn"].left_out == ()
    assert rows["fc7-mh"].left_out == ("image.nodes=4",)


def test_a_setting_that_no_recipe_has_is_refused():
    with pytest.raises(TrainingError, match=r"image\.colour"):
        plan(NOWHERE, ["image.colour=red"])
    with pytest.raises(TrainingError, match="No row matches"):
        plan(NOWHERE, [], ["unknown"])
    with pytest.raises(TrainingError, match=r"key=value, .*not 'fc7'"):
        plan(NOWHERE, ["fc7"])


def test_some_initialisations_can_have_settings_of_their_own():
    rows = {row.name: row for row in plan(NOWHERE, ["run.epochs=9", "fc7-poe-seed*:run.epochs=4"], seeds=3)}
    epochs = {name: rows[name].recipe.run.epochs for name in ("fc7-poe", "fc7-poe-seed2", "fne-poe-seed2")}
    assert epochs == {"fc7-poe": 9, "fc7-poe-seed2": 4, "fne-poe-seed2": 9}


def test_bundles_can_be_left_to_a_later_report(data, tmp_path):
    [row] = plan(tmp_path, BUDGET, ["fc7-sh"], bundles=False)
    assert needs_training(row)
    options = TrainOptions(row.recipe, data, row.run, tmp_path / "cache", device="cpu", say=lambda line: None)
    quality = train(options)
    assert not needs_training(row)
    assert needs_training(replace(row, bundled=True))
    # What is over needs no features of the training pictures again.
    assert train(replace(options, resume=True, cache=tmp_path / "fresh")) == quality
    [kept] = (tmp_path / "fresh").glob("features-*.npy")
    assert len(np.load(kept, mmap_mode="r")) == 16


def test_every_row_and_every_paper_number_has_a_recipe():
    assert {*ROWS, *STABILITY, *PAPERS} <= set(recipe_names())
    assert PAPERS["fne-mh"].total == pytest.approx(27.3 + 56.8 + 69.3 + 21.2 + 47.1 + 59.7)


def keep_run(folder, name, noise=None, best=200.0, state="finished", **recipe):
    run = folder / name
    run.mkdir(parents=True)
    settings = {"name": name, "embedding_dim": 8, **recipe}
    (run / "config.json").write_text(json.dumps({"recipe": settings, "fingerprints": {"val": ""}}))
    (run / "state.json").write_text(json.dumps({"state": state}))
    (run / "curves.jsonl").write_text(json.dumps({"epoch": 1, "sum_of_recalls": best, "seconds": 1.0}) + "\n")
    if noise is not None:
        rng = np.random.default_rng(0)
        truth = rng.standard_normal((60, 8)).astype(np.float32)
        images = truth + noise * rng.standard_normal((60, 8)).astype(np.float32)
        retrieval_ranks(images, truth, (range(60), range(60))).save(run / "ranks.npz")


def test_findings_carry_the_bootstraps_verdict(tmp_path):
    for name, noise in {
        "fne-sh": 0.3, "fc7-sh": 2.0, "fc7-mh": 2.0, "light-gcn-2048": 0.5, "vsrn": 0.5, "light-gcn-1024": 3.0,
        "global-1024": 0.3,
    }.items():  # fmt: skip
        keep_run(tmp_path, name, noise)
    verdicts = {finding.claim: finding.verdict for finding in findings(tmp_path, 1)}
    assert verdicts["FNE over one layer, SH"] == "confirmed"
    assert verdicts["max over sum of hinges, cosine, one layer"] == "undecided"
    assert verdicts["light region reasoning over global features"] == "refuted"
    assert verdicts["light GCN level with VSRN's"] == "confirmed"
    assert verdicts["FNE over one layer, MH"] == "not measured"


def test_the_light_gcn_of_vsrns_size_is_compared_with_it(tmp_path):
    for name, noise, dim in (("light-gcn-2048", 3.0, 16), ("light-gcn-512", 0.5, 8), ("vsrn", 0.5, 8)):
        keep_run(tmp_path, name, noise, embedding_dim=dim)
    verdicts = {finding.claim: finding.verdict for finding in findings(tmp_path, 1)}
    assert verdicts["light GCN level with VSRN's"] == "confirmed"


def test_the_papers_sizes_and_times_stand_beside_ours(data, tmp_path):
    rows, (_, split) = plan(tmp_path, BUDGET, ["light-gcn-512"]), data.splits()
    text = write_report(rows, {}, ReportScope(tmp_path, split, 0))
    [row] = [line for line in text.splitlines() if line.startswith("| light-gcn-512 |")]
    assert "| 64.5/88.3/93.1 | 47.4/75.3/83.3 | 40.6, 6.1 |" in row


def test_vsepp_stands_beside_the_blueprint_by_its_measures(data, tmp_path):
    keep_run(tmp_path, "vsepp")
    ours = {name: 10.0 + k for k, name in enumerate(("r1", "r3", "r5", "r10", "p1", "p3", "median_rank"))}
    quality = {"image_to_text": ours, "text_to_image": ours, "sum_of_recalls": 80.0}
    (tmp_path / "vsepp" / "metrics.json").write_text(json.dumps(quality))
    line = json.dumps({"epoch": 1, "seconds": 1.0, **quality})
    (tmp_path / "vsepp" / "curves.jsonl").write_text(f"{line}\n")
    rows, (_, split) = plan(tmp_path, BUDGET, ["vsepp"], bundles=False), data.splits()
    lines = write_report(rows, {}, ReportScope(tmp_path, split, 0)).splitlines()
    start = lines.index("## `vsepp` beside the blueprint")
    assert lines[start + 2] == "|  | R@1 | R@3 | R@5 | P@1 | P@3 |"
    assert lines[start + 4] == "| i→t | 10.0 | 11.0 | 12.0 | 14.0 | 15.0 |"
    assert lines[start + 6] == "| Ebert et al. | 34.3 | 54.2 | 63.4 | 34.3 | 38.8 |"


def test_a_row_that_nobody_has_trained_says_so(data, tmp_path):
    rows, (_, split) = plan(tmp_path, BUDGET, ["vsrn"]), data.splits()
    assert "* `vsrn`: not run: `--only vsrn` with the settings above runs it" in write_report(
        rows, {}, ReportScope(tmp_path, split, 0)
    )


def test_rows_that_differ_in_more_than_the_finding_are_not_compared(tmp_path):
    loss = {"kind": "max-hinge", "margin": 0.05}
    keep_run(tmp_path, "fne-moe", 0.3, loss=loss)
    keep_run(tmp_path, "fc7-moe", 2.0, loss=loss | {"margin": 0.2})
    keep_run(tmp_path, "fc7-soe", 2.0, loss=loss | {"kind": "sum-hinge"})
    found = {finding.claim: finding for finding in findings(tmp_path, 1)}
    moe = found["FNE over one layer, MOE"]
    assert moe.verdict == "not comparable"
    assert moe.difference == "they also differ in loss.margin (0.05 and 0.2)"
    assert found["max over sum of hinges, order, one layer"].verdict == "not comparable"


def test_a_verdict_is_the_mean_of_its_seeds_and_says_how_many_there_are(tmp_path):
    for seed in range(3):
        end = f"-seed{seed}" if seed else ""
        keep_run(tmp_path, f"fne-sh{end}", 0.2 if seed else 6.0, run={"seed": seed, "epochs": 8})
        keep_run(tmp_path, f"fc7-sh{end}", 1.5, run={"seed": seed, "epochs": 8})
    keep_run(tmp_path, "fne-sh-seed3", 9.0, run={"seed": 3, "epochs": 2})
    keep_run(tmp_path, "fc7-sh-seed3", 0.1, run={"seed": 3, "epochs": 2})
    one, several = (
        next(f for f in findings(tmp_path, seeds) if f.claim == "FNE over one layer, SH") for seeds in (1, 4)
    )
    assert (one.verdict, one.seeds) == ("refuted", "one seed")
    # The fourth was trained for fewer epochs than the first.
    assert (several.verdict, several.seeds) == ("confirmed", "3 seeds")


def test_further_rows_can_be_trained_from_several_initialisations():
    repeated = Seeds(3, ("two-branch-k1", "fne-sh"))
    names = {row.name for row in plan(NOWHERE, [], seeds=repeated)}
    assert {"two-branch-k1-seed2", "fne-sh-seed1", "fc7-moe-bl-seed2", "fne-poe-seed2"} <= names
    assert not {"two-branch-k10-sum-seed1", "fc7-sh-seed1", "fne-sh-seed3"} & names


@pytest.mark.parametrize(
    ("largest", "curriculum", "verdict"),
    [
        ((2, 3, 90), (200, 210, 220), "confirmed"),
        ((80, 70, 90), (200, 210, 220), "refuted"),
        ((2, 3, 90), (1, 2, 200), "refuted"),
        ((2, 3, 4), (1, 210, 200), "undecided"),
    ],
)
def test_the_rescue_counts_starts_over_initialisations(tmp_path, largest, curriculum, verdict):
    for kind, sums in (("moe-unstable", largest), ("poe", curriculum)):
        keep_starts(tmp_path, f"fne-{kind}", sums)
    assert rescue(tmp_path, "fne", 3).verdict == verdict


def keep_starts(folder, recipe, sums):
    for seed, best in enumerate(sums):
        state = "not started" if best < STARTS_AT else "finished"
        keep_run(folder, recipe + (f"-seed{seed}" if seed else ""), best=best, state=state)


@pytest.mark.parametrize(
    ("at_another", "verdict"), [((90, 90), "undecided"), ((90, 3), "confirmed"), ((3, 3), "confirmed")]
)
def test_the_rescue_rests_on_every_setting_of_order_max(tmp_path, at_another, verdict):
    sums = {"moe": (2, 90), "moe-bl": (1, 1), "moe-unstable": at_another, "poe": (200, 200)}
    for column, column_sums in sums.items():
        keep_starts(tmp_path, f"fc7-{column}", column_sums)
    found = rescue(tmp_path, "fc7", 2)
    started = sum(best >= STARTS_AT for best in at_another)
    assert found.verdict == verdict
    assert found.difference == (
        f"order-max started `moe` 1 of 2, `moe-bl` 0 of 2, `moe-unstable` {started} of 2, the curriculum 2 of 2"
    )
    assert found.seeds == "2 seeds"


def test_the_command_takes_a_data_set_by_its_path_and_says_the_budget(corpus, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # the command sets it
    out = StringIO()
    words = [
        "--data",
        corpus,
        "--runs",
        tmp_path / "runs",
        "--no-training",
        "--only",
        "fc7-?h",
        "--seeds",
        "0",
    ]
    settings = ["run.epochs=3", "fc7-mh:embedding_dim=7"]
    sets = [word for setting in settings for word in ("--set", setting)]
    call_command("recipes", "report", *map(str, [*words, *sets]), stdout=out)
    told = out.getvalue()
    assert "3 rows; measured on 16 validation pictures" in told
    assert "Budget of every row: `run.epochs=3`\nFor some rows: `fc7-mh:embedding_dim=7`" in told
    assert "* `fc7-ph`: not run" in told
    with pytest.raises(CommandError, match="--runs"):
        call_command("recipes", "report", data=[str(corpus)])
    with pytest.raises(CommandError, match="--images, --captions, --train, --val missing"):
        call_command("recipes", "report", runs=tmp_path)
