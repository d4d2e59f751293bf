"""What is written whole or not at all, and what clears up after those that died."""

import os
import subprocess
import sys

from naign.base import files


def test_only_what_dead_processes_of_this_machine_left_is_cleared(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    for place, process in ((files.HOST, os.getpid()), (files.HOST, child.pid), ("another", child.pid)):
        (tmp_path / f".run.{place}.{process}.part").mkdir()
    with files.whole(tmp_path / "other") as part:
        part.write_text("")
    left = {f".run.{files.HOST}.{os.getpid()}.part", f".run.another.{child.pid}.part", "other"}
    assert {p.name for p in tmp_path.iterdir()} == left


def test_an_error_without_a_text_says_what_it_is():
    assert files.in_a_line(TimeoutError()) == "TimeoutError"
    assert files.in_a_line(ValueError("\n one line\nand another")) == "one line"
