"""Do two builds of the book print the same? `python tests/compare_pages.py BEFORE AFTER`, of executed notebooks.

Every line of a table and of a printed text counts, pictures do not. Lines that only one build has are listed;
exit code 1 if there are any.
"""

import difflib
import json
import sys
from pathlib import Path


def printed(path):
    """The lines of tables and texts in a notebook's outputs, in order."""
    lines = []
    for cell in json.loads(path.read_text())["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            text = data.get("text/markdown") or (output.get("text", "") if output.get("name") == "stdout" else "")
            lines += "".join(text).splitlines()
    return lines


def main(before, after):
    names = sorted({p.name for folder in (before, after) for p in Path(folder).glob("*.ipynb")})
    differing = same = 0
    for name in names:
        texts = [printed(p) if p.exists() else [] for p in (Path(before) / name, Path(after) / name)]
        found = [line for line in difflib.ndiff(*texts) if line[0] in "+-"]
        same += sum(line[0] == " " for line in difflib.ndiff(*texts))
        differing += len(found)
        print(f"{name}: {len(texts[0])} lines before, {len(texts[1])} after, {len(found)} of one build only")
        print("\n".join(f"    {line}" for line in found))
    print(f"{same} lines are the same, {differing} stand in one build only")
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
