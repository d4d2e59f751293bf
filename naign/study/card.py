"""The card of a saved run, made from the run itself and what is recorded of other seeds; `card.toml` has its text."""

import functools
import json
import statistics
import tomllib
from collections.abc import Sequence
from pathlib import Path

import naign
from naign.data import DATA
from naign.methods import METHODS
from naign.study import records
from naign.study.experiment import get
from naign.study.recipes import RECIPES
from naign.study.records import Run

PARTS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def scores(metrics: Sequence[dict]) -> dict[str, list[float]]:
    """The scores that a card shows: what it is called -> its value in each of some metrics, where all have it."""
    found = {}
    for title, path in PARTS["scores"].items():
        values = [functools.reduce(lambda part, key: part.get(key, {}), path.split("."), one) for one in metrics]
        if values and {} not in values:
            found[title] = values
    return found


def seeds(config: dict) -> list[dict]:
    """The metrics of the recorded runs that differ from a configuration by their seeds at most."""
    if config["name"].partition("-")[0] not in DATA:
        return []
    usual, found = get(config["name"], config["profile"]), []
    for path in records.recorded(config["name"], config["profile"]):
        other = json.loads((path / "config.json").read_text()) | {"seed": config["seed"]}
        if usual.essential(other) == usual.essential(config):
            found.append(json.loads((path / "metrics.json").read_text()))
    return found


def command(config: dict) -> str:
    """What trains a stored configuration again: `naign fit ...`, with the settings that are not the usual ones."""
    name, p = config["name"], {"profile": config["profile"], "seed": config["seed"]}
    if name.partition("-")[0] not in DATA:
        return f"naign.fit(data, {', '.join(f'{k}={v!r}' for k, v in ({'method': config['method']} | p).items())}, ...)"
    own, tried = config["parameters"], []
    for recipe in [{}, *({"recipe": r} for r in RECIPES[1:] if "norm" in own)]:
        steps = get(name, config["profile"], **recipe).schedule.steps
        # Fewer of them set the warm start too.
        usual = get(name, config["profile"], **recipe, steps=own["steps"]).config()["parameters"] | {"steps": steps}
        tried.append(recipe | {key: value for key, value in own.items() if value != usual.get(key)})
    changes = min(tried, key=len)
    return " ".join(["naign fit", name, *(f"-p {key}={_word(value)}" for key, value in (p | changes).items())])


def _word(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def text(run: Run, place: str) -> str:
    """The card of a run that is loaded from a place, as Markdown with the head that the Hub reads."""
    config = run.config
    data, method = DATA.get(config["data"]), METHODS.get(config["method"])
    said = config["parameters"] | run.provenance | config | {"place": place, "version": naign.__version__}
    said |= {"shape": ", ".join(map(str, config["shape"])), "command": command(config)}
    said |= {"label": method.label if method else config["method"], "called": data.called if data else "one's own data"}
    said |= {"few": PARTS["few"].get(data.kind if data else config["data"].removeprefix("tensor-"), "")}
    if data:
        said |= {"data_licence": data.licence, "data_licence_id": data.licence.lower().replace(" ", "-")}
    owner = PARTS["owner"]["own" if not data else "public" if data.shared else "kept"]
    said |= {key: sentence.format(**said) for key, sentence in owner.items()}
    rows = [f"| {key} | {_word(value)} |" for key, value in sorted(config["parameters"].items())]
    said |= {"scores": _scored(run), "settings": "\n".join(["| setting | value |", "| --- | --- |", *rows])}
    return PARTS["text"].lstrip().format(**said)


def _scored(run: Run) -> str:
    """A row a score: its name, this run's value, and those of the recorded seeds."""
    others = scores(seeds(run.config))
    lines = ["| score | this run | recorded seeds |", "| --- | --- | --- |"]
    for title, (value,) in scores([run.metrics]).items():
        lines.append(f"| {title} | {value:.4g} | {mean_spread(others.get(title, []))} |")
    if len(lines) == 2:
        return "It was not scored."
    note = "↓ less is better, ↑ more. Last column: mean ± standard deviation (n) of the seeds recorded so."
    return "\n".join([*lines, "", note])


def mean_spread(values: Sequence[float]) -> str:
    """ "mean ± standard deviation (n)", without a spread if there is one value, "none" if there is none."""
    if len(values) < 2:
        return "".join(f"{value:.4g} (1)" for value in values) or "none"
    return f"{statistics.mean(values):.4g} ± {statistics.stdev(values):.2g} ({len(values)})"
