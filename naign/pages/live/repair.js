/* Images to damage and restore: drawn, taken, made or one's own; f, f(f), the difference, the drift on a scale
   between images and noise, and what the reader of digits says, for one or more methods on the same input. */
(function (live) {
  "use strict";
  const { element } = live;

  /** A picture with a caption and a line below it. */
  function makeFrame(text, canvas = element("canvas", { className: "live-image" })) {
    const caption = element("figcaption", { textContent: text });
    const below = element("span", { className: "live-reading" });
    for (const part of [caption, below]) part.dataset.caption = "";
    canvas.classList.add("live-image");
    canvas.setAttribute("role", canvas.getAttribute("role") || "img");
    if (!canvas.getAttribute("aria-label")) canvas.setAttribute("aria-label", text);
    return { canvas, below, box: element("figure", {}, caption, canvas, below) };
  }

  function reading(digits, x) {
    const { digit, share } = live.read(digits, x);
    return `reads ${digit} (${Math.round(100 * share)}%)`;
  }

  /** The scale of drifts: where those of images and of noise lie, and a needle for each drift. */
  function drawScale(canvas, width, ink, scale, drift, again) {
    const context = live.prepared(canvas, width, 56);
    const most = 1.1 * Math.max(drift, ...scale.map((band) => band[3]));
    const across = (value) => 10 + (width - 20) * Math.sqrt(Math.min(value, most) / most); // small ones matter
    context.fillStyle = ink;
    context.globalAlpha = 0.25;
    context.fillRect(10, 22, width - 20, 4);
    context.font = "12px system-ui, sans-serif";
    context.textAlign = "center";
    for (const [name, low, middle, high] of scale) {
      context.globalAlpha = 0.8;
      context.fillStyle = name === "noise" ? "#009E73" : "#888888";
      context.fillRect(across(low), 18, Math.max(3, across(high) - across(low)), 12);
      context.globalAlpha = 1;
      context.fillStyle = ink;
      context.fillText(name, live.clamp(across(middle), 34, width - 22), 46);
    }
    for (const [value, colour] of [[again, ink], [drift, "#D55E00"]]) {
      context.fillStyle = colour;
      context.beginPath();
      context.moveTo(across(value), 20);
      context.lineTo(across(value) - 7, 6);
      context.lineTo(across(value) + 7, 6);
      context.fill();
    }
  }

  /** One method's column. */
  function makeColumn(figure, method) {
    const { shape, scales, reader } = figure.payload, area = shape[1] * shape[2];
    const title = element("figcaption", { textContent: method.label });
    title.dataset.caption = "";
    const [once, twice, gap] = ["f(x′)", "f(f(x′))", "|x′ − f(x′)|"].map((text) => makeFrame(text));
    const filled = makeFrame("hole filled"), scale = element("canvas");
    const numbers = element("p", { className: "live-numbers" });
    scale.setAttribute("role", "img");
    numbers.dataset.caption = "";
    const four = [once, twice, gap, filled].map((frame) => frame.box);
    const frames = element("div", { className: "live-frames" }, ...four);
    const box = element("section", {}, title, frames, element("div", {}, scale), numbers);
    box.setAttribute("aria-label", method.label);

    return {
      box,
      method,
      width: () => scale.parentElement.clientWidth,
      paint(x, damaged, hole, clean, width, ink) {
        const f = figure.network(figure.moment(method).network);
        numbers.textContent = f ? "" : "loading f …";
        if (!f) return "";
        const a = f.run(damaged, 1), b = f.run(a, 1);
        const drift = live.meanDifference(damaged, a), again = live.meanDifference(a, b);
        live.showImage(once.canvas, a, shape);
        live.showImage(twice.canvas, b, shape);
        live.showImage(gap.canvas, a.map((value, i) => Math.min(1, Math.abs(value - damaged[i])) * 2 - 1), shape);
        filled.box.hidden = !hole;
        if (hole) live.showImage(filled.canvas, b.map((value, i) => (hole[i % area] ? value : damaged[i])), shape);
        const digits = reader && figure.network(reader);
        for (const [frame, y] of [[once, a], [twice, b]]) {
          const away = clean ? [`${live.meanDifference(y, x).toFixed(3)} from x`] : [];
          frame.below.textContent = [...(digits ? [reading(digits, y)] : []), ...away].join("\n");
        }
        numbers.textContent = `drift d(x′, f(x′)) = ${drift.toFixed(3)}, d(f(x′), f(f(x′))) = ${again.toFixed(3)}`;
        box.image = a; // for whoever wants the numbers
        box.dataset.ready = "yes";
        drawScale(scale, width, ink, scales[method.label], drift, again);
        scale.setAttribute("aria-label", `drift ${drift.toFixed(2)} on a scale; usual: ` +
          scales[method.label].map(([name, , middle]) => `${name} ${middle.toFixed(2)}`).join(", "));
        return `${method.label}: drift ${drift.toFixed(2)}, ${once.below.textContent}.`;
      },
    };
  }

  live.kinds = live.kinds || {};
  live.kinds.repair = function (box, payload) {
    const { shape, methods } = payload, [channels, side] = shape, dimension = channels * side * side;
    const tests = Float32Array.from(live.bytes(payload.images), (byte) => byte / 127.5 - 1);
    const count = tests.length / dimension;
    const start = {
      input: count ? "test" : "made", index: 0, seed: 1, drawn: "", damage: count ? "noise" : "hole",
      level: count ? 0.25 : 0.4, roll: 1, across: 0.5, down: 0.5,
    };
    let own = null; // the reader's image, which no address can hold

    /* ---- the input and its damage ---- */

    function input() { // null while a network that makes it is on its way
      const { view } = figure, white = live.normals(view.seed, dimension);
      const index = live.clamp(Math.trunc(view.index), 0, count - 1);
      if (view.input === "own" && own) return own;
      if (view.input === "draw") return live.unpacked(view.drawn, dimension);
      if (view.input === "test" && count) return tests.slice(index * dimension, (index + 1) * dimension);
      if (view.input === "noise") return white;
      const chosen = methods.find((method) => view.input !== "fourier" || method.fourier) || methods[0];
      const f = figure.network(figure.moment(chosen).network);
      if (!f) return null;
      return view.input === "fourier" ? f.draw(white) : f.run(f.draw(white), 1);
    }

    function paint() {
      const { view } = figure, x = input(), damage = live.DAMAGES[view.damage] || live.DAMAGES.noise;
      const chosen = figure.chosen(columns);
      for (const column of columns) column.box.hidden = !chosen.includes(column);
      if (!x) return;
      const widths = chosen.map((column) => column.width()), { ink } = figure.colours(); // read before what is written
      const level = view.level * damage.top;
      const hole = view.damage === "hole" ? live.holeMask(level, side, view.across, view.down) : null;
      const damaged = level > 0 ? damage.apply(x, level, side, view.roll, hole) : x;
      live.showImage(pad.canvas, x, shape);
      live.showImage(bad.canvas, damaged, shape);
      const isNoise = view.input === "noise" || view.input === "fourier"; // in which a reader of digits would find one
      const digits = payload.reader && !isNoise && figure.network(payload.reader);
      for (const [frame, y] of [[pad, x], [bad, damaged]]) frame.below.textContent = digits ? reading(digits, y) : "";
      if (!isNoise && level > 0) bad.below.textContent += `\n${live.meanDifference(damaged, x).toFixed(3)} from x`;
      const clean = !isNoise && level > 0;
      figure.say(chosen.map((column, i) => column.paint(x, damaged, hole, clean, widths[i], ink)).join(" "));
    }

    /* ---- what the reader's hand does ---- */

    const figure = live.figure(box, payload, start, paint), draws = channels === 1;
    const pad = makeFrame(draws ? "x: draw here" : "x", element("canvas", { tabIndex: 0 }));
    const bad = makeFrame("x′: damaged", element("canvas", { tabIndex: 0 }));
    const pads = "The input x: a pad to draw on. Other inputs can be chosen below.";
    pad.canvas.setAttribute("aria-label", draws ? pads : "The input x");
    bad.canvas.setAttribute("aria-label", "The damaged input. The arrow keys move the hole, if there is one.");
    if (draws) pad.canvas.classList.add("live-pad");
    const columns = methods.map((method) => makeColumn(figure, method));
    const area = element("div", {},
      element("div", { className: "live-frames live-inputs" }, pad.box, bad.box),
      element("div", { className: "live-columns" }, ...columns.map((column) => column.box)));

    let last = [0, 0];
    const within = (share) => live.clamp(share, 0, 1);
    const moveHole = (across, down) => figure.change({ across: within(across), down: within(down) });
    if (draws) {
      live.dragged(pad.canvas, (right, low, event, first) => {
        const to = [side * right, side * low], before = figure.view.input === "draw" ? figure.view.drawn : "";
        const drawn = live.stroke(live.unpacked(before, dimension), side, first ? to : last, to, event.shiftKey);
        last = to;
        figure.change({ input: "draw", drawn: live.packed(drawn) });
      });
    }
    for (const { canvas } of draws ? [bad] : [pad, bad]) {
      live.dragged(canvas, (right, low) => figure.view.damage === "hole" && moveHole(right, low));
    }
    live.keys(bad.canvas, (right, up) => moveHole(figure.view.across + right / 32, figure.view.down - up / 32));

    const thumbs = Array.from({ length: count }, (_, i) => {
      const canvas = element("canvas"), pick = figure.button("", () => figure.change({ input: "test", index: i }));
      pick.append(canvas);
      live.showImage(canvas, tests, shape, i * dimension);
      pick.setAttribute("aria-label", `test image ${i + 1}`);
      return pick;
    });
    const file = element("input", { type: "file", accept: "image/*", hidden: true, onchange: async () => {
      if (!file.files.length) return;
      try {
        own = await live.fromFile(file.files[0], shape);
        figure.fail("");
        figure.change({ input: "own" });
      } catch (error) {
        figure.fail("That file is no image that this browser can read.");
      }
    } });
    const inputs = [
      ...(count ? [["test", "a test image"]] : []), ...(draws ? [["draw", "a drawing"]] : []),
      ["made", "made by f"], ["noise", "noise"],
      ...(methods.some((method) => method.fourier) ? [["fourier", "Fourier noise"]] : []),
    ];
    function next() {
      const { input: now, index, seed } = figure.view;
      if (now === "test") figure.change({ index: (index + 1) % count });
      else figure.change({ seed: seed + 1, input: ["draw", "own"].includes(now) ? "made" : now });
    }
    const damages = Object.entries(live.DAMAGES).map(([key, { label }]) => [key, label]);
    const shownLevel = (share) => (share * (live.DAMAGES[figure.view.damage] || live.DAMAGES.noise).top).toFixed(2);
    const centre = () => figure.change({ drawn: live.packed(live.centred(input(), side)), input: "draw" });
    const choices = element("div", { className: "live-thumbs", role: "group", "aria-label": "test images" }, ...thumbs);

    figure.show(area,
      element("div", {}, figure.choice({ text: "x is", key: "input", options: inputs }),
        ...(count ? [choices] : [])),
      element("div", {}, figure.choice({ text: "damage", key: "damage", options: damages }),
        figure.slider({ text: "level of damage", key: "level", min: 0, max: 1, step: 0.01, show: shownLevel })),
      ...figure.methods("methods, on the same input"),
      element("div", { className: "live-buttons" }, figure.button("Next x", next),
        figure.button("Other damage", () => figure.change({ roll: figure.view.roll + 1 })),
        ...(draws ? [figure.button("Clear the pad", () => figure.change({ input: "draw", drawn: "" })),
          figure.button("Centre the drawing", centre)] : []),
        figure.button("Own image …", () => file.click()), file));
  };
})(globalThis.naignLive);
