"""What a release needs to be true of the repository; `tests/release.py` builds and uses one."""

import json
import re
import sys

import pytest
import release
import torch
import yaml
from crate import NAME, RECORDS, make
from packaging.requirements import Requirement
from packaging.version import Version
from rocrate.rocrate import ROCrate

import naign
import naign.pages
from naign.base import files
from naign.data import DATA
from naign.pages.command import main
from naign.study import card


def test_the_version_stands_in_one_place():
    project = release.PROJECT
    assert project["project"]["dynamic"] == ["version"] and "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "naign.__version__"}
    newest = re.search(r"^## (\S+)$", (release.ROOT / "CHANGELOG.md").read_text(), re.M)[1]
    assert naign.__version__ == newest
    assert "version" not in yaml.safe_load((release.ROOT / "CITATION.cff").read_text())


def test_the_command_knows_its_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0 and capsys.readouterr().out == f"naign {naign.__version__}\n"


def test_the_citation_has_what_the_format_requires():
    found = yaml.safe_load((release.ROOT / "CITATION.cff").read_text())  # release.py checks it against the schema
    assert found.keys() >= {"cff-version", "message", "title", "authors"} and found["license"] == "MIT"
    paper = found["preferred-citation"]
    assert paper.keys() >= {"type", "title", "authors"} and "2511.02614" in json.dumps(paper)


def test_the_models_that_ship_are_whole_rows_of_recorded_seeds_in_half_precision_and_small():
    kinds, size = {}, 0
    for name in release.shipped():
        config = json.loads((RECORDS / name / "config.json").read_text())
        assert DATA[config["data"]].shared, f"{name}: such data are not to be given away"
        kinds.setdefault(json.dumps(config | {"seed": 0}), []).append(name)
        size += sum(p.stat().st_size for p in (RECORDS / name).glob("*.*"))
    assert size < 6e6
    for config, names in kinds.items():
        weights = [name for name in names if (RECORDS / name / "model.safetensors").exists()]
        assert weights == names[:1], f"the weights of {weights} ship, {names[0]} should be first"
        assert len(card.seeds(json.loads(config))) == len(names), f"a seed of {names[0]} is recorded and does not ship"
        tensors, _ = files.load_tensors(RECORDS / names[0] / "model.safetensors")
        assert {t.dtype for t in tensors.values() if t.is_floating_point()} == {torch.float16}
    called = {json.loads(config)["name"] for config in kinds}
    assert called >= {"grid-naign", "2moons-naign", "trimodal-naign-balanced", "mnist-naign", "mnist-ign"}
    assert len(kinds) == len(called) > 5  # and one beyond the paper


def test_every_package_is_listed():
    found = {p.parent.relative_to(release.ROOT).as_posix() for p in files.PACKAGE.rglob("__init__.py")}
    listed = {name.replace(".", "/") for name in release.PROJECT["tool"]["setuptools"]["packages"]}
    assert listed == found | {"naign/weights"}


def test_every_file_that_the_package_reads_is_packed():
    setuptools = release.PROJECT["tool"]["setuptools"]
    folders = [release.ROOT / name.replace(".", "/") for name in setuptools["packages"]]
    packed = {p for folder in folders for pattern in setuptools["package-data"]["*"] for p in folder.glob(pattern)}
    read = {p for p in files.PACKAGE.rglob("*.*") if p.is_file() and p.suffix not in (".py", ".pyc")}
    assert read - packed == set(), "name them under tool.setuptools.package-data"


def test_what_was_tested_is_allowed_and_pinned():
    pinned = dict(line.split("==") for line in (release.ROOT / "constraints.txt").read_text().splitlines()[1:])
    pinned = {name.lower().replace("_", "-"): Version(version) for name, version in pinned.items()}
    project = release.PROJECT["project"]
    extras = project["optional-dependencies"]
    for text in [*project["dependencies"], *(t for key, texts in extras.items() if key != "all" for t in texts)]:
        asked = Requirement(text)
        assert pinned[asked.name.lower().replace("_", "-")] in asked.specifier, text
    assert set(extras["all"][0].removeprefix("naign[").removesuffix("]").split(",")) == extras.keys() - {"all"}


@pytest.mark.parametrize("command", ["book", "readme", "run book/02-modes.md -o modes.ipynb"])
def test_what_needs_the_book_says_so_outside_a_clone(command, monkeypatch, capsys):
    monkeypatch.setattr(files, "PROJECT", None)
    assert main(command.split()) == 2
    said = capsys.readouterr().err
    assert "are in the repository, not in the package: clone it" in said and said.count("\n") == 1


@pytest.mark.parametrize(
    ("module", "command", "words"),
    [
        ("sklearn.datasets", "fit digits -p profile=quick -p steps=1 --quiet", "pip install naign[book]"),
        ("papermill", "run book/02-modes.md -o modes.ipynb", "papermill is missing"),
    ],
)
def test_an_extra_that_is_missing_is_named(module, command, words, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("NAIGN_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "naign.pages.sheets", raising=False)
    monkeypatch.delattr(naign.pages, "sheets", raising=False)
    assert main(command.split()) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1


def test_a_module_of_ours_that_is_missing_is_no_matter_of_extras(monkeypatch):
    monkeypatch.setitem(sys.modules, "naign.pages.readme", None)
    monkeypatch.delattr(naign.pages, "readme", raising=False)  # as it is once another test has imported it
    with pytest.raises(ModuleNotFoundError, match="naign"):
        main(["readme"])


def test_the_oldest_versions_are_the_bounds():
    text = release.pins(["torch>=2.11", "numpy>=1.26"], None, True)
    assert text == "torch==2.11\nnumpy==1.26"
    assert release.pins(["torch>=2.11"], "2.13.0", True) == "torch==2.13.0"
    assert "torch==9.9\n" in release.pins([], "9.9", False) and "numpy==" in release.pins([], "9.9", False)


def test_the_research_object_is_that_of_the_records():
    text = (RECORDS / NAME).read_text()
    assert json.loads(text) == make(RECORDS), "run `python tests/crate.py`"
    assert len(text) < 300_000
    read = ROCrate(RECORDS)  # refuses what is no research object
    runs = {p.name + "/" for p in RECORDS.iterdir() if p.is_dir()}
    assert runs <= {entity.id for entity in read.data_entities} and read.root_dataset["license"]
    assert all((RECORDS / entity.id).exists() for entity in read.data_entities)


def test_the_workflow_builds_a_release():
    jobs = yaml.safe_load((release.ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    steps = json.dumps(jobs["release"])
    assert "tests/release.py" in steps and "--oldest" in steps and "3.12" in steps
    assert "tests/release.py" in (release.ROOT / ".ci" / "run").read_text()
