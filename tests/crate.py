"""The research object of the records, data/records/ro-crate-metadata.json: what each is, of when, under what licence.

python tests/crate.py    # makes it anew, after new records
"""

import json
import tempfile
from pathlib import Path

from rocrate.model import ContextEntity
from rocrate.rocrate import ROCrate

from naign.base import files
from naign.data import DATA
from naign.study import card

RECORDS = files.project() / "data" / "records"
NAME = "ro-crate-metadata.json"
MIT = "https://spdx.org/licenses/MIT"
OTHERS = {  # what else is recorded
    "bad-days": "what has been survived: kills, races, full disks, senseless calls, damage",
    "bench": "seconds of a training step, see naign bench",
    "left": "scores and settings of runs of methods that are no longer in the package",
    "field-steps": "seconds of a step of the field, IGN and flow matching, see naign bench field",
    "flow": "scores of the flow-matching baseline, see naign flow",
    "matchings": "seconds of a step of each matching, see naign bench matchings",
    "ood": "how well networks on digits tell what is no digit, see naign ood",
    "scaling": "seconds of a step against batch, candidates, image size and processes, see naign bench scaling",
    "sweeps": "matrices of runs that were killed and started again under each engine, see tests/sweeps.py",
    "timings": "seconds of the commands",
    "trials": "what came of the trials that settings are chosen by, see naign trials",
}


def make(records: Path) -> dict:
    """The metadata of a folder of records, as the rocrate library writes them."""
    crate = ROCrate()
    crate.name, crate.license = "Recorded trainings of naign", MIT
    crate.description = "Settings, histories, scores and origins of every training behind the book, and some weights."
    crate.add(ContextEntity(crate, MIT, {"@type": "CreativeWork", "name": "MIT License"}))
    dates = []
    for path in sorted(p for p in records.iterdir() if p.is_dir()):
        config, origin = (json.loads((path / f"{name}.json").read_text()) for name in ("config", "provenance"))
        said = {"name": path.name, "dateCreated": origin["date"], "description": f"made by {card.command(config)}"}
        if not DATA[config["data"]].shared:
            said["license"] = DATA[config["data"]].licence
        crate.add_directory(dest_path=path.name, properties=said)
        dates.append(origin["date"])
    for path in sorted(records.glob("*.json")):
        if path.name != NAME:
            known = (text for key, text in OTHERS.items() if path.stem.startswith(key))
            crate.add_file(dest_path=path.name, properties={"description": next(known, "measurements")})
    crate.datePublished = max(dates)
    with tempfile.TemporaryDirectory() as spare:
        crate.metadata.write(spare)
        found = json.loads((Path(spare) / NAME).read_text())
    found["@graph"].sort(key=lambda entity: entity["@id"])
    return found


if __name__ == "__main__":
    (RECORDS / NAME).write_text(json.dumps(make(RECORDS), indent=1, ensure_ascii=False) + "\n")
