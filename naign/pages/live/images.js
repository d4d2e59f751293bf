/* Images, flat in [-1, 1] as (channels, side, side): shown, drawn, damaged, read. */
(function (live) {
  "use strict";

  /** An image on a canvas of its own size; styles make it large. */
  function showImage(canvas, x, [channels, side], first = 0) {
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const area = side * side, pixels = canvas.getContext("2d").createImageData(side, side);
    for (let i = 0; i < area; i++) {
      for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = 127.5 * (x[first + (channels === 1 ? 0 : c) * area + i] + 1);
      pixels.data[4 * i + 3] = 255;
    }
    canvas.getContext("2d").putImageData(pixels, 0, 0);
  }

  function meanDifference(a, b) {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i]);
    return sum / a.length;
  }

  /* ---- damage, as naign.data.corruptions does it; `seed` stays while the level changes ---- */

  function blur(x, level, side) {
    const radius = Math.min(Math.ceil(3 * level), side - 1);
    if (!radius) return x;
    const weights = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-0.5 * ((i - radius) / level) ** 2));
    const sum = weights.reduce((a, b) => a + b);
    const mirrored = (i) => (i < 0 ? -i : i >= side ? 2 * side - 2 - i : i);
    const along = (image, step, skip) => { // step: to the next pixel of a line; skip: to the next line
      const result = new Float32Array(image.length);
      for (let start = 0; start < image.length; start += side * side) {
        for (let line = 0; line < side; line++) {
          for (let i = 0; i < side; i++) {
            let value = 0;
            for (let t = -radius; t <= radius; t++) {
              value += weights[t + radius] * image[start + line * skip + mirrored(i + t) * step];
            }
            result[start + line * skip + i * step] = value / sum;
          }
        }
      }
      return result;
    };
    return along(along(x, 1, side), side, 1);
  }

  function noise(x, level, side, seed) {
    const draws = live.normals(seed, x.length);
    return x.map((value, i) => value + level * draws[i]);
  }

  function saltAndPepper(x, level, side, seed) { // all channels alike
    const uniform = live.random(seed), draws = Array.from({ length: side * side }, uniform);
    return x.map((value, i) => {
      const u = draws[i % (side * side)];
      return u < level / 2 ? 1 : u < level ? -1 : value;
    });
  }

  function lines(x, level, side, seed) {
    const uniform = live.random(seed), draws = Array.from({ length: 2 * side }, uniform);
    const deleted = (i) => draws[Math.floor(i / side) % side] < level || draws[side + (i % side)] < level;
    return x.map((value, i) => (deleted(i) ? -1 : value));
  }

  /** Where a square hole is whose side is a share of the image's, 1 inside. */
  function holeMask(level, side, across, down) {
    const size = Math.round(level * side);
    const corner = (share) => Math.round(live.clamp(share * side - size / 2, 0, side - size));
    const left = corner(across), top = corner(down), mask = new Uint8Array(side * side);
    for (let row = top; row < top + size; row++) mask.fill(1, row * side + left, row * side + left + size);
    return mask;
  }

  /** By name: the label, the highest level, the level at first, and what it does. */
  const DAMAGES = {
    noise: { label: "noise", top: 2, first: 0.5, apply: noise },
    lines: { label: "lines deleted", top: 1, first: 0.2, apply: lines },
    salt: { label: "salt and pepper", top: 1, first: 0.2, apply: saltAndPepper },
    blur: { label: "blur", top: 4, first: 1.5, apply: blur },
    hole: { label: "a hole (drag it)", top: 0.8, first: 0.3, apply: (x, level, side, seed, hole) =>
      x.map((value, i) => (hole[i % (side * side)] ? 0 : value)) },
  };

  /* ---- drawing ---- */

  /** The image with a stroke of a soft round pen between two places, in pixels; erased with `erase`. */
  function stroke(x, side, from, to, erase) {
    const result = x.slice();
    for (let t = 0; t <= 8; t++) {
      const across = from[0] + ((to[0] - from[0]) * t) / 8, down = from[1] + ((to[1] - from[1]) * t) / 8;
      for (let row = Math.max(0, Math.floor(down - 3)); row < Math.min(side, down + 3); row++) {
        for (let column = Math.max(0, Math.floor(across - 3)); column < Math.min(side, across + 3); column++) {
          const at = row * side + column;
          const ink = live.clamp(2.1 - Math.hypot(row + 0.5 - down, column + 0.5 - across), 0, 1);
          result[at] = erase ? Math.min(result[at], 1 - 2 * ink) : Math.max(result[at], 2 * ink - 1);
        }
      }
    }
    return result;
  }

  /** The image moved so that its ink's centre of mass is in the middle, as with MNIST's own digits. */
  function centred(x, side) {
    let mass = 0, rows = 0, columns = 0;
    x.forEach((value, i) => {
      mass += value + 1;
      rows += (value + 1) * Math.floor(i / side);
      columns += (value + 1) * (i % side);
    });
    if (mass < 1e-3) return x;
    const down = Math.round(rows / mass - (side - 1) / 2), right = Math.round(columns / mass - (side - 1) / 2);
    return x.map((_, i) => {
      const row = Math.floor(i / side) + down, column = (i % side) + right;
      return row < 0 || column < 0 || row >= side || column >= side ? -1 : x[row * side + column];
    });
  }

  /** An image in 16 shades as hexadecimal digits, for an address, and back. */
  const packed = (x) => [...x].map((value) => Math.round(7.5 * (live.clamp(value, -1, 1) + 1)).toString(16)).join("");
  const unpacked = (text, length) =>
    Float32Array.from({ length }, (_, i) => (text[i] ? parseInt(text[i], 16) / 7.5 - 1 : -1));

  /** What a reader of digits, a network with ten outputs, says of an image: the digit and its probability. */
  function read(reader, x) {
    const scores = [...reader.run(x, 1)], largest = Math.max(...scores);
    const total = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0);
    return { digit: scores.indexOf(largest), share: 1 / total };
  }

  /** A promise of the reader's own file as an image of a shape: its middle square; grey ones light on dark. */
  async function fromFile(file, [channels, side]) {
    const picture = await createImageBitmap(file), edge = Math.min(picture.width, picture.height);
    const canvas = live.element("canvas", { width: side, height: side }), context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, (picture.width - edge) / 2, (picture.height - edge) / 2, edge, edge, 0, 0, side, side);
    const { data } = context.getImageData(0, 0, side, side), area = side * side;
    const x = Float32Array.from({ length: channels * area }, (_, i) => {
      const at = 4 * (i % area);
      const grey = 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
      return (channels === 3 ? data[at + Math.floor(i / area)] : grey) / 127.5 - 1;
    });
    const light = x.reduce((sum, value) => sum + value, 0) > 0;
    return channels === 1 && light ? x.map((value) => -value) : x;
  }

  Object.assign(live, { showImage, meanDifference, DAMAGES, holeMask, stroke, centred });
  Object.assign(live, { packed, unpacked, read, fromFile });
})(globalThis.naignLive);
