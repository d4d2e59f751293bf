"""The scripts of the live figures, in V8 without a browser."""

import base64
import json

import numpy as np
import torch
from py_mini_racer import MiniRacer

from naign.pages.live import page

BASE64 = """
globalThis.atob = (text) => {
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  let found = "", bits = 0, count = 0;
  for (const digit of text.replace(/=/g, "")) {
    bits = ((bits << 6) | digits.indexOf(digit)) & 0xffff;
    count += 6;
    if (count >= 8) found += String.fromCharCode((bits >> (count -= 8)) & 255);
  }
  return found;
};
"""


class V8:
    """V8 with the engine, or with another text in its place, and without the figures."""

    def __init__(self, engine=None):
        self.context = MiniRacer()
        self.context.eval(BASE64)
        self.context.eval(engine or page.script("engine.js"))

    def __call__(self, code):
        """What an expression says, through JSON."""
        return json.loads(self.context.eval(f"JSON.stringify({code})"))

    def run(self, payload, x, plain=False):
        """The network of a payload at samples x, (n, *D) -> flat, and the kind of memory it ran in."""
        given = base64.b64encode(np.ascontiguousarray(x.numpy(), "<f4").tobytes()).decode()
        code = f"""(() => {{
          const memory = naignLive.memory({str(plain).lower()});
          const f = naignLive.network({json.dumps(payload)}, memory);
          return {{kind: memory.kind, images: [...f.run(naignLive.singles("{given}"), {len(x)})]}};
        }})()"""
        found = self(code)
        return torch.tensor(found["images"]), found["kind"]
