"""Every training that the book shows: its rows of runs at each profile, and the runs of a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from naign.data.toys import TOYS
from naign.methods import METHODS
from naign.study import recipes, records, runs
from naign.study.experiment import Experiment, get
from naign.study.records import Run

PAPER = ("naign", "naign-minus", "ign")  # the methods that the paper compares
FIELD = (*PAPER, "dae")  # and a plain autoencoder, as a distance
PAPERS = ", paper's settings"  # ends the label of a row with them
HELD_OUT = 10
FUZZ = 0.3  # noise of the moons whose density is estimated
REJECTION = 0.25  # of each batch
CANDIDATES = (0.5, 1.0, 2.0, 4.0, 8.0)  # M / N of Figure 9
SHEET = ("x", "fx", "ffx", "z", "fz", "ffz", "*.0", "*.1", "*.2")  # what f made of some images


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

    def load(self, profile: str, seed: int = 0, weights: bool = False, progress: bool = True) -> list[Run]:
        """Its runs, recorded or trained now, with weights where the record keeps them.

        seed : of the first; weights : asks for those of every seed
        """
        seeds = range(seed, seed + self.seeds)
        kept = [weights or (s == seed and "weights" in self.first) for s in seeds]
        found = [self.experiment(profile, s) for s in seeds]
        return [runs.load_or_fit(e, w, progress) for e, w in zip(found, kept, strict=True)]


Groups = dict[str, list[Row]]


def label(method: str) -> str:
    """What readers call a method."""
    return METHODS[method].label


def toys(profile: str, *data: str) -> list[Row]:
    """Chapters 1 and 2: each of the paper's methods on some toys, by default on all."""
    seeds = recipes.plan(profile)["seeds"]["toys"]

    def kept(toy: str, method: str) -> tuple[str, ...]:
        shown = toy in ("trimodal", "grid") or (toy, method) == ("2moons", "naign")
        return ("weights", "snapshots") if shown else ("weights",)

    return [Row(label(m), f"{d}-{m}", {}, seeds, kept(d, m)) for d in data or TOYS for m in PAPER]


def toy_choices(profile: str) -> list[Row]:
    """The ledger's: one choice changed at a time, on the grid."""
    changes = [("naign", {}), ("naign", {"idempotence": "plain"}), ("naign", {"distance": "l2-squared"})]
    changes += [("naign", {"candidate_dtype": "bfloat16"}), ("ign", {}), ("ign", {"clamp": 1.5})]
    seeds = recipes.plan(profile)["seeds"]["toys"]
    return [Row(label(m), f"grid-{m}", change, seeds) for m, change in changes]


def mnist(profile: str, **given: object) -> Groups:
    """Chapter 3: group -> rows. All but "main" are short runs of NAIGN with our settings, one thing changed.
    `given` are settings for all rows that do not set them themselves."""
    scale = recipes.plan(profile)
    seeds, short = scale["seeds"], {"steps": scale["short_digits"]} | given
    of_ign = {k: v for k, v in given.items() if k != "candidates"}

    def main(m: str, title: str, count: str, **changes: object) -> Row:
        changes |= of_ign if m == "ign" else given
        return Row(title, f"mnist-{m}", changes, seeds[count], first=("fz",))

    def changed(title: str, m: str = "naign", **changes: object) -> Row:
        return Row(title, f"mnist-{m}", short | changes, seeds["single"])

    ours = [main(m, label(m), "beside" if m == "naign-minus" else "images") for m in PAPER]
    ours = [r if r.label == "NAIGN-" else replace(r, first=("weights",), each=SHEET) for r in ours]
    wider = [main("naign", "NAIGN, wider", "beside", **scale["wider"])] if "wider" in scale else []
    paper = [main(m, label(m) + PAPERS, "beside", recipe="paper") for m in PAPER]
    return {
        "main": ours + wider + paper + [main("ign", "IGN, clamped", "single", clamp=1.5)],
        "terms": [
            changed("all three"),
            changed("no reconstruction", w_rec=0.0, warm_start=0),
            changed("no IMLE", w_imle=0.0),
            changed("no idempotence (NAIGN-)", "naign-minus"),
            changed("IMLE alone", "naign-minus", w_rec=0.0, warm_start=0),
        ],
        "idempotence": [
            changed("ours"),
            changed("weight 1 from the first step", warm_start=0, w_idem=1.0),
            changed("weight 1 after a warm start", w_idem=1.0),
            changed("plain", idempotence="plain"),
        ],
        "networks": [
            changed(f"{norm} norm, {source} noise", norm=norm, source=source)
            for norm in ("group", "batch")
            for source in ("normal", "fourier")
        ],
        "candidates": [changed(f"M = {c:g} N", candidates=c, decay="constant") for c in CANDIDATES],
    }


def ffhq(profile: str, **given: object) -> Groups:
    """Chapter 4: group -> rows; "held-out" are trained on 90 faces, "replay" are short runs. `given` as of `mnist`."""
    scale = recipes.plan(profile)
    many, few, steps = scale["seeds"]["faces"], scale["seeds"]["faces_beside"], scale["short_faces"]
    of_ign = {k: v for k, v in given.items() if k not in ("candidates", "replay", "replay_batches")}

    def row(m: str, title: str, count: int, first: tuple[str, ...], **changes: object) -> Row:
        changes = (of_ign if m == "ign" else given) | changes
        return Row(title, f"ffhq100-{m}", changes, count, first)

    def main(m: str, title: str, count: int, **changes: object) -> Row:
        kept = ("fx",) if changes or m == "naign-minus" else ("fx", "weights")
        return replace(row(m, title, count, kept, **changes), each=("fz", "ffz"))

    def short(title: str, **changes: object) -> Row:
        return row("naign", title, 1, (), **({"steps": steps, "warm_start": steps // 20} | changes))

    return {
        "main": [main(m, label(m), few if m == "naign-minus" else many) for m in PAPER]
        + [main(m, label(m) + PAPERS, few, recipe="paper") for m in ("naign", "ign")],
        "held-out": [row(m, label(m), few, ("fx", "*.1"), held_out=HELD_OUT) for m in ("naign", "ign")],
        "replay": [
            short("no replay", replay=0.0),
            short("p = 0.5, the last 5 batches", replay_batches=5),
            short("p = 0.5, the last 50 batches"),
            short("p = 0.5, the last 200 batches", replay_batches=200),
            short("p = 0.9, the last 50 batches", replay=0.9),
            short("p = 0.5, the last 50 batches, M = 100 N", candidates=100.0),
        ],
    }


def moons(profile: str, toy: str = "2moons") -> Groups:
    """Chapter 5: group -> rows; "exact" without noise where the toy has such a setting, "fuzzy" with it."""
    seeds = recipes.plan(profile)["seeds"]["moons"]
    noises = {"exact": {"noise": 0.0}, "fuzzy": {"noise": FUZZ}} if toy == "2moons" else {"exact": {}}

    def kept(group: str, method: str) -> tuple[str, ...]:
        return ("weights", "snapshots") if (group, method) == ("exact", "naign") else ("weights",)

    return {
        group: [Row(label(m), f"{toy}-{m}", changes, seeds, kept(group, m)) for m in FIELD]
        for group, changes in noises.items()
    }


def detectors(profile: str) -> list[Row]:
    """Chapter 5: networks on digits whose drift may tell what is no digit; "autoencoder" is the plain one."""
    return [*(Row(label(m), f"mnist-{m}", {}, 1) for m in FIELD), Row("autoencoder", "mnist-dae", {"level": 0.0}, 1)]


def balanced(profile: str, toy: str = "grid") -> Groups:
    """Chapter 6: group -> rows. "matchings" and "budget" on one toy, then every toy, ablations, and images."""
    scale = recipes.plan(profile)
    seeds, few, muon, long = scale["seeds"]["beyond"], scale["seeds"]["few"], scale["muon"], scale["long_steps"]
    ours, shown = f"{toy}-naign-balanced", ("weights",)

    def both(toy: str) -> list[Row]:
        rows = (
            Row("balanced", f"{toy}-naign-balanced", {}, seeds, shown),
            Row("NAIGN, Muon", f"{toy}-naign", muon, seeds),
        )
        return list(rows)

    changed = {
        "no source term (w = 0)": {"w_source": 0.0},
        "no concavity (p = 1)": {"power": 1.0},
        "no pool (N pairs, used once)": {"pool": 1, "reuse": 1},
        "no idempotence": {"w_idem": 0.0},
        "idempotence weighs 3": {"w_idem": 3.0},
        "reconstruction weighs 3": {"w_rec": 3.0},
        "a share by rejection": {"rejection": REJECTION},
    }
    plain = {"pool": 1, "reuse": 1, "power": 1.0, "w_source": 0.0}
    return {
        "matchings": [
            *both(toy),
            Row("balanced + rejection", ours, {"rejection": REJECTION}, seeds, shown),
            Row("assignment of a batch", ours, plain, seeds),
            Row("entropic", f"{toy}-naign-entropic", {}, seeds),
            Row("rejection", f"{toy}-naign-rejection", {}, seeds, shown),
        ],
        "budget": [
            Row("balanced, AdamW", ours, {"optimiser": "adamw", "lr": 2e-3, "steps": scale["adamw_steps"]}, seeds),
            Row("balanced, long", ours, {"steps": long}, seeds),
            Row("balanced + rejection, long", ours, {"steps": long, "rejection": REJECTION}, seeds),
            Row("balanced, 5 layers", ours, {"depth": 5}, few),
        ],
        **{d: both(d) for d in TOYS},
        **{
            f"ablation {d}": [Row(title, f"{d}-naign-balanced", c, few) for title, c in changed.items()]
            for d in ("grid", "trimodal")
        },
        "mnist": [
            Row("balanced", "mnist-naign-balanced", scale["balanced_digits"], few, ("weights", "fz")),
            Row("NAIGN, Muon", "mnist-naign", scale["muon_digits"], few, ("fz",)),
        ],
        "ffhq100": [Row("balanced", "ffhq100-naign-balanced", {}, few)],
    }


def every(profile: str) -> list[Row]:
    """All rows, each run once, with all that any page keeps of it."""
    groups = [toys(profile), toy_choices(profile), *mnist(profile).values(), *ffhq(profile).values()]
    groups += [*moons(profile).values(), detectors(profile), *balanced(profile).values()]
    rows: dict[str, Row] = {}
    for row in (row for group in groups for row in group):
        name = row.experiment(profile).directory
        other = rows.get(name, row)
        first, each = sorted({*row.first, *other.first}), sorted({*row.each, *other.each})
        rows[name] = replace(row, seeds=max(row.seeds, other.seeds), first=tuple(first), each=tuple(each))
    return list(rows.values())


def load(rows: Iterable[Row], profile: str, seed: int = 0, **options: bool) -> dict[str, list[Run]]:
    """The runs of some rows by their labels, see `Row.load`."""
    return {row.label: row.load(profile, seed, **options) for row in rows}


def resolve(profile: str, rows: Callable[[str], list[Row]], seed: int = 0) -> str:
    """The profile to show: "recorded" means the largest at which all its rows are recorded, else "quick"."""
    if profile != "recorded":
        recipes.plan(profile)  # refuses an unknown one
        return profile
    for candidate in reversed(recipes.PROFILES):
        wanted = [r.experiment(candidate, s) for r in rows(candidate) for s in range(seed, seed + r.seeds)]
        if all((records.records_root() / e.directory).is_dir() for e in wanted):
            return candidate
    return "quick"
