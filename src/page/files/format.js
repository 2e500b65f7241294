/* Building blocks: elements, figures as text, numbers out of base64. */
const have = (v) => v !== null && v !== undefined && Number.isFinite(v);

/* An element with its attributes and children. A text is only ever a text: nothing of a recording is read as HTML. */
function h(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || (value === false && !name.startsWith("aria-"))) continue;
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true && !name.startsWith("aria-") ? "" : value);
  }
  e.append(...children.flat().filter((c) => c !== null && c !== undefined));
  return e;
}
function svg(tag, attributes, ...children) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes || {})) if (value !== null && value !== undefined) e.setAttribute(name, value);
  e.append(...children.flat().filter((c) => c !== null && c !== undefined));
  return e;
}

/* A long name may break behind its own separators, and nowhere else while there is room. */
const breakable = (name) => name.split(/(?<=[./_:,])/).flatMap((part, i) => i ? [h("wbr"), part] : [part]);

const prefixes = [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"]];
function prefixOf(v) {
  const size = Math.abs(v);
  return size === 0 ? prefixes[3] : prefixes.find(([scale]) => size >= 0.99995 * scale) || prefixes[6];
}
/* About four digits, as in the tables of the terminal. */
function digits(v, n = 4) {
  if (!have(v)) return "–";
  const size = Math.abs(v);
  if (size === 0) return "0";
  if (size < 1e-3 || size >= 1e7) return v.toExponential(n - 1);
  return v.toFixed(Math.max(0, Math.min(6, n - 1 - Math.floor(Math.log10(size) + 1e-9))));
}
function quantity(v, unit, n = 4) {
  if (!have(v)) return "–";
  const [scale, prefix] = prefixOf(v);
  return digits(v / scale, n) + "\u202f" + prefix + unit;
}
/* An interval in the prefix of its middle: "[1.2, 3.4] mJ". */
function interval(ci, unit, scale = 1) {
  if (!ci || !have(ci[0]) || !have(ci[1])) return "";
  const low = ci[0] * scale, high = ci[1] * scale, [by, prefix] = prefixOf(Math.max(Math.abs(low), Math.abs(high)));
  const n = Math.max(4, Math.min(8, 2 + Math.ceil(Math.log10(Math.abs(high) / Math.max(high - low, 1e-12)))));
  return `[${digits(low / by, n)}, ${digits(high / by, n)}]\u202f${prefix}${unit}`;
}
const percent = (v, n = 1) => have(v) ? (v * 100).toFixed(n) + "\u202f%" : "–";
const whole = (v) => have(v) ? Math.round(v).toString().replace(/\B(?=(\d{3})+$)/g, "\u202f") : "–";
const bytes = (v) => have(v) ? digits(v / 2 ** 20, 3) + "\u202fMiB" : "–";
/* What joulemap itself took, in the words of the text (core/own_cost.c). */
function ownCost(c) {
  if (!c || !have(c.cpu_s)) return "unknown: nothing recorded it";
  const memory = !have(c.rss_bytes) ? "memory not told apart from the program's that it ran in" : bytes(c.rss_bytes) + " resident" +
    (have(c.rss_with_model_bytes) ? ` before the model came (${bytes(c.rss_with_model_bytes)} with it and its runtime)` : "");
  return `${quantity(c.cpu_s, "s", 3)} of processor time, ${percent(c.cpu_fraction, 2)} of one core, ${memory}`;
}

/* Typed arrays from base64 of little-endian numbers. */
function unpack(text, type) {
  const binary = atob(text), data = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) data[i] = binary.charCodeAt(i);
  const view = new DataView(data.buffer), width = type.BYTES_PER_ELEMENT;
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 || width === 1) return new type(data.buffer);
  const name = "get" + type.name.replace("Array", ""), out = new type(data.length / width);
  for (let i = 0; i < out.length; i++) out[i] = view[name](i * width, true);
  return out;
}
/* The first index in [0, n) whose value(i) is above x; n: none. */
function firstAbove(n, value, x) {
  let low = 0, high = n;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value(middle) > x) high = middle; else low = middle + 1;
  }
  return low;
}
/* Round steps of an axis: at most n of them. */
function stepFor(range, n) {
  const raw = range / Math.max(n, 1), base = 10 ** Math.floor(Math.log10(raw));
  return base * ([1, 2, 5].find((m) => m * base >= raw) || 10);
}
/* Colours of the scheme in force; asking the browser for one takes long, so each is asked for once until the scheme changes. */
const palette = new Map();
function cssVariable(name) {
  if (!palette.has(name)) palette.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return palette.get(name);
}

/* ---- Tables ---- */

let tableNumber = 0;
/* columns: {title, value(row) to sort by, cell(row) to show (value's text if none), number, hint, minor}. Unknown goes last. */
function makeTable({ caption, columns, rows, sort = -1, down = true, limit = 0, id = null, detail = null }) {
  const state = { sort, down, rows, limit }, tableId = id || "table" + ++tableNumber;
  const status = h("p", { class: "visually-hidden", role: "status" }), body = h("tbody"), more = h("p", { class: "more" });
  const sortable = columns.some((c) => c.value);
  const heads = columns.map((c, i) => h("th", { scope: "col", class: [c.number ? "n" : "", c.minor ? "minor" : "", c.cls || ""].join(" ").trim() || null, title: c.hint },
    sortable && c.value ? h("button", { type: "button", onclick: () => { state.down = state.sort === i ? !state.down : !!c.number; state.sort = i; fill(true); } }, c.title) : c.title));
  const table = h("table", { id: tableId }, h("caption", { class: "visually-hidden" }, caption), h("thead", null, h("tr", null, heads)), body);
  function compare(a, b) {
    const x = columns[state.sort].value(a), y = columns[state.sort].value(b);
    const missing = (v) => v === null || v === undefined || Number.isNaN(v);
    if (missing(x) || missing(y)) return missing(x) - missing(y);
    const order = typeof x === "string" ? x.localeCompare(y, "en", { numeric: true }) : x - y;
    return state.down ? -order : order;
  }
  function fill(isTold) {
    const sorted = state.sort >= 0 ? [...state.rows].sort(compare) : state.rows;
    const shown = state.limit && sorted.length > state.limit + 5 ? sorted.slice(0, state.limit) : sorted;
    heads.forEach((th, i) => { if (i === state.sort) th.setAttribute("aria-sort", state.down ? "descending" : "ascending"); else th.removeAttribute("aria-sort"); });
    body.replaceChildren(...shown.flatMap((row) => {
      const cells = columns.map((c, i) => h(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: (c.number ? "n " : "") + (c.cls || "") + (c.minor ? " minor" : "") },
        c.cell ? c.cell(row, state.rows) : String(c.value(row) ?? "–")));
      const extra = detail && detail(row);
      return [h("tr", null, cells), ...(extra ? [h("tr", { class: "detail" }, h("td", { colspan: columns.length }, extra))] : [])];
    }));
    more.replaceChildren();
    if (shown.length < sorted.length)
      more.append(h("button", { type: "button", onclick: () => { state.limit = 0; fill(true); } }, `Show all ${whole(sorted.length)} rows`));
    if (isTold && state.sort >= 0)
      status.textContent = `${shown.length} rows, sorted by ${columns[state.sort].title}, ${state.down ? "largest" : "smallest"} first`;
  }
  fill(false);
  const element = h("div", { class: "table" }, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, table), more, status);
  return { element, table, set: (list) => { state.rows = list; fill(false); }, setLimit: (n) => { state.limit = n; fill(false); } };
}
