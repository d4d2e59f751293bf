"""The code that the first chapter shows trains the same weights as the package, bit for bit."""

from pathlib import Path

import jupytext
import torch

CHAPTER = Path(__file__).parent.parent / "book" / "00-one-page.md"


def test_the_plain_loop_and_fit_give_the_same_weights():
    cells = [cell.source for cell in jupytext.read(CHAPTER).cells if cell.cell_type == "code"]
    names = {}
    for source in cells:
        if "parameters" in source[:20]:
            continue
        exec(compile(source.replace('"recorded"', '"quick"'), str(CHAPTER), "exec"), names)
    pairs = list(zip(names["f"].parameters(), names["run"].f.parameters(), strict=True))
    assert len(pairs) == 8
    assert all(torch.equal(a, b) for a, b in pairs)
    first = torch.nn.Linear(2, 128)
    assert not torch.equal(names["f"][0].weight, first.weight)
