"""Names, profiles, parameters, one's own data, and what is refused."""

import sys

import pytest
import torch

import naign
from naign.data.toys import Trimodal
from naign.study import plan, recipes
from naign.study.experiment import build, get, names


def test_the_paper_profile_is_the_papers():
    p = get("grid-naign", "paper").parameters()
    assert (p["width"], p["depth"], p["batch_size"], p["candidates"]) == (512, 3, 512, 10)
    assert (p["steps"], p["lr"], p["decay"], p["distance"]) == (100_000, 1e-4, "constant", "l2")
    assert (p["w_rec"], p["w_imle"], p["w_idem"], p["idempotence"]) == (1, 1, 1, "modified")
    ign = get("grid-ign", "paper").parameters()
    assert (ign["w_rec"], ign["w_idem"], ign["w_tight"], ign["clamp"]) == (1, 1, 0.1, 0)
    assert plan.scale("paper")["seeds"]["toys"] == 3


def test_the_papers_settings_on_mnist():
    p = get("mnist-naign", "paper", recipe="paper").parameters()
    assert (p["norm"], p["source"], p["width"], p["distance"]) == ("batch", "fourier", 64, "l1")
    assert (p["batch_size"], p["candidates"], p["lr"], p["warm_start"]) == (256, 10, 1e-4, 0)
    assert (p["w_rec"], p["w_imle"], p["w_idem"], p["idempotence"]) == (1, 1, 1, "modified")
    assert p["steps"] >= 60_000
    ign = get("mnist-ign", "paper", recipe="paper").parameters()
    assert (ign["w_rec"], ign["w_idem"], ign["w_tight"], ign["clamp"]) == (1, 1, 0.125, 0)
    assert get("mnist-naign", "paper").data.shape == (1, 32, 32)
    assert get("mnist-naign", "quick").config()["data"] == "digits"


@pytest.mark.parametrize("profile", recipes.PROFILES)
@pytest.mark.parametrize("name", names())
def test_every_experiment_can_be_built(name, profile):
    for recipe in recipes.RECIPES if len(get(name, profile).data.shape) == 3 else [None]:
        experiment = get(name, profile, **({"recipe": recipe} if recipe else {}))
        f, source = build(experiment.config())
        z = source.sample(2, torch.Generator().manual_seed(0))
        assert f(z).shape == z.shape == (2, *experiment.data.shape)


def test_every_setting_of_the_recipes_is_one_that_some_experiment_has():
    known = {key for name in names() for key in get(name).parameters()}
    for rule in recipes.RULES:
        assert rule.keys() <= {"kinds", "methods", "recipes", "all", *recipes.PROFILES}
        given = {key for part in ("all", *recipes.PROFILES) for key in rule.get(part, {})}
        assert given and given <= known


def test_a_data_set_alone_means_naign():
    assert get("digits").name == "digits-naign"


def test_a_shorter_run_keeps_time_after_its_warm_start():
    assert get("ffhq100-naign", warm_start=600, steps=1000).schedule.warm_start == 600
    assert get("ffhq100-naign").schedule.warm_start == 250
    assert get("ffhq100-naign", steps=100).schedule.warm_start == 50
    assert get("ffhq100-naign", steps=100).schedule.copied == {10 * i for i in range(11)}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: get("cifar-naign"), "unknown data set 'cifar': choose one of trimodal, grid"),
        (lambda: get("grid-gan"), "unknown method 'gan': choose one of naign, naign-minus, ign"),
        (lambda: get("grid-naign", "huge"), "unknown profile 'huge': choose one of quick, cpu, paper"),
        (lambda: get("grid-naign", stepz=3), "unknown parameter 'stepz': grid-naign knows seed, side, spacing"),
        (lambda: get("grid-ign", candidates=3.0), "unknown parameter 'candidates': grid-ign knows"),
        (lambda: get("grid-naign", steps="many"), "steps is 'many': give a valid integer"),
        (lambda: get("grid-naign", lr="nan"), "lr is 'nan': give a finite number"),
        (lambda: get("grid-naign", steps=2.5), "steps is 2.5: give a valid integer"),
        (lambda: get("grid-naign", candidates=0.001), "M = 0: M must be at least 1"),
        (lambda: get("grid-naign", candidates=-1.0), "candidates is -1.0: give a number greater than 0"),
        (lambda: get("grid-naign", width=0), "width is 0: give a number greater than or equal to 1"),
        (lambda: get("grid-naign", sigma=-1.0), "sigma is -1.0: give a number greater than 0"),
        (lambda: get("grid-naign", distance="cosine"), "distance is 'cosine': give 'l2'"),
        (lambda: get("grid-naign", seed=-1), "seed is -1"),
        (lambda: naign.fit(torch.zeros(5, 2), method="gan"), "unknown method 'gan'"),
        (lambda: naign.fit("cifar"), "unknown data set 'cifar': choose one of .*, or folder:PATH"),
        (lambda: naign.fit(torch.full((5, 2), float("nan"))), "in 5 of 5 samples"),
        (lambda: naign.fit(torch.zeros(5)), r"shape \(5,\): give \(n, \*D\)"),
        (lambda: naign.fit(torch.zeros(1, 3)), "at least 2 are needed"),
        (lambda: naign.fit(torch.zeros(9, 2), stepz=1), "unknown parameter 'stepz'"),
        (lambda: naign.fit(torch.zeros(9, 2), steps=0), "steps is 0: give a number greater than or equal to 1"),
        (lambda: get("mnist-naign", recipe="best"), "unknown recipe 'best': choose one of ours, paper"),
        (lambda: get("grid-naign", recipe="paper"), "unknown parameter 'recipe'"),
        (lambda: get("mnist-naign", source="pink"), "source is 'pink': give 'normal' or 'fourier'"),
        (lambda: get("grid-naign", source="fourier"), "needs images"),
        (lambda: get("mnist-naign", norm="layer"), "norm is 'layer': give 'batch' or 'group'"),
        (lambda: get("mnist-naign", size=20), r"images of shape \(1, 20, 20\)"),
        (lambda: get("mnist-naign", depth=3), "unknown parameter 'depth'"),
        (lambda: get("mnist-naign", "quick", warm_start=21), "warm_start is 21"),
        (lambda: naign.load("grid-nothing"), "neither a saved run nor an experiment: give a directory or one of"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(call, words):
    with pytest.raises(ValueError, match=words) as error:
        call()
    assert "\n" not in str(error.value)


def test_texts_become_values_of_the_type_of_the_setting():
    p = get("grid-naign", steps="3", lr="0.5", candidates=2, snapshots="0.5,1", seed="4").parameters()
    assert (p["steps"], p["lr"], p["candidates"], p["snapshots"], p["seed"]) == (3, 0.5, 2.0, (0.5, 1.0), 4)
    assert [type(p[name]) for name in ("steps", "lr", "candidates", "seed")] == [int, float, float, int]
    assert get("trimodal-naign", modes="-1,0,1").data.centres == ((-1,), (0,), (1,))


def test_fit_learns_a_tensor_without_parameters_but_the_length():
    g = torch.Generator().manual_seed(0)
    data = torch.cat([torch.randn(300, 2, generator=g) * 0.1 + c for c in (-1.0, 1.0)])
    run = naign.fit(data, profile="quick", progress=False, steps=600)
    samples = naign.generate(run.f, run.source, 500, generator=torch.Generator().manual_seed(1))
    assert samples.shape == (500, 2)
    assert run.metrics["rec"] < 0.1
    near, far = naign.drift(run.f, data).mean(), naign.drift(run.f, data * 0 + 5 * torch.eye(2)[0]).mean()
    assert near < 0.1 < far


def test_fit_accepts_images_of_any_shape():
    data = torch.rand(20, 3, 4, 6) * 2 - 1
    run = naign.fit(data, method="ign", profile="quick", progress=False, steps=5)
    assert naign.project(run.f, data, applications=2).shape == data.shape
    assert run.config["parameters"]["batch_size"] == 20
    assert run.config["parameters"]["distance"] == "l1"


def test_square_images_get_the_convolutional_network_and_bytes_are_welcome():
    data = torch.randint(0, 256, (12, 3, 16, 16), dtype=torch.uint8)
    run = naign.fit(data, profile="quick", progress=False, steps=4)
    assert run.config["parameters"]["norm"] == "group"
    assert naign.generate(run.f, run.source, 2).shape == (2, 3, 16, 16)
    assert run.images["x"].dtype == torch.uint8


def test_same_call_same_run_and_another_seed_another():
    data = torch.rand(50, 3)
    a, b, c = (naign.fit(data, seed=s, profile="quick", progress=False, steps=20) for s in (0, 0, 1))
    assert torch.equal(a.f(data), b.f(data))
    assert not torch.equal(a.f(data), c.f(data))


def test_a_data_set_that_cannot_be_had_is_refused_not_swapped(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ValueError, match="install it with"):
        naign.fit("digits", profile="quick", progress=False)


@pytest.mark.parametrize("method", ["naign-balanced", "naign-field"])
def test_methods_beyond_the_paper_train_on_points_and_images(method):
    generator = torch.Generator().manual_seed(0)
    points, small = torch.randn(300, 2, generator=generator), torch.rand(40, 1, 8, 8, generator=generator) * 2 - 1
    flat = naign.fit(points, method=method, profile="quick", progress=False, steps=12)
    assert flat.config["parameters"]["optimiser"] == "muon"
    square = naign.fit(small, method=method, profile="quick", progress=False, steps=4, width=8)
    for run, shape in ((flat, (2,)), (square, (1, 8, 8))):
        samples = naign.generate(run.f, run.source, 5)
        assert samples.shape == (5, *shape) and torch.isfinite(samples).all()


def test_a_balanced_f_gives_each_mode_its_share_where_the_nearest_does_not():
    far = Trimodal((-3.0, 3.0), (0.1, 0.1), (0.85, 0.15))  # the source is even, the data are not
    data = far.sample(2000, torch.Generator().manual_seed(1))
    shares = {}
    for method in ("naign", "naign-balanced"):
        settings = {"optimiser": "muon", "lr": 5e-3, "steps": 400, "batch_size": 64}
        run = naign.fit(data, method=method, profile="quick", progress=False, **settings)
        samples = naign.generate(run.f, run.source, 4000, generator=torch.Generator().manual_seed(2))
        shares[method] = (samples > 0).float().mean().item()
    assert abs(shares["naign-balanced"] - 0.15) < 0.05
    assert abs(shares["naign"] - 0.15) > 0.15
