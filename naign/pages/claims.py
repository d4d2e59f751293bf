"""The paper's claims beside our runs; `claims.toml` states each as a comparison, and one rule gives the verdicts."""

import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
from scipy import stats

from naign.pages.tables import mean_spread, table
from naign.study import card, plan
from naign.study.records import Run
from naign.study.table import tidy

RULE = (
    "*Reproduced*: every run of the one side is at least as good as every run of the other, or as the number that "
    "was set. *Partly*: their means are in this order. *Not*: neither."
)
TAKEN = {"least": min, "last": lambda values: values[-1], None: lambda value: value}
COVERED = 0.8  # of further seeds, by the interval to expect

PARTS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())["part"]
CLAIMS = [part | claim for part in PARTS for claim in part["claims"]]  # in the paper's order


def verdict(left: list[float], right: list[float], less: bool = False) -> str:
    """By `RULE`, whether the left values are the larger, or the smaller, ones."""
    a, b = (np.array(values) * (-1 if less else 1) for values in (left, right))
    if a.min() >= b.max():
        return "reproduced"
    return "partly" if a.mean() > b.mean() else "not"


def sides(claim: dict) -> list[tuple[str, list[Run], list[float]]]:
    """What a claim compares, left and right: label, runs and their scores; of a number itself, without runs."""
    if "score" not in claim:  # it is settled on its page
        return []
    found = []
    for side, path in (("left", claim["score"]), ("right", claim.get("other", claim["score"]))):
        label, runs, values = str(claim[side]), [], [claim[side]]
        if isinstance(claim[side], str):
            runs = plan.recorded(claim["of"])[label + claim.get("end", "")]
            values = tidy({label: runs})[path].map(TAKEN[claim.get("take")]).tolist()
        found.append((label, runs, values))
    return found


def said(claim: dict) -> str:
    """The verdict on a claim."""
    if "verdict" in claim:
        return claim["verdict"]
    (_, _, left), (_, _, right) = sides(claim)
    return verdict(left, right, claim.get("less", False))


def verdicts() -> str:
    """How many claims have which verdict, in words."""
    counts = Counter(map(said, CLAIMS))
    order = ("reproduced", "partly", "not", "proved", "shown")
    return ", ".join(f"{counts[word]} {word}" for word in order if counts[word])


def overview(chapter: str = "") -> str:
    """A row a claim, of one chapter or all: where the paper has it, what it says, the verdict, its numbers and ours."""
    lines = []
    for i, claim in enumerate(CLAIMS, 1):
        if chapter in ("", claim["chapter"]):
            known = [(label, runs, mean_spread(v, claim["digits"])) for label, runs, v in sides(claim) if runs]
            ours = ", ".join(f"{label} {score} ({len(runs)})" for label, runs, score in known)
            line = [i, claim["paper"], claim["says"], said(claim), claim.get("printed", ""), ours]
            lines.append(line if chapter else [*line, f"{{doc}}`{claim['chapter']}`"])
    return table(["", "paper", "claim", "verdict", "its numbers", "ours (runs)", *([] if chapter else ["page"])], lines)


def expected(values: list[float], digits: int) -> str:
    """Where four of five further seeds should lie, by Student's t; nothing from fewer than three."""
    n = len(values)
    if n < 3:
        return "unknown"
    half = stats.t.ppf((1 + COVERED) / 2, n - 1) * np.std(values, ddof=1) * np.sqrt(1 + 1 / n)
    low, high = (np.mean(values) + sign * half for sign in (-1, 1))
    return f"{max(low, 0):.{digits}f} to {high:.{digits}f}"  # no score of these is negative


def again() -> str:
    """A row an experiment: the command that trains a further seed, its minutes, and what to expect for each claim."""
    lines: dict[str, list] = {}
    for i, claim in enumerate(CLAIMS, 1):
        for _, runs, values in sides(claim):
            if runs:
                minutes = np.mean([run.provenance["seconds"] for run in runs]) / 60
                words = card.command(runs[0].config | {"seed": len(runs)})
                line = lines.setdefault(words, [f"`{words}`", f"{minutes:.1f}", len(runs), []])
                line[3].append(f"{i}: {expected(values, claim['digits'])}")
    told = ([*line, "; ".join(ranges) if runs > 2 else ""] for *line, runs, ranges in lines.values())
    return table(["a further seed", "minutes", "claim: expected"], told)
