"""Profiles and recipes: the settings of `recipes.toml`, by kind of data, method and scale."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path

PROFILES = ("quick", "cpu", "paper")  # by size
RECIPES = ("ours", "paper")  # of images: tuned here, or the paper's own
SETTLED = ("line", "plane", "flat")  # kinds with one recipe only


@functools.cache
def _table() -> dict:
    return tomllib.loads((Path(__file__).parent / "recipes.toml").read_text())


def plan(profile: str) -> dict:
    """Seeds and lengths of the plan's rows at a profile."""
    _check("profile", profile, PROFILES)
    return _table()["plan"][profile]


def chosen(kind: str, method: str, profile: str, recipe: str = "ours") -> dict[str, object]:
    """Every setting that the rules set, by name.

    Raises
    ------
    ValueError
        If the profile or the recipe is unknown.
    """
    _check("profile", profile, PROFILES)
    _check("recipe", recipe, RECIPES)
    asked = {"kinds": kind, "methods": method, "recipes": recipe}
    result: dict[str, object] = {}
    for rule in _table()["rule"]:
        if all(value in rule.get(key, [value]) for key, value in asked.items()):
            result |= rule.get("all", {}) | rule.get(profile, {})
    return result


def _check(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"unknown {what} {value!r}: choose one of {', '.join(known)}.")
