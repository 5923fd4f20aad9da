"""minform in a notebook: step scores, credit of step rewards, and the playground with live RL."""

from .credits import Credit, GroupCredit, credit
from .files import NANO
from .files import version as _version
from .page import Page
from .playground import Playground
from .scores import Score, score
from .sliders import interact
from .solver import MinformError

__version__ = _version()
__all__ = [
    "NANO",
    "Credit",
    "GroupCredit",
    "MinformError",
    "Page",
    "Playground",
    "Score",
    "credit",
    "interact",
    "score",
]
