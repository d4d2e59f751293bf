"""A run is scored after it was trained, and can be scored again."""

import json
from types import SimpleNamespace

import pytest

import naign
from naign.base import files
from naign.study import plan, records, runs
from naign.study.experiment import Experiment, get

pytestmark = pytest.mark.usefixtures("elsewhere")
TINY = {"profile": "quick", "steps": 12, "width": 8, "batch_size": 8}
IMAGES = {"profile": "quick", "steps": 6, "width": 8, "batch_size": 8}


def metrics(path):
    return json.loads((path / "metrics.json").read_text())


def rewrite(path, value):
    files.write_json(path / "metrics.json", value)
    files.write_checksums(path)


def contents(path, *without):
    """File by name; the checksums follow from the others."""
    return {p.name: p.read_bytes() for p in path.rglob("*.*") if p.name not in (*without, "checksums.json")}


def test_a_run_killed_between_training_and_scoring_is_scored_when_asked_for_again(monkeypatch):
    experiment = get("grid-naign", **TINY)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(runs, "score", killed)
        runs.load_or_fit(experiment, progress=False)
    path = runs.find(experiment, weights=True)
    assert metrics(path) == {} and naign.load(path).f is not None
    with pytest.raises(ValueError, match="has no scores yet: load it by `naign fit`, which scores it"):
        records.commit(path)  # as numbers alone it could never be scored
    assert not (records.records_root() / path.name).exists()
    before = contents(path, "metrics.json")
    with monkeypatch.context() as patch:
        patch.setattr(Experiment, "train", lambda *_: pytest.fail("it was trained again"))
        run = runs.load_or_fit(experiment, progress=False)
    assert run.metrics == metrics(path) == naign.fit("grid", progress=False, **TINY).metrics
    assert run.metrics["fz"]["modes"] >= 0 and contents(path, "metrics.json") == before


def test_a_record_without_scores_and_weights_is_refused_in_a_sentence():
    experiment = get("grid-naign", **TINY)
    runs.load_or_fit(experiment, progress=False)
    rewrite(records.commit(runs.find(experiment)), {})
    with pytest.raises(ValueError, match="has neither scores nor weights to find them by: delete it to train anew"):
        runs.load_or_fit(experiment, progress=False)


def test_metrics_thrown_away_are_computed_again_from_the_weights(capsys):
    root, named = records.records_root(), {}
    for seed in (0, 1, 2):
        experiment = get("grid-naign", seed=seed, **TINY)
        named[seed] = experiment.directory
        runs.load_or_fit(experiment, progress=False)
    local = records.runs_root()
    naign.load(local / named[0]).save(root / named[0])  # in full precision
    records.commit(local / named[1], keep=("weights",))
    records.commit(local / named[2])
    before = contents(root / named[2])
    for seed in (0, 1):
        rewrite(root / named[seed], {})
    (root / "bench.json").write_text("{}")  # no run
    done, left = runs.rescore_records()
    assert done == sorted([named[0], named[1]]) and left == [named[2]]
    first = metrics(local / named[0])
    assert metrics(root / named[0]) == first and first.keys() >= {"n", "rec", "gap", "fz", "ffz", "data", "field"}
    halves, whole = metrics(root / named[1]), metrics(local / named[1])
    assert halves.keys() == whole.keys() - {"validation", "best"}  # for which snapshots are needed
    assert [halves[k] for k in ("rec", "gap")] == pytest.approx([whole[k] for k in ("rec", "gap")], rel=0.01)
    assert contents(root / named[2]) == before
    assert named[2] not in capsys.readouterr().err


def test_scores_that_only_snapshots_could_tell_are_kept():
    experiment = get("mnist-naign", **IMAGES)
    first = runs.load_or_fit(experiment, progress=False).metrics
    path = records.commit(runs.find(experiment), keep=("weights", "fz"))
    before = contents(path, "metrics.json")
    rewrite(path, {"probes": first["probes"], "rec": -1.0})
    assert runs.rescore_records() == ([path.name], [])
    again = metrics(path)
    assert again.keys() == first.keys() and again["probes"] == first["probes"]
    assert again["rec"] == pytest.approx(first["rec"], rel=0.01)
    assert contents(path, "metrics.json") == before


def test_a_record_is_given_the_pictures_that_the_plan_keeps_and_no_other(monkeypatch):
    experiment = get("mnist-naign", **IMAGES)
    runs.load_or_fit(experiment, progress=False)
    path = records.commit(runs.find(experiment), keep=("weights", "fx"))
    before = contents(path, "metrics.json")
    changes = {k: v for k, v in IMAGES.items() if k != "profile"}
    row = plan.Row("NAIGN", "mnist-naign", changes, 1, first=("fx", "fz"), each=("*.1",))
    monkeypatch.setattr(plan, "every", lambda profile: [row] if profile == "quick" else [])
    runs.rescore_records()
    after = contents(path, "metrics.json")
    assert {k: after[k] for k in before} == before  # what is there already stays as it was
    names = ("fz", "blur.1", "noise.1", "salt and pepper.1", "lines.1")
    assert after.keys() - before.keys() == {f"{name}.png" for name in names}


def test_scores_during_training_say_when():
    run = runs.load_or_fit(get("mnist-naign", **IMAGES), progress=False)
    seconds = [run.metrics["probes"][str(step)]["seconds"] for step in (0, 3, 6)]
    assert seconds == sorted(seconds) and seconds[0] >= 0 and seconds[-1] <= run.provenance["seconds"] + 0.1


def test_a_stored_configuration_gives_back_its_experiment():
    for experiment in (
        get("grid-naign-balanced", **TINY, seed=3, power=0.7),
        get("mnist-ign", **IMAGES, clamp=1.5),
    ):
        stored = json.loads(json.dumps(experiment.config()))
        assert runs.of_config(stored) == experiment and runs.of_config(stored).directory == experiment.directory


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_run_killed_at_any_write_of_its_scores_can_still_be_read(monkeypatch, stop):
    experiment = get("grid-naign", **TINY)
    runs.load_or_fit(experiment, progress=False)
    path, write, count = runs.find(experiment), files.write_json, []

    def killed(*arguments):
        count.append(1)
        if len(count) == stop:
            raise KeyboardInterrupt
        write(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(files, "write_json", killed)
        files.rewrite_json(path, "metrics.json", {"n": 1})
    assert naign.load(path).metrics == ({"n": 1} if stop == 3 else metrics(path))


@pytest.mark.parametrize("shared", [True, False])
def test_of_data_that_may_not_be_given_away_only_what_f_made_is_kept(monkeypatch, shared):
    images = dict.fromkeys(("x", "fz", "noise.0", "noise.1"))
    monkeypatch.setattr(runs, "scores", lambda *_: ({}, images))
    data = SimpleNamespace(load=lambda: None, shared=shared)
    run = records.Run({}, {}, {}, {})
    runs.score(run, SimpleNamespace(name="a", data=data, method=SimpleNamespace(distance="l1")))
    assert run.images.keys() == (images.keys() if shared else {"fz", "noise.1"})


def test_a_name_means_the_largest_profile_that_is_recorded(elsewhere):
    for profile in ("quick", "cpu"):
        path = records.records_root() / get("grid-naign", profile).directory
        path.mkdir(parents=True)
        (path / "model.safetensors").touch()
    assert runs.named("grid-naign") == path


def test_a_record_has_six_digits_of_its_history(elsewhere):
    run = runs.load_or_fit(get("grid-naign", **TINY), progress=False)
    kept = records.load(records.commit(runs.find(get("grid-naign", **TINY)))).history
    assert kept.keys() == run.history.keys()
    assert all(kept[name] == pytest.approx(column, rel=1e-5) for name, column in run.history.items())


def test_a_run_killed_while_its_pictures_are_written_can_still_be_read(elsewhere, monkeypatch):
    from PIL import Image

    experiment, save = get("mnist-naign", **IMAGES), Image.Image.save
    experiment.train(progress=False).save(records.runs_root() / experiment.directory, "")  # killed before its scores

    def killed(image, path, **given):
        save(image, path, **given)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])  # as SIGKILL or a full disk leaves it
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Image.Image, "save", killed)
        runs.load_or_fit(experiment, progress=False)
    assert runs.load_or_fit(experiment, progress=False).metrics


def test_a_private_run_is_private(monkeypatch, elsewhere):
    hub, asked = pytest.importorskip("huggingface_hub"), {}
    monkeypatch.setattr(hub.HfApi, "create_repo", lambda self, name, **given: asked.update(given))
    monkeypatch.setattr(hub.HfApi, "upload_folder", lambda self, **_: SimpleNamespace(commit_url="there"))
    run = get("grid-naign", **TINY).train(progress=False)
    for private in (True, False):
        assert run.push_to_hub("someone/ring", private=private) == "there"
        assert asked["private"] is private
