"""What has been survived: kills, races, full disks, senseless calls and damaged runs, seeded.

    python tests/bad_days.py                      # the long campaign; writes data/records/bad-days.json
    python tests/bad_days.py --scale 0.05         # a twentieth of it, as the tests do

Each attack forks processes that have the package loaded already, in a cache of its own, and returns what it tried
and what failed. A run survives if the same call, made again, ends in the same weights bit for bit and leaves no litter.
"""

import argparse
import contextlib
import errno
import io
import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

import torch
from PIL import Image

import naign
from naign import training
from naign.base import files
from naign.data import DATA
from naign.data.folder import Folder
from naign.methods import METHODS
from naign.pages.command import main as command
from naign.study import records, runs
from naign.study.experiment import get

TINY = {"steps": 60, "width": 8, "batch_size": 8}
WRITES = ((os, "replace"), (os, "mkdir"), (shutil, "rmtree"), (files, "save_file"), (Path, "write_bytes"))


def tiny(name="grid-naign", **changes):
    return get(name, "quick", **(TINY | changes))


def train():
    """The call that is attacked; checkpoints at every row."""
    training.CHECKPOINT_SECONDS = 0
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
    try:
        yield root
    finally:
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


def kills(n, rng):
    return struck(n, rng, lambda: os.kill(os.getpid(), signal.SIGKILL), "kill")


def stops(n, rng):
    return struck(n, rng, lambda: os.kill(os.getpid(), signal.SIGTERM), "stop")


def full_disks(n, rng):
    def full():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return struck(n, rng, full, "full disk")


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
DATA_SETS = [*(name for name in DATA if name not in ("mnist", "ffhq100")), "nothing", "folder:/nowhere", ""]
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
    "senseless calls": (calls, 1000),
    "damaged runs": (damages, 300),
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
