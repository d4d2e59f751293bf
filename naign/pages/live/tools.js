/* Tools of the live figures: elements, seeded noise, canvases, hands and keys. */
(function (live) {
  "use strict";

  /* ---- elements and numbers ---- */

  function element(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in made) made[name] = value;
      else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  /** Uniform numbers in [0, 1) that a seed determines, so that an address can hold a draw (mulberry32). */
  function random(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  /** Standard normal numbers that a seed determines. */
  function normals(seed, count) {
    const uniform = random(seed);
    return Float32Array.from({ length: count }, () =>
      Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()));
  }

  const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
  const rgb = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)); // of #rrggbb
  const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  function onNextFrame(work) {
    let due = false;
    return () => {
      if (due) return;
      due = true;
      requestAnimationFrame(() => {
        due = false;
        work();
      });
    };
  }

  function afterwards(work, milliseconds) {
    let timer;
    return () => {
      clearTimeout(timer);
      timer = setTimeout(work, milliseconds);
    };
  }

  /* ---- canvases ---- */

  /** The drawing context of a canvas of a width and height in pixels of the page, cleared. */
  function prepared(canvas, width, height) {
    const ratio = window.devicePixelRatio || 1, across = Math.round(width * ratio), down = Math.round(height * ratio);
    if (canvas.width !== across || canvas.height !== down) {
      canvas.width = across;
      canvas.height = down;
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    return context;
  }

  /** Calls move(across, down, event, first) while a mouse, pen or finger is down; 0 to 1 from the upper left. */
  function dragged(canvas, move) {
    let down = false;
    const at = (event, first) => {
      const box = canvas.getBoundingClientRect();
      move((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height, event, first);
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      down = true;
      canvas.setPointerCapture(event.pointerId);
      at(event, true);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!down) return;
      const every = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
      for (const one of every.length ? every : [event]) at(one, false);
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { down = false; });
  }

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

  /** Keys of a canvas: move(right, up) for the arrows, 1 a step and 5 with shift, and others by their names.
      Keys that are used go no further, since JupyterLab and the book have keys of their own. */
  function keys(canvas, move, others = {}) {
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const step = event.shiftKey ? 5 : 1;
      if (ARROWS[event.key]) move(...ARROWS[event.key].map((v) => step * v));
      else if (others[event.key]) others[event.key]();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  Object.assign(live, { element, random, normals, clamp, rgb, still, onNextFrame, afterwards });
  Object.assign(live, { prepared, dragged, keys });
})(globalThis.naignLive);
