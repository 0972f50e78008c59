"""The family: which kinds of each part there are. A new kind is one new file and one more name here.

Each name is a union of config classes, told apart by their `kind`; `workers.neural.configs` reads them from plain data.
"""

from workers.neural.images.cnn import CnnConfig
from workers.neural.images.fne import FneConfig
from workers.neural.images.regions import RegionsConfig
from workers.neural.images.small_resnet import SmallResnetConfig
from workers.neural.images.two_branch import TwoBranchImageConfig
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
from workers.neural.texts.convolution import ConvolutionConfig
from workers.neural.texts.gru import GruConfig
from workers.neural.texts.mean import MeanConfig
from workers.neural.texts.several import SeveralConfig
from workers.neural.texts.two_branch import TwoBranchTextConfig

ImageConfig = CnnConfig | FneConfig | RegionsConfig | SmallResnetConfig | TwoBranchImageConfig
TextConfig = ConvolutionConfig | GruConfig | MeanConfig | SeveralConfig | TwoBranchTextConfig
SimilarityConfig = CosineConfig | OrderConfig
LossConfig = (
    MaxHingeConfig | SumHingeConfig | HardestConfig | TripletConfig | ContrastiveConfig | CurriculumConfig
)
ScheduleConfig = StepScheduleConfig | CosineScheduleConfig
