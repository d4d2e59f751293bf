"""The README's numbers and pictures, made from the records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from naign.data.corruptions import CORRUPTIONS
from naign.data.samples import as_floats
from naign.data.toys import Grid
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
# data, score, what it is called, digits, what the paper says of it (in pictures, without a number)
TOYS = (
    ("trimodal", "w1", "line: W1 to the data ↓", 2, "NAIGN is better at finding the three modes"),
    ("trimodal", "reverse_kl", "line: reverse KL of the modes' shares ↓", 2, "not measured"),
    ("grid", "modes", "grid: modes hit, of 25 ↑", 1, "IGN drops the outermost modes, NAIGN none"),
    ("grid", "high_quality", "grid: samples within 3σ of a mode ↑", 2, "not measured"),
    ("grid", "reverse_kl", "grid: reverse KL of the modes' shares ↓", 2, "not measured"),
    ("2moons", "coverage", "moons: Coverage ↑", 2, "IGN covers them in part, NAIGN wholly"),
    ("8gaussians", "modes", "8 Gaussians: modes hit ↑", 1, "IGN collapses on those nearest the source"),
    ("8gaussians", "coverage", "8 Gaussians: Coverage ↑", 2, "IGN collapses, NAIGN does not"),
)
# title, what the paper says (in pictures), digits, score
FACES = (
    ("images covered, as a share ↑", "IGN collapses, NAIGN does not", 2, "fz.pixels.covered"),
    ("effective number of images, of 100 ↑", "not measured", 1, "fz.pixels.effective"),
    ("nearest training image, pixels (copies: 0)", "low memorization", 2, "fz.pixels.ratio"),
    ("nearest training image, shapes (copies: 0)", "low memorization", 2, "fz.shapes.ratio"),
    ("reconstruction, MAE ↓", "faithful", 3, "rec"),
)
DISTANCE = (
    ("Spearman, within 0.5 of the moons ↑", "the drift approximates the distance", 3, "field.near.spearman"),
    ("Spearman, beyond ↑", "the same", 3, "field.far.spearman"),
    ("relative error, beyond ↓", "not measured", 3, "field.far.relative"),
    ("f(z) from the moons, beyond ↓", "NAIGN projects, IGN does not everywhere", 3, "field.far.off"),
)
FAIR = (
    ("trimodal", "w1", "line: W1 to the data ↓", 2),
    ("trimodal", "reverse_kl", "line: reverse KL of the modes' shares ↓", 3),
    ("grid", "modes", "grid: modes hit, of 25 ↑", 1),
    ("grid", "high_quality", "grid: samples within 3σ of a mode ↑", 2),
    ("grid", "reverse_kl", "grid: reverse KL of the modes' shares ↓", 3),
    ("2moons", "coverage", "moons: Coverage ↑", 2),
    ("8gaussians", "high_quality", "8 Gaussians: samples within 3σ of a mode ↑", 2),
    ("8gaussians", "reverse_kl", "8 Gaussians: reverse KL of the modes' shares ↓", 3),
)


def _recorded(rows: Callable[[str], list[Row]], labels: Iterable[str] = ()) -> dict[str, list[Run]]:
    """The runs of the rows at the largest profile that has them all, of some labels in their order."""
    profile = plan.resolve("recorded", rows)
    found = {row.label: row for row in rows(profile)}
    return plan.load([found[label] for label in labels or found], profile)


def _every(*groups: dict[str, list[Run]]) -> list[Run]:
    return [run for runs in groups for some in runs.values() for run in some]


def _line(frame: pd.DataFrame, labels: Iterable[str], score: str, digits: int) -> list[str]:
    found = lists(frame, score)
    return [mean_spread(found[label], digits) for label in labels]


def _settings(labels: Iterable[str]) -> list[str]:
    return [label if "," in label else f"{label}, our settings" for label in labels]


def numbers(root: Path) -> str:
    """The part of the README between its two marks."""
    records = root / "data" / "records"
    speed = json.loads((records / "bench.json").read_text())
    timings = [[f"`{a}`", *rest] for a, *rest in json.loads((records / "timings.json").read_text())]
    parts = [*_toys(), *_mnist(), *_ffhq(), *_distance(), *_balanced()]
    parts.append(f"Speed of one training step (`naign bench`):\n\n```\n{bench.report(speed)}\n```")
    return "\n\n".join([*parts, table(["command", "from", "seconds", "on"], timings)])


def _toys() -> list[str]:
    labels = [plan.label(m) for m in ("ign", "naign-minus", "naign")]
    runs = {d: _recorded(lambda p, d=d: plan.toys(p, d)) for d in ("trimodal", "grid", "2moons", "8gaussians")}
    frames = {d: tidy(groups) for d, groups in runs.items()}
    lines = [[t, said, *_line(frames[d], labels, f"fz.{score}", digits)] for d, score, t, digits, said in TOYS]
    origin = _every(runs["grid"], runs["2moons"], runs["8gaussians"])
    head = ["f(z), mean ± sd over seeds", "the paper says", *labels]
    return [table(head, lines), "In the plane: " + provenance_line(origin)]


def _mnist() -> list[str]:
    """MNIST with the paper's settings and ours, beside the paper's numbers."""
    labels, of_the_paper = ["IGN" + PAPERS, "NAIGN" + PAPERS, "IGN", "NAIGN", "NAIGN, wider"], ("IGN", "NAIGN")
    runs = _recorded(lambda p: plan.mnist(p)["main"], labels)
    frame, lines = tidy(runs), []
    for i, (title, (score, digits)) in enumerate(GENERATION.items()):
        for key, name in SAMPLES.items():
            paper = [PAPER_GENERATION[m, key][i] for m in of_the_paper]
            ours = _line(frame, labels, f"{key}.{score}", digits)
            lines.append([title.replace(" ", f" of {name} "), *paper, *ours])
    for i, name in enumerate(CORRUPTIONS):
        paper = [PAPER_RESTORATION[m][i] for m in of_the_paper]
        lines.append([f"MAE, {name} ↓", *paper, *_line(frame, labels, f"restoration.{name}.once", 2)])
    said = "Of the FLD only ratios to IGN compare with the paper's, whose LeNet is another. On MNIST: "
    head = ["MNIST", "the paper: IGN", "the paper: NAIGN", *_settings(labels)]
    return [table(head, lines), said + provenance_line(_every(runs))]


def _ffhq() -> list[str]:
    """FFHQ-100, of which the paper shows pictures."""
    labels = ["IGN" + PAPERS, "NAIGN" + PAPERS, "IGN", "NAIGN"]
    runs = _recorded(lambda p: plan.ffhq(p)["main"], labels)
    frame = tidy(runs)
    lines = [[title, said, *_line(frame, labels, score, digits)] for title, said, digits, score in FACES]
    head = ["FFHQ-100, f(z)", "the paper says", *_settings(labels)]
    return [table(head, lines), "On faces: " + provenance_line(_every(runs))]


def _distance() -> list[str]:
    """The drift against the exact distance, and as a detector."""
    labels = [plan.label(m) for m in ("ign", "naign", "dae")]
    runs = _recorded(lambda p: plan.moons(p)["exact"], labels)
    frame = tidy(runs)
    lines = [[title, said, *_line(frame, labels, score, digits)] for title, said, digits, score in DISTANCE]
    found = outsiders.load_or_measure(plan.resolve("recorded", plan.detectors))["auroc"]
    auroc = [f"{mean_auroc(found[m]):.3f}" for m in labels]
    lines.append(["digits against what is none: mean AUROC of one seed's drift ↑", "not measured", *auroc])
    head = ["two moons without noise: drift as distance", "the paper says", *labels]
    said = "A DAE is a plain denoising autoencoder. On the moons: "
    return [table(head, lines), said + provenance_line(_every(runs))]


def _balanced() -> list[str]:
    """Beyond the paper: fair shares."""
    labels, lines, origin = ["NAIGN", "NAIGN, Muon", "balanced"], [], []
    for data, score, title, digits in FAIR:
        runs = _recorded(lambda p, d=data: plan.toys(p, d)[:1]) | _recorded(lambda p, d=data: plan.balanced(p)[d])
        lines.append([title, *_line(tidy(runs), labels, f"fz.{score}", digits)])
        origin += _every({label: runs[label] for label in labels[1:]})
    best = "balanced + rejection, long"
    long = _recorded(lambda p: plan.balanced(p)["budget"], [best])
    steps = long[best][0].config["parameters"]["steps"]
    for score, name in (("high_quality", "within 3σ ↑"), ("reverse_kl", "reverse KL ↓")):
        found = _line(tidy(long), [best], f"ffz.{score}", 3)
        lines.append([f"grid, {steps:,} steps, a quarter by rejection: f(f(z)) {name}", "", "", *found])
    said = (
        "*Balanced* is `naign-balanced`: an optimal assignment in place of the nearest. Of the two columns with Muon:"
    )
    head = ["beyond the paper: f(z)", "NAIGN (AdamW)", "NAIGN, Muon", "balanced (Muon)"]
    return [table(head, lines), f"{said} {provenance_line(origin + _every(long))}"]


def write(root: Path) -> None:
    """Bring README.md and its pictures up to date."""
    readme, pictures = root / "README.md", root / "book" / "_static"
    before, rest = readme.read_text().split(BEGIN)
    readme.write_text(f"{before}{BEGIN}\n\n{numbers(root)}\n\n{END}{rest.split(END)[1]}")
    grid = _recorded(lambda p: plan.toys(p, "grid"), ["NAIGN", "IGN"])
    rows = {runs[0].config["method"]: five_columns(runs[0].f, runs[0].source, Grid()) for runs in grid.values()}
    clouds.five_columns(rows, (-5.2, 5.2)).savefig(pictures / "grid.png", dpi=110)
    shown = _recorded(lambda p: plan.mnist(p)["main"], ["NAIGN"])["NAIGN"][0].images
    digits = [as_floats(shown[k][:8]) for k in ("z", "fz", "noise.0", "noise.1", "lines.0", "lines.1")]
    labels = ["z", "f(z)", "noise", "f(x')", "lines deleted", "f(x')"]
    sheets.sheet(digits, labels).savefig(pictures / "mnist.png", dpi=110)
    faces = _recorded(lambda p: plan.ffhq(p)["main"], ["NAIGN", "IGN"])
    faces = {f"{label}: f(z)": as_floats(runs[0].images["fz"][:8]) for label, runs in faces.items()}
    sheets.sheet(list(faces.values()), list(faces)).savefig(pictures / "ffhq.png", dpi=110)
