"""The README's numbers and pictures, made from the records; `readme.toml` has the rows of its table and its note."""

import tomllib
from pathlib import Path

import numpy as np

from naign.data.samples import as_floats
from naign.data.toys import Grid
from naign.evaluate.clouds import five_columns
from naign.pages import claims, plane, sheets
from naign.pages.tables import mean_spread, provenance_line, table
from naign.study import bench, plan, records, trials
from naign.study.plan import PAPERS
from naign.study.records import Run
from naign.study.table import lists, tidy

READ = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
BEGIN, END = "<!-- numbers: made by `naign readme` -->", "<!-- end of numbers -->"


def line(row: dict) -> tuple[list[str], list[Run]]:
    """A row of the table, as `readme.toml` describes it, and the runs that it shows."""
    end, better = row.get("end", ""), min if "↓" in row["claim"] else max
    named = {name: plan.recorded(row["of"])[name + end] for name in ("IGN", "NAIGN")}
    others = {label: runs for where in row.get("beyond", []) for label, runs in plan.recorded(where).items()}
    same = set() if end else set(map(plan.label, plan.PAPER))
    others = {label: runs for label, runs in others.items() if label not in same and not label.endswith(PAPERS)}
    scores, runs = lists(tidy(named), row["score"]), [*named["IGN"], *named["NAIGN"]]
    cells = {label: f"{mean_spread(values, row['digits'])} ({len(values)})" for label, values in scores.items()}
    if not others:
        return [row["claim"], row["paper"], *cells.values(), ""], runs
    scores = lists(tidy(others), row["score"])
    best = better(scores, key=lambda label: np.mean(scores[label]))
    beyond = f"{best}: {mean_spread(scores[best], row['digits'])} ({len(scores[best])})"
    return [row["claim"], row["paper"], *cells.values(), beyond], runs + others[best]


def fair(row: dict) -> list[str]:
    """A row of the finals of a family of trials, whose settings were chosen with equal care for each method."""
    frame, better = trials.scored(row["family"]), min if "↓" in row["claim"] else max
    scores = dict(list(frame[frame["data"] == row["data"]].groupby("method")[row["score"]]))
    best = better(scores.keys() - set(plan.PAPER), key=lambda method: scores[method].mean())
    cells = [f"{mean_spread(scores[m], row['digits'])} ({len(scores[m])})" for m in ("ign", "naign", best)]
    return [row["claim"], row["paper"], *cells[:2], f"{plan.label(best)}: {cells[2]}"]


def care(families: set[str]) -> str:
    """One sentence on the finals of some families."""
    finals = [entry for family in families for entry in records.noted(f"finals-{family}").values()]
    said = {key: ", ".join(sorted({str(entry[key]) for entry in finals})) for key in ("seed", "device", "threads")}
    minutes = sum(entry["seconds"] for entry in finals) / 60
    return (
        f"Profile `cpu`: {len(finals)} runs (seeds {said['seed']}) by the [settings taken](book/trials.md) of each "
        f"method; {minutes:.0f} minutes of training in all, {said['threads']} thread(s) a run, on {said['device']}."
    )


def numbers(root: Path) -> str:
    """The part of the README between its two marks."""
    found = [(part["said"], [line(part | row) for row in part["rows"]]) for part in READ["part"]]
    lines = [cells for _, some in found for cells, _ in some] + list(map(fair, READ["fair"]["rows"]))
    origins = [f"{said}: {provenance_line(run for _, runs in some for run in runs)}" for said, some in found]
    origins.append(f"{READ['fair']['said']}: {care({row['family'] for row in READ['fair']['rows']})}")
    speed, timings, days = map(records.noted, ("bench", "timings", "bad-days"))
    attacks = [[area, r["tried"], r["tried"] - r["failed"], r["failed"]] for area, r in days.items()]
    texts = [
        f"The paper's claims, all but two decided by one rule ([all](book/claims.md)): {claims.verdicts()}.",
        table(["claim, as measured", "the paper", "IGN", "NAIGN", "best beyond"], lines),
        *(READ["note"], *origins),
        f"Speed of one training step (`naign bench`):\n\n```\n{bench.report(speed)}\n```",
        table(["command", "from", "seconds", "on"], [[f"`{command}`", *rest] for command, *rest in timings]),
        "What has been survived (`python tests/bad_days.py`; the same call, made again, ends in the same weights):",
        table(["attack", "tried", "survived", "failed"], attacks),
    ]
    return "\n\n".join(texts)


def write(root: Path) -> None:
    """Bring README.md and its pictures up to date."""
    readme, pictures = root / "README.md", root / "book" / "_static"
    before, rest = readme.read_text().split(BEGIN)
    readme.write_text(f"{before}{BEGIN}\n\n{numbers(root)}\n\n{END}{rest.split(END)[1]}")
    first = {label: plan.recorded("toys.grid")[label][0] for label in ("NAIGN", "IGN")}
    rows = {label: five_columns(run.f, run.source, Grid()) for label, run in first.items()}
    plane.five_columns(rows, (-5.2, 5.2)).savefig(pictures / "grid.png", dpi=110)
    shown = plan.recorded("mnist.main")["NAIGN"][0].images
    digits = [as_floats(shown[k][:8]) for k in ("z", "fz", "noise.0", "noise.1", "lines.0", "lines.1")]
    labels = ["z", "f(z)", "noise", "f(x')", "lines deleted", "f(x')"]
    sheets.sheet(digits, labels).savefig(pictures / "mnist.png", dpi=110)
    faces = {label: plan.recorded("ffhq.main")[label][0].images["fz"][:8] for label in ("NAIGN", "IGN")}
    labels = [f"{label}: f(z)" for label in faces]
    sheets.sheet([as_floats(images) for images in faces.values()], labels).savefig(pictures / "ffhq.png", dpi=110)
