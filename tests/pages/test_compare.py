"""What two builds print is compared line by line."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent / "compare_pages.py"


def write(folder, *outputs, name="01.ipynb"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps({"cells": [{"source": ""}, {"outputs": list(outputs)}]}))
    return folder


def shown(*lines):
    return {"output_type": "execute_result", "data": {"text/markdown": [f"{line}\n" for line in lines]}}


PRINTED = {"output_type": "stream", "name": "stdout", "text": "3 runs\nof 5 steps\n"}
DRAWN = {"output_type": "display_data", "data": {"image/png": "aGVsbG8=", "text/plain": "<Figure>"}}


def compared(*folders):
    result = subprocess.run([sys.executable, SCRIPT, *folders], capture_output=True, text=True)
    return result.returncode, result.stdout


def test_builds_that_print_the_same_are_the_same_whatever_they_draw(tmp_path):
    one = write(tmp_path / "a", shown("| a |", "| 1.25 |"), PRINTED, DRAWN)
    other = write(tmp_path / "b", shown("| a |", "| 1.25 |"), PRINTED)
    code, out = compared(one, other)
    assert code == 0 and "4 lines are the same, 0 stand in one build only" in out


def test_one_digit_that_changed_is_named(tmp_path):
    one = write(tmp_path / "a", shown("| a |", "| 1.25 |"), PRINTED)
    for i, changed in enumerate(((shown("| a |", "| 1.26 |"), PRINTED), (shown("| a |", "| 1.25 |"),))):
        code, out = compared(one, write(tmp_path / f"b{i}", *changed))
        assert code == 1
        assert (
            ("- | 1.25 |" in out and "+ | 1.26 |" in out) if i == 0 else ("- 3 runs" in out and "- of 5 steps" in out)
        )


def test_a_page_that_one_build_lacks_counts(tmp_path):
    one, other = write(tmp_path / "a", PRINTED), write(tmp_path / "b", PRINTED)
    write(other, shown("| new |"), name="02.ipynb")
    code, out = compared(one, other)
    assert code == 1 and "02.ipynb: 0 lines before, 1 after" in out and "+ | new |" in out
