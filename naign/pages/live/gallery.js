/* New images from noise, and walks between two of them, for one or more methods from the same white noise. */
(function (live) {
  "use strict";
  const { element } = live;
  const COUNT = 12;

  live.kinds = live.kinds || {};
  live.kinds.gallery = function (box, payload) {
    const { shape, methods } = payload, dimension = shape.reduce((a, b) => a * b, 1);
    const start = { seed: 1, times: 1, from: 1, to: 2, walk: 0.5 };

    function applied(f, x, n) { // f as often as the view asks for
      let y = x;
      for (let i = 0; i < figure.view.times; i++) y = f.run(y, n);
      return y;
    }

    /** White noise on the arc between the two ends; its source makes of it a draw of p_Z. */
    function between(white) {
      const { view } = figure, angle = (view.walk * Math.PI) / 2;
      const [a, b] = [view.from, view.to].map((end) => {
        const index = live.clamp(Math.trunc(end), 1, COUNT);
        return white.subarray((index - 1) * dimension, index * dimension);
      });
      return a.map((value, i) => Math.cos(angle) * value + Math.sin(angle) * b[i]);
    }

    function way() {
      const { walk, from, to } = figure.view;
      return `${Math.round(100 * walk)}% of the way from image ${from} to ${to}`;
    }

    const white = { seed: NaN, noise: null };
    function noise() {
      const { seed } = figure.view;
      if (white.seed !== seed) Object.assign(white, { seed, noise: live.normals(seed, COUNT * dimension) });
      return white.noise;
    }

    function makeColumn(method) {
      const title = element("figcaption", { textContent: method.label }), made = { of: "", images: null };
      title.dataset.caption = "";
      const cells = Array.from({ length: COUNT }, (_, i) => {
        const canvas = element("canvas", { className: "live-image", tabIndex: 0, onclick: () => pick(i + 1) });
        canvas.setAttribute("role", "button");
        live.keys(canvas, () => {}, { Enter: () => pick(i + 1), " ": () => pick(i + 1) });
        return canvas;
      });
      const walk = element("canvas", { className: "live-image" });
      walk.setAttribute("role", "img");
      const below = element("figcaption", { textContent: "on the walk" });
      below.dataset.caption = "";
      const frame = element("figure", { className: "live-walk" }, walk, below);
      const column = element("section", {}, title, element("div", { className: "live-cells" }, ...cells), frame);
      column.setAttribute("aria-label", method.label);
      return {
        box: column,
        method,
        paint() {
          const f = figure.network(figure.moment(method).network), { view } = figure;
          title.textContent = f ? method.label : `${method.label}: loading f …`;
          if (!f) return;
          if (made.of !== `${view.seed} ${view.times}`) {
            Object.assign(made, { of: `${view.seed} ${view.times}`, images: applied(f, f.draw(noise()), COUNT) });
            cells.forEach((canvas, i) => live.showImage(canvas, made.images, shape, i * dimension));
          }
          cells.forEach((canvas, i) => {
            const end = i + 1 === view.from || i + 1 === view.to;
            canvas.classList.toggle("live-end", end);
            canvas.setAttribute("aria-label", `image ${i + 1} by ${method.label}${end ? ", an end of the walk" : ""}`);
          });
          const found = applied(f, f.draw(between(noise())), 1);
          live.showImage(walk, found, shape);
          walk.setAttribute("aria-label", `${method.label}: the image ${way()}`);
          column.image = found; // for whoever wants the numbers
          column.dataset.ready = "yes";
        },
      };
    }

    function paint() {
      const chosen = figure.chosen(columns);
      for (const column of columns) column.box.hidden = !chosen.includes(column);
      for (const column of chosen) column.paint();
      const names = chosen.map((column) => column.method.label).join(" and ");
      figure.say(`New images by ${names}, draw ${figure.view.seed}; the walk is ${way()}.`);
    }

    const figure = live.figure(box, payload, start, paint), columns = methods.map(makeColumn);
    const pick = (index) => index !== figure.view.to && figure.change({ from: figure.view.to, to: index });
    const area = element("div", { className: "live-columns" }, ...columns.map((column) => column.box));
    figure.show(area,
      ...figure.methods("methods, from the same noise"),
      figure.slider({ text: "walk between the two marked (pick others)", key: "walk", min: 0, max: 1, step: 0.02,
        show: (share) => share.toFixed(2), play: 60 }),
      figure.slider({ text: "applications of f", key: "times", min: 0, max: 5, step: 1 }),
      element("div", { className: "live-buttons" },
        figure.button("New images", () => figure.change({ seed: figure.view.seed + 1 }))));
  };
})(globalThis.naignLive);
