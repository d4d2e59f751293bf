/* Figures come to life when they are near the window; where that fails, their stills stay. */
(function (live) {
  "use strict";

  async function mount(box) {
    if (box.dataset.live) return;
    box.dataset.live = "loading";
    try {
      const payload = JSON.parse(box.querySelector("script[data-figure]").textContent);
      live.kinds[payload.kind](box, payload);
      box.dataset.live = "yes";
    } catch (error) {
      box.querySelector(".live-body")?.remove();
      box.dataset.live = "failed";
      console.error("naign: a live figure failed", error);
    }
  }

  function scan() {
    for (const box of document.querySelectorAll(".naign-live:not([data-live])")) {
      if (location.hash.startsWith(`#${box.dataset.name}?`)) box.scrollIntoView({ block: "center" });
      const watch = new IntersectionObserver((seen) => {
        if (!seen.some((entry) => entry.isIntersecting)) return;
        watch.disconnect();
        mount(box);
      }, { rootMargin: "300px" });
      watch.observe(box);
    }
  }

  scan();
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", scan);
})(globalThis.naignLive);
