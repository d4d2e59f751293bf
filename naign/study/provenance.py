"""Where, when, with what and how long a run was made."""

import datetime
import os
import platform
import subprocess
from pathlib import Path

import torch

from naign.base.files import PROJECT


def provenance(device: torch.device, seconds: float) -> dict:
    """Commit ("-dirty" if more than records differs; without a .git $NAIGN_COMMIT), versions, device, seconds, date."""
    git = ["git", "-C", str(PROJECT)]
    try:
        asked = [*git, "describe", "--always", "--exclude=*", "--abbrev=12"]
        commit = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        # Records may be written meanwhile; what differs besides may have made the run another.
        differs = [*git, "diff", "--quiet", "HEAD", "--", ":/", ":(top,exclude)data/records"]
        commit += "-dirty" * bool(subprocess.run(differs, capture_output=True).returncode)
    except (OSError, subprocess.CalledProcessError):
        commit = os.environ.get("NAIGN_COMMIT", "unknown")
    return {
        "commit": commit,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "seconds": round(seconds, 1),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def device_name(device: torch.device) -> str:
    """What the maker calls it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def device_of(asked: str | torch.device | None = None) -> torch.device:
    """The device asked for, else a GPU if there is one, else the CPU; ValueError if it is not to be had."""
    try:
        device = torch.device(asked or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device is {asked!r}, which is not to be had ({reason}): give cpu or cuda.") from None
    return device
