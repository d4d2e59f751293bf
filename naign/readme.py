"""The README's numbers and picture, made from the records."""

from __future__ import annotations

import json
from pathlib import Path

from naign import bench, campaign, evaluation, experiments, figures, images, ood, pictures, tables
from naign.corruptions import CORRUPTIONS

BEGIN, END = "<!-- numbers: made by `naign readme` -->", "<!-- end of numbers -->"
# data, score, what it is called, digits, what the paper says of it (in pictures, without a number)
ROWS = (
    ("trimodal", "w1", "line: W1 to the data ↓", 2, "NAIGN is better at finding the three modes"),
    ("trimodal", "reverse_kl", "line: reverse KL of the modes' shares ↓", 2, "not measured"),
    ("grid", "modes", "grid: modes hit, of 25 ↑", 1, "IGN drops the outermost modes, NAIGN none"),
    ("grid", "high_quality", "grid: samples within 3σ of a mode ↑", 2, "not measured"),
    ("grid", "reverse_kl", "grid: reverse KL of the modes' shares ↓", 2, "not measured"),
    ("2moons", "coverage", "moons: Coverage ↑", 2, "IGN covers them in part, NAIGN wholly"),
    ("8gaussians", "modes", "8 Gaussians: modes hit ↑", 1, "IGN collapses on those nearest the source"),
    ("8gaussians", "coverage", "8 Gaussians: Coverage ↑", 2, "IGN collapses, NAIGN does not"),
)
COLUMNS = ("IGN, paper's settings", "NAIGN, paper's settings", "IGN", "NAIGN", "NAIGN, wider")
FACES = ("IGN, paper's settings", "NAIGN, paper's settings", "IGN", "NAIGN")
# title, what the paper says (in pictures), digits, keys of the score
FACE_ROWS = (
    ("images covered, as a share ↑", "IGN collapses, NAIGN does not", 2, "fz", "pixels", "covered"),
    ("effective number of images, of 100 ↑", "not measured", 1, "fz", "pixels", "effective"),
    ("nearest training image, pixels (copies: 0)", "low memorization", 2, "fz", "pixels", "ratio"),
    ("nearest training image, shapes (copies: 0)", "low memorization", 2, "fz", "shapes", "ratio"),
    ("reconstruction, MAE ↓", "faithful", 3, "rec"),
)
RIVALS = ("IGN", "NAIGN", "DAE")
DISTANCE = (
    ("near", "spearman", "Spearman, within 0.5 of the moons ↑", "the drift approximates the distance"),
    ("far", "spearman", "Spearman, beyond ↑", "the same"),
    ("far", "relative", "relative error, beyond ↓", "not measured"),
    ("far", "off", "f(z) from the moons, beyond ↓", "NAIGN projects, IGN does not everywhere"),
)
FAIR_METHODS = ("NAIGN", "NAIGN, Muon", "balanced")
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
METHODS = ("ign", "naign-minus", "naign")


def numbers(root: Path) -> str:
    """The part of the README between its two marks."""
    profile = campaign.resolve("recorded", campaign.toys)
    runs = {row.name: campaign.load(row, profile) for row in campaign.toys(profile)}
    lines = []
    for data, score, title, digits, claim in ROWS:
        values = [[r.metrics["fz"][score] for r in runs[f"{data}-{m}"]] for m in METHODS]
        lines.append([title, claim, *(tables.mean_spread(v, digits) for v in values)])
    head = ["f(z), mean ± sd over seeds", "the paper says", *(tables.LABELS[m] for m in METHODS)]
    origin = [(r.config, r.provenance) for group in runs.values() for r in group if r.config["data"] != "trimodal"]
    return "\n\n".join(
        [
            tables.table(head, lines),
            "In the plane: " + tables.provenance_line(origin),
            *_mnist(),
            *_ffhq(),
            *_distance(),
            *_balanced(),
            _speed(root / "data" / "records" / "bench.json"),
            _timings(root / "data" / "records" / "timings.json"),
        ]
    )


def _mnist() -> list[str]:
    """MNIST with the paper's settings and ours, beside the paper's numbers."""
    profile = campaign.resolve("recorded", lambda p: campaign.mnist(p)["main"])
    rows = [row for row in campaign.mnist(profile)["main"] if row.label in COLUMNS]
    runs = {row.label: campaign.load(row, profile) for row in rows}
    lines = []
    for i, (score, (title, digits)) in enumerate(tables.GENERATION.items()):
        for key, name in (("fz", "f(z)"), ("ffz", "f(f(z))")):
            paper = [tables.PAPER_GENERATION[m, key][i] for m in ("IGN", "NAIGN")]
            found = [tables.mean_spread([r.metrics[key][score] for r in runs[c]], digits) for c in COLUMNS]
            lines.append([f"{title.replace(' ', f' of {name} ')}", *paper, *found])
    for i, name in enumerate(CORRUPTIONS):
        paper = [tables.PAPER_RESTORATION[m][i] for m in ("IGN", "NAIGN")]
        found = [tables.mean_spread([r.metrics["restoration"][name]["once"] for r in runs[c]], 2) for c in COLUMNS]
        lines.append([f"MAE, {name} ↓", *paper, *found])
    heads = [c if "," in c else f"{c}, our settings" for c in COLUMNS]
    table = tables.table(["MNIST", "the paper: IGN", "the paper: NAIGN", *heads], lines)
    origin = [(r.config, r.provenance) for group in runs.values() for r in group]
    return [
        table,
        "Of the FLD only ratios to IGN compare with the paper's, whose LeNet is another. On MNIST: "
        + tables.provenance_line(origin),
    ]


def _ffhq() -> list[str]:
    """FFHQ-100, of which the paper shows pictures."""
    profile = campaign.resolve("recorded", lambda p: campaign.ffhq(p)["main"])
    runs = {row.label: campaign.load(row, profile) for row in campaign.ffhq(profile)["main"] if row.label in FACES}
    lines = []
    for title, claim, digits, *keys in FACE_ROWS:
        found = []
        for label in FACES:
            values = [r.metrics for r in runs[label]]
            for key in keys:
                values = [v[key] for v in values]
            found.append(tables.mean_spread(values, digits))
        lines.append([title, claim, *found])
    heads = [c if "," in c else f"{c}, our settings" for c in FACES]
    origin = [(r.config, r.provenance) for group in runs.values() for r in group]
    return [
        tables.table(["FFHQ-100, f(z)", "the paper says", *heads], lines),
        "On faces: " + tables.provenance_line(origin),
    ]


def _distance() -> list[str]:
    """The drift against the exact distance, and as a detector."""
    profile = campaign.resolve("recorded", lambda p: campaign.moons(p)["exact"])
    runs = {row.label: campaign.load(row, profile) for row in campaign.moons(profile)["exact"]}
    lines = []
    for region, key, title, claim in DISTANCE:
        found = [tables.mean_spread([r.metrics["field"][region][key] for r in runs[m]], 3) for m in RIVALS]
        lines.append([title, claim, *found])
    found = json.loads(ood.path(campaign.resolve("recorded", campaign.detectors)).read_text())["auroc"]
    scores = [f"{ood.mean_auroc(found[m]):.3f}" for m in RIVALS]
    lines.append(["digits against what is none: mean AUROC of one seed's drift ↑", "not measured", *scores])
    origin = [(r.config, r.provenance) for m in RIVALS for r in runs[m]]
    return [
        tables.table(["two moons without noise: drift as distance", "the paper says", *RIVALS], lines),
        "A DAE is a plain denoising autoencoder. On the moons: " + tables.provenance_line(origin),
    ]


def _balanced() -> list[str]:
    """Beyond the paper: fair shares."""
    profile = campaign.resolve("recorded", lambda p: [r for rows in campaign.balanced(p).values() for r in rows])
    groups, lines, origin = campaign.balanced(profile), [], []
    plain = {row.name: campaign.load(row, profile) for row in campaign.toys(profile)}
    for data, score, title, digits in FAIR:
        runs = {row.label: campaign.load(row, profile) for row in groups[data]} | {"NAIGN": plain[f"{data}-naign"]}
        found = [tables.mean_spread([r.metrics["fz"][score] for r in runs[m]], digits) for m in FAIR_METHODS]
        lines.append([title, *found])
        origin += [(r.config, r.provenance) for m in FAIR_METHODS[1:] for r in runs[m]]
    (row,) = (r for r in groups["budget"] if r.label == "balanced + rejection, long")
    long, title = campaign.load(row, profile), f"grid, {row.changes['steps']:,} steps, a quarter by rejection: f(f(z))"
    for score, name, digits in (("high_quality", "within 3σ ↑", 3), ("reverse_kl", "reverse KL ↓", 3)):
        found = tables.mean_spread([r.metrics["ffz"][score] for r in long], digits)
        lines.append([f"{title} {name}", "", "", found])
    origin += [(r.config, r.provenance) for r in long]
    return [
        tables.table(["beyond the paper: f(z)", "NAIGN (AdamW)", "NAIGN, Muon", "balanced (Muon)"], lines),
        "*Balanced* is `naign-balanced`: an optimal assignment in place of the nearest. Of the two columns with Muon: "
        + tables.provenance_line(origin),
    ]


def _speed(path: Path) -> str:
    result = json.loads(path.read_text())
    return "Speed of one training step (`naign bench`):\n\n```\n" + bench.report(result) + "\n```"


def _timings(path: Path) -> str:
    rows = json.loads(path.read_text())
    return tables.table(["command", "from", "seconds", "on"], [[f"`{a}`", b, c, d] for a, b, c, d in rows])


def write(root: Path) -> None:
    """Bring README.md and its picture up to date."""
    readme = root / "README.md"
    before, rest = readme.read_text().split(BEGIN)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{BEGIN}\n\n{numbers(root)}\n\n{END}{after}")
    profile = campaign.resolve("recorded", lambda p: campaign.toys(p, "grid"))
    toy = experiments.get("grid-naign").load_data()
    rows = {m: evaluation.five_columns(experiments.load_one(f"grid-{m}", profile), toy) for m in ("naign", "ign")}
    figures.five_columns(rows, (-5.2, 5.2)).savefig(root / "book" / "_static" / "grid.png", dpi=110)
    profile = campaign.resolve("recorded", lambda p: campaign.mnist(p)["main"])
    shown = campaign.load(campaign.mnist(profile)["main"][0], profile)[0].images
    rows = [images.as_floats(shown[k][:8]) for k in ("z", "fz", "noise.0", "noise.1", "lines.0", "lines.1")]
    labels = ["z", "f(z)", "noise", "f(x')", "lines deleted", "f(x')"]
    pictures.sheet(rows, labels).savefig(root / "book" / "_static" / "mnist.png", dpi=110)
    profile = campaign.resolve("recorded", lambda p: campaign.ffhq(p)["main"])
    faces = {row.label: campaign.load(row, profile)[0].images for row in campaign.ffhq(profile)["main"]}
    rows = {m: images.as_floats(faces[m]["fz"][:8]) for m in ("NAIGN", "IGN")}
    pictures.sheet(list(rows.values()), [f"{m}: f(z)" for m in rows]).savefig(
        root / "book" / "_static" / "ffhq.png", dpi=110
    )
