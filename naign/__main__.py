"""The `naign` command."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from naign.images import TensorData
    from naign.records import Run


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 if it went well, 2 after one sentence about bad input, 130 on Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        if getattr(options, "threads", 0):
            torch.set_num_threads(options.threads)
        return options.run(options) or 0
    except ValueError as error:
        print(f"naign: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="naign", description="Non-adversarial idempotent generative models.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: Callable, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=function)
        return sub

    command("list", _list, "experiments, profiles and what is recorded")

    fit = command("fit", _fit, "train one experiment, or load its run if it exists")
    fit.add_argument("name", help="an experiment or a data set, see `naign list`")
    fit.add_argument("-p", action="append", default=[], metavar="KEY=VALUE", help="profile, seed or any setting")
    fit.add_argument("-o", "--output", type=Path, help="also save the run to this new directory")
    fit.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")
    fit.add_argument("--quiet", action="store_true", help="no progress bar")

    record = command("record", _record, "train what a profile lacks and commit it to data/records")
    record.add_argument("profile")
    record.add_argument("names", nargs="*", help="experiments (default: all of the book's, the ledger's variants too)")
    record.add_argument("-p", action="append", default=[], metavar="KEY=VALUE", help="a variant: numbers only")
    record.add_argument("--seeds", type=int, default=0, help="how many (default: the profile's)")
    record.add_argument("--jobs", type=int, default=1, help="trainings side by side")

    run = command("run", _run, "execute one chapter; unknown or ill-typed parameters are errors")
    run.add_argument("notebook", type=Path)
    run.add_argument("-p", action="append", default=[], metavar="KEY=VALUE")
    run.add_argument("-o", "--output", type=Path, required=True)

    bench = command("bench", _bench, "step time against Algorithm 1, IGN and the matrix rate")
    bench.add_argument("name", nargs="?", help="an experiment: its step alone; or `matchings` (default: Algorithm 1)")
    bench.add_argument("-p", action="append", default=[], metavar="KEY=VALUE", help="profile or any setting of it")
    bench.add_argument("--rounds", type=int, default=15)
    bench.add_argument("--threads", type=int, default=0)
    bench.add_argument("-o", "--output", type=Path, help="also write the measurements to this JSON file")

    lenet = command("lenet", _lenet, "train the LeNet of the FLD on MNIST anew")
    lenet.add_argument("-o", "--output", type=Path, help="file to write (default: the one in the package)")

    ood = command("ood", _ood, "measure and record how well the recorded networks on digits tell what is no digit")
    ood.add_argument("profile")

    command("readme", _readme, "bring the README's numbers and picture up to date with the records")

    book = command("book", _book, "execute what changed and build the book at _build/html")
    book.add_argument("--profile", default="recorded")
    return parser


def pairs(given: list[str]) -> dict[str, str]:
    """["a=1", ...] as {"a": "1", ...}."""
    for item in given:
        if "=" not in item:
            raise ValueError(f"-p {item} is not KEY=VALUE: write it like -p seed=3.")
    return dict(item.split("=", 1) for item in given)


def _list(options: argparse.Namespace) -> None:
    from naign import experiments, profiles, records

    print(f"profiles: {', '.join(profiles.PROFILES)}\n\n{'experiment':<26}recorded runs")
    for name in experiments.names():
        counts = {p: len(records.recorded(name, p)) for p in profiles.PROFILES}
        print(f"{name:<26}{', '.join(f'{p}: {n}' for p, n in counts.items() if n) or '-'}")


def _fit(options: argparse.Namespace) -> None:
    from naign import experiments, files, records, settings

    parameters = pairs(options.p)
    profile = parameters.pop("profile", "paper" if torch.cuda.is_available() else "cpu")
    seed = settings.typed("seed", parameters.pop("seed", 0), 0)
    experiment = experiments.get(options.name, profile, seed, **parameters)
    if options.output and options.output.exists():
        raise ValueError(f"{options.output} exists already: choose another name or remove it.")
    if options.output:
        files.writable_directory(options.output.parent)
    run = records.load_or_fit(experiment, experiments.build, weights=True, progress=not options.quiet)
    path = records.find(experiment, weights=True)
    if options.output:
        path = run.save(options.output)
    print(f"{path}")
    if len(experiment.shape()) == 3:
        _sheets(run, experiment.load_data(), path)


def _sheets(run: Run, data: TensorData, directory: Path) -> None:
    """Pictures of generated and of restored images beside the run."""
    try:
        from naign import corruptions, pictures, projection, restoration
    except ImportError as error:
        print(f"the run is saved; its pictures need {error.name}: install it and repeat the command.", file=sys.stderr)
        return
    generator = torch.Generator().manual_seed(0)
    z = run.source.sample(12, generator)
    clouds = [z.clamp(-1, 1), projection.project(run.f, z), projection.project(run.f, z, 2)]
    pictures.sheet(clouds, ["z", "f(z)", "f(f(z))"]).savefig(directory / "generated.png")
    test = data.test or data
    clean = test.take(torch.randperm(len(test), generator=generator)[:12])
    rows, labels = [clean, projection.project(run.f, clean)], ["x", "f(x)"]
    for name in corruptions.CORRUPTIONS:
        damaged = restoration.damage(name, clean)
        rows += [damaged, projection.project(run.f, damaged), projection.project(run.f, damaged, 2)]
        labels += [name, "f(x')", "f(f(x'))"]
    pictures.sheet(rows, labels).savefig(directory / "restored.png")
    print(f"{directory / 'generated.png'}\n{directory / 'restored.png'}")


def _record(options: argparse.Namespace) -> int:
    """Each training in a process of its own, so that one that fails costs no other."""
    from naign import campaign, experiments, profiles, records

    given = pairs(options.p)
    rows = campaign.every(options.profile) if not options.names else ()
    seeds = profiles.SEEDS.get(options.profile, 1)
    rows = rows or [campaign.Row(name, name, given, seeds) for name in options.names]
    todo = [(row, s) for row in rows for s in range(options.seeds or row.seeds)]
    for row, s in todo:  # refuses what cannot be trained before any work starts
        experiments.get(row.name, options.profile, s, **(row.changes | given))
    todo.sort(key=lambda job: job[1])  # stable: the first seed of everything comes first
    threads = max(1, (os.cpu_count() or 1) // options.jobs)

    def one(job: tuple[campaign.Row, int]) -> bool:
        row, s = job
        changes = row.changes | given
        experiment = experiments.get(row.name, options.profile, s, **changes)
        name = records.directory_name(experiment)
        if (records.records_root() / name).exists():
            return True
        chosen = [f"profile={experiment.profile}", f"seed={experiment.seed}", *(f"{k}={v}" for k, v in changes.items())]
        p = [word for setting in chosen for word in ("-p", setting)]
        command = [sys.executable, "-m", "naign", "fit", experiment.name, *p, "--threads", str(threads), "--quiet"]
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
            return False
        weights = row.keeps_weights(s) and not given
        records.commit(records.cache_root() / "runs" / name, weights, row.images, row.keeps_snapshots)
        return True

    with ThreadPoolExecutor(options.jobs) as pool:
        done = list(pool.map(one, todo))
    print(f"{sum(done)} of {len(done)} runs are recorded")
    return 0 if all(done) else 1


def _run(options: argparse.Namespace) -> None:
    from naign import runner

    runner.run(options.notebook, options.output, pairs(options.p))


def _bench(options: argparse.Namespace) -> None:
    from naign import bench, experiments

    if options.name == "matchings":
        result, text = bench.measure_matchings(options.rounds), bench.report_matchings
    elif options.name:
        parameters = pairs(options.p)
        experiment = experiments.get(options.name, parameters.pop("profile", "cpu"), **parameters)
        result, text = bench.measure_step(experiment, options.rounds), bench.report_step
    elif options.p:
        raise ValueError("-p changes the settings of an experiment: name one, as in `naign bench mnist-naign`.")
    else:
        result, text = bench.measure(options.rounds), bench.report
    print(text(result))
    if options.output:
        options.output.write_text(json.dumps(result, indent=1) + "\n")


def _lenet(options: argparse.Namespace) -> None:
    from naign import downloads, lenet

    path = options.output or lenet.PATH
    net, record = lenet.train(downloads.mnist())
    lenet.save(net, record, path)
    print(f"{path}: test accuracy {record['accuracy']['test']:.2%}")


def _ood(options: argparse.Namespace) -> None:
    from naign import campaign, ood

    rows = campaign.detectors(options.profile)
    models = {row.label: campaign.load(row, options.profile)[0] for row in rows}
    data = campaign.experiments.get(rows[0].name, options.profile).load_data()
    print(ood.record(options.profile, models, data))


def _readme(options: argparse.Namespace) -> None:
    from naign import readme
    from naign.provenance import PACKAGE

    readme.write(PACKAGE.parent)


def _book(options: argparse.Namespace) -> int:
    from naign import runner

    return runner.book(options.profile)


if __name__ == "__main__":
    sys.exit(main())
