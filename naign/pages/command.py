"""The `naign` command."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

import naign
from naign.base import files, interrupts
from naign.data.sets import Mnist
from naign.evaluate import lenet
from naign.pages import book
from naign.study import bench, experiment, flow, outsiders, recipes, recording, records, runs, trials
from naign.study.provenance import provenance


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
    except ModuleNotFoundError as error:
        if (error.name or "naign").startswith("naign"):
            raise
        print(f"naign: {error.name} is missing: install it with `pip install 'naign[book]'`.", file=sys.stderr)
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
    parser.add_argument("--version", action="version", version=f"naign {naign.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: Callable, text: str, settings: str = "") -> Callable:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=function)
        if settings:
            sub.add_argument("-p", action="append", default=[], metavar="KEY=VALUE", help=settings)
        return sub.add_argument

    command("list", _list, "experiments, profiles, what is recorded, and the models that `naign.load` finds by name")

    add = command("fit", _fit, "train one experiment, or load its run if it exists", "profile, seed or any setting")
    add("name", help="an experiment or a data set, see `naign list`")
    add("-o", "--output", type=Path, help="also save the run to this new directory")
    add("--threads", type=_positive, help="CPU threads (default: all)")
    add("--quiet", action="store_true", help="no progress bar")

    add = command(
        "record", _record, "train what a profile lacks and keep it in data/records", "a variant: numbers only"
    )
    add("profile", nargs="?", default="cpu")
    add("names", nargs="*", help="experiments (default: all of the book's, the ledger's variants too)")
    add("--seeds", type=_positive, help="how many (default: the profile's)")
    add("--jobs", type=_positive, default=1, help="trainings side by side")
    add("--rescore", action="store_true", help="train nothing: measure all kept weights anew")

    add = command("run", _run, "execute one chapter; unknown or ill-typed parameters are errors", "a parameter")
    add("notebook", type=Path)
    add("-o", "--output", type=Path, required=True)

    text = "step time against Algorithm 1, IGN and the matrix rate"
    add = command("bench", _bench, text, "profile or any setting of an experiment")
    add("name", nargs="?", help="an experiment: its step alone; or `matchings`, or `field` (default: Algorithm 1)")
    add("--rounds", type=_positive, default=15)
    add("--threads", type=_positive)
    add("-o", "--output", type=Path, help="also write the measurements to this JSON file")

    add = command("lenet", _lenet, "train the LeNet of the FLD on MNIST anew")
    add("-o", "--output", type=Path, default=lenet.PATH, help="file to write (default: the one in the package)")

    text = "measure and record how well the recorded networks on digits tell what is no digit"
    command("ood", lambda options: print(outsiders.record(options.profile)), text)("profile")

    text = "train, score and record the flow-matching baseline of the field"
    command("flow", lambda options: print(flow.record(options.profile)), text)("profile")

    text = "train the trials that settings are chosen by, and record what came of each"
    command("trials", _trials, text)("family", help="one of the families in naign/study/trials.toml")

    command("readme", _readme, "bring the README's numbers and pictures up to date with the records")

    text = "execute what changed and build the book at _build/html"
    command("book", lambda options: book.build(options.profile), text)("--profile", default="recorded")
    return parser


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


def _list(options: argparse.Namespace) -> None:
    print(f"profiles: {', '.join(recipes.PROFILES)}\n\n{'experiment':<26}recorded runs (*: `naign.load` finds it)")
    for name in experiment.names():
        counts = {p: len(records.recorded(name, p)) for p in recipes.PROFILES}
        star = " *" if runs.named(name) else ""
        print(f"{name:<26}{', '.join(f'{p}: {n}' for p, n in counts.items() if n) or '-'}{star}")


def _fit(options: argparse.Namespace) -> None:
    parameters = pairs(options.p)
    profile = parameters.pop("profile", "paper" if torch.cuda.is_available() else "cpu")
    asked = experiment.get(options.name, profile, **parameters)
    if options.output and options.output.exists():
        raise ValueError(f"{options.output} exists already: choose another name or remove it.")
    if options.output:
        files.writable_directory(options.output.parent)
    images = len(asked.data.shape) == 3
    if images:
        from naign.pages import sheets  # draws: without it nothing here needs matplotlib
    run = runs.load_or_fit(asked, weights=True, progress=not options.quiet)
    path = run.save(options.output) if options.output else runs.find(asked, weights=True)
    print(path)
    if images:
        # Never among the records, which are committed.
        where = options.output or files.writable_directory(files.cache_root() / "sheets" / asked.directory)
        print("\n".join(str(picture) for picture in sheets.of_run(run, asked.data.load(), where)))


def _record(options: argparse.Namespace) -> int:
    if options.rescore:
        done, left = recording.rescore()
        print("\n".join([f"{len(done)} runs are scored anew; of these no weights are kept:", *left]))
        return 0
    return 0 if recording.record(options.profile, options.names, pairs(options.p), options.seeds, options.jobs) else 1


def _run(options: argparse.Namespace) -> None:
    book.run(options.notebook, options.output, pairs(options.p))


def _bench(options: argparse.Namespace) -> None:
    groups = {"matchings": bench.measure_matchings, "field": bench.measure_field}
    if options.name in groups:
        result = groups[options.name](options.rounds)
    elif options.name:
        result = bench.measure_step(experiment.get(options.name, **pairs(options.p)), options.rounds)
    elif options.p:
        raise ValueError("-p changes the settings of an experiment: name one, as in `naign bench mnist-naign`.")
    else:
        result = bench.measure(options.rounds)
    print(bench.report(result))
    if options.output:
        options.output.write_text(json.dumps(result, indent=1) + "\n")


def _lenet(options: argparse.Namespace) -> None:
    began = time.monotonic()
    net, record = lenet.train(Mnist().load())
    lenet.save(net, record | provenance(torch.device("cpu"), time.monotonic() - began), options.output)
    print(f"{options.output}: test accuracy {record['accuracy']['test']:.2%}")


def _trials(options: argparse.Namespace) -> None:
    print(f"{trials.run(options.family)} trials were run; {trials.path(options.family)}")


def _readme(options: argparse.Namespace) -> None:
    root = files.project()
    from naign.pages import readme

    readme.write(root)
