"""Typed settings: what is refused, in which words, and what texts become."""

import math
from typing import Literal

import pytest

from naign import beyond, methods, models
from naign.base.settings import Field, Numbers, changed, defaults, settings, values
from naign.optim import Schedule


@settings
class Example:
    """An example."""

    count: int = Field(ge=1, description="how many")
    share: float = Field(0.5, ge=0, lt=1, description="of all")
    kind: Literal["a", "b"] = "a"
    at: Numbers = (1.0,)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Example(), "count is missing: give a value."),
        (lambda: Example(0), "count is 0: give a number greater than or equal to 1."),
        (lambda: Example(2.5), "count is 2.5: give a valid integer, got a number with a fractional part."),
        (lambda: Example("x"), "count is 'x': give a valid integer."),
        (lambda: Example(1, 1.0), "share is 1.0: give a number less than 1."),
        (lambda: Example(1, math.nan), "share is nan: give a finite number."),
        (lambda: Example(1, kind="c"), "kind is 'c': give 'a' or 'b'."),
        (lambda: Example(1, other=2), "unknown setting 'other': it has no such field."),
        (lambda: changed(Example(1), share=-1), "share is -1: give a number greater than or equal to 0."),
        (lambda: Schedule(0, 4), "steps is 0: give a number greater than or equal to 1."),
        (lambda: Schedule(10, 4, replay=1.5), "replay is 1.5: give a number less than or equal to 1."),
        (lambda: Schedule(10, 4, optimiser="sgd"), "optimiser is 'sgd': give 'adamw' or 'muon'."),
        (lambda: methods.DAE(level=-1.0), "level is -1.0: give a number greater than or equal to 0."),
        (lambda: methods.NAIGNMinus(w_idem=1.0), "w_idem is 1.0: give a number less than or equal to 0."),
        (lambda: beyond.Balanced(power=0.0), "power is 0.0: give a number greater than 0."),
        (lambda: beyond.Balanced(w_source=math.inf), "w_source is inf: give a finite number."),
        (lambda: methods.make("naign-fair"), "unknown method 'naign-fair': choose one of naign, .*"),
        (lambda: models.Dense(depth=0), "depth is 0: give a number greater than or equal to 1."),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(make, words):
    with pytest.raises(ValueError, match=f"^{words}$") as error:
        make()
    assert "\n" not in str(error.value)


def test_texts_and_lists_become_values():
    example = Example("3", "0.25", "b", "1,2")
    assert example == Example(3, 0.25, "b", (1.0, 2.0)) == Example(3, 0.25, "b", [1, 2])
    assert example == Example(3, 0.25, "b", "[1, 2]") == Example(3, 0.25, "b", " (1., 2,)")
    assert values(example) == {"count": 3, "share": 0.25, "kind": "b", "at": (1.0, 2.0)}
    assert defaults(Example) == {"share": 0.5, "kind": "a", "at": (1.0,)}
    assert values(object()) == defaults(object()) == {}


def test_settings_are_frozen_and_tell_what_they_are():
    with pytest.raises(AttributeError):
        Example(1).count = 2
    assert "count : how many" in Example.__doc__


def test_every_setting_of_the_package_says_what_it_is():
    from naign.data import DATA
    from naign.study.experiment import Experiment

    known = [Schedule, models.Dense, models.Convolutional, Experiment]
    known += [entry.cls for entry in methods.METHODS.values()] + list(DATA.values())
    for cls in known:
        for name, field in cls.__pydantic_fields__.items():
            assert field.description or len(set(field.annotation.__args__)) == 1, (cls, name)  # one choice is none


def test_no_two_parts_of_an_experiment_share_a_name():
    from naign.data import DATA

    shared = {*values(Schedule(1, 1)), *defaults(models.Dense), *defaults(models.Convolutional), "seed", "source"}
    for entry in methods.METHODS.values():
        assert not shared & defaults(entry.cls).keys()
        for data in DATA.values():
            assert not (shared | defaults(entry.cls).keys()) & defaults(data).keys()
