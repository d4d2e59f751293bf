"""Beyond the paper: other generative terms in place of Eq. 8, a file each."""

from naign.beyond.assignment import Balanced
from naign.beyond.field import ByField

__all__ = ["Balanced", "ByField"]
