/* Bars, the stacked bar of the closure, and the scatter of energy against latency. */

/* A bar with its 95 % interval as a whisker; scale: value of the full width. */
function bar(value, ci, scale, colour, isEstimated) {
  const part = (v) => Math.max(0, Math.min(1, v / scale)) * 100, fill = h("i"), box = h("div", { class: "bar" + (isEstimated ? " estimated" : ""), "aria-hidden": "true" }, fill);
  fill.style.width = part(value) + "%";
  if (!isEstimated) fill.style.background = colour;
  if (ci && have(ci[0]) && have(ci[1])) {
    const whisker = h("u");
    whisker.style.left = part(ci[0]) + "%"; whisker.style.width = Math.max(0.2, part(ci[1]) - part(ci[0])) + "%";
    box.append(whisker);
  }
  return box;
}
/* The figure beside its bar. */
const figureBar = (value, ci, scale, colour, isEstimated) => have(value) ? h("div", { class: "figure" }, bar(value, ci, scale, colour, isEstimated), h("span", null, quantity(value, "J"))) : h("span", { class: "note" }, "no figure");
/* The scale that shows all values, and their intervals as far as twice the greatest of them. */
function barScale(rows, value, ci) {
  let most = 0, high = 0;
  for (const row of rows) { const v = value(row), i = ci(row); if (have(v)) most = Math.max(most, v); if (i && have(i[1])) high = Math.max(high, i[1]); }
  return Math.max(most, Math.min(high, 2 * most)) || 1;
}

function stack(parts, total) {
  const box = h("div", { class: "stack", role: "img", "aria-label": parts.map((p) => `${p.name} ${percent(p.value / total)}`).join(", ") });
  for (const p of parts) { const i = h("i", { title: `${p.name}: ${quantity(p.value, "J")}` }); i.style.width = Math.max(0, p.value / total * 100) + "%"; i.style.background = p.colour; box.append(i); }
  return box;
}

/* Points of rows: latency across, energy up, both in powers of ten, with the whisker of the interval. On a diagonal power is equal. */
function scatter({ rows, name, time, energy, ci, colour, unitTime = "s", unitEnergy = "J", onPick }) {
  const points = rows.filter((r) => time(r) > 0 && energy(r) > 0), w = Math.max(340, Math.min(860, main.clientWidth)), height = w < 600 ? 340 : 450, left = 62, right = 14, top = 26, bottom = 46;
  const tip = h("div", { class: "tip", hidden: true });
  if (points.length < 2) return h("p", { class: "note" }, "There are too few rows with a time and an energy for this picture.");
  const logs = (f) => { const l = points.map((r) => Math.log10(f(r))), a = Math.min(...l), b = Math.max(...l), pad = Math.max(0.08 * (b - a), 0.06); return [a - pad, b + pad]; };
  const [x0, x1] = logs(time), [y0, y1] = logs(energy);
  const px = (v) => left + (Math.log10(v) - x0) / (x1 - x0) * (w - left - right), py = (v) => top + (y1 - Math.log10(v)) / (y1 - y0) * (height - top - bottom);
  const chart = svg("svg", { viewBox: `0 0 ${w} ${height}`, class: "chart", role: "group", "aria-label": "Energy against latency, one point a row; the table of layers has the same figures." });
  const ticks = (a, b) => { const out = [], many = b - a < 1.2; for (let e = Math.floor(a); e <= Math.ceil(b); e++) for (const m of many ? (b - a < 0.5 ? [1, 1.5, 2, 3, 4, 5, 7] : [1, 2, 5]) : b - a < 4 ? [1, 3] : [1]) { const v = m * 10 ** e; if (Math.log10(v) >= a && Math.log10(v) <= b) out.push(v); } return out; };
  for (const v of ticks(y0, y1)) chart.append(svg("line", { class: "axis", x1: left, x2: w - right, y1: py(v), y2: py(v) }), svg("text", { x: left - 8, y: py(v) + 4, "text-anchor": "end" }, quantity(v, unitEnergy, 2)));
  for (const v of ticks(x0, x1)) chart.append(svg("line", { class: "axis", x1: px(v), x2: px(v), y1: height - bottom, y2: height - bottom + 4 }), svg("text", { x: px(v), y: height - bottom + 18, "text-anchor": "middle" }, quantity(v, unitTime, 2)));
  chart.append(svg("text", { x: (left + w - right) / 2, y: height - 6, "text-anchor": "middle" }, "time of one execution"), svg("text", { x: left, y: top - 1, "text-anchor": "start" }, "energy of one execution"));
  /* Equal power: energy / time. */
  for (const p of ticks(y0 - x1, y1 - x0)) {
    const a = Math.max(x0, y0 - Math.log10(p)), b = Math.min(x1, y1 - Math.log10(p));
    if (b - a < 0.25 * (x1 - x0)) continue;
    const end = { x: px(10 ** b), y: py(p * 10 ** b) };
    chart.append(svg("line", { class: "iso", x1: px(10 ** a), y1: py(p * 10 ** a), x2: end.x, y2: end.y }), svg("text", { x: end.x - 5, y: Math.max(end.y + 4, top + 14), "text-anchor": "end" }, quantity(p, "W", 2)));
  }
  const show = (r, dot) => {
    tip.replaceChildren(h("b", null, name(r)), h("br"), `${quantity(time(r), unitTime)}, ${quantity(energy(r), unitEnergy)}`, ci(r) ? " " + interval(ci(r), unitEnergy) : "", h("br"), `${quantity(energy(r) / time(r), "W")} while it ran`);
    tip.hidden = false;
    const box = chart.getBoundingClientRect(), k = box.width / w, x = dot.cx.baseVal.value * k, y = dot.cy.baseVal.value * k;
    tip.style.left = Math.max(0, x + 12 + tip.offsetWidth > box.width ? x - tip.offsetWidth - 10 : x + 12) + "px"; tip.style.top = y + 10 + "px";
  };
  const dots = points.map((r) => {
    const x = px(time(r)), y = py(energy(r)), c = ci(r), list = [];
    if (c && c[0] > 0 && c[1] > 0) list.push(svg("line", { class: "whisker", x1: x, x2: x, y1: Math.min(py(c[0]), height - bottom), y2: Math.max(py(c[1]), top), stroke: colour(r) }));
    const dot = svg("circle", { class: "dot", cx: x, cy: y, r: 4.5, fill: colour(r), tabindex: "-1", role: "img", "aria-label": `${name(r)}: ${quantity(time(r), unitTime)}, ${quantity(energy(r), unitEnergy)}` });
    dot.addEventListener("pointerenter", () => show(r, dot)); dot.addEventListener("pointerleave", () => { tip.hidden = true; });
    dot.addEventListener("focus", () => show(r, dot)); dot.addEventListener("blur", () => { tip.hidden = true; });
    dot.addEventListener("click", () => onPick && onPick(r));
    dot.addEventListener("keydown", (e) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
      if (by) { e.preventDefault(); const next = dots[(dots.indexOf(dot) + by + dots.length) % dots.length]; dot.setAttribute("tabindex", "-1"); next.setAttribute("tabindex", "0"); next.focus(); }
      else if (e.key === "Enter" && onPick) onPick(r);
    });
    list.push(dot); chart.append(...list);
    return dot;
  });
  dots[0].setAttribute("tabindex", "0");
  return h("div", { class: "plot" }, chart, tip);
}
