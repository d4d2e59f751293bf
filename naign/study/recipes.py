"""Profiles and recipes: the settings of `recipes.toml`, by kind of data, method and scale."""

import tomllib
from pathlib import Path

PROFILES = ("quick", "cpu", "paper")  # by size
RECIPES = ("ours", "paper")  # of images: tuned here, or the paper's own
SETTLED = ("line", "plane", "flat")  # kinds with one recipe only
RULES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())["rule"]


def chosen(kind: str, method: str, profile: str, recipe: str = "ours") -> dict[str, object]:
    """Every setting that the rules set, by name; ValueError if the profile or the recipe is unknown."""
    check("profile", profile, PROFILES)
    check("recipe", recipe, RECIPES)
    asked = {"kinds": kind, "methods": method, "recipes": recipe}
    result: dict[str, object] = {}
    for rule in RULES:
        if all(value in rule.get(key, [value]) for key, value in asked.items()):
            result |= rule.get("all", {}) | rule.get(profile, {})
    return result


def check(what: str, value: str, known: tuple[str, ...]) -> None:
    """ValueError, in one sentence, if the value is none of the known."""
    if value not in known:
        raise ValueError(f"unknown {what} {value!r}: choose one of {', '.join(known)}.")
