"""The README's numbers and pictures, made from the records."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from naign.data.corruptions import CORRUPTIONS
from naign.data.samples import as_floats
from naign.data.toys import TOYS, Grid
from naign.evaluate.clouds import five_columns
from naign.evaluate.outsiders import mean_auroc
from naign.pages import clouds, sheets
from naign.pages.columns import GENERATION, PAPER_GENERATION, PAPER_RESTORATION
from naign.pages.tables import SAMPLES, mean_spread, provenance_line, table
from naign.study import bench, outsiders, plan
from naign.study.plan import PAPERS, Row
from naign.study.records import Run
from naign.study.table import lists, tidy

BEGIN, END = "<!-- numbers: made by `naign readme` -->", "<!-- end of numbers -->"
Rows = dict[str, Callable[[str], list[Row]]]  # at a profile
Line = tuple[str, str, str, int]  # what, and what the paper says of it; of which runs; path of the score; digits
IN_THE_PLANE = [
    ("line: W1 to the data ↓ | NAIGN is better at finding the three modes", "trimodal", "fz.w1", 2),
    ("line: reverse KL of the modes' shares ↓ | not measured", "trimodal", "fz.reverse_kl", 2),
    ("grid: modes hit, of 25 ↑ | IGN drops the outermost modes, NAIGN none", "grid", "fz.modes", 1),
    ("grid: samples within 3σ of a mode ↑ | not measured", "grid", "fz.high_quality", 2),
    ("grid: reverse KL of the modes' shares ↓ | not measured", "grid", "fz.reverse_kl", 2),
    ("moons: Coverage ↑ | IGN covers them in part, NAIGN wholly", "2moons", "fz.coverage", 2),
    ("8 Gaussians: modes hit ↑ | IGN collapses on those nearest the source", "8gaussians", "fz.modes", 1),
    ("8 Gaussians: Coverage ↑ | IGN collapses, NAIGN does not", "8gaussians", "fz.coverage", 2),
]
ON_DIGITS = [
    (f"{score} of {name} {better} | {ign[i]} | {naign[i]}", "mnist", path.format(key), digits)
    for i, (title, (path, digits)) in enumerate(GENERATION.items())
    for score, better in [title.split()]
    for key, name in SAMPLES.items()
    for ign, naign in [(PAPER_GENERATION["IGN", key], PAPER_GENERATION["NAIGN", key])]
] + [
    (f"MAE, {name} ↓ | {ign} | {naign}", "mnist", f"restoration.{name}.once", 2)
    for name, ign, naign in zip(CORRUPTIONS, PAPER_RESTORATION["IGN"], PAPER_RESTORATION["NAIGN"], strict=True)
]
ON_FACES = [
    ("images covered, as a share ↑ | IGN collapses, NAIGN does not", "ffhq100", "fz.pixels.covered", 2),
    ("effective number of images, of 100 ↑ | not measured", "ffhq100", "fz.pixels.effective", 1),
    ("nearest training image, pixels (copies: 0) | low memorization", "ffhq100", "fz.pixels.ratio", 2),
    ("nearest training image, shapes (copies: 0) | low memorization", "ffhq100", "fz.shapes.ratio", 2),
    ("reconstruction, MAE ↓ | faithful", "ffhq100", "rec", 3),
]
AS_DISTANCE = [
    ("Spearman, within 0.5 of the moons ↑ | the drift approximates the distance", "2moons", "field.near.spearman", 3),
    ("Spearman, beyond ↑ | the same", "2moons", "field.far.spearman", 3),
    ("relative error, beyond ↓ | not measured", "2moons", "field.far.relative", 3),
    ("f(z) from the moons, beyond ↓ | NAIGN projects, IGN does not everywhere", "2moons", "field.far.off", 3),
]
BEYOND = [
    ("line: W1 to the data ↓", "trimodal", "fz.w1", 2),
    ("line: reverse KL of the modes' shares ↓", "trimodal", "fz.reverse_kl", 3),
    ("grid: modes hit, of 25 ↑", "grid", "fz.modes", 1),
    ("grid: samples within 3σ of a mode ↑", "grid", "fz.high_quality", 2),
    ("grid: reverse KL of the modes' shares ↓", "grid", "fz.reverse_kl", 3),
    ("moons: Coverage ↑", "2moons", "fz.coverage", 2),
    ("8 Gaussians: samples within 3σ of a mode ↑", "8gaussians", "fz.high_quality", 2),
    ("8 Gaussians: reverse KL of the modes' shares ↓", "8gaussians", "fz.reverse_kl", 3),
    ("grid, {steps:,} steps, a quarter by rejection: f(f(z)) within 3σ ↑", "long", "ffz.high_quality", 3),
    ("grid, {steps:,} steps, a quarter by rejection: f(f(z)) reverse KL ↓", "long", "ffz.reverse_kl", 3),
]


def recorded(rows: Callable[[str], list[Row]], *labels: str) -> dict[str, list[Run]]:
    """The runs of the rows, of some labels, at the largest profile that has all rows."""
    profile = plan.resolve("recorded", rows)
    return plan.load([row for row in rows(profile) if row.label in labels], profile)


def part(
    lines: list[Line],
    head: str,
    labels: dict[str, str],
    rows: Rows,
    said: str,
    unsaid: str = "",
    more: Sequence[Sequence[str]] = (),
) -> list[str]:
    """A table of scores by label, and a sentence on the runs, as Markdown.

    Parameters
    ----------
    head : of the columns before those of the labels
    labels : of the runs -> heads of their columns
    rows : what a line calls them -> the rows of its runs
    said : before the sentence
    unsaid : a label, or a key of `rows`, that the sentence leaves out
    more : further lines
    """
    runs = {name: recorded(of, *labels) for name, of in rows.items()}
    frames = {name: tidy(groups) for name, groups in runs.items()}
    found = []
    for first, name, path, digits in lines:
        settings = next(iter(runs[name].values()))[0].config["parameters"]
        scores = lists(frames[name], path)
        values = [mean_spread(scores.get(label, []), digits) for label in labels]
        found.append([*first.format(**settings).split(" | "), *values])
    groups = [some for name in runs for label, some in runs[name].items() if unsaid not in (name, label)]
    origin = provenance_line(run for some in groups for run in some)
    return [table([*head.split(" | "), *labels.values()], [*found, *more]), f"{said} {origin}"]


def _long(profile: str) -> list[Row]:
    """The sharpest on the grid, to stand in the column "balanced"."""
    rows = plan.balanced(profile)["budget"]
    return [replace(row, label="balanced") for row in rows if row.label == "balanced + rejection, long"]


def numbers(root: Path) -> str:
    """The part of the README between its two marks."""
    papers = {label + PAPERS: label + PAPERS for label in ("IGN", "NAIGN")}
    ours = {label: f"{label}, our settings" for label in ("IGN", "NAIGN")}
    field = {label: label for label in ("IGN", "NAIGN", "DAE")}
    found = outsiders.load_or_measure(plan.resolve("recorded", plan.detectors))["auroc"]
    auroc = [f"{mean_auroc(found[label]):.3f}" for label in field]
    texts = part(
        IN_THE_PLANE,
        "f(z), mean ± sd over seeds | the paper says",
        {label: label for label in ("IGN", "NAIGN-", "NAIGN")},
        {toy: lambda p, toy=toy: plan.toys(p, toy) for toy in TOYS},
        "In the plane:",
        unsaid="trimodal",
    )
    texts += part(
        ON_DIGITS,
        "MNIST | the paper: IGN | the paper: NAIGN",
        papers | ours | {"NAIGN, wider": "NAIGN, wider"},
        {"mnist": lambda p: plan.mnist(p)["main"]},
        "Of the FLD only ratios to IGN compare with the paper's, whose LeNet is another. On MNIST:",
    )
    texts += part(
        ON_FACES,
        "FFHQ-100, f(z) | the paper says",
        papers | ours,
        {"ffhq100": lambda p: plan.ffhq(p)["main"]},
        "On faces:",
    )
    texts += part(
        AS_DISTANCE,
        "two moons without noise: drift as distance | the paper says",
        field,
        {"2moons": lambda p: plan.moons(p)["exact"]},
        "A DAE is a plain denoising autoencoder. On the moons:",
        more=[["digits against what is none: mean AUROC of one seed's drift ↑", "not measured", *auroc]],
    )
    texts += part(
        BEYOND,
        "beyond the paper: f(z)",
        {"NAIGN": "NAIGN (AdamW)", "NAIGN, Muon": "NAIGN, Muon", "balanced": "balanced (Muon)"},
        {toy: lambda p, toy=toy: plan.toys(p, toy)[:1] + plan.balanced(p)[toy] for toy in TOYS} | {"long": _long},
        "*Balanced* is `naign-balanced`: an optimal assignment in place of the nearest. Of the two columns with Muon:",
        unsaid="NAIGN",
    )
    speed, timings = (json.loads((root / "data/records" / f"{name}.json").read_text()) for name in ("bench", "timings"))
    texts.append(f"Speed of one training step (`naign bench`):\n\n```\n{bench.report(speed)}\n```")
    texts.append(table(["command", "from", "seconds", "on"], [[f"`{a}`", *rest] for a, *rest in timings]))
    days = json.loads((root / "data/records/bad-days.json").read_text())
    texts.append(
        "What has been survived (`python tests/bad_days.py`; the same call, made again, ends in the same weights):"
    )
    lines = [[area, r["tried"], r["tried"] - r["failed"], r["failed"]] for area, r in days.items()]
    texts.append(table(["attack", "tried", "survived", "failed"], lines))
    return "\n\n".join(texts)


def write(root: Path) -> None:
    """Bring README.md and its pictures up to date."""
    readme, pictures = root / "README.md", root / "book" / "_static"
    before, rest = readme.read_text().split(BEGIN)
    readme.write_text(f"{before}{BEGIN}\n\n{numbers(root)}\n\n{END}{rest.split(END)[1]}")
    first = {label: runs[0] for label, runs in recorded(lambda p: plan.toys(p, "grid"), "NAIGN", "IGN").items()}
    rows = {label: five_columns(run.f, run.source, Grid()) for label, run in first.items()}
    clouds.five_columns(rows, (-5.2, 5.2)).savefig(pictures / "grid.png", dpi=110)
    shown = recorded(lambda p: plan.mnist(p)["main"], "NAIGN")["NAIGN"][0].images
    digits = [as_floats(shown[k][:8]) for k in ("z", "fz", "noise.0", "noise.1", "lines.0", "lines.1")]
    labels = ["z", "f(z)", "noise", "f(x')", "lines deleted", "f(x')"]
    sheets.sheet(digits, labels).savefig(pictures / "mnist.png", dpi=110)
    faces = recorded(lambda p: plan.ffhq(p)["main"], "NAIGN", "IGN")
    rows = {f"{label}: f(z)": as_floats(runs[0].images["fz"][:8]) for label, runs in faces.items()}
    sheets.sheet(list(rows.values()), list(rows)).savefig(pictures / "ffhq.png", dpi=110)
