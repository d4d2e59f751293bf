"""The `naign` command."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from naign.base import interrupts

COMMANDS: dict[str, tuple[Callable, tuple]] = {}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 if it went well, 2 after one sentence about bad input, 130 on Ctrl-C, 143 on SIGTERM."""
    try:
        options = _parser().parse_args(arguments)
        with interrupts.heeded():
            interrupts.follow_parent()
            if getattr(options, "threads", None) is not None:
                torch.set_num_threads(options.threads)
            return options.run(options) or 0
    except ValueError as error:
        print(f"naign: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `naign list | head`
        sys.stdout = None
        return 0
    except OSError as error:
        print(f"naign: {error.strerror or error}: give another path, or free some space.", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        return interrupts.exit_code(error)


class _Parser(argparse.ArgumentParser):
    """One whose refusals are one sentence."""

    def error(self, message: str) -> None:
        raise ValueError(f"{message}: see `{self.prog} --help`.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="naign", description="Non-adversarial idempotent generative models.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (function, arguments) in COMMANDS.items():
        sub = commands.add_parser(name, help=function.__doc__, description=function.__doc__)
        sub.set_defaults(run=function)
        for names, options in arguments:
            sub.add_argument(*names, **options)
    return parser


def command(*arguments: tuple) -> Callable:
    """Enter a function among the commands, under its name and with its docstring as help."""

    def enter(function: Callable) -> Callable:
        COMMANDS[function.__name__.rstrip("_")] = function, arguments
        return function

    return enter


def argument(*names: str, **options: object) -> tuple:
    """As of `argparse`."""
    return names, options


def settings(text: str) -> tuple:
    """The argument -p KEY=VALUE, as often as one likes."""
    return argument("-p", action="append", default=[], metavar="KEY=VALUE", help=text)


def pairs(given: list[str]) -> dict[str, str]:
    """["a=1", ...] as {"a": "1", ...}."""
    for item in given:
        if "=" not in item:
            raise ValueError(f"-p {item} is not KEY=VALUE: write it like -p seed=3.")
    return dict(item.split("=", 1) for item in given)


def positive(text: str) -> int:
    """A number from 1 up."""
    if not text.isdecimal() or not 0 < int(text) < 10**6:
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 up: give one like 2.")
    return int(text)


THREADS = argument("--threads", type=positive, help="CPU threads (default: all)")


@command()
def list_(options: argparse.Namespace) -> None:
    """experiments, profiles and what is recorded"""
    from naign.study import experiment, recipes, records

    print(f"profiles: {', '.join(recipes.PROFILES)}\n\n{'experiment':<26}recorded runs")
    for name in experiment.names():
        counts = {p: len(records.recorded(name, p)) for p in recipes.PROFILES}
        print(f"{name:<26}{', '.join(f'{p}: {n}' for p, n in counts.items() if n) or '-'}")


@command(
    argument("name", help="an experiment or a data set, see `naign list`"),
    settings("profile, seed or any setting"),
    argument("-o", "--output", type=Path, help="also save the run to this new directory"),
    argument("--quiet", action="store_true", help="no progress bar"),
    THREADS,
)
def fit(options: argparse.Namespace) -> None:
    """train one experiment, or load its run if it exists"""
    from naign.base import files
    from naign.study import experiment, runs

    parameters = pairs(options.p)
    profile = parameters.pop("profile", "paper" if torch.cuda.is_available() else "cpu")
    asked = experiment.get(options.name, profile, **parameters)
    if options.output and options.output.exists():
        raise ValueError(f"{options.output} exists already: choose another name or remove it.")
    if options.output:
        files.writable_directory(options.output.parent)
    run = runs.load_or_fit(asked, weights=True, progress=not options.quiet)
    path = run.save(options.output) if options.output else runs.find(asked, weights=True)
    print(path)
    if len(asked.data.shape) == 3:
        from naign.pages import sheets

        print("\n".join(str(picture) for picture in sheets.of_run(run, asked.data.load(), path)))


@command(
    argument("profile", nargs="?", default="cpu"),
    argument("names", nargs="*", help="experiments (default: all of the book's, the ledger's variants too)"),
    settings("a variant: numbers only"),
    argument("--seeds", type=positive, help="how many (default: the profile's)"),
    argument("--jobs", type=positive, default=1, help="trainings side by side"),
    argument("--rescore", action="store_true", help="train nothing: measure all kept weights anew"),
)
def record(options: argparse.Namespace) -> int:
    """train what a profile lacks and commit it to data/records"""
    from naign.study import recording

    if options.rescore:
        done, left = recording.rescore()
        print("\n".join([f"{len(done)} runs are scored anew; of these no weights are kept:", *left]))
        return 0
    return not recording.record(options.profile, options.names, pairs(options.p), options.seeds, options.jobs)


@command(
    argument("notebook", type=Path),
    settings("a parameter"),
    argument("-o", "--output", type=Path, required=True),
)
def run(options: argparse.Namespace) -> None:
    """execute one chapter; unknown or ill-typed parameters are errors"""
    from naign.pages import book

    book.run(options.notebook, options.output, pairs(options.p))


@command(
    argument("name", nargs="?", help="an experiment: its step alone; or `matchings` (default: Algorithm 1)"),
    settings("profile or any setting of an experiment"),
    argument("--rounds", type=positive, default=15),
    argument("-o", "--output", type=Path, help="also write the measurements to this JSON file"),
    THREADS,
)
def bench(options: argparse.Namespace) -> None:
    """step time against Algorithm 1, IGN and the matrix rate"""
    from naign.study import bench, experiment

    if options.name == "matchings":
        result = bench.measure_matchings(options.rounds)
    elif options.name:
        result = bench.measure_step(experiment.get(options.name, **pairs(options.p)), options.rounds)
    elif options.p:
        raise ValueError("-p changes the settings of an experiment: name one, as in `naign bench mnist-naign`.")
    else:
        result = bench.measure(options.rounds)
    print(bench.report(result))
    if options.output:
        options.output.write_text(json.dumps(result, indent=1) + "\n")


@command(argument("-o", "--output", type=Path, help="file to write (default: the one in the package)"))
def lenet(options: argparse.Namespace) -> None:
    """train the LeNet of the FLD on MNIST anew"""
    from naign.data.sets import Mnist
    from naign.evaluate import lenet
    from naign.study.provenance import provenance

    path, began = options.output or lenet.PATH, time.monotonic()
    net, record = lenet.train(Mnist().load())
    lenet.save(net, record | provenance(torch.device("cpu"), time.monotonic() - began), path)
    print(f"{path}: test accuracy {record['accuracy']['test']:.2%}")


@command(argument("profile"))
def ood(options: argparse.Namespace) -> None:
    """measure and record how well the recorded networks on digits tell what is no digit"""
    from naign.study import outsiders

    print(outsiders.record(options.profile))


@command(argument("family", help="one of the families in naign/study/trials.toml"))
def trials(options: argparse.Namespace) -> None:
    """train the trials that settings are chosen by, and record what came of each"""
    from naign.study import trials

    print(f"{trials.run(options.family)} trials were run; {trials.path(options.family)}")


@command()
def readme(options: argparse.Namespace) -> None:
    """bring the README's numbers and pictures up to date with the records"""
    from naign.base.files import PROJECT
    from naign.pages import readme

    readme.write(PROJECT)


@command(argument("--profile", default="recorded"))
def book(options: argparse.Namespace) -> int:
    """execute what changed and build the book at _build/html"""
    from naign.pages import book

    return book.build(options.profile)
