"""From a recipe and a folder of captioned pictures to a trained model and its bundle."""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from workers.inference.manifest import ImageSpec
from workers.neural.low_rank import merge_low_rank
from workers.neural.two_tower import TwoTower
from workers.training.base import shaped_by_bundle
from workers.training.batches import CachedFeatures, CroppedPictures, TrainingData, TrainingPictures
from workers.training.callbacks import Curves, Validation
from workers.training.distributed import is_rank_zero, wait_for_rank_zero
from workers.training.encode import BATCH, split_ranks
from workers.training.errors import TrainingError
from workers.training.export import ExportOptions, export_bundle
from workers.training.feature_store import Features, Frozen, feature_store, statistics
from workers.training.layout import Captioned
from workers.training.measures.bootstrap import paired_bootstrap
from workers.training.measures.ranks import Ranks, read_ranks
from workers.training.metrics import Quality
from workers.training.module import VALIDATION_SUM, RetrievalModule
from workers.training.picture_store import Progress, picture_store
from workers.training.recipe import PixelsConfig, Recipe
from workers.training.run_control import RunControl
from workers.training.run_folder import DatasetPaths, RunFolder
from workers.training.scripts import check_scriptable
from workers.training.start import (
    TrunkParts,
    add_lora,
    begin_words,
    build_model,
    forget_unseen_pieces,
    pretrained_texts,
    trained_parts,
    tune_sentences,
)
from workers.training.texts import TokenisedTexts, read_texts
from workers.training.vector_heads import needs_vector_heads, train_heads

PRECISIONS: dict[str, Literal["32-true", "bf16-mixed"]] = {"float32": "32-true", "bfloat16": "bf16-mixed"}


def no_progress(stage: str, done: int, total: int) -> None:
    """Tell nobody; a named function, so that options can be pickled."""


@dataclass(frozen=True)
class TrainOptions:
    """What one call of `train` is asked for.

    `cache`: where decoded pictures and features are kept between runs. `bundle`: where to write one, or None.
    `device`: auto, cpu or cuda. `devices`: how many of this machine's (on a CPU: processes) share an epoch's batches,
    and `nodes`: on how many machines; gradients are averaged. `say` and `progress` are told what happens; `bar` draws
    Lightning's progress bar.
    """

    recipe: Recipe
    data: DatasetPaths
    out: Path
    cache: Path
    bundle: Path | None = None
    export: ExportOptions | None = None
    resume: bool = False
    device: str = "auto"
    devices: int = 1
    nodes: int = 1
    say: Callable[[str], None] = print
    progress: Progress = no_progress
    bar: bool = False


def train(options: TrainOptions) -> Quality | None:
    """Train to the recipe's last epoch, or go on where the run stopped; the quality of the best epoch on validation.

    A run that has not started gives its quality too, but no bundle; `RunFolder.state` says so. A process that was
    started to help the one that keeps the run gives None.

    Raises TrainingError, ModelConfigError, WeightsError or BundleError, each with a sentence for a person.
    """
    _check_devices(options)
    by_vectors = needs_vector_heads(options.recipe)
    if not by_vectors:
        options = _shaped(options)
    folder = RunFolder(options.out)
    splits = options.data.splits()
    if not is_rank_zero():
        _help(options, folder, splits)
        return None
    if options.resume:
        folder.check_data(splits)
    else:
        folder.begin(options.recipe, options.data, splits)
    options = _logged(options, folder)
    torch.manual_seed(options.recipe.run.seed)
    if by_vectors:
        return _train_vector_heads(options, folder, splits)
    with _state_kept(folder):
        over = _over(options, folder)
        module = _prepared(options, folder, splits, learns=not over)
        if not over:
            folder.set_state("running")
            _measure_base(options, folder, module)
            _fit(options, folder, module)
        quality = _finish(options, folder, module)
    if folder.state.state == "not started":
        return quality
    folder.set_state("finished")
    if options.bundle and _is_better(options, folder, quality):
        export_bundle(
            module.model, folder, options.bundle, options.export or ExportOptions(name=options.out.name)
        )
        _say_bundle(options, options.bundle)
    return quality


def _say_bundle(options: TrainOptions, bundle: Path) -> None:
    options.say(f"bundle: {bundle} ({bundle.stat().st_size / 1e6:.1f} MB)")


def _shaped(options: TrainOptions) -> TrainOptions:
    """The same options with the whole recipe, where a version gives it its shape; a run that is resumed has it."""
    if not options.resume:
        options = replace(options, recipe=shaped_by_bundle(options.recipe))
    if options.export and options.export.torchscript:
        check_scriptable(options.recipe.image)
    return options


def _train_vector_heads(
    options: TrainOptions, folder: RunFolder, splits: tuple[Captioned, Captioned]
) -> Quality:
    """Train the heads of a version without native weights, which takes seconds: a run that was stopped begins anew."""
    with _state_kept(folder):
        folder.set_state("running")
        ranks = train_heads(options, folder, splits)
        _say_gain(options, folder, ranks)
    folder.set_state("finished")
    if options.bundle and _is_better(options, folder, ranks.quality()):
        _say_bundle(options, options.bundle)
    return ranks.quality()


def _is_better(options: TrainOptions, folder: RunFolder, quality: Quality) -> bool:
    """Whether the best epoch found more than the version that a fine-tuning went on from; says so where it did not."""
    if options.recipe.start.shape == "recipe" or not folder.base.exists():
        return True
    before = json.loads(folder.base.read_text())["sum_of_recalls"]
    if quality.sum_of_recalls > before:
        return True
    options.say("no epoch was better than the version before: no bundle is written")
    return False


def _help(options: TrainOptions, folder: RunFolder, splits: tuple[Captioned, Captioned]) -> None:
    """Do this process's part of a run that another one begins and keeps."""
    wait_for_rank_zero(folder)
    folder.check_data(splits)
    options = replace(options, say=_nobody)
    torch.manual_seed(options.recipe.run.seed)
    if not _over(options, folder):
        _fit(options, folder, _prepared(options, folder, splits, learns=True))


def _over(options: TrainOptions, folder: RunFolder) -> bool:
    return options.resume and folder.state.state in {"finished", "not started"}


def _nobody(line: str) -> None:
    """The process that keeps the run says it."""


@contextmanager
def _state_kept(folder: RunFolder) -> Iterator[None]:
    """Whatever ends the run, its folder says that it has ended."""
    try:
        yield
    except BaseException as error:
        folder.set_state("stopped", f"{type(error).__name__}: {error}".removesuffix(": "))
        raise


def _logged(options: TrainOptions, folder: RunFolder) -> TrainOptions:
    """The same options, whose `say` also writes the run's log."""

    def say(line: str) -> None:
        with folder.log.open("a") as sink:
            sink.write(line + "\n")
        options.say(line)

    return replace(options, say=say)


def _prepared(
    options: TrainOptions, folder: RunFolder, splits: tuple[Captioned, Captioned], *, learns: bool
) -> RetrievalModule:
    """What is to be trained, or, unless it `learns`, to be measured: without the training pictures, which take long."""
    recipe = options.recipe
    texts = read_texts(recipe, folder, splits, options.cache)
    model = build_model(recipe, len(texts.vocabulary))
    begin_words(model, recipe, texts.vocabulary, options.say)
    tune_sentences(model, recipe.start.tune_sentence)
    options.say(_shape(splits, model, texts))
    forget_unseen_pieces(model, recipe, texts.tokens[0], options.say)
    parts = trained_parts(model.image.trunk, recipe)
    add_lora(model, recipe)
    serving = replace(recipe.pixels, views="flip" if recipe.mirror else "center")
    measured = _pictures(options, (model, parts), splits[1], serving)
    learnt = _pictures(options, (model, parts), splits[0], recipe.pixels) if learns else measured
    if learns and isinstance(learnt, CachedFeatures) and not recipe.start.bundle:
        model.image.set_statistics(*statistics(_features(model, learnt)))
    train, val = (
        TrainingData(split, picture, tokens, recipe)
        for split, picture, tokens in zip(splits, (learnt, measured), texts.tokens, strict=True)
    )
    return RetrievalModule(model, train, val)


def _shape(splits: tuple[Captioned, Captioned], model: TwoTower, texts: TokenisedTexts) -> str:
    """What is trained on what, in one line."""
    parameters = sum(p.numel() for p in model.parameters())
    known = len(texts.vocabulary)
    return (
        f"{len(splits[0])} pictures to train on, {len(splits[1])} to validate; {known} words known, "
        f"{100 * texts.unknown:.1f} % of the validation captions' words are not; "
        f"{parameters / 1e6:.1f} million parameters"
    )


def _pictures(
    options: TrainOptions, network: tuple[TwoTower, TrunkParts], split: Captioned, pixels: PixelsConfig
) -> TrainingPictures:
    model, (early, late) = network
    store = picture_store(split.paths, image_spec(options.recipe), options.cache, options.progress)
    if early is None:
        return CroppedPictures(store, pixels)
    model.image.to(_device(options))
    frozen = Frozen(early, half=late is not None or model.image.stored_half)
    return CachedFeatures(feature_store(frozen, store, pixels, options.cache, options.progress), late)


@torch.inference_mode()
def _features(model: TwoTower, pictures: CachedFeatures) -> Features:
    """The features of what serving sees of each picture; of all views where no part of the network is trained."""
    if pictures.late is None:
        return pictures.values
    device = next(model.image.parameters()).device
    values = pictures.values[:, 0]
    parts = (torch.from_numpy(np.float32(values[at : at + BATCH])) for at in range(0, len(values), BATCH))
    return torch.cat([pictures.features(model, part.to(device)).cpu() for part in parts]).numpy()


def image_spec(recipe: Recipe) -> ImageSpec:
    """How serving prepares pictures for the recipe's model."""
    pixels = recipe.pixels
    return ImageSpec(pixels.resize, pixels.size, pixels.mean, pixels.std, pixels.crop, pixels.interpolation)


def _device(options: TrainOptions) -> torch.device:
    if options.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(options.device)


def _check_devices(options: TrainOptions) -> None:
    there = torch.cuda.device_count()
    if _device(options).type == "cuda" and options.devices > there:
        raise TrainingError(f"This machine has {there} CUDA devices, not {options.devices}.")


def _fit(options: TrainOptions, folder: RunFolder, module: RetrievalModule) -> None:
    run = options.recipe.run
    last = folder.checkpoints / "last.ckpt"
    trainer = lightning.Trainer(
        accelerator=_device(options).type,
        devices=options.devices,
        num_nodes=options.nodes,
        strategy=_strategy(options),
        precision=PRECISIONS[run.precision],
        max_epochs=run.stop_after or run.epochs,
        gradient_clip_val=options.recipe.optimiser.clip or None,
        reload_dataloaders_every_n_epochs=1,
        callbacks=[
            Validation(),
            Curves(folder.curves, options.say),
            RunControl(options.recipe, folder, options.say),
            *_keepers(folder),
        ],
        default_root_dir=folder.path,
        logger=False,
        enable_progress_bar=options.bar,
        enable_model_summary=False,
        limit_val_batches=0,
    )
    trainer.fit(module, ckpt_path=str(last) if options.resume and last.exists() else None, weights_only=True)


def _measure_base(options: TrainOptions, folder: RunFolder, module: RetrievalModule) -> None:
    """Measure the version that the run goes on from, before anything is learned."""
    if not options.recipe.start.bundle or folder.base.exists():
        return
    device = _device(options)
    ranks = split_ranks(module.model.to(device), module.validation_data, device)
    folder.keep_base(ranks)
    options.say(f"before: sum of recalls {ranks.quality().sum_of_recalls:.1f}")


def _say_gain(options: TrainOptions, folder: RunFolder, ranks: Ranks) -> None:
    """Say whether the best epoch is better than the version that the run began with."""
    if not folder.base_ranks.exists():
        return
    gain = paired_bootstrap(ranks, read_ranks(folder.base_ranks)).sum_of_recalls
    options.say(
        f"against the version before: sum of recalls {gain.value:+.1f} "
        f"({gain.low:+.1f} to {gain.high:+.1f}); that it is better is {gain.verdict}"
    )


def _strategy(options: TrainOptions) -> str:
    if options.devices * options.nodes == 1:
        return "auto"
    # On a CPU forks, since the data are memory-mapped or read already; two processes of one thread each are faster than
    # two threads, which wait for each other in every layer. A process that has used CUDA cannot be forked.
    forked = options.nodes == 1 and _device(options).type == "cpu"
    name = "ddp_fork" if forked else "ddp"
    # While the network is not trained yet, its weights have no gradients to wait for.
    return f"{name}_find_unused_parameters_true" if options.recipe.start.head_epochs else name


def _keepers(folder: RunFolder) -> list[lightning.Callback]:
    """Keep the last epoch to go on from and the best one to export."""
    how: dict[str, Any] = {"save_on_train_epoch_end": True, "enable_version_counter": False}
    best = ModelCheckpoint(folder.checkpoints, filename="best", monitor=VALIDATION_SUM, mode="max", **how)
    # Lightning's own `save_last` writes only when the best one is written; this one writes every epoch. It comes
    # last, so that what it keeps knows the others' state.
    last = ModelCheckpoint(folder.checkpoints, filename="last", **how)
    return [best, last]


def _as_served(options: TrainOptions, data: TrainingData) -> TrainingData:
    """The same data with pictures in all scales that serving takes; kept features, which epochs use, have one."""
    recipe = options.recipe
    if recipe.scales == (1.0,):
        return data
    store = picture_store(data.split.paths, image_spec(recipe), options.cache, options.progress)
    served = copy.copy(data)
    served.pictures = CroppedPictures(store, recipe.pixels)
    return served


def _finish(options: TrainOptions, folder: RunFolder, module: RetrievalModule) -> Quality:
    """Load the best epoch's weights and note its quality, measured in float32 as serving does."""
    best = folder.checkpoints / "best.ckpt"
    if not best.exists():
        raise TrainingError("The run has no finished epoch.")
    module.load_state_dict(torch.load(best, map_location="cpu", weights_only=True)["state_dict"])
    module.ema.swap()
    merge_low_rank(module.model)
    device = _device(options)
    ranks = split_ranks(module.model.to(device), _as_served(options, module.validation_data), device)
    folder.keep_best(ranks)
    _say_gain(options, folder, ranks)
    module.model.cpu()
    for encoder in pretrained_texts(module.model):
        encoder.remember(on=False)
    return ranks.quality()
