/* The plane: a point and where f sends it, a cloud under f again and again, arrows, density and data, for one or
   more methods on the same input, at any recorded moment of their training. */
(function (live) {
  "use strict";
  const { element, normals, clamp } = live;
  const SOURCE = "#009E73"; // of noise, as in all figures
  const STROKE = 8; // points that one touch of the brush leaves
  const TOUCHES = 400; // of the brush, at most
  const MOST = 20; // applications of f to a cloud
  const GLIDE = 600; // milliseconds of a cloud on its way

  /* Points are flat: x0, y0, x1, y1, ... */

  /** The cells' middles of a lattice over the plane, row after row from the upper left. */
  function lattice(side, limit) {
    const points = new Float32Array(2 * side * side);
    for (let i = 0; i < side * side; i++) {
      points[2 * i] = limit * ((2 * ((i % side) + 0.5)) / side - 1);
      points[2 * i + 1] = limit * (1 - (2 * (Math.floor(i / side) + 0.5)) / side);
    }
    return points;
  }

  const apart = (a, b, i = 0) => Math.hypot(a[2 * i] - b[2 * i], a[2 * i + 1] - b[2 * i + 1]);
  const density = (drift, k) => Math.exp(-Math.expm1(k * drift)); // exp(-E) with E = exp(k drift) - 1
  const written = (point) => `(${point[0].toFixed(2)}, ${point[1].toFixed(2)})`.replace(/-/g, "−");

  /** The painted or drawn cloud of a view. Touches of the brush are bytes, across and down, in hexadecimal. */
  function startOf(view, limit) {
    if (view.draw) return normals(view.draw, 2000);
    const touches = Math.floor(view.painted.length / 4), points = new Float32Array(2 * STROKE * touches);
    const spread = normals(1, points.length);
    for (let t = 0; t < touches; t++) {
      const [across, down] = [0, 2].map((at) => parseInt(view.painted.slice(4 * t + at, 4 * t + at + 2), 16) / 255);
      for (let i = t * STROKE; i < (t + 1) * STROKE; i++) {
        points[2 * i] = limit * (2 * across - 1) + 0.04 * limit * spread[2 * i];
        points[2 * i + 1] = limit * (1 - 2 * down) + 0.04 * limit * spread[2 * i + 1];
      }
    }
    return points;
  }

  /** One method's panel: its canvas, what it has computed, and how it draws a view. */
  function makePanel(figure, method, data) {
    const { limit } = figure.payload;
    const canvas = element("canvas", { className: "live-plane", tabIndex: 0 });
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", `The plane under f of ${method.label}: data, drift and the point. The arrow ` +
      "keys move the point, with shift further; space draws a cloud of noise; enter applies f.");
    const caption = element("figcaption");
    caption.dataset.caption = "";
    const box = element("figure", {}, caption, canvas);
    const fields = new Map(); // by network: f on two lattices
    const back = document.createElement("canvas"); // what does not move, drawn once
    let size = 0, backOf = "", clouds = [], cloudsOf = null;

    function field(f) {
      if (!fields.has(f)) {
        const fine = live.memoryKind() === "webassembly" ? 61 : 31;
        const points = lattice(fine, limit), arrows = lattice(15, limit);
        fields.set(f, { fine, points, images: f.run(points, fine * fine), arrows, heads: f.run(arrows, 225) });
      }
      return fields.get(f);
    }

    const across = (x) => ((x / limit + 1) * size) / 2;
    const down = (y) => ((1 - y / limit) * size) / 2;

    function drawDensity(context, { fine, points, images }) {
      const map = element("canvas", { width: fine, height: fine });
      const pixels = map.getContext("2d").createImageData(fine, fine);
      const colour = live.rgb(figure.hue(method));
      for (let i = 0; i < fine * fine; i++) {
        pixels.data.set([...colour, 160 * density(apart(points, images, i), figure.view.k)], 4 * i);
      }
      map.getContext("2d").putImageData(pixels, 0, 0);
      context.drawImage(map, 0, 0, size, size);
    }

    function drawArrow(context, x, y, right, low) { // from (x, y), with a head
      const length = Math.hypot(right, low), head = Math.min(4, length / 2) / (length || 1);
      context.moveTo(x, y);
      context.lineTo(x + right, y + low);
      context.moveTo(x + right - head * (right - 0.6 * low), y + low - head * (low + 0.6 * right));
      context.lineTo(x + right, y + low);
      context.lineTo(x + right - head * (right + 0.6 * low), y + low - head * (low - 0.6 * right));
    }

    function drawArrows(context, { arrows, heads }) { // shortened to their cells
      const cell = (0.9 * size) / 15;
      context.globalAlpha = 0.5;
      context.lineWidth = 1;
      context.beginPath();
      for (let i = 0; i < 225; i++) {
        const x = across(arrows[2 * i]), y = down(arrows[2 * i + 1]);
        const right = across(heads[2 * i]) - x, low = down(heads[2 * i + 1]) - y;
        const factor = Math.min(1, cell / (Math.hypot(right, low) || 1));
        if (factor * Math.hypot(right, low) < 1.5) context.rect(x - 0.5, y - 0.5, 1, 1);
        else drawArrow(context, x, y, factor * right, factor * low);
      }
      context.stroke();
    }

    function drawPoints(context, points, radius) {
      for (let i = 0; i < points.length; i += 2) {
        context.fillRect(across(points[i]) - radius, down(points[i + 1]) - radius, 2 * radius, 2 * radius);
      }
    }

    function drawBack(f, key, ink) {
      const { view } = figure;
      const wanted = [key, view.k, view.arrows, view.density, view.data, size, ink, devicePixelRatio].join();
      if (wanted === backOf) return;
      backOf = wanted;
      const context = live.prepared(back, size, size), found = field(f);
      context.strokeStyle = context.fillStyle = ink;
      if (view.density) drawDensity(context, found);
      context.globalAlpha = 0.35;
      if (view.data) drawPoints(context, data, 1);
      if (view.arrows) drawArrows(context, found);
    }

    /** The cloud after the applications of f that the view asks for, or on its way to the last one. */
    function cloud(f, start, share) {
      if (!cloudsOf || cloudsOf.f !== f || cloudsOf.start !== start) {
        clouds = [start];
        cloudsOf = { f, start };
      }
      const times = clamp(Math.trunc(figure.view.times), 0, MOST);
      while (clouds.length <= times) clouds.push(f.run(clouds[clouds.length - 1], start.length / 2));
      const [from, to] = [clouds[Math.max(0, times - 1)], clouds[times]];
      return share === 1 ? to : from.map((v, i) => v + share * (to[i] - v));
    }

    function drawPoint(context, places, ink, paper) {
      const at = places.map((point) => [across(point[0]), down(point[1])]);
      context.lineWidth = 2;
      context.strokeStyle = ink;
      context.beginPath();
      for (const i of [1, 2]) drawArrow(context, ...at[i - 1], at[i][0] - at[i - 1][0], at[i][1] - at[i - 1][1]);
      context.stroke();
      at.forEach(([x, y], i) => {
        context.beginPath();
        context.arc(x, y, [7, 6, 3.5][i], 0, 2 * Math.PI);
        context.fillStyle = [paper, figure.hue(method), paper][i];
        context.fill();
        context.stroke();
      });
    }

    return {
      box,
      canvas,
      method,
      /** Draws the view; what it found of the point, or null while the network is on its way. */
      paint(width, start, share) {
        const { view } = figure, now = figure.moment(method), f = figure.network(now.network);
        size = width;
        box.style.width = `${size + 2}px`; // that of the canvas, with its border
        const when = figure.payload.steps.length > 1 ? `, step ${now.step.toLocaleString("en")}` : "";
        caption.textContent = method.label + when;
        const context = live.prepared(canvas, size, size), { ink, paper } = figure.colours();
        if (!f) {
          context.fillStyle = ink;
          context.fillText("loading f …", 12, 20);
          return null;
        }
        drawBack(f, now.network, ink);
        context.drawImage(back, 0, 0, size, size);
        if (start.length) {
          const points = cloud(f, start, share);
          context.globalAlpha = 0.85;
          context.fillStyle = view.times ? figure.hue(method) : SOURCE;
          drawPoints(context, points, 1.5);
          context.globalAlpha = 1;
        }
        const x = Float32Array.of(view.x, view.y), once = f.run(x, 1), twice = f.run(once, 1);
        if (view.mode === "point") drawPoint(context, [x, once, twice], ink, paper);
        return { once, drift: apart(x, once), again: apart(once, twice), density: density(apart(x, once), view.k) };
      },
    };
  }

  /** What f does to the point, in numbers, a row a method. */
  function makeTable() {
    const body = element("tbody"), head = ["", "f(x)", "drift of x", "drift of f(x)", "exp(−E)"].map((textContent) =>
      element("th", { textContent, scope: "col" }));
    const table = element("table", { className: "live-table" },
      element("thead", {}, element("tr", {}, ...head)), body);
    return {
      table,
      show(rows) {
        body.replaceChildren(...rows.map(([label, found]) => {
          const cells = [written(found.once), found.drift.toFixed(3), found.again.toFixed(3), found.density.toFixed(3)];
          const row = element("tr", {}, element("th", { textContent: label, scope: "row" }),
            ...cells.map((text) => element("td", { textContent: text })));
          row.dataset.image = [...found.once].join(); // in full, for whoever wants more digits
          return row;
        }));
      },
    };
  }

  live.kinds = live.kinds || {};
  live.kinds.plane = function (box, payload) {
    const { limit, methods } = payload, data = live.singles(payload.data);
    const start = {
      x: payload.start[0], y: payload.start[1], mode: "point", painted: "", draw: 0, times: 0, k: 2,
      density: true, arrows: true, data: true,
    };
    let began = 0; // when the cloud set out
    const known = { painted: "", draw: 0, points: new Float32Array(0) }; // the start of the cloud, made once

    function cloudStart({ painted, draw }) {
      if (known.painted !== painted || known.draw !== draw) {
        Object.assign(known, { painted, draw, points: startOf(figure.view, limit) });
      }
      return known.points;
    }

    function paint() {
      const { view } = figure, chosen = figure.chosen(panels);
      for (const panel of panels) panel.box.hidden = !chosen.includes(panel);
      const room = area.clientWidth, beside = chosen.length > 2 && room < 500 ? 2 : chosen.length;
      const width = Math.floor(Math.min(460, (room - 12 * (beside - 1)) / beside - 2));
      const share = live.still() ? 1 : Math.min(1, (performance.now() - began) / GLIDE);
      const found = chosen.map((panel) => [panel.method.label, panel.paint(width, cloudStart(view), share)]);
      const ready = found.filter(([, one]) => one);
      place.textContent = `x = ${written([view.x, view.y])}`;
      numbers.show(ready);
      figure.say(`x is ${written([view.x, view.y])}. ` + ready.map(([label, one]) =>
        `${label}: f of x is ${written(one.once)}, the drift ${one.drift.toFixed(2)}.`).join(" "));
      if (share < 1) figure.redraw();
    }

    const figure = live.figure(box, payload, start, paint);
    const panels = methods.map((method) => makePanel(figure, method, data));
    const place = element("p", { className: "live-numbers" }), numbers = makeTable();
    place.dataset.caption = "";
    const area = element("div", {}, element("div", { className: "live-panels" }, ...panels.map((panel) => panel.box)));

    function apply() {
      const { view } = figure;
      if (!view.painted && !view.draw) { // without a cloud the point itself moves, as the first panel's f says
        const row = numbers.table.querySelector("tbody tr");
        const [x, y] = row ? row.dataset.image.split(",").map(Number) : [view.x, view.y];
        figure.change({ x, y });
        return;
      }
      began = performance.now();
      figure.change({ times: Math.min(MOST, view.times + 1) });
    }
    const draw = () => figure.change({ draw: 1 + Math.floor(1e6 * Math.random()), painted: "", times: 0 });
    const clear = () => figure.change({ draw: 0, painted: "", times: 0 });
    const within = (v) => clamp(v, -limit, limit);

    for (const { canvas } of panels) {
      live.dragged(canvas, (right, low) => {
        const { view } = figure;
        if (view.mode === "point") {
          figure.change({ x: within(limit * (2 * right - 1)), y: within(limit * (1 - 2 * low)) });
        } else if (view.painted.length < 4 * TOUCHES) {
          const byte = (share) => Math.round(255 * clamp(share, 0, 1)).toString(16).padStart(2, "0");
          figure.change({ painted: (view.times ? "" : view.painted) + byte(right) + byte(low), draw: 0, times: 0 });
        }
      });
      const step = 0.02 * limit;
      live.keys(canvas, (right, up) => {
        figure.change({ x: within(figure.view.x + step * right), y: within(figure.view.y + step * up) });
      }, { Enter: apply, " ": draw });
    }

    const hands = [["point", "drag the point x"], ["paint", "paint a cloud"]];
    figure.show(area,
      ...figure.methods("methods, on the same input"), ...figure.training(),
      figure.choice({ text: "mouse or finger", key: "mode", options: hands }),
      element("div", { className: "live-buttons" },
        figure.button("Draw 2,000 z", draw), figure.button("Apply f", apply), figure.button("Clear", clear)),
      figure.slider({ text: "k of the density exp(−E)", key: "k", min: 0.5, max: 8, step: 0.5 }),
      figure.toggles("show", ["density", "density"], ["arrows", "arrows"], ["data", "data"]));
    area.append(place, numbers.table);
  };
})(globalThis.naignLive);
