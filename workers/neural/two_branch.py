"""The head that both sides of the two-branch network have (Wang et al. 2016; Kolluru 2019)."""

from torch import Tensor, nn


class TwoBranchHead(nn.Module):
    """Vectors (batch, width) → fully connected, ReLU, dropout, fully connected, batch norm → (batch, dim)."""

    def __init__(self, width: int, hidden: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, dim),
            nn.BatchNorm1d(dim),
        )

    def forward(self, vectors: Tensor) -> Tensor:
        """See the class."""
        joint: Tensor = self.layers(vectors)
        return joint
