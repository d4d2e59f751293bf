"""Seeds and toys of one method as one training (`naign.study.ensemble`), and each of them kept as a run of its own."""

import contextlib
import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from naign.base import files
from naign.models import Dense
from naign.study import records, runs
from naign.study.ensemble import Ensemble, refuse
from naign.study.experiment import Experiment
from naign.study.provenance import device_of, provenance
from naign.study.records import Run, build


def train(experiments: Sequence[Experiment], progress: bool = True) -> list[Path]:
    """Where the run of each experiment lies; those that are not there yet are trained, as few ensembles, and scored.

    ValueError, before any work, if they cannot be stacked.
    """
    todo: dict[tuple, list[Experiment]] = {}
    for experiment in experiments:
        if not isinstance(experiment.network, Dense):
            raise ValueError(f"{experiment.name} cannot be stacked: only networks of dense layers can.")
        refuse(experiment.network.build(experiment.data.shape), experiment.method, experiment.schedule)
        alike = (*map(repr, (experiment.method, experiment.network, experiment.schedule)), experiment.source)
        if runs.find(experiment) is None:
            todo.setdefault((*alike, experiment.data.shape), []).append(experiment)
    for group in todo.values():
        _together(group, progress)
    for experiment in experiments:
        runs.load_or_fit(experiment)  # scores it
    return [runs.find(experiment) for experiment in experiments]


def _together(group: list[Experiment], progress: bool) -> None:
    """Train experiments that differ by data and seed alone, and keep their runs."""
    group = sorted(group, key=lambda experiment: experiment.directory)
    names = [experiment.directory for experiment in group]
    digest = hashlib.sha256(" ".join(names).encode()).hexdigest()[:10]
    checkpoint = files.cache_root() / "checkpoints" / f"stacked-{digest}"
    root, device = files.writable_directory(records.runs_root()), device_of()
    with contextlib.ExitStack() as held:
        for name in names:
            held.enter_context(files.locked(name))
        built = [build(experiment.config()) for experiment in group]
        fs, data = [f.to(device) for f, _ in built], [experiment.data.load() for experiment in group]
        data = [one.to(device) if hasattr(one, "to") else one for one in data]
        first, seeds = group[0], [experiment.seed for experiment in group]
        source = built[0][1].to(device)
        ensemble = Ensemble(fs, source, data, first.method, first.schedule, seeds, checkpoint)
        ensemble.fit(progress)
        share = 1 / len(group)  # of the time, so that those of the runs sum up to what it took
        origin = provenance(device, share * ensemble.seconds()) | {"stacked": len(group)}
        origin["clock"] = {str(step): round(share * at, 2) for step, at in ensemble.clock.items()}
        for k, (experiment, (f, source)) in enumerate(zip(group, built, strict=True)):
            state, history, snapshots = ensemble.of_member(k)
            f.load_state_dict(state)
            run = Run(experiment.config(), history, {}, dict(origin), f.cpu().eval(), source.cpu(), snapshots)
            if runs.find(experiment) is None:  # another process may have been faster
                run.keep(root / experiment.directory)
    shutil.rmtree(checkpoint, ignore_errors=True)
