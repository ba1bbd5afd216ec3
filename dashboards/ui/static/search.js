// The search field of every page: a combobox over /search.json, opened with "/".
//
// An element of its own, because the pages' parts live in shadow trees. Names from data become text, never markup.
"use strict";
(() => {
  const PAUSE = 120;
  let count = 0;

  class Search extends HTMLElement {
    connectedCallback() {
      if (!this.field) {
        this.build();
      }
      document.addEventListener("keydown", this.slash);
    }

    disconnectedCallback() {
      document.removeEventListener("keydown", this.slash);
    }

    build() {
      count += 1;
      this.field = document.createElement("input");
      this.list = document.createElement("ul");
      const id = `fin-search-${count}`;
      const set = (element, values) => Object.entries(values).forEach(([name, value]) => element.setAttribute(name, value));
      set(this.field, {type: "search", role: "combobox", autocomplete: "off", spellcheck: "false", maxlength: "100",
        "aria-label": "Search all codes and names", "aria-expanded": "false", "aria-controls": id,
        "aria-autocomplete": "list", "aria-keyshortcuts": "/", placeholder: "Search code or name …", title: "Press / to search"});
      set(this.list, {id, role: "listbox", "aria-label": "Found"});
      this.list.hidden = true;
      this.append(this.field, this.list);
      this.answer = {found: [], other: ""};
      this.chosen = -1;
      this.slash = (event) => {
        const at = event.composedPath()[0];
        const typing = at instanceof HTMLElement && (at.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName));
        if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
          event.preventDefault();
          this.field.focus();
        }
      };
      this.field.addEventListener("input", () => {
        clearTimeout(this.waiting);
        this.waiting = setTimeout(() => this.ask(), PAUSE);
      });
      this.field.addEventListener("keydown", (event) => this.key(event));
      this.field.addEventListener("focus", () => this.show());
      this.field.addEventListener("blur", () => setTimeout(() => this.close(), 150));
    }

    async ask() {
      const text = this.field.value.trim();
      this.asked = text;
      let answer = {found: [], other: ""};
      if (text) {
        try {
          answer = await (await fetch(`/search.json?q=${encodeURIComponent(text)}`)).json();
        } catch {
          answer = {found: [], other: "", failed: true};
        }
      }
      // A later question may have been answered first.
      if (this.asked === text) {
        this.answer = answer;
        this.chosen = -1;
        this.show();
      }
    }

    show() {
      const {found, failed} = this.answer;
      const text = this.field.value.trim();
      this.list.replaceChildren(...found.map((one, at) => {
        const item = document.createElement("li");
        const area = document.createElement("span");
        item.id = `${this.list.id}-${at}`;
        item.setAttribute("role", "option");
        item.setAttribute("aria-selected", String(at === this.chosen));
        item.append(one.label, area);
        area.textContent = one.area;
        item.addEventListener("mousedown", (event) => { event.preventDefault(); this.open(one.path); });
        return item;
      }));
      if (!found.length && text && this.asked === text) {
        const item = document.createElement("li");
        item.className = "none";
        item.textContent = failed ? "The server does not answer" : `Nothing has “${text}” in its code or name`;
        this.list.append(item);
      }
      this.list.hidden = !this.list.children.length || !text;
      this.field.setAttribute("aria-expanded", String(!this.list.hidden));
      const active = this.list.children[this.chosen];
      active && found.length ? this.field.setAttribute("aria-activedescendant", active.id)
        : this.field.removeAttribute("aria-activedescendant");
      active && active.scrollIntoView({block: "nearest"});
    }

    close() {
      this.list.hidden = true;
      this.field.setAttribute("aria-expanded", "false");
    }

    async key(event) {
      const last = this.answer.found.length - 1;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        const step = event.key === "ArrowDown" ? 1 : -1;
        this.chosen = this.chosen + step > last ? 0 : this.chosen + step < 0 ? last : this.chosen + step;
        this.show();
      } else if (event.key === "Escape") {
        this.close();
      } else if (event.key === "Enter") {
        clearTimeout(this.waiting);
        if (this.asked !== this.field.value.trim()) {
          await this.ask();
        }
        const one = this.answer.found[Math.max(this.chosen, 0)];
        this.open(one ? one.path : this.answer.other);
      }
    }

    open(path) {
      if (path) {
        location.assign(path);
      }
    }
  }

  customElements.define("fin-search", Search);
})();
