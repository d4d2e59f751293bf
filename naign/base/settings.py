"""Settings: frozen dataclasses whose fields have a type, a range, a default and a sentence, each in one place.

    @settings
    class Schedule:
        steps: int = Field(ge=1, description="optimiser steps")

What does not fit is refused in one sentence, by pydantic; texts become values of the field's type.
"""

import dataclasses
import functools
from typing import Annotated, Any, dataclass_transform

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

__all__ = ["Field", "Numbers", "changed", "defaults", "settings", "values"]


@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
def settings(cls: type) -> type:
    """A frozen, validated dataclass, whose docstring lists its fields; bad values raise ValueError."""
    config = ConfigDict(allow_inf_nan=False, arbitrary_types_allowed=True, extra="forbid")
    cls = dataclass(cls, frozen=True, config=config)
    lines = [f"{name} : {f.description}" for name, f in cls.__pydantic_fields__.items() if f.description]
    if lines:
        cls.__doc__ = "\n".join([f"{cls.__doc__}\n\nParameters\n----------", *lines])
    init = cls.__init__

    @functools.wraps(init)
    def checked(self: object, *args: object, **kwargs: object) -> None:
        try:
            init(self, **dict(zip(cls.__pydantic_fields__, args, strict=False)), **kwargs)  # so that errors name them
        except ValidationError as error:
            raise ValueError(_sentence(error)) from None

    cls.__init__ = checked
    return cls


def _sentence(error: ValidationError) -> str:
    """The first complaint: the setting, its value, what was allowed."""
    first = error.errors()[0]
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    name = first["loc"][0]
    if first["type"] == "missing":
        return f"{name} is missing: give a value."
    if first["type"] == "unexpected_keyword_argument":
        return f"unknown setting {name!r}: it has no such field."
    allowed = first["msg"].removeprefix("Input should be ").split(", unable")[0]
    article = "" if allowed.startswith(("a ", "an ", "'")) else "a number " if "than" in allowed else ""
    return f"{name} is {first['input']!r}: give {article}{allowed}."


def _split(value: object) -> object:
    return [part for part in value.strip("[]() ").split(",") if part.strip()] if isinstance(value, str) else value


Numbers = Annotated[tuple[float, ...], BeforeValidator(_split)]  # "1,2" and "[1, 2]" are read as (1.0, 2.0)


def values(part: object) -> dict[str, Any]:
    """The settings of an object by name; none of what is no settings."""
    return {name: getattr(part, name) for name in getattr(part, "__pydantic_fields__", {})}


def defaults(part: object) -> dict[str, Any]:
    """The default of every setting of an object or class that has one."""
    known = getattr(part, "__pydantic_fields__", {})
    return {name: f.get_default() for name, f in known.items() if not f.is_required()}


changed = dataclasses.replace  # a copy with some settings changed; raises ValueError as `settings` says
