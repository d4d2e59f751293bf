"""What the tables have as columns, title -> (path of a score in the tidy table, digits): see `columns.toml`."""

import tomllib
from pathlib import Path

Columns = dict[str, tuple[str, int]]
_READ = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())

ENDS, TOY, BALANCE = _READ["ENDS"], _READ["TOY"], _READ["BALANCE"]
GENERATION, PIXELS, FEWSHOT = _READ["GENERATION"], _READ["PIXELS"], _READ["FEWSHOT"]
MAE, CHOICES, FACES = _READ["MAE"], _READ["CHOICES"], _READ["FACES"]
# label, "fz" or "ffz" -> the paper's FLD, Coverage and Density; label -> its MAE in the order of `MAE`
PAPER_GENERATION = {(label, k): v for label, by_key in _READ["PAPER_GENERATION"].items() for k, v in by_key.items()}
PAPER_RESTORATION = _READ["PAPER_RESTORATION"]
