"""The family: which kinds of each part there are. A new kind is one new file and one more name here.

A text encoder is named in `texts.several`, which puts such ones side by side. Each name is a union of config classes,
told apart by their `kind`; `workers.neural.configs` reads them from plain data.
"""

from workers.neural.images.cnn import CnnConfig
from workers.neural.images.fne import FneConfig
from workers.neural.images.regions import RegionsConfig
from workers.neural.images.small_resnet import SmallResnetConfig
from workers.neural.images.two_branch import TwoBranchImageConfig
from workers.neural.images.vit import VitConfig
from workers.neural.losses.contrastive import ContrastiveConfig
from workers.neural.losses.curriculum import CurriculumConfig
from workers.neural.losses.hardest import HardestConfig
from workers.neural.losses.max_hinge import MaxHingeConfig
from workers.neural.losses.sum_hinge import SumHingeConfig
from workers.neural.losses.triplet import TripletConfig
from workers.neural.schedules.cosine import CosineScheduleConfig
from workers.neural.schedules.step import StepScheduleConfig
from workers.neural.similarity.cosine import CosineConfig
from workers.neural.similarity.order import OrderConfig
from workers.neural.texts.several import SeveralConfig, SingleTextConfig
from workers.neural.texts.transformer import TransformerTextConfig

ImageConfig = CnnConfig | FneConfig | RegionsConfig | SmallResnetConfig | TwoBranchImageConfig | VitConfig
TextConfig = SingleTextConfig | SeveralConfig | TransformerTextConfig
SimilarityConfig = CosineConfig | OrderConfig
LossConfig = (
    MaxHingeConfig | SumHingeConfig | HardestConfig | TripletConfig | ContrastiveConfig | CurriculumConfig
)
ScheduleConfig = StepScheduleConfig | CosineScheduleConfig
