"""The release, checked as those meet it who have no clone: built, installed alone, used from an empty directory.

    python tests/release.py                              # with the versions of constraints.txt
    python tests/release.py --oldest                     # with the oldest versions that pyproject.toml allows
    python tests/release.py --python python3.13 --torch 2.13.0

Builds the source distribution and from it the wheel, checks both and CITATION.cff, installs the wheel with its
dependencies and no extra in a new environment, and does there what needs no book. The first failure ends it.
"""

import argparse
import inspect
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
TOOLS = ("build==1.6.1", "twine==7.0.0", "cffconvert==2.0.0")  # cffconvert fits beside no Jupyter, so it is no extra
REFUSED = {  # command -> what its one sentence names
    "book": "repository",
    "readme": "repository",
    "run chapter.md -o chapter.ipynb": "repository",
    "fit digits": "naign[book]",
    "fit no-such": "choose one of",
}


def shipped() -> list[str]:
    """The runs that pyproject.toml puts into the wheel."""
    return [pattern.removesuffix("/*.*") for pattern in PROJECT["tool"]["setuptools"]["package-data"]["naign.weights"]]


def pins(dependencies: list[str], torch: str | None, oldest: bool) -> str:
    """Constraints: torch at a version; all else at its lower bound, or as constraints.txt has it."""
    if oldest:
        text = "\n".join(dependency.replace(">=", "==") for dependency in dependencies)
    else:
        text = (ROOT / "constraints.txt").read_text()
    return re.sub(r"(?m)^torch==.*$", f"torch=={torch}", text) if torch else text


def use(names: list[str]) -> None:
    """What a user does in Python; runs in the new environment, with nothing but the package."""
    import math
    from pathlib import Path

    import torch

    import naign

    found = naign.available()
    assert sorted(found) == sorted(names), found
    for name, scores in found.items():
        run = naign.load(name)
        x = naign.generate(run.f, run.source, 256, generator=torch.Generator().manual_seed(0))
        again, far = naign.project(run.f, x), naign.drift(run.f, x)
        assert x.shape[1:] == again.shape[1:] == tuple(run.config["shape"]) and far.shape == (256,)
        assert torch.isfinite(x).all() and 0 < far.mean() < naign.drift(run.f, 9 * torch.randn_like(x)).mean()
        assert len(scores) >= 4 and all(math.isfinite(v) for values in scores.values() for v in values)
        size, seeds = sum(p.numel() for p in run.f.parameters()), len(scores["mean d(x, f(x)) ↓"])
        print(f"{name:<22}{size:>9,} parameters, {seeds} seeds")
    assert naign.load("mnist").config["name"] == "mnist-naign-field"
    assert naign.load("mine").metrics["fz"]["modes"] >= 0
    assert "naign fit grid-naign -p profile=quick -p seed=0 -p steps=60" in Path("mine/README.md").read_text()
    kept, found = (naign.load(path).f.state_dict() for path in ("2moons", "found"))
    assert all(torch.equal(kept[key], found[key]) for key in kept)
    own = naign.fit(torch.randn(64, 3), profile="quick", steps=5, progress=False)
    assert "64 samples of one's own" in (naign.load(own.save("own")).save("copy") / "README.md").read_text()
    for call, words in (
        (lambda: naign.load("ffhq100"), "CC BY-NC-SA"),
        (lambda: naign.load("hf://owner/name"), "naign[hub]"),
        (lambda: own.push_to_hub("owner/name"), "naign[hub]"),
    ):
        try:
            call()
        except ValueError as error:
            assert words in str(error) and "\n" not in str(error), error
        else:
            raise AssertionError(words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="the Python of the new environment")
    parser.add_argument("--torch", help="its version (default: as constrained)")
    parser.add_argument("--oldest", action="store_true", help="every dependency at its lower bound")
    options = parser.parse_args()
    began = time.monotonic()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "NAIGN"))}

    def call(*words: object, code: int = 0) -> str:
        done = subprocess.run(list(map(str, words)), cwd=empty, env=environment, capture_output=True, text=True)
        assert done.returncode == code, f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def say(what: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {what}", flush=True)

    with tempfile.TemporaryDirectory() as spare:
        spare = Path(spare)
        empty, dist = spare / "empty", spare / "dist"
        empty.mkdir()
        environment |= {"HOME": str(spare), "OMP_NUM_THREADS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

        call(sys.executable, "-m", "venv", spare / "tools")
        call(spare / "tools/bin/pip", "install", "-q", *TOOLS)
        call(spare / "tools/bin/python", "-m", "build", "--outdir", dist, ROOT)
        built = sorted(dist.iterdir())
        assert [p.suffix for p in built] == [".whl", ".gz"]
        call(spare / "tools/bin/twine", "check", "--strict", *built)
        call(spare / "tools/bin/cffconvert", "--validate", "-i", ROOT / "CITATION.cff")
        say(", ".join(f"{p.name} {p.stat().st_size / 1e6:.2f} MB" for p in built) + ": built and checked")

        (spare / "pins.txt").write_text(pins(PROJECT["project"]["dependencies"], options.torch, options.oldest))
        call(options.python, "-m", "venv", spare / "alone")
        python, naign = spare / "alone/bin/python", spare / "alone/bin/naign"
        call(python, "-m", "pip", "install", "-q", "-c", spare / "pins.txt", built[0])
        installed = dict(line.split("==") for line in call(python, "-m", "pip", "freeze").splitlines() if "==" in line)
        for dependency in PROJECT["project"]["dependencies"]:
            name, least = dependency.split(">=")
            assert not options.oldest or installed[name].startswith(least) or options.torch and name == "torch", name
        assert not installed.keys() & {"matplotlib", "pandas", "pillow", "scikit-learn", "huggingface_hub"}
        call(python, "-m", "pip", "check")
        used = [f"{d.split('>=')[0]} {installed[d.split('>=')[0]]}" for d in PROJECT["project"]["dependencies"]]
        say(f"{call(python, '--version').strip()}, {', '.join(used)}: installed")

        assert str(ROOT) not in call(python, "-c", "import naign; print(naign.__file__)")
        version = call(naign, "--version").split()[1]
        assert version in built[0].name and f"## {version}" in (ROOT / "CHANGELOG.md").read_text().split("\n\n")[1]
        call(naign, "list")
        call(naign, "fit", "grid", "-p", "profile=quick", "-p", "steps=60", "--quiet", "-o", "mine")
        call(naign, "fit", "2moons", "-p", "profile=cpu", "--quiet", "-o", "found")  # is not trained: it is there
        call(naign, "bench", "grid-naign", "-p", "profile=quick", "--rounds", "2")
        for command, words in REFUSED.items():
            said = call(naign, *command.split(), code=2)
            assert words in said and said.count("\n") == 1, said
        say("naign --version, list, fit, bench; what needs more says so in one sentence")
        names = sorted({re.sub(r"-(quick|cpu|paper)-s\d+-\w+$", "", name) for name in shipped()})
        print(call(python, "-c", f"{inspect.getsource(use)}\nuse({names})"), end="")
        say("load, available, generate, project, drift, fit, save: all that needs no book works alone")


if __name__ == "__main__":
    main()
