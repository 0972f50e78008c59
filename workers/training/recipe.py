"""A recipe: everything that a training run needs besides its data, as typed parts."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from workers.neural.configs import config_from, config_set, config_to
from workers.neural.family import ImageConfig, LossConfig, ScheduleConfig, SimilarityConfig, TextConfig
from workers.neural.former_names import present_name, present_names
from workers.neural.images.cnn import CnnConfig
from workers.neural.losses.max_hinge import MaxHingeConfig
from workers.neural.schedules.step import StepScheduleConfig
from workers.neural.similarity.cosine import CosineConfig
from workers.neural.texts.gru import GruConfig
from workers.neural.texts.sentence import SentenceConfig
from workers.neural.texts.several import SeveralConfig
from workers.neural.texts.transformer import TransformerTextConfig

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class PixelsConfig:
    """From a picture to the network's input.

    `resize`: the shorter side; `size`: of the square crop; both in pixels. `crop`: what serving takes of a picture, its
    centre, the mean over ten crops, or the whole of it made square (`squash`). Training takes a `random` crop of that
    size, or one of `zoom_min` to 1 of the picture's area scaled to it (`zoom`), mirrored half of the time where `flip`
    is set. A frozen network's features are those of fixed `views`: the centre, with its mirror, ten crops, or the
    centre and `kept` random crops (as above); each epoch takes one of them at random.
    """

    resize: int = 256
    size: int = 224
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    crop: Literal["center", "ten", "squash"] = "center"
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    train_crop: Literal["random", "zoom", "center"] = "random"
    zoom_min: float = 0.6
    flip: bool = True
    views: Literal["center", "flip", "ten", "random"] = "center"
    kept: int = 8


@dataclass(frozen=True, slots=True)
class StartConfig:
    """`weights` of the image network: `none` (random), `default` (torchvision's, downloaded), `package` (that of
    EfficientNet-Lite2, as installed), or a local file.

    `words`: a GloVe text file whose vectors the known words begin with; `tune_words` off keeps all word vectors as they
    began.

    `sentence`: the folder or zip of a pretrained sentence encoder, for a text encoder of that kind, or `package`
    (MiniLM's, as installed); `tune_sentence`: how many of its last layers are trained along, at `lr_factor` times the
    learning rate of the rest.

    `bundle`: a bundle with native weights of the same shape, whose vocabulary and weights the run begins with instead.
    `shape`: whether the recipe says that shape, or the `bundle` does, with how it prepares pictures and reads texts
    (see `training.base`).

    `tune`: `head` freezes the network, whose features are then computed once; `all` trains it along, at `lr_factor`
    times the learning rate of the rest. `tune_from`: the network's module, such as `features.11` or `layer4`, with
    which its training begins: what lies before stays as it is and is computed once for `pixels.views`, and batch norm
    keeps its statistics. `tune_blocks`: the same for a vision transformer, by how many of its last blocks are trained.
    `lora_rank`: of what both networks of an imported model learn beside their weights (see `neural.low_rank`).
    `head_epochs`: epochs in which neither network is trained yet, so that a head that knows
    nothing does not spoil it (Kumar et al. 2022).
    """

    weights: str = "none"
    bundle: str = ""
    shape: Literal["recipe", "bundle"] = "recipe"
    words: str = ""
    tune_words: bool = True
    sentence: str = ""
    tune_sentence: int = 0
    tune: Literal["head", "all"] = "all"
    tune_from: str = ""
    tune_blocks: int = 0
    lora_rank: int = 0
    head_epochs: int = 0
    lr_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class DataConfig:
    """`captions`: `one` of each picture at random per epoch, `every` pair by itself, or all of them `grouped`, so that
    a batch has each of its pictures once with every caption. `batch`: pictures or pairs. `min_count`: of a word, to be
    known.

    `drop_words`: the share of words that training replaces by the unknown word. `join`: up to so many captions of a
    picture follow each other as one text, so that the model meets texts of several sentences.
    """

    batch: int = 128
    captions: Literal["one", "every", "grouped"] = "one"
    min_count: int = 4
    max_tokens: int = 128
    drop_words: float = 0.0
    join: int = 1
    workers: int = 0


@dataclass(frozen=True, slots=True)
class OptimiserConfig:
    """Adam. `clip`: the largest norm of all gradients together; 0 for no limit."""

    lr: float = 2e-4
    clip: float = 2.0
    weight_decay: float = 0.0


@dataclass(frozen=True, slots=True)
class MemoryConfig:
    """`size`: how many embeddings of past batches serve as further negatives; 0 for none. See `training.memory`."""

    size: int = 0
    from_epoch: int = 1


@dataclass(frozen=True, slots=True)
class ConceptsConfig:
    """`weight` of the auxiliary loss that predicts a picture's words; 0 for none. See `training.concepts`."""

    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class GenerationConfig:
    """`weight` of the auxiliary loss that tells captions from a picture's regions; 0 for none; VSRN has 1.

    `word_dim` and `hidden`: widths of the decoder's word embedding and of its GRU. See `training.generation`.
    """

    weight: float = 0.0
    word_dim: int = 300
    hidden: int = 512


@dataclass(frozen=True, slots=True)
class RunConfig:
    """`patience`: epochs without a better validation sum of recalls after which to stop; 0 for never.

    `start_epochs`: a run whose sum of recalls stays below 10 for so many epochs ends as not started; 0 for never.
    `stop_after`: end after so many epochs of a schedule laid out for `epochs`; 0 for all of them. `ema_decay`: of
    the weights' exponential moving average, which is measured and kept instead of the last step's; 0 for none.
    """

    epochs: int = 30
    stop_after: int = 0
    patience: int = 0
    start_epochs: int = 5
    ema_decay: float = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Recipe:
    """The defaults are VSE++'s. `balance`: λ, the weight of caption → image in the loss.

    Serving looks at a picture in each of the `scales` (1.25: enlarged by a quarter) and, by `mirror`, at its mirror
    image too; the embedding is that of all these views together, and takes the time of all.
    """

    name: str
    embedding_dim: int = 1024
    image: ImageConfig = field(default_factory=CnnConfig)
    text: TextConfig = field(default_factory=GruConfig)
    similarity: SimilarityConfig = field(default_factory=CosineConfig)
    mirror: bool = False
    scales: tuple[float, ...] = (1.0,)
    loss: LossConfig = field(default_factory=MaxHingeConfig)
    balance: float = 1.0
    schedule: ScheduleConfig = field(default_factory=StepScheduleConfig)
    pixels: PixelsConfig = field(default_factory=PixelsConfig)
    start: StartConfig = field(default_factory=StartConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    concepts: ConceptsConfig = field(default_factory=ConceptsConfig)
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    run: RunConfig = field(default_factory=RunConfig)

    @property
    def reads_pieces(self) -> bool:
        """Whether its texts are cut into pieces of words, as pretrained sentence encoders read them."""
        encoders = self.text.encoders if isinstance(self.text, SeveralConfig) else (self.text,)
        return any(isinstance(encoder, SentenceConfig) for encoder in encoders)

    @property
    def reads_as_bundle(self) -> bool:
        """Whether its texts are read by the tokenizer of the bundle that it begins with, whatever that is."""
        return isinstance(self.text, TransformerTextConfig)

    @property
    def frozen(self) -> bool:
        """Whether the image network stays as it is, so that its features can be computed once."""
        return self.start.tune == "head"


def recipe_with(recipe: Recipe, settings: Iterable[tuple[str, Any]]) -> Recipe:
    """A copy with dotted settings changed, such as ("image.architecture", "resnet18"), in their order.

    Raises ModelConfigError for a setting that does not exist or a value of a wrong type.
    """
    data = config_to(recipe)
    for key, value in settings:
        data = config_set(data, present_name(key), value)
    return config_from(Recipe, present_names(data, FutureWarning), "recipe")
