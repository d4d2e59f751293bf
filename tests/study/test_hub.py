"""Runs go to the Hub and come back, by its own client and a stand-in for its servers on this machine."""

import base64
import hashlib
import importlib
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest
import torch

import naign
from naign.base import files


class Hub(BaseHTTPRequestHandler):
    """What the client needs of the Hub: repositories made, commits received, revisions given."""

    protocol_version = "HTTP/1.1"
    repositories: dict  # owner/name -> [(commit, {path: bytes}), ...]

    def log_message(self, *_):
        pass

    def answer(self, value, status=200, **headers):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for key, text in {"Content-Length": len(body), "Content-Type": "application/json", **headers}.items():
            self.send_header(key.replace("_", "-"), str(text))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self):
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        base = "http://{}:{}".format(*self.server.server_address)
        assert self.headers["Authorization"] == "Bearer hf_stand_in"
        if self.path == "/api/repos/create":
            asked = json.loads(sent)
            name = "/".join(filter(None, (asked.get("organization"), asked["name"])))
            self.repositories.setdefault(name, [])
            return self.answer({"url": f"{base}/{name}", "name": name})
        if self.path == "/api/validate-yaml":
            return self.answer({"errors": [], "warnings": []})
        name, what = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(preupload|commit)/main", self.path).groups()
        if what == "preupload":
            paths = [file["path"] for file in json.loads(sent)["files"]]
            return self.answer({"files": [{"path": p, "uploadMode": "regular", "shouldIgnore": False} for p in paths]})
        values = [json.loads(line)["value"] for line in sent.splitlines() if b'"file"' in line[:20]]
        commit = hashlib.sha1(sent).hexdigest()
        self.repositories[name].append((commit, {v["path"]: base64.b64decode(v["content"]) for v in values}))
        return self.answer({"success": True, "commitOid": commit, "commitUrl": f"{base}/{name}/commit/{commit}"})

    def do_GET(self):
        path = unquote(self.path.split("?")[0])
        name, what, revision, file = re.fullmatch(
            r"(?:/api/models)?/([^/]+/[^/]+)/(revision|tree|resolve)/([^/]+)/?(.*)", path
        ).groups()
        if name not in self.repositories:
            return self.answer({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")
        commits = dict(self.repositories[name])
        commit = list(commits)[-1] if revision == "main" else revision
        if commit not in commits:
            return self.answer({"error": "Revision not found"}, 404, X_Error_Code="RevisionNotFound")
        known = {p: {"size": len(b), "oid": hashlib.sha1(b).hexdigest()} for p, b in commits[commit].items()}
        if what == "revision":
            return self.answer({"id": name, "sha": commit, "siblings": [{"rfilename": p} for p in known]})
        if what == "tree":
            return self.answer([{"type": "file", "path": p, **entry} for p, entry in known.items()])
        return self.answer(commits[commit][file], X_Repo_Commit=commit, ETag=f'"{known[file]["oid"]}"')

    do_HEAD = do_GET


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The repositories of a stand-in that the client asks in place of the Hub."""
    constants = importlib.import_module("huggingface_hub.constants")
    handler = type("Fresh", (Hub,), {"repositories": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_TOKEN", "hf_stand_in")
    yield handler.repositories
    server.shutdown()
    server.server_close()


def weights(run):
    return files.checksum(run.f.state_dict() | {f"source.{k}": v for k, v in run.source.state_dict().items()})


def test_a_run_makes_the_round_trip_with_equal_weights_and_revisions_stay(hub):
    first, second = naign.load("8gaussians-naign"), naign.load("8gaussians-ign")
    addresses = [run.push_to_hub("someone/ring") for run in (first, second)]
    commits = [commit for commit, _ in hub["someone/ring"]]
    assert [address.rsplit("/", 1)[1] for address in addresses] == commits
    kept = hub["someone/ring"][0][1]
    assert kept.keys() >= {"README.md", "config.json", "model.safetensors", "metrics.json", "checksums.json"}
    assert 'naign.load("hf://someone/ring")' in kept["README.md"].decode()
    latest, old = naign.load("hf://someone/ring"), naign.load("hf://someone/ring", revision=commits[0])
    assert weights(latest) == weights(second) != weights(first) == weights(old)
    assert old.config == first.config and old.metrics == first.metrics and old.history == first.history
    z = torch.randn(5, 2)
    assert torch.equal(old.f(z), first.f(z))


def test_a_run_with_pictures_makes_the_round_trip(hub):
    run = naign.load("mnist")
    run.push_to_hub("someone/digits", private=True)
    back = naign.load("hf://someone/digits")
    assert weights(back) == weights(run) and back.images.keys() == run.images.keys() != set()
    assert all(torch.equal(back.images[k], run.images[k]) for k in run.images)


def test_a_run_that_was_altered_on_the_hub_is_refused(hub):
    naign.load("8gaussians").push_to_hub("someone/ring")
    hub["someone/ring"][-1][1]["metrics.json"] = b"{}"
    with pytest.raises(ValueError, match="metrics.json was altered or damaged"):
        naign.load("hf://someone/ring")


@pytest.mark.parametrize(
    ("place", "revision", "words"),
    [
        ("hf://someone/nothing", None, "hf://someone/nothing does not answer as it should"),
        ("hf://someone/grid", "0" * 40, "hf://someone/grid does not answer as it should"),
        ("hf://a/b/c", None, "hf://a/b/c does not answer as it should"),
        ("grid", "main", "grid has no revisions: only what is loaded from hf://owner/name has"),
    ],
)
def test_what_is_not_there_is_one_sentence(hub, place, revision, words):
    hub["someone/grid"] = [("1" * 40, {"config.json": b"{}"})]
    with pytest.raises(ValueError, match=words) as caught:
        naign.load(place, revision=revision)
    assert "\n" not in str(caught.value)


def test_something_else_on_the_hub_is_one_sentence(hub):
    hub["someone/else"] = [("1" * 40, {"config.json": b"{}"})]
    with pytest.raises(ValueError, match="is not a whole run"):
        naign.load("hf://someone/else")


def test_a_hub_that_is_down_is_one_sentence(hub, monkeypatch):
    run = naign.load("8gaussians")
    monkeypatch.setattr(sys.modules["huggingface_hub.constants"], "ENDPOINT", "http://127.0.0.1:9")
    for call in (lambda: naign.load("hf://someone/grid"), lambda: run.push_to_hub("someone/grid")):
        with pytest.raises(ValueError, match="hf://someone/grid does not answer as it should") as caught:
            call()
        assert "\n" not in str(caught.value)


def test_without_the_extra_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match=r"install naign\[hub\]"):
        naign.load("hf://someone/grid")


def test_a_hub_that_says_nothing_is_one_sentence(monkeypatch):
    hub = pytest.importorskip("huggingface_hub")

    def silent(*_, **__):
        raise TimeoutError  # whose text is empty

    monkeypatch.setattr(hub, "snapshot_download", silent)
    with pytest.raises(ValueError, match="does not answer as it should"):
        naign.load("hf://someone/grid")
