"""Verdicts on the paper's claims follow one rule, and every claim has runs."""

import pytest

from naign.pages import book, claims
from naign.study import plan


def test_the_rule_by_hand():
    assert claims.verdict([3, 4], [1, 3]) == "reproduced"  # each at least as good as each
    assert claims.verdict([2, 4], [1, 3]) == "partly"  # means in order, runs not
    assert claims.verdict([1, 3], [2, 4]) == "not"
    assert claims.verdict([2, 2], [2, 2], less=True) == "reproduced"
    assert claims.verdict([1, 3], [2, 4], less=True) == "partly"
    assert claims.verdict([25, 25], [25]) == "reproduced"  # against a number


def test_the_interval_of_a_further_seed_by_hand():
    # mean 4, standard deviation 1, t(0.9, 2) = 1.8856, and 1.8856 (1 + 1/3)^(1/2) = 2.1773
    assert claims.expected([3, 4, 5], 2) == "1.82 to 6.18"
    assert claims.expected([1, 2, 3], 2) == "0.00 to 4.18"  # no score is negative
    assert claims.expected([25, 25, 25], 0) == "25 to 25"  # seeds that agree
    assert claims.expected([1, 2], 2) == "unknown"


def test_every_claim_has_a_verdict_runs_and_a_page():
    for claim in claims.CLAIMS:
        assert (book.ROOT / "book" / f"{claim['chapter']}.md").exists()
        if claim.get("verdict"):
            assert claim["verdict"] in ("proved", "shown") and "score" not in claim
            continue
        sides = claims.sides(claim)
        assert any(runs for _, runs, _ in sides)
        assert all(len(runs) == len(values) >= 3 for _, runs, values in sides if runs), claim
        assert claims.said(claim) in ("reproduced", "partly", "not")
    assert len({(c["paper"], c["says"]) for c in claims.CLAIMS}) == len(claims.CLAIMS)


@pytest.mark.parametrize("paper", [f"Figure {n}" for n in range(2, 10)] + ["Table 1", "Table 2", "Lemma 1"])
def test_every_figure_and_table_of_the_paper_is_there(paper):
    assert any(claim["paper"] == paper for claim in claims.CLAIMS)


def test_what_trains_a_further_seed_names_one_that_is_not_recorded():
    lines = claims.again().splitlines()[2:]
    assert "| `naign fit mnist-naign -p profile=cpu -p seed=3` |" in "\n".join(lines)
    assert len({line.split("|")[1] for line in lines}) == len(lines)


def test_the_chapters_share_the_claims_out():
    def numbers(text):
        return [line.split("|")[1].strip() for line in text.splitlines()[2:]]

    chapters = dict.fromkeys(claim["chapter"] for claim in claims.CLAIMS)
    shared = [number for chapter in chapters for number in numbers(claims.overview(chapter))]
    assert sorted(shared, key=int) == numbers(claims.overview())


def test_the_minutes_of_a_further_seed_are_the_mean_of_those_recorded():
    command, runs = "`naign fit mnist-naign -p profile=cpu -p seed=3`", plan.recorded("mnist.main")["NAIGN"]
    (line,) = (line for line in claims.again().splitlines() if command in line)
    mean = sum(run.provenance["seconds"] for run in runs) / 60 / len(runs)
    assert line.split("|")[2].strip() == f"{mean:.1f}"
