"""The stages of the package import forward only, and the core needs few packages."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import naign

PACKAGE = Path(naign.__file__).parent
# Each stage may import the ones before it.
ORDER = [
    *(
        "files",
        "cuda",
        "settings",
        "optim",
        "provenance",
        "sources",
        "toys",
        "images",
        "downloads",
        "folders",
        "ffhq",
        "models",
        "corruptions",
        "losses",
        "matching",
        "memories",
    ),
    *("methods", "balanced", "loop", "training", "records", "projection", "fields", "metrics", "lenet", "evaluation"),
    *("fewshot", "baselines", "restoration", "ood"),
    *(
        "tables",
        "field_tables",
        "figures",
        "pictures",
        "maps",
        "frontiers",
        "panels",
        "profiles",
        "experiment",
        "experiments",
        "campaign",
    ),
    *("bench", "readme", "runner", "__init__", "__main__"),
]
CORE = {"torch", "numpy", "safetensors", "tqdm"}


def imports(path, top_level_only=False):
    tree = ast.parse(path.read_text())
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module == "naign":
                yield from (f"naign.{alias.name}" for alias in node.names)
            else:
                yield node.module


def test_every_module_has_its_place():
    assert {p.stem for p in PACKAGE.glob("*.py")} == set(ORDER)


@pytest.mark.parametrize("module", ORDER)
def test_imports_go_forward_only(module):
    for name in imports(PACKAGE / f"{module}.py"):
        stage = name.split(".")[1] if name.startswith("naign.") else None
        if stage in ORDER:
            assert ORDER.index(stage) < ORDER.index(module), f"{module} imports {name}"


def test_the_core_imports_with_four_packages_only():
    code = "import naign, naign.__main__, sys; print('\\n'.join({m.split('.')[0] for m in sys.modules}))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    heavy = {"matplotlib", "scipy", "sklearn", "skimage", "PIL"}
    heavy |= {"jupytext", "papermill", "ipywidgets", "IPython", "prdc", "pandas"}
    assert not heavy & loaded
    assert loaded >= CORE
