// Live pages: when the service says that something changed, the page is fetched once more, and those of its parts that are
// about it (data-live="tasks coverage") are exchanged. Without this file every page works, and shows the moment it was made.
"use strict";
(() => {
  const parts = () => [...document.querySelectorAll("[data-live][id]")];
  const lamp = document.getElementById("live");
  if (!parts().length || !window.EventSource) return;
  let changed = new Set(), timer = 0, busy = false, rest = 1000;

  const show = (state, word) => {
    lamp.hidden = false;
    lamp.dataset.state = state;
    lamp.querySelector(".word").textContent = word;
  };
  const concerned = (part, topics) => part.dataset.live.split(" ").some((topic) => topics.has(topic));

  // What a person is doing to a part outlives the exchange: where the focus is, what is unfolded, how far it is scrolled.
  const exchange = (old, fresh) => {
    const inside = old.contains(document.activeElement) ? document.activeElement : null;
    if (inside && inside.matches("input, select, textarea")) return;
    if (old.innerHTML === fresh.innerHTML) return;
    const open = new Set([...old.querySelectorAll("details[open][id]")].map((each) => each.id));
    const scrolled = [...old.querySelectorAll(".scroll")].map((each) => [each.scrollLeft, each.scrollTop]);
    old.replaceWith(fresh);
    fresh.querySelectorAll("details[id]").forEach((each) => { if (open.has(each.id)) each.open = true; });
    fresh.querySelectorAll(".scroll").forEach((each, at) => { if (scrolled[at]) each.scrollTo(...scrolled[at]); });
    if (inside && inside.id) document.getElementById(inside.id)?.focus({ preventScroll: true });
  };

  const refresh = async () => {
    timer = 0;
    if (busy || document.hidden) return;
    busy = true;
    const topics = changed, began = performance.now();
    changed = new Set();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (answer.redirected || !answer.ok) throw new Error(answer.statusText);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of parts()) {
        const found = fresh.getElementById(part.id);
        if (found && concerned(part, topics)) exchange(part, found);
      }
      show("on", "live");
    } catch {
      show("lost", "not live");
    }
    rest = Math.max(1000, 10 * (performance.now() - began)); // a page that is dear to make is made seldom
    busy = false;
    if (changed.size) soon();
  };
  const soon = () => { if (!timer) timer = setTimeout(refresh, rest); };

  const source = new EventSource("/events");
  source.onopen = () => show("on", "live");
  source.onerror = () => setTimeout(() => { // a stream ends now and then, and is begun anew
    if (source.readyState !== EventSource.OPEN) show("lost", "not live");
  }, 5000);
  source.addEventListener("changed", (event) => {
    JSON.parse(event.data).forEach((topic) => changed.add(topic));
    if (parts().some((part) => concerned(part, changed))) soon();
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && changed.size) soon(); });
  addEventListener("pagehide", () => source.close());
})();
