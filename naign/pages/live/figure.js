/* What every live figure shares: the state of its view, controls bound to it, networks that are loaded when they
   are needed, the address that holds the view, and the picture to save. */
(function (live) {
  "use strict";
  if (live.figure) return;

  const { element, onNextFrame, afterwards, rgb } = live;

  /* ---- networks, loaded once a page ---- */

  live.given = {}; // payloads by their keys: the scripts beside a built page put them here
  const networks = new Map();
  let heap = null;

  function payloadOf(key) {
    const tag = document.querySelector(`script[data-network="${key}"]`);
    if (live.given[key]) return Promise.resolve(live.given[key]);
    if (!tag) return Promise.reject(new Error(`network ${key} is not in this page`));
    if (!tag.dataset.src) return Promise.resolve(JSON.parse(tag.textContent));
    return new Promise((resolve, reject) => { // a tag, not fetch: so it loads from a disk too
      const failed = () => reject(new Error(`${tag.dataset.src} could not be loaded`));
      const onload = () => (live.given[key] ? resolve(live.given[key]) : failed());
      document.head.append(element("script", { src: tag.dataset.src, onload, onerror: failed }));
    });
  }

  /** A promise of the network of a key. */
  function load(key) {
    if (!networks.has(key)) {
      const made = payloadOf(key).then((payload) => {
        heap = heap || live.memory();
        delete live.given[key]; // its weights are in the heap
        return (made.network = live.network(payload, heap));
      });
      networks.set(key, made);
    }
    return networks.get(key);
  }

  /* ---- the view in the address: #name?key=value&key=value, of what differs from the start ---- */

  function fromAddress(name, start) {
    const [found, query] = location.hash.slice(1).split("?");
    const view = { ...start };
    if (found !== name || !query) return view;
    for (const [key, text] of new URLSearchParams(query)) {
      if (typeof start[key] === "number" && Number.isFinite(Number(text))) view[key] = Number(text);
      if (typeof start[key] === "boolean") view[key] = text === "true";
      if (typeof start[key] === "string") view[key] = text;
    }
    return view;
  }

  function toAddress(name, view, start) {
    const changed = Object.entries(view).filter(([key, value]) => value !== start[key]);
    const short = (value) => (typeof value === "number" ? String(Number(value.toFixed(4))) : String(value));
    const query = new URLSearchParams(changed.map(([key, value]) => [key, short(value)]));
    try {
      history.replaceState(null, "", `#${name}?${query}`);
    } catch (error) {
      console.warn("naign: the address of this page cannot be changed", error);
    }
  }

  /* ---- the picture of a figure: its canvases and captions where they stand ---- */

  function savePicture(area, name) {
    const scale = 2, margin = 12, frame = area.getBoundingClientRect();
    const look = getComputedStyle(area.closest(".naign-live"));
    const [width, height] = [frame.width, frame.height].map((length) => scale * (length + 2 * margin));
    const canvas = element("canvas", { width, height });
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    context.fillStyle = look.backgroundColor;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.translate(margin, margin);
    for (const part of area.querySelectorAll("canvas, [data-caption]")) {
      const at = part.getBoundingClientRect(), left = at.left - frame.left, top = at.top - frame.top;
      if (!at.width) continue;
      if (part.tagName === "CANVAS") {
        context.imageSmoothingEnabled = part.width > 100; // small images keep their pixels
        context.drawImage(part, left, top, at.width, at.height);
        continue;
      }
      context.fillStyle = look.color;
      context.font = getComputedStyle(part).font;
      context.textBaseline = "top";
      part.innerText.split("\n").forEach((line, i) => context.fillText(line, left, top + 18 * i));
    }
    canvas.toBlob((blob) => {
      const href = URL.createObjectURL(blob);
      element("a", { href, download: `${name}.png` }).click();
      setTimeout(() => URL.revokeObjectURL(href), 10_000);
    });
  }

  /* ---- a figure ---- */

  let serial = 0;

  /** A figure in a box: its view, and controls that show the view and change it.

      payload : what Python wrote, with a `name`; start : the view at first, numbers, booleans and texts, to which
      the methods and the moment of training come that are shown at first;
      paint(figure) : draws the view, at most once a frame */
  live.figure = function (box, payload, start, paint) {
    const first = payload.methods.slice(0, payload.shown).map((method) => method.label).join();
    start = { methods: first, step: payload.steps.length - 1, ...start };
    const inNotebook = Boolean(box.closest(".jp-OutputArea")); // whose address is not ours
    const showing = []; // one function a control, to show the view again
    const spoken = element("p", { className: "live-unseen", role: "status" }), fault = element("p", { role: "alert" });
    const redraw = onNextFrame(() => paint(figure));
    const remember = afterwards(() => inNotebook || toAddress(payload.name, figure.view, start), 300);
    let sentence = "";
    const speak = afterwards(() => { spoken.textContent = sentence; }, 600);

    function bound(shown) {
      showing.push(shown);
      shown();
    }

    function labelled(input, text) {
      return element("label", {}, input, element("span", { textContent: text }));
    }

    function group(legend, ...children) {
      return element("fieldset", {}, element("legend", { textContent: legend }), ...children);
    }

    const figure = {
      box,
      payload,
      view: fromAddress(payload.name, start),
      redraw,
      change(part) {
        Object.assign(figure.view, part);
        for (const show of showing) show();
        redraw();
        remember();
      },
      /** The network of a key if it is there; else null, and the figure is drawn again when it is. */
      network(key) {
        const found = load(key);
        if (found.network) return found.network;
        if (!found.awaited) found.awaited = new Set();
        if (!found.awaited.has(redraw)) {
          found.awaited.add(redraw);
          found.then(redraw, (error) => figure.fail(`A network is missing: ${error.message}.`));
        }
        return null;
      },
      /** The methods of the view, of things with a `method` each; the first one if it names none. */
      chosen(things) {
        const wanted = figure.view.methods.split(",");
        const found = things.filter(({ method }) => wanted.includes(method.label));
        return found.length ? found : things.slice(0, 1);
      },
      /** What a screen reader says of the figure, once it rests. */
      say(text) {
        if (text === sentence) return;
        sentence = text;
        speak();
      },
      fail(text) {
        fault.textContent = text;
      },
      colours() {
        const look = getComputedStyle(box);
        return { ink: look.color, paper: look.backgroundColor };
      },
      /** The colour of a method, lighter on dark paper. */
      hue({ colour }) {
        const [red = 255] = figure.colours().paper.match(/\d+/g) || [];
        if (red > 100) return colour;
        return `#${rgb(colour).map((v) => Math.round(v + 0.35 * (255 - v)).toString(16).padStart(2, "0")).join("")}`;
      },

      /** A slider for the number `key`; with `play`, milliseconds a step, also a button that moves it along. */
      slider({ text, key, min, max, step, show = String, play = 0 }) {
        const value = element("output");
        const moved = () => figure.change({ [key]: Number(input.value) });
        const input = element("input", { type: "range", min, max, step, oninput: moved });
        input.setAttribute("aria-label", text);
        const words = element("span", { textContent: text });
        const label = element("label", { className: "live-slider" }, words, input, value);
        let timer = 0;
        const playing = element("button", { type: "button", className: "live-play", onclick: toggle });
        function toggle() {
          if (timer) {
            clearInterval(timer);
            timer = 0;
          } else {
            if (figure.view[key] >= max) figure.change({ [key]: min });
            timer = setInterval(() => {
              if (!box.isConnected || figure.view[key] >= max) toggle();
              else figure.change({ [key]: Math.min(max, figure.view[key] + step) });
            }, play);
          }
          named();
        }
        const named = () => {
          playing.textContent = timer ? "❚❚" : "▶";
          playing.setAttribute("aria-label", `${timer ? "stop" : "play"}: ${text}`);
        };
        named();
        bound(() => {
          input.value = figure.view[key];
          figure.view[key] = Number(input.value); // within range and on a step: an address may hold anything
          value.textContent = show(figure.view[key]);
          input.setAttribute("aria-valuetext", value.textContent);
        });
        return play ? element("div", { className: "live-played" }, playing, label) : label;
      },

      /** One of several values of `key`. */
      choice({ text, key, options }) {
        const name = `live-${++serial}`;
        const inputs = options.map(([value]) =>
          element("input", { type: "radio", name, value, onchange: () => figure.change({ [key]: value }) }));
        bound(() => inputs.forEach((input) => { input.checked = input.value === figure.view[key]; }));
        return group(text, ...options.map(([, label], i) => labelled(inputs[i], label)));
      },

      /** Which methods are shown, where there are several; at least one is. */
      methods(text) {
        if (payload.methods.length < 2) return [];
        const inputs = payload.methods.map(({ label }) =>
          element("input", { type: "checkbox", value: label, onchange: () => {
            const wanted = inputs.filter((input) => input.checked).map((input) => input.value);
            figure.change({ methods: (wanted.length ? wanted : [label]).join() });
          } }));
        bound(() => {
          const shown = figure.view.methods.split(",");
          for (const input of inputs) input.checked = shown.includes(input.value);
        });
        return [group(text, ...inputs.map((input) => labelled(input, input.value)))];
      },

      /** The moment of training that is shown, where several are recorded. */
      training() {
        const { steps } = payload, max = steps.length - 1, show = (i) => steps[i].toLocaleString("en");
        if (max < 1) return [];
        return [figure.slider({ text: "training step", key: "step", min: 0, max, step: 1, show, play: 900 })];
      },

      /** Of a method, {step, network}: the last moment that is recorded of it and not after the one shown. */
      moment(method) {
        const shown = payload.steps[figure.view.step];
        return method.networks.filter((one) => one.step <= shown).pop() || method.networks[0];
      },

      toggles(text, ...options) { // [key, label]
        return group(text, ...options.map(([key, label]) => {
          const input = element("input", { type: "checkbox", onchange: () => figure.change({ [key]: input.checked }) });
          bound(() => { input.checked = figure.view[key]; });
          return labelled(input, label);
        }));
      },

      button: (text, onclick) => element("button", { type: "button", textContent: text, onclick }),

      /** Puts the figure into its box: the area that a saved picture shows, then the controls. */
      show(area, ...controls) {
        area.classList.add("live-area");
        const link = figure.button("Link to this view", () => {
          toAddress(payload.name, figure.view, start);
          const copied = navigator.clipboard ? navigator.clipboard.writeText(location.href) : Promise.reject();
          const tell = (text) => {
            link.textContent = text;
            setTimeout(() => { link.textContent = "Link to this view"; }, 2500);
          };
          copied.then(() => tell("Copied"), () => tell("See the address bar"));
        });
        const last = element("div", { className: "live-buttons" },
          figure.button("Save picture", () => savePicture(area, payload.name)),
          ...(inNotebook ? [] : [link]),
          figure.button("Start again", () => figure.change({ ...start })));
        box.append(element("div", { className: "live-body" }, area,
          element("div", { className: "live-controls" }, ...controls), last, fault, spoken));
        new ResizeObserver(redraw).observe(box);
        const themes = { attributes: true, attributeFilter: ["data-theme", "data-mode", "data-jp-theme-light"] };
        const watch = new MutationObserver(redraw);
        for (const part of [document.documentElement, document.body]) watch.observe(part, themes);
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
        addEventListener("hashchange", () => {
          Object.assign(figure.view, fromAddress(payload.name, figure.view));
          for (const shown of showing) shown();
          redraw();
        });
        redraw();
      },
    };
    return figure;
  };

  Object.assign(live, { load, memoryKind: () => heap.kind });
})(globalThis.naignLive);
