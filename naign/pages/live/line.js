/* The line: f as a curve over z, a point on its way, the histogram of f(z); and the modes' markers over the source,
   whose mass f must keep where it leaves the data alone. */
(function (live) {
  "use strict";
  const { element, normals, clamp } = live;
  const SOURCE = "#009E73"; // of noise, as in all figures
  const BINS = 80, DRAWS = 4000, CURVE = 500;
  const LEFT = 30, BELOW = 64, SIDE = 92; // pixels: the axis, the source under the map, the histograms beside it

  const bell = (z) => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);

  /** The normal distribution function: Simpson's rule on the density from 0, right to 1e-9 and better. */
  function normalBelow(z) {
    const end = Math.min(Math.abs(z), 9), parts = 200, step = end / parts;
    let sum = bell(0) + bell(end);
    for (let i = 1; i < parts; i++) sum += (i % 2 ? 4 : 2) * bell(i * step);
    return 0.5 + (Math.sign(z) * sum * step) / 3;
  }

  /** The mass that N(0, 1) puts within `reach` of a centre. */
  const massFloor = (centre, reach) => normalBelow(centre + reach) - normalBelow(centre - reach);

  /** Shares of points in equal bins from low to high, as a density. */
  function histogram(points, low, high) {
    const counts = new Float32Array(BINS), width = (high - low) / BINS;
    for (const x of points) {
      const bin = Math.floor((x - low) / width);
      if (bin >= 0 && bin < BINS) counts[bin] += 1 / (points.length * width);
    }
    return counts;
  }

  live.kinds = live.kinds || {};
  live.kinds.line = function (box, payload) {
    const { low, high, methods, modes } = payload;
    const start = { z: -1, times: 1, reach: modes.length ? 3 * modes[0][1] : 0 };
    modes.forEach(([centre], i) => { start[`mode${i + 1}`] = centre; });
    const dataBars = histogram(live.singles(payload.data), low, high), noise = normals(1, DRAWS);
    const grid = Float32Array.from({ length: CURVE }, (_, i) => low + ((high - low) * i) / (CURVE - 1));
    const known = new Map(); // by network: f on the grid; the histograms of f(z), f(f(z)), ...

    function computed(f, times) {
      if (!known.has(f)) {
        known.set(f, { curve: f.run(grid, CURVE), images: [noise], bars: [histogram(noise, low, high)] });
      }
      const found = known.get(f);
      while (found.images.length <= times) {
        found.images.push(f.run(found.images[found.images.length - 1], DRAWS));
        found.bars.push(histogram(found.images[found.images.length - 1], low, high));
      }
      return { curve: found.curve, bars: found.bars[times] };
    }

    const percent = (share) => `${(100 * share).toFixed(1)}%`;
    const number = (x) => x.toFixed(2).replace("-", "−");

    /* ---- the map ---- */

    function axes(context, width, height, ink) {
      const across = (z) => LEFT + ((z - low) / (high - low)) * (width - LEFT - SIDE);
      const down = (y) => (1 - (y - low) / (high - low)) * (height - BELOW);
      context.strokeStyle = context.fillStyle = ink;
      context.globalAlpha = 0.4;
      context.lineWidth = 1;
      context.strokeRect(across(low), 0.5, across(high) - across(low), down(low));
      context.beginPath();
      context.setLineDash([2, 4]);
      context.moveTo(across(low), down(low));
      context.lineTo(across(high), down(high));
      context.stroke();
      context.setLineDash([]);
      context.globalAlpha = 1;
      context.font = "12px system-ui, sans-serif";
      for (let tick = Math.ceil(low); tick <= high; tick++) {
        context.textAlign = "center";
        context.fillText(String(tick).replace("-", "−"), across(tick), height - 4);
        context.textAlign = "right";
        context.fillText(String(tick).replace("-", "−"), LEFT - 6, down(tick) + 4);
      }
      context.textAlign = "left";
      return { across, down };
    }

    function drawBars(context, bars, width, down, fill, stroke) {
      const scale = (SIDE - 14) / Math.max(0.1, ...dataBars) / 2; // cut at twice the data's height
      context.beginPath();
      context.moveTo(width - SIDE + 8, down(low));
      bars.forEach((bar, i) => {
        const right = width - SIDE + 8 + Math.min(SIDE - 10, scale * bar), cell = (high - low) / BINS;
        context.lineTo(right, down(low + i * cell));
        context.lineTo(right, down(low + (i + 1) * cell));
      });
      context.lineTo(width - SIDE + 8, down(high));
      if (fill) {
        context.globalAlpha = 0.25;
        context.fillStyle = fill;
        context.fill();
        context.globalAlpha = 1;
      }
      if (stroke) {
        context.strokeStyle = stroke;
        context.lineWidth = 1.5;
        context.stroke();
      }
    }

    function drawSource(context, across, base, height, ink) {
      context.beginPath();
      context.moveTo(across(low), base);
      for (const z of grid) context.lineTo(across(z), base - (bell(z) / bell(0)) * height);
      context.lineTo(across(high), base);
      context.globalAlpha = 0.3;
      context.fillStyle = SOURCE;
      context.fill();
      context.globalAlpha = 1;
      context.fillStyle = ink;
    }

    function drawMethod(context, method, f, { across, down }, width) {
      const { curve, bars } = computed(f, figure.view.times), { z } = figure.view;
      const once = f.run(Float32Array.of(z), 1)[0], twice = f.run(Float32Array.of(once), 1)[0];
      context.strokeStyle = figure.hue(method);
      context.lineWidth = 2;
      context.beginPath();
      grid.forEach((at, i) => context.lineTo(across(at), down(clamp(curve[i], low, high))));
      context.stroke();
      drawBars(context, bars, width, down, null, figure.hue(method));
      context.setLineDash([4, 3]); // up to the curve, over to the diagonal, and to the curve again
      context.strokeStyle = figure.hue(method);
      context.beginPath();
      context.moveTo(across(z), down(low));
      for (const [right, up] of [[z, once], [once, once], [once, twice]]) context.lineTo(across(right), down(up));
      context.stroke();
      context.setLineDash([]);
      for (const [right, up, radius] of [[z, once, 6], [once, twice, 4]]) {
        context.beginPath();
        context.arc(across(right), down(up), radius, 0, 2 * Math.PI);
        context.fillStyle = figure.hue(method);
        context.fill();
      }
      return { once, twice };
    }

    /* ---- the mass floor ---- */

    function drawFloor(width, ink) {
      const height = 150, base = height - 34, context = live.prepared(floor, width, height);
      const across = (z) => LEFT + ((z - low) / (high - low)) * (width - 2 * LEFT);
      drawSource(context, across, base, base - 24, ink);
      context.font = "13px system-ui, sans-serif";
      context.textAlign = "center";
      modes.forEach((_, i) => {
        const centre = figure.view[`mode${i + 1}`], { reach } = figure.view;
        const highest = Math.max(bell(centre - 0.3), bell(centre), bell(centre + 0.3)); // under the number
        context.fillStyle = SOURCE;
        context.globalAlpha = 0.75;
        context.beginPath();
        context.moveTo(across(centre - reach), base);
        for (let t = 0; t <= 40; t++) {
          const z = centre - reach + (t / 20) * reach;
          context.lineTo(across(z), base - (bell(z) / bell(0)) * (base - 24));
        }
        context.lineTo(across(centre + reach), base);
        context.fill();
        context.globalAlpha = 1;
        context.fillStyle = ink;
        context.beginPath(); // the handle
        context.moveTo(across(centre), base + 2);
        context.lineTo(across(centre) - 9, base + 16);
        context.lineTo(across(centre) + 9, base + 16);
        context.fill();
        context.fillText(String(i + 1), across(centre), base + 31);
        const over = base - (highest / bell(0)) * (base - 24) - 6;
        context.fillText(percent(massFloor(centre, reach)), across(centre), over);
      });
      rows.replaceChildren(...modes.map(([, , share], i) => {
        const held = massFloor(figure.view[`mode${i + 1}`], figure.view.reach), fits = held <= share;
        const cells = [percent(held), percent(share), fits ? "yes" : "no, too much stays"];
        return element("tr", {}, element("th", { textContent: `mode ${i + 1}`, scope: "row" }),
          ...cells.map((text) => element("td", { textContent: text })));
      }));
    }

    /* ---- together ---- */

    function paint() {
      const { view } = figure, { ink } = figure.colours();
      const width = area.clientWidth, height = Math.round(clamp(0.62 * width, 260, 420));
      const context = live.prepared(map, width, height), at = axes(context, width, height, ink), lines = [];
      drawSource(context, at.across, height - 20, BELOW - 26, ink);
      drawBars(context, dataBars, width, at.down, ink, null);
      for (const { method } of figure.chosen(methods.map((one) => ({ method: one })))) {
        const f = figure.network(figure.moment(method).network);
        if (!f) continue;
        const { once, twice } = drawMethod(context, method, f, at, width);
        const drift = number(Math.abs(view.z - once));
        lines.push(`${method.label}: f(z) = ${number(once)}, f(f(z)) = ${number(twice)}, drift |z − f(z)| = ${drift}`);
      }
      context.strokeStyle = ink; // the point itself
      context.fillStyle = SOURCE;
      context.beginPath();
      context.arc(at.across(view.z), height - 20, 7, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
      numbers.innerText = [`z = ${number(view.z)}`, ...lines].join("\n");
      figure.say(numbers.innerText);
      if (modes.length) drawFloor(width, ink);
    }

    const figure = live.figure(box, payload, start, paint);
    const map = element("canvas", { tabIndex: 0 }), floor = element("canvas"), rows = element("tbody");
    map.setAttribute("role", "application");
    map.setAttribute("aria-label", "f as a curve over z, the source below and the histogram of f(z) on the right. " +
      "The left and right arrow keys move the point z, with shift further.");
    floor.setAttribute("role", "img");
    floor.setAttribute("aria-label", "The source with the modes' markers, which the sliders move; the table says " +
      "what mass each holds.");
    const numbers = element("p", { className: "live-numbers" });
    numbers.dataset.caption = "";
    const head = ["", "mass floor", "fair share", "can f be right?"].map((textContent) =>
      element("th", { textContent, scope: "col" }));
    const table = element("table", { className: "live-table" }, element("thead", {}, element("tr", {}, ...head)), rows);
    const title = element("figcaption", { textContent: "The mass floor: move the modes over the source" });
    title.dataset.caption = "";
    const area = element("div", {}, map, numbers, ...(modes.length ? [title, floor, table] : []));

    const inside = (z) => clamp(z, low, high);
    live.dragged(map, (right) => {
      const width = map.clientWidth;
      figure.change({ z: inside(low + ((right * width - LEFT) / (width - LEFT - SIDE)) * (high - low)) });
    });
    live.keys(map, (right) => figure.change({ z: inside(figure.view.z + 0.05 * right) }));
    let held = 0;
    live.dragged(floor, (right, down, event, first) => {
      const width = floor.clientWidth, z = low + ((right * width - LEFT) / (width - 2 * LEFT)) * (high - low);
      const gaps = modes.map((_, i) => Math.abs(figure.view[`mode${i + 1}`] - z));
      if (first) held = gaps.indexOf(Math.min(...gaps));
      figure.change({ [`mode${held + 1}`]: inside(z) });
    });

    const mover = (text, key, min, max) => figure.slider({ text, key, min, max, step: 0.01, show: number });
    figure.show(area,
      ...figure.methods("methods, on the same input"), ...figure.training(),
      figure.slider({ text: "applications of f in the histograms", key: "times", min: 0, max: 5, step: 1 }),
      ...modes.map((_, i) => mover(`mode ${i + 1}`, `mode${i + 1}`, low, high)),
      ...(modes.length ? [mover("half width of a mode", "reach", 0.05, 2)] : []));
  };

  Object.assign(live, { massFloor });
})(globalThis.naignLive);
