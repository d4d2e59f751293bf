"""Every training that the book shows: its rows of runs at each profile, and the runs of a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from naign import experiments, profiles, records
from naign.tables import BASELINES, LABELS


@dataclass(frozen=True)
class Row:
    """Runs that differ by their seeds alone: 0, 1, ..., seeds - 1 and the same settings.

    changes : the settings that differ from those of the experiment `name`
    weights : whether the first seed's weights are kept, as they always are where nothing is changed
    images : whether what f made of some images is kept
    """

    label: str
    name: str
    changes: dict
    seeds: int
    weights: bool = False
    images: bool = True

    def keeps_weights(self, seed: int, first: int = 0) -> bool:
        """Of the runs that start with seed `first`."""
        return seed == first and (self.weights or not self.changes)

    @property
    def keeps_snapshots(self) -> bool:
        """With the weights: those of the paper's methods are shown as they learn."""
        return self.name.split("-", 1)[1] in LABELS


SHORT = {"quick": 20, "cpu": 600, "paper": 20_000}  # steps of the comparisons of single choices
MNIST_SEEDS = {"quick": (2, 1, 1), "cpu": (3, 2, 1), "paper": (6, 6, 2)}  # headline, beside it, single choices
FFHQ_SHORT = {"quick": 4, "cpu": 600, "paper": 10_000}
FFHQ_SEEDS = {"quick": (1, 1), "cpu": (2, 1), "paper": (3, 2)}  # headline, beside it
HELD_OUT = 10
MOONS_SEEDS = {"quick": 1, "cpu": 3, "paper": 3}
FUZZ = 0.3  # noise of the moons whose density is estimated
MNIST_WIDER = {"quick": {"width": 16, "steps": 10}, "cpu": {"width": 32, "steps": 4_500}}  # toward the paper's size
BALANCED_SEEDS = {"quick": 1, "cpu": 2, "paper": 3}  # ablations, depth and images
REJECTION = 0.25  # of each batch
BALANCED_STEPS = {"quick": (60, 90), "cpu": (12_000, 12_000), "paper": (100_000, 200_000)}  # AdamW, long
BALANCED_MNIST = {"cpu": {"steps": 6_000}}  # without a search a step takes half the time
MUON_MNIST = {
    "quick": {"optimiser": "muon"},
    "cpu": {"optimiser": "muon", "lr": 5e-3},
    "paper": {"optimiser": "muon"},
}
CANDIDATES = (0.5, 1.0, 2.0, 4.0, 8.0)  # M / N of Figure 9


def toys(profile: str, *data: str) -> list[Row]:
    """Chapters 1 and 2: each method on some toys, by default on all."""
    seeds = profiles.SEEDS[profile]
    return [Row(LABELS[m], f"{d}-{m}", {}, seeds) for d in data or profiles.TOYS for m in LABELS]


def toy_choices(profile: str) -> list[Row]:
    """The ledger's: one choice changed at a time, on the grid."""
    changes = [("naign", {}), ("naign", {"idempotence": "plain"}), ("naign", {"distance": "l2-squared"})]
    changes += [("naign", {"candidate_dtype": "bfloat16"}), ("ign", {}), ("ign", {"clamp": 1.5})]
    seeds = profiles.SEEDS[profile]
    return [Row(LABELS[m], f"grid-{m}", change, seeds) for m, change in changes]


def mnist(profile: str, **given: object) -> dict[str, list[Row]]:
    """Chapter 3: group -> rows. All but "main" are short runs of NAIGN with our settings, one thing changed.

    given : settings for all rows that do not set them themselves
    """
    many, some, few = MNIST_SEEDS[profile]
    short = {"steps": SHORT[profile]} | given

    def row(label: str, method: str, seeds: int, **changes: object) -> Row:
        if method == "ign":
            changes.pop("candidates", None)
        return Row(label, f"mnist-{method}", changes, seeds)

    def changed(label: str, method: str = "naign", **changes: object) -> Row:
        return replace(row(label, method, few, **(short | changes)), images=False)

    ours = [row(LABELS[m], m, some if m == "naign-minus" else many, **given) for m in LABELS]
    wider = [row("NAIGN, wider", "naign", some, **(MNIST_WIDER[profile] | given))] if profile in MNIST_WIDER else []
    paper = [row(f"{LABELS[m]}, paper's settings", m, some, recipe="paper", **given) for m in LABELS]
    return {
        "main": ours + wider + paper + [row("IGN, clamped", "ign", few, **given, clamp=1.5)],
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


def ffhq(profile: str, **given: object) -> dict[str, list[Row]]:
    """Chapter 4: group -> rows; "held-out" are trained on 90 faces, "replay" are short runs.

    given : settings for all rows that do not set them themselves
    """
    many, few = FFHQ_SEEDS[profile]

    def row(label: str, method: str, seeds: int, **changes: object) -> Row:
        changes = given | changes
        if method == "ign":
            changes = {k: v for k, v in changes.items() if k not in ("candidates", "replay", "replay_batches")}
        return Row(label, f"ffhq100-{method}", changes, seeds)

    def short(label: str, **changes: object) -> Row:
        steps = FFHQ_SHORT[profile]
        return replace(row(label, "naign", 1, steps=steps, warm_start=steps // 20, **changes), images=False)

    held_out = [row(LABELS[m], m, few, held_out=HELD_OUT) for m in ("naign", "ign")]
    return {
        "main": [row(LABELS[m], m, few if m == "naign-minus" else many) for m in LABELS]
        + [row(f"{LABELS[m]}, paper's settings", m, few, recipe="paper") for m in ("naign", "ign")],
        "held-out": held_out,
        "replay": [
            short("no replay", replay=0.0),
            short("p = 0.5, the last 5 batches", replay_batches=5),
            short("p = 0.5, the last 50 batches"),
            short("p = 0.5, the last 200 batches", replay_batches=200),
            short("p = 0.9, the last 50 batches", replay=0.9),
            short("p = 0.5, the last 50 batches, M = 100 N", candidates=100.0),
        ],
    }


def moons(profile: str, toy: str = "2moons") -> dict[str, list[Row]]:
    """Chapter 5: group -> rows; "exact" without noise where the toy has such a setting, "fuzzy" with it."""
    seeds, labels = MOONS_SEEDS[profile], LABELS | BASELINES

    def row(method: str, **changes: object) -> Row:
        return Row(labels[method], f"{toy}-{method}", changes, seeds, weights=True)

    noises = {"exact": {"noise": 0.0}, "fuzzy": {"noise": FUZZ}} if toy == "2moons" else {"exact": {}}
    return {group: [row(m, **changes) for m in labels] for group, changes in noises.items()}


def detectors(profile: str) -> list[Row]:
    """Chapter 5: networks on digits whose drift may tell what is no digit; "autoencoder" is the plain one."""
    shown = [Row(label, f"mnist-{m}", {}, 1) for m, label in (LABELS | BASELINES).items()]
    return [*shown, Row("autoencoder", "mnist-dae", {"sigma": 0.0}, 1, weights=True)]


def balanced(profile: str, toy: str = "grid") -> dict[str, list[Row]]:
    """Chapter 6: group -> rows. "matchings" and "budget" on one toy, then every toy, ablations, and images."""
    seeds, few = profiles.SEEDS[profile], BALANCED_SEEDS[profile]
    muon, (many, long) = profiles.muon(profile), BALANCED_STEPS[profile]

    def row(label: str, name: str, **changes: object) -> Row:
        return Row(label, name, changes, seeds, weights=label in ("balanced", "balanced + rejection"))

    def both(toy: str) -> list[Row]:
        return [row("balanced", f"{toy}-naign-balanced"), row("NAIGN, Muon", f"{toy}-naign", **muon)]

    ours = f"{toy}-naign-balanced"
    changed = {
        "no source term (w = 0)": {"w_source": 0.0},
        "no concavity (p = 1)": {"power": 1.0},
        "no pool (N pairs, used once)": {"pool": 1, "reuse": 1},
        "no idempotence": {"w_idem": 0.0},
        "idempotence weighs 3": {"w_idem": 3.0},
        "reconstruction weighs 3": {"w_rec": 3.0},
        "a share by rejection": {"rejection": REJECTION},
    }
    ablations = {
        f"ablation {d}": [Row(label, f"{d}-naign-balanced", c, few) for label, c in changed.items()]
        for d in ("grid", "trimodal")
    }
    return {
        "matchings": [
            *both(toy),
            row("balanced + rejection", ours, rejection=REJECTION),
            row("assignment of a batch", ours, pool=1, reuse=1, power=1.0, w_source=0.0),
            row("entropic", f"{toy}-naign-entropic"),
            row("prices", f"{toy}-naign-priced"),
            row("rejection", f"{toy}-naign-rejection"),
        ],
        "budget": [
            row("balanced, AdamW", ours, optimiser="adamw", lr=2e-3, steps=many),
            row("balanced, long", ours, steps=long),
            row("balanced + rejection, long", ours, steps=long, rejection=REJECTION),
            Row("balanced, 5 layers", ours, {"depth": 5}, few),
        ],
        **{d: both(d) for d in profiles.TOYS},
        **ablations,
        "mnist": [
            Row("balanced", "mnist-naign-balanced", BALANCED_MNIST.get(profile, {}), few, weights=True),
            Row("NAIGN, Muon", "mnist-naign", MUON_MNIST.get(profile, {}), few),
        ],
        "ffhq100": [Row("balanced", "ffhq100-naign-balanced", {}, few, weights=True)],
    }


def every(profile: str) -> list[Row]:
    """All rows, each run once."""
    if profile not in profiles.PROFILES:
        raise ValueError(f"unknown profile {profile!r}: choose one of {', '.join(profiles.PROFILES)}.")
    groups = [toys(profile), toy_choices(profile), *mnist(profile).values(), *ffhq(profile).values()]
    groups += [*moons(profile).values(), detectors(profile), *balanced(profile).values()]
    rows: dict[str, Row] = {}
    for row in (row for group in groups for row in group):
        name = records.directory_name(experiments.get(row.name, profile, 0, **row.changes))
        rows[name] = max(row, rows.get(name, row), key=lambda r: r.seeds)
    return list(rows.values())


def load(row: Row, profile: str, seed: int = 0, progress: bool = True, weights: bool = False) -> list[records.Run]:
    """A row's runs, recorded or trained now; `seed` is the first, `weights` asks for those of every seed."""
    return [
        experiments.load_one(
            row.name, profile, s, progress, weights=weights or row.keeps_weights(s, seed), **row.changes
        )
        for s in range(seed, seed + row.seeds)
    ]


def resolve(profile: str, rows: Callable[[str], list[Row]], seed: int = 0) -> str:
    """The profile to show: "recorded" means the largest at which all its rows are recorded, else "quick"."""
    if profile != "recorded":
        if profile not in profiles.PROFILES:
            raise ValueError(f"unknown profile {profile!r}: choose recorded, {', '.join(profiles.PROFILES)}.")
        return profile
    for candidate in reversed(profiles.PROFILES):
        wanted = [(r, s) for r in rows(candidate) for s in range(seed, seed + r.seeds)]
        runs = [experiments.get(r.name, candidate, s, **r.changes) for r, s in wanted]
        if all((records.records_root() / records.directory_name(run)).is_dir() for run in runs):
            return candidate
    return "quick"
