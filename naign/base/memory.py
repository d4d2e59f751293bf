"""How much memory there is, and the refusal of what needs more."""

import contextlib
import os
from pathlib import Path

import torch

LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container, where there is one
ELSE = 16 * 2**30  # bytes, where nobody says


def available() -> int:
    """Bytes that this machine has, or this container may use."""
    found = [ELSE]
    with contextlib.suppress(AttributeError, ValueError, OSError):
        found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
        found.append(int(LIMIT.read_text()))
    return min(found)


def check(needed: float, what: str, lower: str) -> None:
    """ValueError if `what` needs more bytes than are here, or on a GPU that is; `lower` says what to lower."""
    there = available()
    if needed > there and torch.cuda.is_available():
        there = max(there, torch.cuda.get_device_properties(0).total_memory)
    if needed > there:
        sizes = f"about {needed / 2**30:,.1f} GiB of memory, of {there / 2**30:.1f} that are here"
        raise ValueError(f"{what} would take {sizes}: lower {lower}.")
