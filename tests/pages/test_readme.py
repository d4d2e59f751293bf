"""The README's numbers are those of the records, and the records load."""

import json
import re

import pytest
import torch

import naign
from naign import campaign, experiments, files, images, metrics, projection, readme, records, restoration, tables, toys
from naign.corruptions import CORRUPTIONS
from naign.provenance import PACKAGE

ROOT = PACKAGE.parent


def test_the_readme_s_numbers_are_the_records():
    assert readme.numbers(ROOT) in (ROOT / "README.md").read_text(), "run `naign readme`"


def test_every_record_is_whole_and_belongs_to_its_name():
    paths = [p for p in records.records_root().iterdir() if p.is_dir()]
    assert paths
    for path in paths:
        run = records.load(path, experiments.build)
        p = run.config["parameters"]
        defaults = experiments.get(run.config["name"], run.config["profile"]).parameters()
        changed = {k: v for k, v in p.items() if v != (list(d) if isinstance(d := defaults[k], tuple) else d)}
        experiment = experiments.get(run.config["name"], run.config["profile"], run.config["seed"], **changed)
        assert records.directory_name(experiment) == path.name
        assert not re.search("dirty", run.provenance["commit"]), path
        assert max(run.history["step"]) == p["steps"]


def test_recorded_weights_are_one_line_away():
    run = naign.load("8gaussians-naign")
    samples = naign.generate(run.f, run.source, 2000, generator=torch.Generator().manual_seed(0))
    toy = experiments.get("8gaussians-naign").load_data()
    good = toy.is_high_quality(samples).float().mean().item()
    assert good == pytest.approx(run.metrics["fz"]["high_quality"], abs=0.03)  # half precision, fewer samples


def test_records_are_small():
    sizes = [p.stat().st_size for p in records.records_root().rglob("*") if p.is_file()]
    assert sum(sizes) < 80e6
    assert max(sizes) < 16e6


def test_recorded_digits_come_out_again_without_the_data():
    run = naign.load("mnist-naign")
    z = run.source.sample(run.metrics["n"], torch.Generator().manual_seed(restoration.SEED))[:64]
    again = images.as_bytes(naign.project(run.f, z))
    assert (again.float() - run.images["fz"].float()).abs().mean() < 1  # of 255: half precision


def test_what_chapter_3_says_of_its_records_holds():
    rows = {row.label: row for row in campaign.mnist("cpu")["main"]}
    metrics = {label: [r.metrics for r in campaign.load(row, "cpu")] for label, row in rows.items()}

    def mean(label, *keys):
        values = metrics[label]
        for key in keys:
            values = [v[key] for v in values]
        return sum(values) / len(values)

    for end in ("", tables.PAPERS):
        assert mean("NAIGN" + end, "fz", "fld") <= 0.78 * mean("IGN" + end, "fz", "fld")
        assert mean("NAIGN" + end, "fz", "coverage") > mean("IGN" + end, "fz", "coverage")
        assert mean("NAIGN-" + end, "fz", "fld") < 1.2 * mean("NAIGN" + end, "fz", "fld")  # idempotence buys no FLD
    for name in CORRUPTIONS:
        assert mean("NAIGN", "restoration", name, "once") < mean("IGN", "restoration", name, "once")
    assert mean("NAIGN", "fz", "fld") < 40 * mean("NAIGN", "data", "train", "fld")
    assert mean("NAIGN", "restoration", "lines", "once") > mean("NAIGN", "restoration", "lines", "damaged")
    paper = dict(zip(CORRUPTIONS, (float(v.split()[0]) for v in tables.PAPER_RESTORATION["NAIGN"]), strict=True))
    for name in CORRUPTIONS:  # below the paper's own NAIGN
        assert mean("NAIGN, wider", "restoration", name, "once") < paper[name]
    assert mean("NAIGN, wider", "fz", "fld") < 0.75 * mean("NAIGN", "fz", "fld")
    assert 0.70 < mean("NAIGN", "fz", "coverage") < mean("NAIGN, wider", "fz", "coverage") < 0.75
    one, other = (m["restoration"]["noise"]["once"] for m in metrics["NAIGN, wider"])
    assert one < mean("NAIGN", "restoration", "noise", "once") < other


def test_what_chapter_4_says_of_its_records_holds():
    rows = campaign.ffhq("cpu")
    metrics = {r.label: [x.metrics for x in campaign.load(r, "cpu")] for r in rows["main"]}
    new = {r.label: campaign.load(r, "cpu")[0].metrics for r in rows["held-out"]}

    def mean(label, *keys):
        values = metrics[label]
        for key in keys:
            values = [v[key] for v in values]
        return sum(values) / len(values)

    assert mean("NAIGN", "fz", "pixels", "covered") > 0.95
    assert mean("NAIGN", "fz", "pixels", "effective") == pytest.approx(80, abs=6)
    assert min(m["probes"]["500"]["covered"] for m in metrics["NAIGN"]) > 0.7  # a tenth of the run
    assert mean("IGN", "fz", "pixels", "effective") < 0.5 * mean("NAIGN", "fz", "pixels", "effective")
    one, other = sorted(m["fz"]["pixels"]["effective"] for m in metrics["IGN"])
    assert one < 1.5 < 10 < other < 20  # one seed has collapsed
    assert mean("IGN, paper's settings", "fz", "pixels", "effective") == pytest.approx(25, abs=5)
    assert mean("IGN", "z", "pixels", "covered") == pytest.approx(0.46, abs=0.03)  # noise alone
    assert mean("NAIGN", "fz", "pixels", "ratio") == pytest.approx(2 / 3, abs=0.05)
    assert mean("NAIGN", "ffz", "pixels", "ratio") < mean("NAIGN", "fz", "pixels", "ratio")
    assert mean("NAIGN", "fz", "shapes", "ratio") > 0.9
    assert all(m["fz"]["pixels"]["samples"][0] > 0.2 for m in metrics["NAIGN"])  # no copy
    assert 3 < new["NAIGN"]["rec"] / mean("NAIGN", "rec") < 5
    for name in CORRUPTIONS:
        assert new["NAIGN"]["data"]["baselines"][name]["median filter"] < new["NAIGN"]["restoration"][name]["once"]
        assert new["NAIGN"]["restoration"][name]["once"] < new["IGN"]["restoration"][name]["once"]
    for label in ("NAIGN-", "NAIGN, paper's settings"):
        assert mean(label, "fz", "pixels", "effective") == pytest.approx(
            mean("NAIGN", "fz", "pixels", "effective"), rel=0.1
        )
    assert mean("NAIGN", "rec") < mean("NAIGN, paper's settings", "rec") < mean("IGN", "rec")


def test_records_hold_no_image_of_ffhq():
    for path in records.records_root().glob("ffhq100-*/images.safetensors"):
        names = files.load_tensors(path)[0].keys()
        assert "x" not in names and not any(name.endswith(".0") for name in names)


def test_what_chapter_5_says_of_its_records_holds():
    rows = campaign.moons("cpu")
    metrics = {g: {r.label: [x.metrics for x in campaign.load(r, "cpu")] for r in some} for g, some in rows.items()}

    def mean(group, label, *keys):
        values = metrics[group][label]
        for key in keys:
            values = [v[key] for v in values]
        return sum(values) / len(values)

    def field(label, region, score):
        return mean("exact", label, "field", region, score)

    assert min(field("NAIGN", region, "spearman") for region in ("near", "far")) > 0.9
    assert 0.1 < field("NAIGN", "far", "relative") < 0.15 and 0.25 < field("NAIGN", "near", "relative") < 0.35
    for region in ("near", "far"):
        assert field("NAIGN", region, "off") == min(field(m, region, "off") for m in metrics["exact"])
    assert max(field("NAIGN", region, "eikonal") for region in ("near", "far")) < 0.1
    assert field("NAIGN", "far", "landed") < 0.5
    for region in ("near", "far"):
        for score, sign in (("spearman", 1), ("relative", -1), ("landed", 1), ("off", -1), ("eikonal", -1)):
            if score in ("relative", "landed"):
                assert sign * field("DAE", region, score) > sign * field("NAIGN", region, score), (region, score)
            if score in ("spearman", "relative"):
                assert sign * field("NAIGN", region, score) > sign * field("IGN", region, score), (region, score)
    assert field("NAIGN-", "far", "off") > 3 * field("NAIGN", "far", "off")
    best = {
        label: sum(min(m["drift_density"]["kl"]) for m in runs) / len(runs) for label, runs in metrics["fuzzy"].items()
    }
    assert best["DAE"] < 0.2 < 0.5 < min(best[m] for m in ("NAIGN", "NAIGN-", "IGN"))
    assert mean("fuzzy", "NAIGN", "field", "near", "relative") > 0.9  # almost the identity

    found = json.loads((records.records_root() / "ood-cpu.json").read_text())
    ours, plain, near = (found["auroc"][m] for m in ("NAIGN", "autoencoder", "nearest neighbour"))
    assert all(ours[kind][0] > 0.99 for kind in ("noise", "inverted", "faces", "shuffled blocks"))
    for kind, low, high in (("mirrored", 0.65, 0.8), ("turned by 90°", 0.8, 0.9)):
        assert low < ours[kind][0] < high
        assert 0 < ours[kind][0] - plain[kind][0] < 0.05
        assert near[kind][0] > ours[kind][0]
    assert min(found["correlation"]["NAIGN"].values()) > 0.3


def test_what_chapter_6_says_of_its_records_holds():
    rows = campaign.balanced("cpu")
    runs = {g: {r.label: campaign.load(r, "cpu") for r in some} for g, some in rows.items()}
    plain = {r.name: campaign.load(r, "cpu") for r in campaign.toys("cpu")}

    def values(some, key, score=None):
        return [r.metrics[key][score] if score else r.metrics[key] for r in some]

    def mean(*args):
        return sum(values(*args)) / len(values(*args))

    for toy in ("trimodal", "grid", "8gaussians"):
        assert len(runs[toy]["balanced"]) >= 3
        assert max(values(runs[toy]["balanced"], "fz", "reverse_kl")) < 0.005
    for toy in ("trimodal", "grid"):  # the nearest, with either optimiser
        assert (
            min(mean(runs[toy]["NAIGN, Muon"], "fz", "reverse_kl"), mean(plain[f"{toy}-naign"], "fz", "reverse_kl"))
            > 0.3
        )
    right = [s[2] for s in values(runs["trimodal"]["balanced"], "fz", "shares")]
    assert (
        min(right) > 0.3
        and max(s[2] for m in ("naign", "naign-minus", "ign") for s in values(plain[f"trimodal-{m}"], "fz", "shares"))
        < 0.2
    )
    toy = toys.trimodal()
    floor = metrics.floor_w1(toy.centres, toy.sigmas, toy.weights)
    assert max(values(runs["trimodal"]["balanced"], "fz", "w1")) < floor
    # The price, and where there is none.
    for on, worse in (("trimodal", True), ("2moons", True), ("grid", False)):
        ratio = mean(runs[on]["balanced"], "rec") / mean(plain[f"{on}-naign"], "rec")
        assert ratio > 3 if worse else ratio < 1
    ours, adamw = runs["grid"]["balanced"], runs["budget"]["balanced, AdamW"]
    long, batch = runs["budget"]["balanced, long"], runs["matchings"]["assignment of a batch"]
    assert (
        mean(adamw, "fz", "high_quality") < mean(ours, "fz", "high_quality") < mean(long, "fz", "high_quality") < 0.95
    )
    assert abs(mean(batch, "fz", "high_quality") - mean(ours, "fz", "high_quality")) < 0.02
    assert max(values(batch, "fz", "reverse_kl")) < 0.02
    assert sum(r.provenance["seconds"] for r in ours) < sum(r.provenance["seconds"] for r in adamw)
    rejection, entropic, prices = (runs["matchings"][m] for m in ("rejection", "entropic", "prices"))
    assert mean(rejection, "fz", "high_quality") == max(
        mean(some, "fz", "high_quality")
        for g in ("matchings", "budget")
        for label, some in runs[g].items()
        if label != "balanced, 5 layers"
    )
    assert mean(rejection, "ffz", "high_quality") > 0.95
    assert (
        mean(ours, "fz", "reverse_kl")
        < mean(rejection, "fz", "reverse_kl")
        < mean(plain["grid-naign"], "fz", "reverse_kl") / 2
    )
    assert 8 < mean(rejection, "rec") / mean(ours, "rec") < 12
    assert 0 < mean(entropic, "fz", "high_quality") - mean(ours, "fz", "high_quality") < 0.03
    assert max(values(prices, "fz", "modes")) < 25
    joined = runs["budget"]["balanced + rejection, long"]
    assert min(values(joined, "ffz", "high_quality")) > 0.95 > max(values(joined, "fz", "high_quality"))
    assert min(values(joined, "ffz", "modes")) == 25 and max(values(joined, "ffz", "reverse_kl")) < 0.01
    assert min(values(runs["matchings"]["balanced + rejection"], "fz", "high_quality")) > mean(
        ours, "fz", "high_quality"
    )
    deep = runs["budget"]["balanced, 5 layers"]
    assert min(values(deep, "ffz", "high_quality")) > 0.97 and max(values(deep, "fz", "reverse_kl")) < 0.01
    assert 0.5 < mean(deep, "rec") / mean(plain["grid-naign"], "rec") < 2
    alone = {d: runs[f"ablation {d}"] for d in ("grid", "trimodal")}
    for label in ("no source term (w = 0)", "no concavity (p = 1)", "no pool (N pairs, used once)"):
        assert abs(mean(alone["grid"][label], "fz", "high_quality") - mean(ours, "fz", "high_quality")) < 0.015
    for label in ("no idempotence", "idempotence weighs 3"):
        assert mean(alone["grid"][label], "fz", "high_quality") < mean(ours, "fz", "high_quality") - 0.03
    for label in ("no source term (w = 0)", "a share by rejection", "idempotence weighs 3"):
        assert min(values(alone["trimodal"][label], "fz", "w1")) > 2 * floor
    for label in ("no concavity (p = 1)", "no pool (N pairs, used once)", "reconstruction weighs 3"):
        found = values(alone["trimodal"][label], "fz", "w1")
        assert min(found) < floor < 2 * floor < max(found)
    fresh = runs["2moons"]["balanced"][0].metrics["data"]["coverage"]
    assert mean(runs["2moons"]["balanced"], "fz", "coverage") > 0.93 * fresh
    digits = {r.label: campaign.load(r, "cpu") for r in campaign.mnist("cpu")["main"]}["NAIGN"]
    ours, muon = runs["mnist"]["balanced"], runs["mnist"]["NAIGN, Muon"]
    assert mean(digits, "fz", "fld") / 2 < mean(muon, "fz", "fld") < mean(ours, "fz", "fld")
    for r in (*ours, *muon):
        assert max(abs(a - b) for a, b in zip(r.metrics["classes"], r.metrics["data"]["classes"], strict=True)) > 0.02
    for kind in ("blur", "noise"):
        better, worse = ([r.metrics["restoration"][kind]["once"] for r in some] for some in (ours, muon))
        assert sum(better) < sum(worse)
    faces = campaign.load(campaign.ffhq("cpu")["main"][0], "cpu")
    even = [[r.metrics["fz"]["pixels"]["effective"] for r in some] for some in (runs["ffhq100"]["balanced"], faces)]
    assert max(even[0]) < min(even[1])


def test_without_the_samples_of_largest_drift_the_grid_is_sharp_and_fair():
    (row,) = (r for r in campaign.balanced("cpu")["grid"] if r.label == "balanced")
    run, toy = campaign.load(row, "cpu")[0], toys.grid()
    y = projection.generate(run.f, run.source, 20_000, torch.Generator().manual_seed(0), keep=0.85)
    assert toy.is_high_quality(y).float().mean() > 0.97
    assert metrics.reverse_kl(metrics.mode_shares(toy.assign(y), 25), toy.shares) < 0.005
