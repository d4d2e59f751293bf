"""What a stop costs: nothing when asked for, the time since the last state otherwise."""

import os
import signal

import pytest
import torch
from interrupting import Interrupting

from naign import methods
from naign.base import files, interrupts, loop
from naign.data.toys import Grid
from naign.models import MLP, seeded
from naign.optim import Schedule
from naign.sources import StandardNormal
from naign.training import Training


def training(toy, checkpoint=None, steps=60):
    f = seeded(lambda: MLP((2,), 16, 2), 0)
    return Training(f, StandardNormal((2,)), toy, methods.IGN(), Schedule(steps, 16, 1e-2), 0, checkpoint)


def test_a_kill_loses_no_more_than_the_time_between_two_states(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0)
    whole, broken = training(Grid()), training(Interrupting(40, ZeroDivisionError()), tmp_path)
    whole.fit(progress=False)
    with pytest.raises(ZeroDivisionError):  # after which, as after SIGKILL, nothing is saved
        broken.fit(progress=False)
    assert int(files.load_tensors(tmp_path / "checkpoint.safetensors")[1]["step"]) > 30
    again = training(Grid(), tmp_path)
    again.fit(progress=False)
    assert all(torch.equal(a, b) for a, b in zip(whole.f.parameters(), again.f.parameters(), strict=True))


def test_a_second_ctrl_c_does_not_end_the_saving(tmp_path, monkeypatch):
    save = files.save_tensors

    def struck(*given):
        os.kill(os.getpid(), signal.SIGINT)
        save(*given)

    monkeypatch.setattr(files, "save_tensors", struck)
    with pytest.raises(KeyboardInterrupt):
        training(Interrupting(20, KeyboardInterrupt()), tmp_path).fit(progress=False)
    assert int(files.load_tensors(tmp_path / "checkpoint.safetensors")[1]["step"]) == 20


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_asks_to_end_is_heeded(number):
    before = signal.signal(number, signal.SIG_DFL)  # a test may itself run under nohup
    try:
        with interrupts.heeded(), pytest.raises(interrupts.Stopped) as stop:
            signal.getsignal(number)(number, None)
        assert interrupts.exit_code(stop.value) == 128 + number
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)
