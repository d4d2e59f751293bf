"""What a page needs besides the figure: styles, scripts; and what moves out of a page when a book is built."""

import hashlib
import json
import os
import re
from base64 import b64decode
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = ("engine", "tools", "figure", "images", "line", "plane", "repair", "gallery", "mount")
FOLDER = Path("_static") / "live"
MOST = {"page": 500_000, "figure": 3_000_000}  # bytes


def script(name: str) -> str:
    """A script, the engine's with its WebAssembly in it."""
    text = (HERE / name).read_text()
    return text.replace("@PRODUCT@", (HERE / "product.b64").read_text().strip())


def assets() -> str:
    """The styles and the scripts of all figures, to stand in a page or in the output of a cell."""
    style, code = script("live.css"), "\n".join(script(f"{name}.js") for name in SCRIPTS)
    return f"<style class='naign-live-style'>{style}</style>\n<script class='naign-live-code'>{code}</script>"


def lighten(html: Path) -> None:
    """Move what the live figures of a built book carry out of its pages, each thing once, into `_static/live`.

    Networks become scripts that are loaded by a tag, not fetched, so that a book opened from the disk works.
    Pages that were lightened before are left alone. ValueError if a page with a live figure, or what one loads
    at first, is then too heavy.
    """
    (html / FOLDER).mkdir(parents=True, exist_ok=True)
    for page in [p for p in html.rglob("*.html") if "naign-live" in p.read_text()]:
        page.write_text(_light(page.read_text(), html, page.parent))
        for name, weight in weights(page).items():
            if weight > (most := MOST["page" if name == "page" else "figure"]):
                raise ValueError(
                    f"{page.name}: its {name} weighs {weight / 1000:.0f} kB, at most {most // 1000} are allowed: "
                    "show fewer runs at first, or split the page."
                )


def weights(page: Path) -> dict[str, int]:
    """Bytes of a lightened page, under "page", and of what each of its figures loads at first, by the figure's name."""
    text = page.read_text()
    files = dict(re.findall(r"data-network='(\w+)' data-src='([^']*)'", text))
    found = {"page": page.stat().st_size}
    for content in re.findall(r"<script type='application/json' data-figure>(.*?)</script>", text, flags=re.S):
        figure = json.loads(content)
        keys = [method["networks"][-1]["network"] for method in figure["methods"][: figure["shown"]]]
        keys += [figure["reader"]] if figure.get("reader") else []
        found[figure["name"]] = sum((page.parent / files[key]).stat().st_size for key in keys)
    return found


def _light(text: str, html: Path, at: Path) -> str:
    def kept(content: bytes, ending: str) -> str:
        """The address, seen from the page, of a file with this content."""
        path = html / FOLDER / f"{hashlib.sha256(content).hexdigest()[:16]}.{ending}"
        path.write_bytes(content)
        return os.path.relpath(path, at).replace(os.sep, "/")

    def network(found: re.Match) -> str:
        address = kept(f'naignLive.given["{found[1]}"]={found[2]};'.encode(), "js")
        return f"<script type='application/json' data-network='{found[1]}' data-src='{address}'></script>"

    text = re.sub(r"<script type='application/json' data-network='(\w+)'>(.*?)</script>", network, text, flags=re.S)
    text = re.sub(r"(?<=src=')data:image/png;base64,([^']*)", lambda found: kept(b64decode(found[1]), "png"), text)
    for tag, ending, new in (
        ("style", "css", "<link rel='stylesheet' href='{}'>"),
        ("script", "js", "<script defer src='{}'></script>"),
    ):
        if found := re.search(f"<{tag} class='naign-live-[a-z]+'>(.*?)</{tag}>", text, re.S):
            once = new.format(kept(found[1].encode(), ending))
            text = text.replace(found[0], once, 1).replace(found[0], "")  # of the figures that follow
    return text
