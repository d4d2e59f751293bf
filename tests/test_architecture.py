"""Imports run one way, from the pages down to the core, and training needs few packages."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import naign

PACKAGE = Path(naign.__file__).parent
# What a folder may import of the package. `core` is the files at the top, of which `__init__` and `__main__`,
# the face and the command, may reach anywhere.
MAY = {
    "base": {"base"},
    "core": {"base", "core"},
    "beyond": {"base", "core", "beyond"},
    "data": {"base", "data"},
    "evaluate": {"base", "core", "data", "evaluate"},
    "study": {"base", "core", "beyond", "data", "evaluate", "study"},
    "pages": {"base", "core", "beyond", "data", "evaluate", "study", "pages"},
}
MODULES = sorted(p.relative_to(PACKAGE) for p in PACKAGE.rglob("*.py"))
LIGHT = {"torch", "numpy", "safetensors", "tqdm", "pydantic"}


def folder(parts):
    """Of a module's path within the package."""
    return parts[0] if (PACKAGE / parts[0]).is_dir() else "core"


def imports(path):
    """Every module of the package that a file imports, wherever in it, as the parts of its path."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.split(".")[1:] for name in names if name.startswith("naign."))


def test_every_folder_is_a_room_with_a_rule():
    assert {p.name for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"} == MAY.keys() - {"core"}


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_run_one_way(module):
    if str(module) in ("__init__.py", "__main__.py"):
        return
    for parts in imports(PACKAGE / module):
        target = folder(parts) if (PACKAGE / parts[0]).is_dir() or (PACKAGE / f"{parts[0]}.py").exists() else "face"
        assert target in MAY[folder(module.parts)], f"{module} imports naign.{'.'.join(parts)}"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_no_room_is_too_large(module):
    assert len((PACKAGE / module).read_text().splitlines()) <= 250


def test_the_core_is_read_in_a_sitting():
    assert sum(len(path.read_text().splitlines()) for path in PACKAGE.glob("*.py")) <= 1050


def loaded(code):
    code += "; import sys; print('\\n'.join({m.split('.')[0] for m in sys.modules}))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_training_needs_five_packages_only():
    run = "import naign; naign.fit('grid', profile='quick', steps=2, width=8, batch_size=8, progress=False)"
    heavy = {"matplotlib", "pandas", "skimage", "PIL", "pooch", "jupytext", "papermill", "ipywidgets", "prdc"}
    found = loaded(run)
    assert found >= LIGHT and not heavy & found
    assert not (heavy | {"scipy", "sklearn"}) & loaded("import naign, naign.training, naign.pages.command")


def test_no_record_names_a_path_of_a_machine():
    texts = [p for p in (PACKAGE.parent / "data" / "records").rglob("*") if p.suffix in (".json", ".csv", ".md")]
    assert len(texts) > 500
    assert [p for p in texts if re.search(r"""(^|[\s"'(])/[a-z]+/""", p.read_text(), re.M)] == []
