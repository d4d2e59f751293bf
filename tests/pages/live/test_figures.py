"""Live figures without a browser: what they refuse, what they write, what the pages of a book weigh."""

import io
import json
import re

import pytest
import torch
from PIL import Image

import naign
from naign.data import corruptions
from naign.data.samples import TensorData
from naign.data.toys import TOYS
from naign.evaluate import shares
from naign.pages.live import networks, page

QUICK = {"profile": "quick", "steps": 4, "width": 8, "batch_size": 8, "progress": False}


@pytest.fixture(scope="module")
def run():
    return naign.fit("2moons", **QUICK)


@pytest.fixture(scope="module")
def images():
    x = torch.rand(20, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return naign.fit(x, **QUICK), x


def figure_of(text):
    return json.loads(re.search(r"data-figure>(.*?)</script>", text, re.S)[1])


def test_a_figure_is_a_page_part_a_still_and_a_sentence(run):
    figure = naign.live(run, TOYS["2moons"]())
    shown = figure._repr_mimebundle_()
    assert shown["text/html"].count("<script type='application/json' data-network=") == len(run.snapshots)
    assert Image.open(io.BytesIO(shown["image/png"])).width > 200
    assert "NAIGN" in shown["text/plain"] and shown["text/plain"] in shown["text/html"]
    given = figure_of(shown["text/html"])
    assert given["kind"] == "plane" and given["steps"] == sorted(run.snapshots)
    keys = {one["network"] for method in given["methods"] for one in method["networks"]}
    assert keys == figure.payloads.keys()
    assert not re.search(r"https?://", shown["text/html"].replace("http://www.w3.org", ""))


def test_the_kind_follows_the_shape(run, images):
    assert naign.live(naign.fit("trimodal", **QUICK)).figure["kind"] == "line"
    assert naign.live(images[0]).figure["kind"] == "gallery"
    repair = naign.live(images[0], images[1], "repair").figure
    assert repair["kind"] == "repair" and repair["reader"] == ""  # these are no digits
    assert set(repair["scales"]) == {"NAIGN"}


def test_runs_are_told_apart(run):
    other = naign.fit("2moons", seed=1, **QUICK)
    assert [m["label"] for m in naign.live([run, other]).figure["methods"]] == ["NAIGN 0", "NAIGN 1"]
    assert [m["label"] for m in naign.live({"a": run, "b": other}).figure["methods"]] == ["a", "b"]


def test_what_cannot_be_shown_is_refused(run, images):
    bare = naign.Run(run.config, {}, {}, {})
    for runs, options, sentence in [
        ([], {}, "no run is given"),
        ([run, run], {}, "one method and one seed"),
        (bare, {}, "NAIGN has no weights"),
        ([run, naign.fit("trimodal", **QUICK)], {}, "give a dictionary"),
        ({"a": run, "b": images[0]}, {}, "samples of shapes"),
        ({"a, b": run}, {}, "comma"),
        (run, {"kind": "line"}, "kind is 'line' for samples of shape"),
        (run, {"name": "Two moons"}, "name is 'Two moons'"),
        (naign.fit(torch.rand(20, 5), **QUICK), {}, "kind is '' for samples of shape"),
    ]:
        with pytest.raises(ValueError, match=re.escape(sentence)):
            naign.live(runs, **options)
    with pytest.raises(ValueError, match="does not end in .html"):
        naign.live(run).save("mine.png")


def test_a_run_of_ones_own_becomes_one_file(run, tmp_path):
    path = naign.live(run).save(tmp_path / "mine.html")
    text = path.read_text()
    assert "<!doctype html>" in text and "naignLive" in text and "src='http" not in text


def test_damage_in_the_browser_is_that_of_the_package(v8):
    v8.context.eval(page.script("tools.js") + page.script("images.js"))
    x = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    given = f'naignLive.singles("{networks.encoded(x)}")'
    for level in (0.5, 1.5, 7.0):
        found = v8(f"[...naignLive.DAMAGES.blur.apply({given}, {level}, 16)]")
        assert torch.allclose(torch.tensor(found), corruptions.blur(x, level=level).flatten(), atol=1e-5)
    many = torch.zeros(1, 1, 256, 256)
    zeros = f'naignLive.singles("{networks.encoded(many)}")'
    noisy = torch.tensor(v8(f"[...naignLive.DAMAGES.noise.apply({zeros}, 0.5, 256, 3)]"))
    assert noisy.mean().abs() < 0.01 and (noisy.std() - 0.5).abs() < 0.01
    salted = torch.tensor(v8(f"[...naignLive.DAMAGES.salt.apply({zeros}, 0.2, 256, 3)]"))
    assert [(salted == v).float().mean().item() for v in (1, -1)] == pytest.approx([0.1, 0.1], abs=0.01)
    lines = torch.tensor(v8(f"[...naignLive.DAMAGES.lines.apply({zeros}, 0.2, 256, 3)]")).view(256, 256)
    rows, columns = (lines == -1).all(1), (lines == -1).all(0)
    assert torch.equal(lines == -1, rows[:, None] | columns)
    assert [rows.float().mean().item(), columns.float().mean().item()] == pytest.approx([0.2, 0.2], abs=0.08)
    hole = torch.tensor(v8("[...naignLive.holeMask(0.5, 16, 1, 0)]")).view(16, 16)
    assert hole.sum() == 64 and hole[:8, 8:].all()  # moved into the image


def test_the_mass_floor_in_the_browser_is_that_of_the_package(v8):
    v8.context.eval(page.script("tools.js") + page.script("line.js"))
    for centre, reach in ((-2.0, 0.6), (0.5, 0.6), (3.0, 0.6), (0.0, 4.0), (-7.0, 1.0)):
        wanted = shares.mass_floor([[centre]], [reach])[0]
        assert v8(f"naignLive.massFloor({centre}, {reach})") == pytest.approx(wanted, abs=1e-8)


def test_noise_of_a_seed_is_normal(v8):
    v8.context.eval(page.script("tools.js"))
    draws = torch.tensor(v8("[...naignLive.normals(5, 40000)]"))
    assert draws.mean().abs() < 0.02 and (draws.std() - 1).abs() < 0.02
    assert ((draws.abs() < 1).float().mean() - 0.6827).abs() < 0.01
    assert not torch.equal(draws[:99], torch.tensor(v8("[...naignLive.normals(6, 99)]")))


def book(folder, *figures):
    """A built book of one page with figures."""
    folder.mkdir(exist_ok=True)
    (folder / "page.html").write_text("<html><body>" + "\n<p>\n".join(f.html() for f in figures) + "</body></html>")
    return folder / "page.html"


def test_a_built_page_is_lightened(run, images, tmp_path):
    figures = [naign.live(run, name="one"), naign.live(run, name="two"), naign.live(images[0], name="three")]
    path = book(tmp_path / "html", *figures)
    heavy = path.stat().st_size
    page.lighten(path.parent)
    light = path.read_text()
    assert path.stat().st_size < 0.3 * heavy
    assert light.count("<script defer") == light.count("<link rel='stylesheet'") == 1  # once, not once a figure
    assert light.count("data-figure") == 3 and "data:image" not in light
    files = {p.name for p in (path.parent / page.FOLDER).iterdir()}
    assert files == set(re.findall(r"_static/live/(\w+\.\w+)", light))
    found = page.weights(path)
    assert found["page"] == path.stat().st_size and found["one"] == found["two"] > 100
    page.lighten(path.parent)
    assert path.read_text() == light  # again changes nothing


def test_a_heavy_page_is_refused(run, tmp_path, monkeypatch):
    path = book(tmp_path / "html", naign.live(run, name="one"))
    page.lighten(path.parent)
    for name, what in (("page", "its page weighs"), ("figure", "its one weighs")):
        monkeypatch.setattr(page, "MOST", page.MOST | {name: 1000})
        with pytest.raises(ValueError, match=what):
            page.lighten(path.parent)
        monkeypatch.undo()


def test_images_of_a_data_set_are_shown_as_inputs(images):
    run, x = images
    held = TensorData(x[:10], test=TensorData(x[10:]))
    figure = naign.live(run, held, "repair").figure
    assert len(figure["images"]) > 10 * 1024
    assert [row[0] for row in figure["scales"]["NAIGN"]] == ["test images", "noise"]
    assert [row[0] for row in naign.live(run, kind="repair").figure["scales"]["NAIGN"]] == ["f(z)", "noise"]
