"""The data sets by name. Each has a `shape` known without loading, a `kind`, and gives a sampler by `load()`."""

from naign.data.others import Fashion, Omniglot
from naign.data.samples import TensorData
from naign.data.sets import FFHQ100, Digits, Faces, Mnist
from naign.data.toys import TOYS

SETS = {"digits": Digits, "mnist": Mnist, "fashion": Fashion, "omniglot": Omniglot, "faces": Faces, "ffhq100": FFHQ100}
DATA = TOYS | SETS


def or_stand_in(name: str) -> tuple[TensorData, str]:
    """An image set and "", or if it cannot be had its stand-in at the same shape and a sentence that says so.

    ValueError if nothing stands for it.
    """
    wanted = SETS[name]()
    try:
        return wanted.load(), ""
    except ValueError as error:
        if not wanted.stand_in:
            raise
        other = SETS[wanted.stand_in](size=wanted.size)
        sentence = f"{wanted.called} could not be had here, {other.called} stand for it: {error}"
    data = other.load()
    if data.shape != wanted.shape:  # grey images as ones in colour
        data = TensorData(data.x.expand(-1, wanted.channels, -1, -1).contiguous())
    return data, sentence
