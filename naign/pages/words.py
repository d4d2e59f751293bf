"""What the `naign` command understands: its commands, their words, and settings as KEY=VALUE."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import naign
from naign.evaluate import lenet


class _Parser(argparse.ArgumentParser):
    """One whose refusals are one sentence."""

    def error(self, message: str) -> None:
        raise ValueError(f"{message}: see `{self.prog} --help`.")


def parser(functions: Mapping[str, Callable]) -> argparse.ArgumentParser:
    """Of every command; `run` of what it parses is the function of the command's name."""
    top = _Parser(prog="naign", description="Non-adversarial idempotent generative models.")
    top.add_argument("--version", action="version", version=f"naign {naign.__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, text: str, settings: str = "") -> Callable:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=functions[name])
        if settings:
            sub.add_argument("-p", action="append", default=[], metavar="KEY=VALUE", help=settings)
        return sub.add_argument

    command("list", "experiments, profiles, what is recorded, and the models that `naign.load` finds by name")

    add = command("fit", "train one experiment, or load its run if it exists", "profile, seed or any setting")
    add("name", help="an experiment or a data set, see `naign list`")
    add("-o", "--output", type=Path, help="also save the run to this new directory")
    add("--threads", type=_positive, help="CPU threads (default: all)")
    add("--quiet", action="store_true", help="no progress bar")

    add = command("record", "train what a profile lacks and keep it in data/records", "a variant: numbers only")
    add("profile", nargs="?", default="cpu")
    add("names", nargs="*", help="experiments (default: all of the book's, the ledger's variants too)")
    add("--seeds", type=_positive, help="how many (default: the profile's)")
    add("--jobs", type=_positive, default=1, help="trainings side by side")
    add("--rescore", action="store_true", help="train nothing: measure all kept weights anew")

    text = "train seeds and toys of one method as one, each kept as a run of its own"
    add = command("stack", text, "profile or any setting")
    add("names", nargs="+", help="experiments in one or two dimensions")
    add("--seeds", type=_positive, default=3, help="how many of each")
    add("--quiet", action="store_true", help="no progress bar")

    text = "the paper's runs within minutes on a lent machine, packed to be taken home; goes on where it was cut"
    add = command("paper-day", text)
    add("out", type=Path, help="folder for the log and the pack")
    add("parts", nargs="*", help="of naign/study/day.toml (default: all)")
    add("--minutes", type=_positive, default=9)
    add("--profile", default="paper")

    add = command("sweep", "train a matrix of settings and seeds; a table and a notebook with a heat map of it")
    add("file", type=Path, help="TOML: experiments or chapters, profile, seeds, [grid], [snakemake]")
    add("--jobs", type=_positive, default=1, help="runs side by side, each on a GPU of its own if there are as many")
    add("--engine", choices=("local", "snakemake"), default="local")
    add("--dry-run", action="store_true", help="train nothing: what is missing, and how long it would take")
    add("--status", action="store_true", help="train nothing: how far another call is")

    add = command("run", "execute one chapter; unknown or ill-typed parameters are errors", "a parameter")
    add("notebook", type=Path)
    add("-o", "--output", type=Path, required=True)

    text = "step time against Algorithm 1, IGN and the matrix rate"
    add = command("bench", text, "profile or any setting of an experiment")
    what = "an experiment: its step alone; `matchings`, `field`, `capture`, `scaling` (default: Algorithm 1)"
    add("name", nargs="?", help=what)
    add("--rounds", type=_positive, default=15)
    add("--threads", type=_positive)
    add("-o", "--output", type=Path, help="also write the measurements to this JSON file")

    add = command("lenet", "train the LeNet of the FLD on MNIST anew")
    add("-o", "--output", type=Path, default=lenet.PATH, help="file to write (default: the one in the package)")

    text = "measure and record how well the recorded networks on digits tell what is no digit"
    command("ood", text)("profile")

    command("flow", "train, score and record the flow-matching baseline of the field")("profile")

    text = "train the trials that settings are chosen by, and record what came of each"
    command("trials", text)("family", help="one of the families in naign/study/trials.toml")

    command("readme", "bring the README's numbers and pictures up to date with the records")

    text = "execute what changed and build the book at _build/html"
    command("book", text)("--profile", default="recorded")
    return top


def _positive(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 10**6:
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 up: give one like 2.")
    return int(text)


def pairs(given: list[str]) -> dict[str, str]:
    """["a=1", ...] as {"a": "1", ...}."""
    for item in given:
        if "=" not in item:
            raise ValueError(f"-p {item} is not KEY=VALUE: write it like -p seed=3.")
    return dict(item.split("=", 1) for item in given)
