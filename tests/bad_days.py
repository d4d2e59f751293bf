"""What has been survived: kills, races, full disks, senseless calls and damaged runs, seeded.

    python tests/bad_days.py                      # the long campaign; writes data/records/bad-days.json
    python tests/bad_days.py --scale 0.05         # a twentieth of it, as the tests do

Each attack forks processes that have the package loaded already, in a cache of its own, and returns what it tried
and what failed. A run survives if the same call, made again, ends in the same weights bit for bit and leaves no litter.
"""

import argparse
import contextlib
import errno
import functools
import io
import json
import math
import os
import random
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import types
import warnings
from pathlib import Path

import torch
from PIL import Image

import naign
from naign import training
from naign.base import files, loop, memory
from naign.data import DATA
from naign.data.folder import Folder
from naign.methods import METHODS
from naign.pages.command import main as command
from naign.study import records, runs, sweep
from naign.study.experiment import get

TINY = {"steps": 60, "width": 8, "batch_size": 8}
WRITES = ((os, "replace"), (os, "mkdir"), (shutil, "rmtree"), (files, "save_file"), (Path, "write_bytes"))


def tiny(name="grid-naign", **changes):
    return get(name, "quick", **(TINY | changes))


def train():
    """The call that is attacked; checkpoints at every row."""
    loop.CHECKPOINT_SECONDS = 0
    return runs.load_or_fit(tiny(), weights=True, progress=False)


def forked(function):
    """A function in a process of its own: its exit status, 0 if it returned."""
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    status = 1
    with contextlib.suppress(BaseException), open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 2)
        signal.alarm(120)  # what hangs has failed
        torch.set_num_threads(1)  # the threads of a pool do not survive a fork
        function()
        status = 0
    os._exit(status)


def waited(process):
    return os.waitpid(process, 0)[1]


@contextlib.contextmanager
def elsewhere():
    """A cache and a place of records that are thrown away."""
    before, root = os.environ.get("NAIGN_CACHE"), Path(tempfile.mkdtemp())
    os.environ["NAIGN_CACHE"] = str(root / "cache")
    records_root, records.records_root = records.records_root, lambda: root / "data" / "records"
    try:
        yield root
    finally:
        records.records_root = records_root
        shutil.rmtree(root, ignore_errors=True)
        os.environ.pop("NAIGN_CACHE")
        if before:
            os.environ["NAIGN_CACHE"] = before


def attacked(at, after, strike):
    """Let the at-th write of this process be struck, before or after it is done; how many there were."""
    count = [0]

    def wrapped(original):
        def call(*args, **kwargs):
            count[0] += 1
            now = count[0] == at
            if now and not after:
                strike()
            result = original(*args, **kwargs)
            if now and after:
                strike()
            return result

        return call

    for owner, name in WRITES:
        setattr(owner, name, wrapped(getattr(owner, name)))
    return count


def litter(root):
    """Names of what is left besides the run and its lock."""
    found = [p.relative_to(root / "cache") for p in (root / "cache").rglob("*")]
    unfinished = ("checkpoints", tiny().directory)
    return [str(p) for p in found if p.name.startswith(".") or p.name.endswith(".part") or p.parts[:2] == unfinished]


def weights_of_a_quiet_day():
    with elsewhere():
        return files.checksum(train().f.state_dict())


def writes_of_a_quiet_day():
    with elsewhere() as root:

        def counting():
            count = attacked(0, False, None)
            train()
            with open(root / "count", "w") as file:
                file.write(str(count[0]))

        waited(forked(counting))
        return int((root / "count").read_text())


def struck(n, rng, strike, name):
    """Strike at n of the writes, then call again: failures."""
    wanted, writes, failures = weights_of_a_quiet_day(), writes_of_a_quiet_day(), []
    for i in range(n):
        at, after = 1 + i % writes if n >= writes else rng.randint(1, writes), rng.random() < 0.5
        with elsewhere() as root:

            def attack(at=at, after=after):
                attacked(at, after, strike)
                train()

            waited(forked(attack))
            try:
                same = files.checksum(train().f.state_dict()) == wanted
                left = litter(root)
            except Exception as error:
                failures.append(f"{name} {at} {after}: {error!r}")
                continue
            if not same or left:
                failures.append(f"{name} {at} {after}: same {same}, left {left}")
    return n, failures


def _kill():
    os.kill(os.getpid(), signal.SIGKILL)


def _stop():
    os.kill(os.getpid(), signal.SIGTERM)


def _full():
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def kills(n, rng):
    return struck(n, rng, _kill, "kill")


def stops(n, rng):
    return struck(n, rng, _stop, "stop")


def full_disks(n, rng):
    return struck(n, rng, _full, "full disk")


def races(n, rng):
    """2 or 4 processes at one run: all succeed, one trains."""
    failures = []
    for i in range(n):
        with elsewhere() as root:
            original = runs._train

            def counted(*args, original=original, root=root):
                (root / f"trained-{os.getpid()}").touch()
                return original(*args)

            runs._train = counted
            try:
                status = [waited(p) for p in [forked(train) for _ in range(2 + 2 * (i % 2))]]
            finally:
                runs._train = original
            trained = len(list(root.glob("trained-*")))
            if any(status) or trained != 1 or litter(root):
                failures.append(f"race {i}: {status}, {trained} trained, left {litter(root)}")
    return n, failures


class Forked:
    """Stands for `subprocess.Popen`: a `naign` command in a fork, which has the package loaded already."""

    def __init__(self, arguments, env, **_):
        def run():
            os.environ.update(env)
            if command(arguments[3:]):  # python -m naign
                os._exit(1)

        self.process = forked(run)

    def poll(self):
        done, self.returncode = os.waitpid(self.process, os.WNOHANG)
        return self.returncode if done else None

    def wait(self):
        self.returncode = waited(self.process)

    def terminate(self):
        os.kill(self.process, signal.SIGTERM)


STEPS = 400  # of a training that is struck on its way
SMALL = {"steps": str(STEPS), "width": "8", "batch_size": "8"}


def recorder(root, pause=0.0):
    """`naign record` of one run in a fork, which notes who trains; and a pipe that ends when it and its child have."""
    end, alive = os.pipe()

    def record():
        sweep.subprocess = types.SimpleNamespace(Popen=Forked)
        sweep.os.cpu_count = lambda: 1  # the threads of a pool do not survive a fork

        def counted(*args, train=runs._train):
            (root / f"trained-{os.getpid()}").touch()
            return train(*args)

        def slowed(*args, advance=training.Training.advance):
            if pause:
                time.sleep(pause)
            advance(*args)

        runs._train, training.Training.advance = counted, slowed
        loop.CHECKPOINT_SECONDS = 3600  # what is saved is saved by a signal
        p = [word for key, value in SMALL.items() for word in ("-p", f"{key}={value}")]
        if code := command(["record", "quick", "grid-naign", *p, "--seeds", "1"]):
            os._exit(code)

    process = forked(record)
    os.close(alive)
    return process, end


def recorded(root):
    """The run as the record has it; assures that there is one, whole, that nothing partial is seen, and no litter."""
    name = get("grid-naign", "quick", **SMALL).directory
    assert [p.name for p in (root / "data" / "records").iterdir()] == [name]
    assert not list((root / "cache").rglob(".*")) and not list((root / "cache" / "checkpoints").glob("*"))
    records.load(root / "data" / "records" / name)
    return files.checksum(records.load(root / "cache" / "runs" / name).f.state_dict())


def record_kills(n, rng):
    """`naign record` killed by SIGKILL or SIGTERM in mid-training: its child saves and ends, the next call goes on."""
    failures = []
    with elsewhere() as root:
        process, end = recorder(root)
        os.close(end)
        assert waited(process) == 0
        wanted = recorded(root)
    for i in range(n):
        kind, at_once = (signal.SIGKILL, signal.SIGTERM)[i % 2], i % 4 > 1
        with elsewhere() as root:
            process, end = recorder(root, 0.005)
            while not list(root.glob("trained-*")):
                time.sleep(0.01)
            time.sleep(rng.uniform(0.1, 0.5))
            os.kill(process, kind)
            try:
                status = waited(process)
                assert status == (kind if kind == signal.SIGKILL else 143 << 8), f"status {status}"
                if not at_once:
                    assert select.select([end], [], [], 30)[0], "its child lives"
                    (kept,) = (root / "cache" / "checkpoints").glob("*/checkpoint.safetensors")
                    assert 0 < int(files.load_tensors(kept)[1]["step"]) < STEPS
                process, again = recorder(root)
                assert waited(process) == 0, "the next call fails"
                assert select.select([end, again], [], [], 30)[0], "a child lives"
                os.close(again)
                assert recorded(root) == wanted, "other weights"
            except Exception as error:
                failures.append(f"record {kind.name} {i}: {error!r}")
            os.close(end)
    return n, failures


def record_races(n, rng):
    """2 or 4 times `naign record` of one run at once: all succeed, one trains, one record."""
    failures = []
    for i in range(n):
        with elsewhere() as root:
            started = [recorder(root) for _ in range(2 + 2 * (i % 2))]
            status = [waited(process) for process, _ in started]
            for _, end in started:
                os.close(end)
            try:
                recorded(root)
                assert not any(status) and len(list(root.glob("trained-*"))) == 1
            except Exception as error:
                failures.append(f"record race {i}: {status} {error!r}")
    return n, failures


def git(root, *words):
    told = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(root), *words]
    return subprocess.run(told, capture_output=True, text=True, check=True).stdout.split("\0")[:-1]


def content(directory):
    """What a run holds: the header of its weights has no order, so that their bytes may differ."""
    parts = {k: v for k, v in files.digests(directory).items() if k != "model.safetensors"}
    return parts | {"f": files.checksum(records.load(directory).f.state_dict())}


def commits(n, rng):
    """Killed, stopped or out of space at a write of a commit: nothing partial that `list`, `load` or git would see."""
    failures = []
    with elsewhere() as root:
        experiment = get("digits-naign", "quick", steps=4, width=8, batch_size=8)
        runs.load_or_fit(experiment, progress=False)
        local, target = records.runs_root() / experiment.directory, records.records_root() / experiment.directory

        def commit(at=0, after=False, strike=None):
            count = attacked(at, after, strike)
            records.commit(local, ("weights", "fz", "*.1"))
            (root / "count").write_text(str(count[0]))

        waited(forked(commit))
        whole, writes = content(target), int((root / "count").read_text())
        git(root, "init", "-q")
        shutil.copy(files.PROJECT / ".gitignore", root)
        for i in range(n):
            shutil.rmtree(target, ignore_errors=True)
            at, after = 1 + i % writes if n >= writes else rng.randint(1, writes), rng.random() < 0.5
            name, strike = rng.choice([("kill", _kill), ("stop", _stop), ("full disk", _full)])
            waited(forked(functools.partial(commit, at, after, strike)))
            seen = {p for p in git(root, "status", "--porcelain", "-uall", "-z", "data") if p}
            try:
                there = target.exists()
                assert len(seen) == (len(whole) + 1 if there else 0), f"git sees {seen}"  # with checksums.json
                assert records.recorded(experiment.name, "quick") == ([target] if there else [])
                assert not there or content(target) == whole
                records.commit(local, ("weights", "fz", "*.1"))
                left = [p.name for p in target.parent.iterdir() if p != target]
                assert content(target) == whole and (there or not left), f"left {left}"
            except Exception as error:
                failures.append(f"commit, {name} {at} {after}: {error!r}")
    return n, failures


LARGE = {  # what takes memory or time, and how much is asked of it
    "batch_size": (300, 10**6),
    "candidates": (1, 10**5),
    "width": (8, 2**16),
    "depth": (1, 1000),
    "pool": (1, 10**4),
    "reuse": (1, 10**4),
    "replay_batches": (1, 10**5),
    "steps": (2, 10**9),
    "side": (1, 100),
    "generated": (1, 100),
    "size": (8, 2048),
}


def large(n, rng):
    """Settings that ask for much: refused in a sentence before any work, or a step of them fits into the memory."""
    failures, there = [], memory.available
    memory.available = lambda: 2**29
    for _ in range(n):
        what = f"{rng.choice(['grid', 'digits', 'faces'])}-{rng.choice([*METHODS])}"
        names = [*get(what, "quick").parameters().keys() & LARGE.keys()]
        sizes = {k: round(math.exp(rng.uniform(*map(math.log, LARGE[k])))) for k in rng.sample(sorted(names), 2)}
        if "size" in sizes:
            sizes["size"] = 2 ** round(math.log2(sizes["size"]))

        def fitted(what=what, sizes=sizes):
            try:
                asked = get(what, "quick", **sizes)
            except ValueError as error:
                assert "\n" not in str(error)
                return
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            asked.training(torch.device("cpu")).one_step()
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20  # in KiB: twice what was said

        if waited(forked(fitted)):
            failures.append(f"{what} {sizes}")
    memory.available = there
    return n, failures


VALUES = [
    "-1",
    "0",
    "nan",
    "inf",
    "1e300",
    "99999999999999999999",
    "x",
    "1,2",
    "None",
    "True",
    "🦆",
    "../..",
    "'",
    "",
    " ",
]
NAMES = [
    "steps",
    "batch_size",
    "lr",
    "candidates",
    "width",
    "depth",
    "seed",
    "decay",
    "optimiser",
    "warm_start",
    "replay",
    "replay_batches",
    "dtype",
    "snapshots",
    "source",
    "weight_decay",
    "side",
    "sigma",
    "noise",
    "size",
    "norm",
    "w_idem",
    "distance",
    "recipe",
    "profile",
    "stepz",
    "level",
    "pool",
    "held_out",
    "method",
    "",
]
DATA_SETS = [*(n for n, cls in DATA.items() if not getattr(cls, "stand_in", "")), "nothing", "folder:/nowhere", ""]
ODD = [-1, 0, 10**30, math.nan, [], {}, None, object(), (), b"x"]


def calls(n, rng):
    """Senseless command lines and Python calls: refused in one line of our own, with nothing left behind."""
    failures = []
    for _ in range(n):
        with elsewhere() as root:
            name, value = rng.choice(NAMES), rng.choice(VALUES)
            what = rng.choice(DATA_SETS) + rng.choice(["", *(f"-{m}" for m in METHODS), "-gan"])
            if rng.random() < 0.5:
                p = ["-p", "profile=quick", "-p", "steps=2", "-p", f"{name}={value}"]
                said, code = commanded(["fit", what, *p, "--quiet"])
            else:
                said, code = called(what, name, rng.choice([value, *ODD]))
            if code not in (0, 2) or (code == 2 and said.count("\n") > 1):
                failures.append(f"{what} {name}={value!r}: {code} {said[-300:]}")
            if code == 2 and list((root / "cache" / "runs").glob("*")):
                failures.append(f"{what} {name}={value!r}: a run is left")
    return n, failures


def commanded(arguments):
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()):
        try:
            code = command(arguments)
        except SystemExit as end:
            code = end.code
        except Exception:
            traceback.print_exc()
            code = 1
    return said.getvalue(), code


def called(what, name, value):
    data, _, method = what.partition("-")
    try:
        usual = {"profile": "quick", "steps": 2, "progress": False} | ({"method": method} if method else {})
        naign.fit(data, **(usual | {name: value}))
        return "", 0
    except ValueError as error:
        return str(error), 2
    except Exception:
        return traceback.format_exc(), 1


def damages(n, rng):
    """Flips, cuts and forgeries of every part of a run: each is refused in one sentence."""
    failures = []
    with elsewhere() as root:
        train()
        whole = records.runs_root() / tiny().directory
        for _ in range(n):
            broken = root / "broken"
            shutil.rmtree(broken, ignore_errors=True)
            shutil.copytree(whole, broken)
            path = rng.choice(sorted(p for p in broken.rglob("*") if p.is_file()))
            raw = bytearray(path.read_bytes())
            kind = rng.choice(["flip", "cut", "remove", "empty"])
            if kind == "flip":
                raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
            elif kind == "cut":
                raw = raw[: rng.randrange(len(raw))]
            elif kind == "empty":
                raw = b""
            path.write_bytes(raw) if kind != "remove" else path.unlink()
            if kind == "remove" and path.name == files.CHECKSUMS:
                continue  # a run of an older version has none
            try:
                naign.load(broken)
                failures.append(f"{kind} of {path.name}: loaded")
            except ValueError as error:
                if "\n" in str(error):
                    failures.append(f"{kind} of {path.name}: {error}")
            except Exception as error:
                failures.append(f"{kind} of {path.name}: {error!r}")
    return n, failures


def images(n, rng):
    """Damaged files of six formats, and what is no file: read, or named and skipped, and never waited for."""
    failures = []
    with elsewhere() as root:
        for i in range(n):
            folder = root / str(i)
            folder.mkdir()
            for k in range(3):
                Image.new("RGB", (20, 20), (40 * k, 90, 200)).save(folder / f"good{k}.png")
            odd = folder / f"odd.{rng.choice(['png', 'jpg', 'gif', 'bmp', 'tiff', 'webp'])}"
            kind = rng.choice(["flip", "cut", "empty", "text", "pipe", "folder", "nowhere"])
            if kind in ("pipe", "folder", "nowhere"):
                {"pipe": os.mkfifo, "folder": os.mkdir, "nowhere": lambda p: p.symlink_to("nothing")}[kind](odd)
            else:
                Image.effect_noise((30, 30), 50).convert("RGB").save(odd)
                raw = bytearray(odd.read_bytes())
                raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
                cut = raw[: rng.randrange(len(raw))]
                odd.write_bytes({"flip": raw, "cut": cut, "empty": b"", "text": b"no image"}[kind])

            def read(folder=folder):
                with warnings.catch_warnings(record=True) as told:
                    warnings.simplefilter("always")
                    found = len(Folder(folder, 8).load())
                assert found == 4 or (found == 3 and any("odd." in str(w.message) for w in told))

            if waited(forked(read)):
                failures.append(f"{kind} {odd.name}")
    return n, failures


def downloads(n, rng):
    """Servers that cut, trickle, never end and lie: the cases of `tests/data/test_bad_days.py`, n times."""
    tests = Path(__file__).parent / "data" / "test_bad_days.py"
    arguments = ["-k", "server or processes or dead", "-p", "no:cacheprovider", str(tests)]
    tried, failures = 0, []
    for _ in range(n):
        said = subprocess.run([sys.executable, "-m", "pytest", *arguments], capture_output=True, text=True).stdout
        counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", said)}
        tried += sum(counts.values())
        failures += [said[-300:]] * (counts.get("failed", 0) + counts.get("error", 0))
    return tried, failures


ATTACKS = {  # what, how often in the long campaign
    "killed at a write": (kills, 120),
    "SIGTERM at a write": (stops, 60),
    "disk full at a write": (full_disks, 60),
    "2 or 4 processes at one run": (races, 10),
    "`naign record` killed in mid-training": (record_kills, 24),
    "killed, stopped or full in a commit": (commits, 60),
    "2 or 4 times `naign record` at once": (record_races, 8),
    "settings that ask for much": (large, 100),
    "senseless calls": (calls, 1000),
    "damaged runs": (damages, 400),
    "files that are no images": (images, 100),
}
LONG = ATTACKS | {"downloads from bad servers": (downloads, 2)}  # which `make test` runs anyway


def campaign(scale=1.0, seed=0):
    """Area -> tried, failed, and the failures in words."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    result = {}
    for area, (attack, often) in LONG.items():
        tried, failures = attack(max(2, round(scale * often)), random.Random(seed))
        result[area] = {"tried": tried, "failed": len(failures), "failures": failures}
        print(f"{area:<30}{tried:>6} tried{tried - len(failures):>6} survived", flush=True)
        print("\n".join(failures[:20]), end="\n" if failures else "")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    result = campaign(options.scale, options.seed)
    if options.scale == 1:
        counts = {area: {k: r[k] for k in ("tried", "failed")} for area, r in result.items()}
        (records.records_root() / "bad-days.json").write_text(json.dumps(counts, indent=1) + "\n")
    return int(any(r["failed"] for r in result.values()))


if __name__ == "__main__":
    sys.exit(main())
