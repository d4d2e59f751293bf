"""The `naign` command."""

import argparse
import json
import sys
import time
from pathlib import Path

import torch

from naign.base import distributed, files, interrupts
from naign.data.sets import Mnist
from naign.evaluate import lenet
from naign.pages import book, matrix
from naign.pages.words import pairs, parser
from naign.study import bench, card, day, experiment, flow, outsiders, records, runs, scaling, stacked, sweep, trials
from naign.study.provenance import provenance
from naign.study.recipes import PROFILES


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 if it went well, 2 after one sentence about bad input, 130 on Ctrl-C, 143 on SIGTERM."""
    try:
        options = parser(FUNCTIONS).parse_args(arguments)
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


def _usual_profile() -> str:
    return "paper" if torch.cuda.is_available() else "cpu"


def _list(options: argparse.Namespace) -> None:
    print(f"profiles: {', '.join(PROFILES)}\n\n{'experiment':<26}recorded runs (*: `naign.load` finds it)")
    for name in experiment.names():
        counts = {p: len(records.recorded(name, p)) for p in PROFILES}
        star = " *" if runs.named(name) else ""
        print(f"{name:<26}{', '.join(f'{p}: {n}' for p, n in counts.items() if n) or '-'}{star}")


@distributed.group()  # of one process, unless torchrun started it
def _fit(options: argparse.Namespace) -> None:
    parameters = pairs(options.p)
    profile = parameters.pop("profile", _usual_profile())
    asked = experiment.get(options.name, profile, **parameters)
    if distributed.rank():
        return runs.assist(asked)
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
    if not options.quiet:
        for title, (value,) in card.scores([run.metrics]).items():
            print(f"{title} {value:.4g}", file=sys.stderr)
    if images:
        # Never among the records, which are committed.
        where = options.output or files.writable_directory(files.cache_root() / "sheets" / asked.directory)
        print("\n".join(str(picture) for picture in sheets.of_run(run, asked.data.load(), where)))


def _record(options: argparse.Namespace) -> int:
    if options.rescore:
        done, left = runs.rescore_records()
        print("\n".join([f"{len(done)} runs are scored anew; of these no weights are kept:", *left]))
        return 0
    jobs = sweep.planned(options.profile, options.names, pairs(options.p), options.seeds)
    return 0 if sweep.perform(jobs, options.jobs) else 1


def _sweep(options: argparse.Namespace) -> int:
    given, _ = sweep.parse(options.file)
    chapters = "chapters" in given
    jobs = matrix.read(options.file) if chapters else sweep.read(options.file)
    if options.status:
        print(sweep.status(jobs))
        return 0
    missing = [job for job in jobs if not job.done()]
    if options.dry_run:
        print("\n".join(job.label for job in missing))
        needed = "unknown, of chapters" if chapters else sweep.estimate(missing, options.jobs)
        print(f"{len(missing)} of {len(jobs)} runs are missing; time: {needed}")
        return 0
    files.writable_directory(options.file.parent)
    whole = sweep.perform(jobs, options.jobs, given.get("snakemake", {}) if options.engine == "snakemake" else None)
    table, page = (options.file.resolve().with_suffix(suffix) for suffix in (".csv", ".ipynb"))
    if not any(job.done() for job in jobs):
        return 1
    (matrix if chapters else sweep).tabulate(jobs, table)
    print(table)
    if not chapters:
        settings = ",".join(jobs[0].changes)
        book.run(Path(__file__).parent / "sweep.md", page, {"table": str(table), "settings": settings}, again=True)
        print(page)
    return 0 if whole else 1


def _stack(options: argparse.Namespace) -> None:
    parameters = {"profile": _usual_profile()} | pairs(options.p)
    if "seed" in parameters:
        raise ValueError(f"-p seed={parameters['seed']} is no setting here: give --seeds N.")
    asked = [experiment.get(name, seed=s, **parameters) for name in options.names for s in range(options.seeds)]
    print("\n".join(map(str, stacked.train(asked, not options.quiet))))


def _run(options: argparse.Namespace) -> None:
    with files.locked(matrix.key(options.output)):
        book.run(options.notebook, options.output, pairs(options.p))


def _bench(options: argparse.Namespace) -> None:
    p, rounds = pairs(options.p), options.rounds
    ours = {None: bench.measure, "matchings": bench.measure_matchings, "field": bench.measure_field}
    ours |= {"capture": lambda _: bench.measure_capture(profile), "scaling": lambda _: scaling.measure()}
    profile = p.pop("profile", _usual_profile()) if options.name == "capture" else None
    if p and options.name in ours:
        raise ValueError("-p changes the settings of an experiment: name one, as in `naign bench mnist-naign`.")
    if options.output:
        files.writable_directory(options.output.parent)
    if options.name in ours:
        result = ours[options.name](rounds)
    else:
        result = bench.measure_step(experiment.get(options.name, **p), rounds)
    print(scaling.report(result) if options.name == "scaling" else bench.report(result))
    if options.output:
        with files.whole(options.output) as part:
            part.write_text(json.dumps(result, indent=1) + "\n")


def _lenet(options: argparse.Namespace) -> None:
    files.writable_directory(options.output.parent)
    began = time.monotonic()
    net, record = lenet.train(Mnist().load())
    lenet.save(net, record | provenance(torch.device("cpu"), time.monotonic() - began), options.output)
    print(f"{options.output}: test accuracy {record['accuracy']['test']:.2%}")


def _readme(options: argparse.Namespace) -> None:
    root = files.project()
    from naign.pages import readme

    readme.write(root)


FUNCTIONS = {
    "list": _list,
    "fit": _fit,
    "record": _record,
    "stack": _stack,
    "paper-day": lambda options: int(not day.spend(options.out, options.profile, options.minutes, options.parts)),
    "sweep": _sweep,
    "run": _run,
    "bench": _bench,
    "lenet": _lenet,
    "ood": lambda options: print(outsiders.record(options.profile)),
    "flow": lambda options: print(flow.record(options.profile)),
    "trials": lambda options: print(f"{trials.run(options.family)} trainings were run, see data/records"),
    "readme": _readme,
    "book": lambda options: book.build(options.profile),
}
