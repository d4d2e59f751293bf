"""Every training that the book shows, as `plan.toml` lists them: the rows of a chapter by group, and their runs."""

import functools
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from naign.data.toys import TOYS
from naign.methods import METHODS
from naign.study import recipes, records, runs
from naign.study.experiment import Experiment, get
from naign.study.records import Run

PAPER = ("naign", "naign-minus", "ign")  # the methods that the paper compares
COMPARED = (*PAPER, "dae")  # and a plain autoencoder, as a distance
PAPERS = ", paper's recipe"  # ends the label of a row with them
TABLE = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
OF_A_SEARCH = {"candidates", "replay", "replay_batches"}  # settings that mean nothing to IGN


@dataclass(frozen=True)
class Row:
    """Runs that differ by their seeds alone: 0, 1, ..., seeds - 1 and the same settings.

    changes : the settings that differ from those of the experiment `name`
    first, each : what the record of the first seed, and of each, keeps besides numbers, see `records.commit`
    """

    label: str
    name: str
    changes: dict
    seeds: int
    first: tuple[str, ...] = ()
    each: tuple[str, ...] = ()

    def experiment(self, profile: str, seed: int = 0) -> Experiment:
        return get(self.name, profile, seed, **self.changes)

    def kept(self, seed: int) -> tuple[str, ...]:
        """What the record of a seed keeps."""
        return self.each + self.first if seed == 0 else self.each

    def load(self, profile: str, seed: int = 0, weights: bool = False) -> list[Run]:
        """Its runs, recorded or trained now, with weights where the record keeps them.

        seed : of the first; weights : asks for those of every seed
        """
        asked = [(s, weights or (s == seed and "weights" in self.first)) for s in range(seed, seed + self.seeds)]
        return [runs.load_or_fit(self.experiment(profile, s), w) for s, w in asked]


Groups = dict[str, list[Row]]


def scale(profile: str) -> dict:
    """Seeds and lengths of the rows at a profile; ValueError if there is none of that name."""
    recipes.check("profile", profile, recipes.PROFILES)
    return TABLE["scale"][profile]


def groups(chapter: str, profile: str, **given: object) -> Groups:
    """The rows of a chapter of `plan.toml`, by group.

    given : settings for all rows that do not set them themselves; they come before the profile's scale
    """
    sizes, found = scale(profile), {}
    for title, group in TABLE[chapter].items():
        for on in group.get("toys", [""]):
            rows = [group | row for row in group["rows"]]
            rows = [row for row in rows if "scale" not in row or row["scale"] in sizes]
            found[title.format(toy=on)] = [_row(row, sizes, given, on) for row in rows]
    return found


# Chapters 3, 4, 6 and 7.
mnist, ffhq, balanced, field = (functools.partial(groups, name) for name in ("mnist", "ffhq", "balanced", "field"))


def _row(spec: dict, sizes: dict, given: dict[str, object], toy: str) -> Row:
    name = spec["name"].format(toy=toy)
    method = name.partition("-")[2]
    if method == "ign":
        given = {key: value for key, value in given.items() if key not in OF_A_SEARCH}
    changes = sizes.get(spec.get("scale"), {}) | given | spec.get("with", {})
    seeds = sizes["seeds"].get(spec["seeds"], spec["seeds"])
    kept = (tuple(spec.get(key, ())) for key in ("first", "each"))
    return Row(spec.get("label", label(method)), name, changes, seeds, *kept)


def label(method: str) -> str:
    """What readers call a method."""
    return METHODS[method].label


def toys(profile: str, *data: str) -> list[Row]:
    """Chapters 1 and 2: each of the paper's methods on some toys, by default on all."""
    found = groups("toys", profile)
    return [row for toy in data or TOYS for row in found[toy]]


def toy_choices(profile: str) -> list[Row]:
    """The ledger's: one choice changed at a time, on the grid."""
    return groups("ledger", profile)["choices"]


def moons(profile: str, toy: str = "2moons") -> Groups:
    """Chapter 5: other toys have no setting for their noise, and so "exact" alone."""
    found = groups("moons", profile)
    if toy == "2moons":
        return found
    return {"exact": [replace(row, name=row.name.replace("2moons", toy), changes={}) for row in found["exact"]]}


def detectors(profile: str) -> list[Row]:
    """Chapter 5: networks on digits whose drift may tell what is no digit; "autoencoder" is the plain one."""
    return groups("outsiders", profile)["detectors"]


def every(profile: str) -> list[Row]:
    """All rows, each run once, with all that any page keeps of it."""
    shown = [group for chapter in TABLE if chapter != "scale" for group in groups(chapter, profile).values()]
    rows: dict[str, Row] = {}
    for row in (row for group in shown for row in group):
        name = row.experiment(profile).directory
        other = rows.get(name, row)
        first, each = sorted({*row.first, *other.first}), sorted({*row.each, *other.each})
        rows[name] = replace(row, seeds=max(row.seeds, other.seeds), first=tuple(first), each=tuple(each))
    return list(rows.values())


def kept(profile: str) -> dict[str, tuple[str, ...]]:
    """What the record of every run of a profile keeps, by its directory."""
    return {row.experiment(profile, s).directory: row.kept(s) for row in every(profile) for s in range(row.seeds)}


def load(rows: Iterable[Row], profile: str, seed: int = 0, weights: bool = False) -> dict[str, list[Run]]:
    """The runs of some rows by their labels, see `Row.load`."""
    return {row.label: row.load(profile, seed, weights=weights) for row in rows}


def resolve(profile: str, rows: Callable[[str], list[Row]], seed: int = 0) -> str:
    """The profile to show: "recorded" means the largest that has its rows and what they draw, else "quick"."""
    if profile != "recorded":
        scale(profile)  # refuses an unknown one
        return profile
    for candidate in reversed(recipes.PROFILES):
        wanted = [(r, s) for r in rows(candidate) for s in range(seed, seed + r.seeds)]
        drawn = [(r.experiment(candidate, s).directory, r.first if s == seed else ()) for r, s in wanted]
        if all(records.holds(*one) for one in drawn):
            return candidate
    return "quick"


@functools.cache
def recorded(where: str) -> dict[str, list[Run]]:
    """The runs of a group by label, "chapter.group", at the profile that `resolve` finds."""
    chapter, group = where.split(".")
    return study(functools.partial(groups, chapter), "recorded", only=[group]).runs[group]


class Study(NamedTuple):
    """What a chapter shows: the profile that was found, its rows by group, and their runs by group and label."""

    profile: str
    rows: Groups
    runs: dict[str, dict[str, list[Run]]]

    @property
    def all_runs(self) -> list[Run]:
        return [run for groups in self.runs.values() for group in groups.values() for run in group]

    def first(self, group: str, label: str) -> Run:
        """The first run of a label with its weights, trained again where the record keeps none."""
        run = self.runs[group][label][0]
        (row,) = (row for row in self.rows[group] if row.label == label)
        return run if run.f is not None else row.load(self.profile, run.config["seed"], weights=True)[0]


def study(
    rows: Callable, profile: str, seed: int = 0, weights: bool = False, only: Iterable[str] = (), **given: object
) -> Study:
    """The runs of a chapter.

    rows : a profile and `given` -> the rows by group, such as `mnist`; profile : as for `resolve`
    seed, weights : see `Row.load`; only : these groups, by default all; given : what is 0 or "" is left out
    """
    given = {key: value for key, value in given.items() if value}

    def asked(at: str) -> Groups:
        found = rows(at, **given)
        return {group: found[group] for group in only or found}

    profile = resolve(profile, lambda at: [row for some in asked(at).values() for row in some], seed)
    found = asked(profile)
    return Study(profile, found, {g: load(some, profile, seed, weights) for g, some in found.items()})
