// Numbers, dates and cells of the pages as text and markup, for tables and charts alike.
//
// `ui/formats.py` writes the same numbers on the server; a test holds the two to each other. Text from data is escaped
// here before it becomes markup. Code for one market does not belong here.
"use strict";
(() => {
  const MISSING = "–";
  const MINUS = "\u2212";
  const SCALES = [1e12, 1e9, 1e6, 1e3];
  // From here on a number rounds up to the next scale at three figures.
  const REACHES = 0.9995;
  const WHOLE_FROM = 1000;
  const FIGURES = 3;

  const escape = (text) => String(text).replace(/[&<>"'`]/g, (letter) => `&#${letter.charCodeAt(0)};`);
  const isMissing = (value) => value === null || value === undefined || value === "" || value !== value || value === "-";

  // The locale is fixed: the server, files and pictures write the same.
  const formatter = (options, signed) =>
    new Intl.NumberFormat("en-US", {signDisplay: signed ? "exceptZero" : "negative", ...options});

  // spec: {least, most, scales, before, unit, signed, trim}, as `formats.Number` has them.
  const number = ({least = 0, most = 0, scales = null, before = "", unit = "", signed = false, trim = false} = {}) => {
    const decimals = formatter({minimumFractionDigits: trim ? 0 : least, maximumFractionDigits: most}, signed);
    const figures = formatter({minimumSignificantDigits: trim ? 1 : FIGURES, maximumSignificantDigits: FIGURES}, signed);
    const few = formatter({maximumSignificantDigits: FIGURES}, signed);
    const whole = formatter({maximumFractionDigits: 0}, signed);
    const scaled = (value) => {
      const size = Math.abs(value);
      const at = SCALES.findIndex((scale) => size >= scale * REACHES);
      if (at < 0) { return few.format(value); }
      const part = value / SCALES[at];
      return (Math.abs(part) >= WHOLE_FROM ? whole : figures).format(part) + scales[at];
    };
    return (value) => {
      if (isMissing(value)) { return MISSING; }
      return before + (scales ? scaled(value) : decimals.format(value)).replace("-", MINUS) + unit;
    };
  };

  const muted = (markup) => `<span class="muted">${markup}</span>`;
  const rise = (markup) => `<span class="up">▲ ${markup}</span>`;
  const fall = (markup) => `<span class="down">▼ ${markup}</span>`;
  const dot = (colour) => `<span class="dot" style="background:var(--fin-${escape(colour)},var(--fin-neutral))"></span>`;

  // Each gives a function from a value that is there to markup.
  const cells = {
    text: () => escape,
    wrapped: () => (value) => `<span style="white-space:normal">${escape(value)}</span>`,
    code: () => (value) => `<code>${escape(value)}</code>`,
    // Commands within the sentence are set as code.
    command: (pattern) => (value) => `<span style="white-space:normal">${String(value).split(new RegExp(pattern))
      .map((part, at) => at % 2 ? `<code>${escape(part)}</code>` : escape(part)).join("")}</span>`,
    link: (path) => (value) => `<a href="${escape(path + encodeURIComponent(value))}">${escape(value)}</a>`,
    external: (words) => (value) => /^https?:\/\//.test(value)
      ? `<a href="${escape(value)}" target="_blank" rel="noopener">${escape(words)}</a>`
      : escape(value),
    number: (format, whole = null) => (value) => whole
      ? `<span title="${escape(whole(value))}">${escape(format(value))}</span>`
      : escape(format(value)),
    // Colour is never the only sign: an arrow says it too. A number that rounds to zero has neither.
    signed: (format, whole = null) => (value) => {
      const text = escape(format(value));
      const shown = whole ? `<span title="${escape(whole(value))}">${text}</span>` : text;
      return !/[1-9]/.test(text.replace(/&#\d+;/g, "")) ? muted(shown) : value > 0 ? rise(shown) : fall(shown);
    },
    // words: value -> text; colours: value -> name of a colour. A value that is in neither shows itself in grey.
    dotted: (words, colours) => (value) => {
      const text = Object.hasOwn(words, value) ? words[value] : String(value).replace(/_/g, " ");
      return dot(Object.hasOwn(colours, value) ? colours[value] : "neutral") + escape(text);
    },
    toned: (up, down) => (value) => {
      const text = escape(value);
      return String(value).includes(up) ? rise(text) : String(value).includes(down) ? fall(text) : muted(text);
    },
  };

  const cell = (show) => (component) => {
    const value = component.getValue();
    return isMissing(value) ? muted(MISSING) : show(value);
  };

  // The table would take a text as markup; an element it takes as it is.
  const hint = (text) => {
    const element = document.createElement("div");
    element.textContent = text;
    return element;
  };
  const tooltip = (_event, component) => {
    const value = component.getValue();
    return isMissing(value) ? "" : hint(value);
  };
  const headerTooltip = (_event, column) => hint(column.getDefinition().title);

  // Cut to a width in Latin letters; a Chinese character counts as two.
  const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\ud840-\ud87f]/;
  const shortened = (text, most) => {
    let width = 0;
    const letters = [...text];
    for (const [at, letter] of letters.entries()) {
      width += WIDE.test(letter) ? 2 : 1;
      if (width > most) { return `${letters.slice(0, Math.max(at - 1, 1)).join("").trimEnd()}…`; }
    }
    return text;
  };

  const lines = (texts) => texts.filter((text) => !isMissing(text)).map(escape).join("<br>");
  const charts = {
    // The lines of a datum's own `tip`, the first in bold.
    tip: (point) => {
      const tip = point.data && point.data.tip;
      return tip ? `<b>${escape(tip[0])}</b><br>${lines(tip.slice(1))}` : "";
    },
    // All series on one session. formats: series name -> number; absolute: series drawn downwards; notes: day -> words.
    session: ({formats = {}, other = String, absolute = [], notes = {}}) => (points) => {
      const day = points[0].axisValue;
      const note = Object.hasOwn(notes, day) ? ` · ${escape(notes[day])}` : "";
      const rows = points.filter((point) => !isMissing(point.value)).map((point) => {
        const format = Object.hasOwn(formats, point.seriesName) ? formats[point.seriesName] : other;
        const value = absolute.includes(point.seriesName) ? Math.abs(point.value) : point.value;
        return `${point.marker}${escape(point.seriesName)} <b>${escape(format(value))}</b>`;
      });
      return [escape(day) + note, ...rows].join("<br>");
    },
    // The label of a datum.
    value: (format) => (point) => format(point.value),
    monthAndDay: (day) => String(day).slice(5),
    // Two lines, each cut to a number of letters: the first in the style `n`, the second in the style `c`.
    twoLines: (letters) => (text) => {
      const [first, second] = String(text).split("\n").map((line) => shortened(line, letters));
      return `{n|${first}}\n{c|${second}}`;
    },
  };

  window.fin = Object.freeze({cell, cells, charts, escape, headerTooltip, isMissing, number, shortened, tooltip});
})();
