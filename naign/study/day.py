"""The runs of the paper profile on a lent machine: in order, within minutes, and packed to be taken home.

`day.toml` lists what is done. What was done is remembered in the cache, so that the next call, there or on another
machine to which the pack was brought, goes on where this one was cut.
"""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from pathlib import Path

from naign.base import files, interrupts
from naign.base.capture import SWITCH
from naign.study import plan, records

PIECE, MOST = 15 * 2**20, 4  # bytes of a file that is taken home, and how many of them at most
GRACE = 20  # seconds that a command has to save its state, and packing after it
PARTS = {part["name"]: part for part in tomllib.loads(Path(__file__).with_suffix(".toml").read_text())["part"]}


def spend(out: Path, profile: str, minutes: float, names: list[str]) -> bool:
    """Do what is left of some parts, by default of all, within some minutes; whether nothing is left of them.

    out : a folder for `log.txt` and home.000, home.001, ..., pieces below 16 MB of a tar of what came of it, by paths
        from the repository
    """
    if unknown := [name for name in names if name not in PARTS]:
        raise ValueError(f"unknown part {unknown[0]!r}: choose from {', '.join(PARTS)}.")
    plan.scale(profile)  # refuses an unknown one
    files.project()
    files.writable_directory(out)
    end, left = time.monotonic() + 60 * minutes - 2 * GRACE, False
    try:
        with (out / "log.txt").open("a") as log:
            for name in names or PARTS:
                until = min(end, time.monotonic() + 60 * PARTS[name]["minutes"])
                for words in PARTS[name]["commands"]:
                    left |= not _once(words, profile, until, log)
    finally:
        with interrupts.ignored():
            _commit(profile)
            pack(out)
    return not left


def _folder() -> Path:
    """With done.json, each command's seconds, and packed.json, the bytes of the records of earlier packs."""
    return files.writable_directory(files.cache_root() / "day")


def _once(words: str, profile: str, until: float, log: io.TextIOBase) -> bool:
    """Whether a command is done, now or before; it is tried again without capture where that fails."""
    key = words.format(profile=profile, out="day") + f", profile {profile}"
    if key in files.read_json(_folder() / "done.json"):
        return True
    if time.monotonic() >= until:
        print(f"no time is left for: naign {key}", file=sys.stderr, flush=True)
        return False
    began, asked = time.monotonic(), [word.format(profile=profile, out=_folder()) for word in words.split()]
    code, said = _run(asked, until, {})
    if code and f"{SWITCH}=0" in said:
        log.write(said)
        code, said = _run(asked, until, {SWITCH: "0"})
    seconds = round(time.monotonic() - began, 1)
    outcome = f"{ {0: 'done', None: 'cut'}.get(code, f'failed with {code}') } after {seconds} s: naign {key}"
    log.write(f"{said}{outcome}\n\n")
    log.flush()
    print(outcome, file=sys.stderr, flush=True)
    if code == 0:
        done = _folder() / "done.json"
        files.write_json(done, files.read_json(done) | {key: seconds})
    return code == 0


def _run(words: list[str], until: float, more: dict[str, str]) -> tuple[int | None, str]:
    """The exit code of a command, None if its time was over, and all that it said."""
    environment = os.environ | {interrupts.PARENT: str(os.getpid())} | more
    command = [sys.executable, "-m", "naign", *words]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    try:
        said, _ = child.communicate(timeout=max(0, until - time.monotonic()))
        return child.returncode, said
    except (subprocess.TimeoutExpired, KeyboardInterrupt) as stop:
        child.terminate()  # which saves its state
        try:
            said, _ = child.communicate(timeout=GRACE)
        except subprocess.TimeoutExpired:
            child.kill()
            said, _ = child.communicate()
        if isinstance(stop, KeyboardInterrupt):
            raise
        return None, said


def _commit(profile: str) -> None:
    """Every scored local run of a profile to the records, with what the plan keeps of it."""
    kept = plan.kept(profile)
    for path in sorted(records.runs_root().glob(f"*-{profile}-s*")):
        if _scored(path):  # one that was cut before needs its weights, which a record may lack
            records.commit(path, kept.get(path.name, ("weights",)))


def _scored(path: Path) -> bool:
    return files.read_json(path / "metrics.json") != {}


def pack(out: Path) -> None:
    """Measurements, records that no earlier call packed, and the states of what was cut, as far as there is room."""
    packed = files.read_json(_folder() / "packed.json")
    runs = sorted(records.runs_root().glob("[!.]*"))
    mine = [records.records_root() / path.name for path in runs]
    found = {"data/cache/day": _folder()}
    found |= {f"data/records/{path.name}": path for path in mine if path.exists() and path.name not in packed}
    found |= {f"data/cache/runs/{path.name}": path for path in runs if not _scored(path)}
    checkpoints = sorted((files.cache_root() / "checkpoints").glob("*"), key=lambda path: -path.stat().st_mtime)
    found |= {f"data/cache/checkpoints/{path.name}": path for path in checkpoints}
    for old in out.glob("home.*"):
        old.unlink()
    room = PIECE * MOST
    with tempfile.TemporaryFile(dir=out) as whole:
        with tarfile.open(fileobj=whole, mode="w:gz") as tar:
            for name, path in found.items():
                size = sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
                if size > room:
                    print(f"{name} has {size / 2**20:.0f} MiB and stays: no room is left for it", file=sys.stderr)
                    continue
                room -= size
                tar.add(path, name)
                packed |= {path.name: size} if path.parent == records.records_root() else {}
        whole.seek(0)
        for count, piece in enumerate(iter(lambda: whole.read(PIECE), b"")):
            (out / f"home.{count:03d}").write_bytes(piece)
    files.write_json(_folder() / "packed.json", packed)
