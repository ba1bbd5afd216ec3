// The document around a page: the first picture until the page is there, Back with its choices and its place.
"use strict";
(() => {
  const PATIENCE = 20_000;
  const STEP = 80;

  const deep = (root, wanted) => {
    for (const element of root.querySelectorAll("*")) {
      const found = element.matches(wanted) ? element : element.shadowRoot && deep(element.shadowRoot, wanted);
      if (found) {
        return found;
      }
    }
    return null;
  };
  const until = (ready, then) => {
    const begun = performance.now();
    const look = () => {
      if (ready()) {
        then();
      } else if (performance.now() - begun < PATIENCE) {
        setTimeout(look, STEP);
      }
    };
    look();
  };

  // The page is built after the document is loaded: the browser's own restoring would find an empty one.
  history.scrollRestoration = "manual";
  const key = () => `fin-place:${location.pathname}${location.search}`;
  addEventListener("pagehide", () => sessionStorage.setItem(key(), String(scrollY)));
  const [visit] = performance.getEntriesByType("navigation");
  const place = Number(sessionStorage.getItem(key()));
  if (place && visit && visit.type !== "navigate") {
    let moved = false;
    for (const kind of ["wheel", "touchmove", "keydown"]) {
      addEventListener(kind, () => { moved = true; }, {once: true, passive: true});
    }
    const root = document.documentElement;
    until(() => moved || root.scrollHeight >= place + innerHeight, () => moved || scrollTo(0, place));
  }

  // A choice is an entry of the history. Going back to one tells the server, without a new entry.
  addEventListener("popstate", () => {
    const push = history.pushState;
    history.pushState = () => {};
    try {
      for (const page of window.Bokeh ? window.Bokeh.documents : []) {
        for (const model of page.roots()) {
          if ("pathname" in model && "search" in model) {
            model.search = location.search;
          }
        }
      }
    } finally {
      history.pushState = push;
    }
  });

  document.addEventListener("DOMContentLoaded", () => {
    const first = document.getElementById("fin-first");
    const isPage = (heading) => heading && heading.getRootNode() !== document && heading.getBoundingClientRect().height > 0;
    const rest = () => [...document.body.children].filter((element) => element !== first && element.id !== "fin-skip");
    const heading = () => rest().map((element) => deep(element, "h1")).find(isPage);
    if (first) {
      until(heading, () => first.remove());
    }
    const skip = document.getElementById("fin-skip");
    skip && skip.addEventListener("click", (event) => {
      event.preventDefault();
      const found = heading();
      if (found) {
        found.tabIndex = -1;
        found.focus();
      }
    });
  });
})();
