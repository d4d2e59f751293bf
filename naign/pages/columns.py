"""What the tables have as columns: title -> path of a score in the tidy table, digits; and the paper's own numbers.

A row fills in the "{}" of a path: fz or ffz, for example, or once or twice.
"""

from naign.data.corruptions import CORRUPTIONS

ENDS = {"rec ↓": ("rec", 3), "gap ↓": ("gap", 3)}
TOY = {
    "W1 ↓": ("{}.w1", 2),
    "modes hit ↑": ("{}.modes", 1),
    "within 3σ ↑": ("{}.high_quality", 2),
    "reverse KL ↓": ("{}.reverse_kl", 2),
    "Coverage ↑": ("{}.coverage", 2),
    "Density ↑": ("{}.density", 2),
}
BALANCE = {
    "modes hit ↑": ("fz.modes", 1),
    "within 3σ ↑": ("fz.high_quality", 3),
    "reverse KL ↓": ("fz.reverse_kl", 3),
    "Coverage ↑": ("fz.coverage", 2),
    "W1 ↓": ("fz.w1", 3),
    "f(f(z)): within 3σ": ("ffz.high_quality", 3),
    "reverse KL": ("ffz.reverse_kl", 3),
    "rec ↓": ("rec", 4),
    "gap ↓": ("gap", 4),
    "seconds": ("seconds", 0),
}
GENERATION = {"FLD ↓": ("{}.fld", 1), "Coverage ↑": ("{}.coverage", 2), "Density ↑": ("{}.density", 2)}
PIXELS = {"Coverage, pixels ↑": ("{}.pixel_coverage", 2), "Density, pixels ↑": ("{}.pixel_density", 2)}
FEWSHOT = {
    "covered ↑": ("{}.pixels.covered", 2),
    "effective ↑": ("{}.pixels.effective", 1),
    "diversity → 1": ("{}.pixels.diversity", 2),
    "nearest, pixels": ("{}.pixels.ratio", 2),
    "nearest, shapes": ("{}.shapes.ratio", 2),
}
MAE = {name: (f"restoration.{name}.{{}}", 3) for name in CORRUPTIONS}
CHOICES = {
    "FLD f(z)": ("fz.fld", 1),
    "FLD f(f(z))": ("ffz.fld", 1),
    "Coverage": ("fz.coverage", 2),
    "Density": ("fz.density", 2),
    "rec": ("rec", 3),
    "gap": ("gap", 3),
    **{f"MAE {name}": (path.format("once"), digits) for name, (path, digits) in MAE.items()},
}
# The paper's Tables 1 and 2, to stand beside ours, the latter in the order of CORRUPTIONS. In print
# NAIGN's Density lacks its point.
PAPER_GENERATION = {
    ("IGN", "fz"): ("359 ± 40", "0.39 ± 0.04", "0.38 ± 0.03"),
    ("IGN", "ffz"): ("440 ± 194", "0.36 ± 0.01", "0.38 ± 0.04"),
    ("NAIGN", "fz"): ("279 ± 40", "0.58 ± 0.01", "0.52 ± 0.02"),
    ("NAIGN", "ffz"): ("247 ± 34", "0.56 ± 0.02", "0.49 ± 0.02"),
    ("NAIGN-", "fz"): ("382 ± 32", "0.60 ± 0.01", "0.63 ± 0.2"),
    ("NAIGN-", "ffz"): ("351 ± 27", "0.60 ± 0.01", "0.60 ± 0.02"),
}
PAPER_RESTORATION = {
    "IGN": ("0.44 ± 0.43", "0.31 ± 0.10", "0.27 ± 0.06", "0.29 ± 0.29"),
    "NAIGN": ("0.15 ± 0.01", "0.21 ± 0.03", "0.22 ± 0.03", "0.11 ± 0.00"),
    "NAIGN-": ("0.15 ± 0.00", "0.26 ± 0.02", "0.25 ± 0.02", "0.11 ± 0.00"),
}
