"""The `naign` command as a user meets it."""

import functools
import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from chapters import NOTEBOOK

import naign
from naign.base import files
from naign.data.corruptions import CORRUPTIONS
from naign.pages import book, command
from naign.pages.command import main
from naign.study import day, records, sweep

SMALL = ["-p", "profile=quick", "-p", "steps=20", "-p", "width=8", "-p", "batch_size=8"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("NAIGN_CACHE", str(tmp_path / "cache"))


def test_list_names_every_experiment(capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("trimodal-naign", "grid-ign", "8gaussians-naign-minus", "quick, cpu, paper"))


def test_fit_saves_a_run_and_finds_it_again(capsys, tmp_path):
    assert main(["fit", "grid-naign", *SMALL, "--quiet"]) == 0
    first = capsys.readouterr().out
    assert main(["fit", "grid-naign", *SMALL, "-o", str(tmp_path / "copy")]) == 0
    assert json.loads((tmp_path / "copy" / "config.json").read_text())["parameters"]["steps"] == 20
    assert "grid-naign-quick-s0-" in first


def test_fit_shows_progress_with_every_term(capsys):
    main(["fit", "grid-naign", *SMALL])
    bar = capsys.readouterr().err
    assert all(term in bar for term in ("rec=", "imle=", "idem=", "total=", "distinct=", "20/20"))


def test_fit_digits_ends_in_a_model_and_two_sheets(capsys):
    from matplotlib.image import imread

    assert main(["fit", "digits", "-p", "profile=quick", "-p", "steps=30", "--quiet"]) == 0
    run, generated, restored = capsys.readouterr().out.split()
    assert os.path.exists(f"{run}/model.safetensors")
    for picture in (generated, restored):
        assert imread(picture).std() > 0.05  # something is drawn


@pytest.fixture
def photographs(tmp_path):
    """A folder of twelve images of several sizes and modes, one of them broken."""
    import numpy as np
    from PIL import Image

    folder = tmp_path / "photographs"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(12):
        small = Image.fromarray(rng.integers(0, 255, (4, 4, 3)).astype(np.uint8))
        small.resize((40 + i, 60), Image.Resampling.BICUBIC).convert("L" if i % 3 else "RGB").save(folder / f"{i}.png")
    (folder / "broken.jpg").write_bytes(b"no image")
    return folder


def test_fit_a_folder_ends_in_a_model_and_two_sheets(photographs, capsys, tmp_path):
    arguments = ["fit", f"folder:{photographs}", "-p", "profile=quick", "-p", "size=32", "-p", "held_out=3"]
    with pytest.warns(UserWarning, match="1 of 13 images could not be read and are skipped: broken.jpg"):
        assert main([*arguments, "-o", str(tmp_path / "mine")]) == 0
    captured = capsys.readouterr()
    assert "10/10" in captured.err and "imle=" in captured.err
    mine = tmp_path / "mine"
    assert captured.out.split() == [str(mine), str(mine / "generated.png"), str(mine / "restored.png")]
    run = naign.load(tmp_path / "mine")
    assert run.config["shape"] == [3, 32, 32] and run.config["samples"] == 9
    assert run.config["parameters"]["candidates"] == 20 and run.config["parameters"]["replay"] == 0.5
    assert naign.generate(run.f, run.source, 2).shape == (2, 3, 32, 32)
    assert run.metrics["data"]["baselines"].keys() == set(CORRUPTIONS)
    assert "fz" in run.images and not run.images.keys() & {"generated", "restored"}


def test_fit_a_folder_with_another_method(photographs, capsys):
    with pytest.warns(UserWarning, match="could not be read"):
        options = ["-p", "profile=quick", "-p", "size=16", "-p", "method=ign", "-p", "steps=4", "--quiet"]
        assert main(["fit", f"folder:{photographs}", *options]) == 0
    assert "folder-ign-quick-s0-" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ([], "is not a folder: give one that holds images"),
        (["-p", "size=48"], "size is 48: give a power of two, 8 or more"),
        (["-p", "method=gan"], "unknown method 'gan'"),
        (["-p", "replay=2"], "replay is '2': give a number less than or equal to 1"),
    ],
)
def test_a_folder_that_cannot_be_used_is_one_sentence_and_exit_code_2(change, words, photographs, capsys, recwarn):
    path = photographs if change else photographs / "absent"
    assert main(["fit", f"folder:{path}", "-p", "profile=quick", *change]) == 2
    message = capsys.readouterr().err.strip()
    assert words in message and "\n" not in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fit", "cifar-naign"], "unknown data set"),
        (["fit", "grid-gan"], "unknown method"),
        (["fit", "grid-naign", "-p", "profile=big"], "unknown profile"),
        (["fit", "grid-naign", "-p", "stepz=3"], "unknown parameter"),
        (["fit", "grid-naign", "-p", "steps"], "-p steps is not KEY=VALUE"),
        (["fit", "grid-naign", "-p", "candidates=0.0001"], "M must be at least 1"),
        (["fit", "grid-naign", "-p", "steps=many"], "steps is 'many': give a valid integer"),
        (["fit", "grid-naign", "-p", "lr=nan"], "lr is 'nan': give a finite number"),
        (["fit", "grid-naign", "-p", "width=0"], "width is '0': give a number greater than or equal to 1"),
        (["fit", "grid-naign", "-p", "optimiser=sgd"], "optimiser is 'sgd': give 'adamw' or 'muon'"),
        (["fit", "grid-naign", "-p", "seed=x"], "seed is 'x'"),
        (["fit", "grid-naign", "-o", "/"], "exists already"),
        (["run", "nothing.md", "-o", "x.ipynb"], "nothing.md is no text notebook: give one such as"),
        (["record", "big"], "unknown profile"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(capsys, arguments, words):
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.startswith("naign: ")
    assert err.count("\n") == 1


def test_recorded_runs_are_scored_anew_on_request(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "records_root", lambda: tmp_path / "records")
    assert main(["fit", "grid-naign", *SMALL, "--quiet", "-o", str(tmp_path / "records" / "kept")]) == 0
    assert main(["fit", "grid-ign", *SMALL, "--quiet", "-o", str(tmp_path / "records" / "numbers")]) == 0
    (tmp_path / "records" / "numbers" / "model.safetensors").unlink()
    before = (tmp_path / "records" / "kept" / "metrics.json").read_text()
    (tmp_path / "records" / "kept" / "metrics.json").write_text("{}")
    for name in ("kept", "numbers"):
        files.write_checksums(tmp_path / "records" / name)
    capsys.readouterr()
    assert main(["record", "--rescore"]) == 0
    said = capsys.readouterr()
    assert (tmp_path / "records" / "kept" / "metrics.json").read_text() == before
    assert "1 runs are scored anew" in said.out and said.out.splitlines()[-1] == "numbers"


def test_ctrl_c_saves_and_the_same_command_continues(tmp_path):
    long = ["-p", "profile=quick", "-p", "steps=40000"]
    command = [sys.executable, "-m", "naign", "fit", "grid-naign", *long, "--threads", "1"]
    # A shell starts background jobs with this signal ignored, and children inherit that.
    heard = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=heard)
    while (letter := process.stderr.read(1)) != "/":  # until the bar has begun
        assert letter, "the training ended before it began"
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same call continues" in err
    assert list((tmp_path / "cache" / "checkpoints").glob("*/checkpoint.safetensors"))
    assert not list((tmp_path / "cache" / "runs").glob("*"))


def test_one_process_records_what_two_record(tmp_path, monkeypatch):
    def recorded(jobs):
        root = tmp_path / f"jobs{jobs}"
        monkeypatch.setenv("NAIGN_CACHE", str(root / "cache"))
        monkeypatch.setattr(records, "records_root", lambda: root / "records")
        small = ["-p", "steps=20", "-p", "width=8"]
        assert main(["record", "quick", "grid-naign", "grid-ign", *small, "--jobs", str(jobs), "--seeds", "1"]) == 0
        assert len(list((root / "records").iterdir())) == 2
        runs = sorted((root / "cache" / "runs").iterdir())
        return {p.name: files.checksum(files.load_tensors(p / "model.safetensors")[0]) for p in runs}

    assert recorded(1) == recorded(2)


SHOWN = """from IPython.display import Markdown
Markdown(f"| f | a | b |\\n| --- | --- | --- |\\n| NAIGN | {seed + share} |  |\\n\\nA sentence.")"""
CHAPTER = NOTEBOOK.replace("print(profile, seed + 1, share * 2)", SHOWN)


def test_a_matrix_of_chapters_is_checked_kept_by_name_not_repeated_and_merged(tmp_path, capsys):
    page, path = tmp_path / "01-odd.md", tmp_path / "m.toml"
    page.write_text(CHAPTER)
    path.write_text(f'chapters = ["{page}"]\nprofile = "quick"\nseeds = 2\n[grid]\nshare = [2]\nl = [0]\n')
    assert main(["sweep", str(path)]) == 2
    assert "has no parameter 'l': it knows profile, seed, share" in capsys.readouterr().err
    path.write_text(path.read_text().replace("l = [0]\n", ""))
    assert main(["sweep", str(path), "--dry-run"]) == 0
    assert "01-odd_profile=quick_share=2_seed=0\n01-odd_profile=quick_share=2_seed=1\n2 of 2" in capsys.readouterr().out
    assert main(["sweep", str(path), "--jobs", "2"]) == 0
    made = {book: book.stat().st_mtime_ns for book in (tmp_path / "m").iterdir()}
    assert {book.name for book in made} == {f"01-odd_profile=quick_share=2_seed={seed}.ipynb" for seed in (0, 1)}
    lines = [
        "chapter,profile,share,seed,table,row,column,value",
        "01-odd,quick,2,0,1,NAIGN,a,2.0",
        "01-odd,quick,2,0,1,NAIGN,b,",
    ]
    lines += ["01-odd,quick,2,1,1,NAIGN,a,3.0", "01-odd,quick,2,1,1,NAIGN,b,"]
    assert (tmp_path / "m.csv").read_text().splitlines() == lines
    assert main(["sweep", str(path)]) == 0
    assert {book: book.stat().st_mtime_ns for book in (tmp_path / "m").iterdir()} == made


@pytest.mark.parametrize("whole", [True, False])
def test_what_is_left_undone_is_an_exit_code_of_1(tmp_path, monkeypatch, whole):
    monkeypatch.setenv("NAIGN_CACHE", str(tmp_path))
    monkeypatch.setattr(sweep, "perform", lambda *_: whole)
    monkeypatch.setattr(sweep.Job, "done", lambda _: True)
    monkeypatch.setattr(sweep, "tabulate", lambda *_: None)
    monkeypatch.setattr(book, "run", lambda *_, **__: None)
    monkeypatch.setattr(day, "spend", lambda *_: whole)
    (tmp_path / "m.toml").write_text('experiments = ["grid-naign"]\nprofile = "quick"\n')
    for words in (["record", "quick", "grid-naign"], ["sweep", str(tmp_path / "m.toml")], ["paper-day", "out"]):
        assert command.main(words) == (0 if whole else 1), words


@pytest.mark.parametrize("name", ["lenet", "bench"])
def test_where_to_write_is_refused_before_any_work(name, monkeypatch, tmp_path, capsys):
    def worked(*_, **__):
        pytest.fail("minutes were spent before the place was looked at")

    monkeypatch.setattr(command, "Mnist", lambda: SimpleNamespace(load=lambda: None))
    monkeypatch.setattr(command.lenet, "train", worked)
    monkeypatch.setattr(command.bench, "measure_step", worked)
    (tmp_path / "file").touch()
    words = [name, *(["grid-naign"] if name == "bench" else []), "-o", str(tmp_path / "file" / "x")]
    assert command.main(words) == 2
