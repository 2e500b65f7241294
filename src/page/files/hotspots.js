/* Which layers to quantise first: their share of the energy times what was measured to be gained, from "joulemap-compare/1"; of one
 * recording alone, which layers take the most. By layer, by part of the network, by type. */
const hotKinds = [["layers", "Layer"], ["parts", "Part"], ["types", "Type"]];

/* Buttons of which one is pressed; items: [value, text]. */
function choiceOf(label, items, onPick) {
  return h("span", { class: "group", role: "group", "aria-label": label }, items.map(([value, text], i) => h("button", { type: "button", "aria-pressed": i === 0, onclick: (e) => { for (const b of e.target.parentNode.children) b.setAttribute("aria-pressed", b === e.target); onPick(value); } }, text)));
}
/* Pale: the share of all energy; full: what of it is saved; hatched: what is lost. */
function hotBar(share, saved, scale, colour) {
  const part = (v) => Math.max(0, Math.min(1, v / scale)) * 100 + "%", box = h("div", { class: "bar hot", "aria-hidden": "true" }), add = (cls, v, c) => { const i = h("i", { class: cls }); i.style.width = part(v); i.style.background = c; box.append(i); };
  add(have(saved) ? "pale" : null, share, colour);
  if (saved > 0) add(null, saved, colour);
  if (saved < 0) add("loss", -saved, cssVariable("--bad"));
  return box;
}
const signedPercent = (v, n) => (v < 0 ? "−" : "") + percent(Math.abs(v), n);
/* An interval wider than any gain can be tells nothing more. */
const gainInterval = (r) => have(r.gain_ci_low) && have(r.gain_ci_high) ? `[${r.gain_ci_low < -9.995 ? "< −999" : signedPercent(r.gain_ci_low, 0)}, ${signedPercent(r.gain_ci_high, 0)}]` : null;

function hotTable({ rows, kind, hasGain, colour, id }) {
  let sum = 0;
  const list = rows.map((r) => { sum += (hasGain ? r.saved_share : r.share) || 0; return { ...r, sum }; });
  const scale = Math.max(...list.map((r) => Math.max(r.share || 0, hasGain ? Math.abs(r.saved_share || 0) : 0))) || 1;
  const figure = (r, v) => have(v) ? h("div", { class: "figure" }, hotBar(r.share, hasGain ? r.saved_share : NaN, scale, colour(r)), h("span", null, signedPercent(v, 1))) : h("span", { class: "note" }, hasGain ? "no ratio" : "no figure");
  const more = (r) => kind === "layers" ? [r.type, r.part].filter((x) => x).join(" · ") : `${whole(r.layers)} layer${r.layers === 1 ? "" : "s"}`;
  const columns = [{ title: hotKinds.find(([k]) => k === kind)[1], value: (r) => r.name, cell: (r) => [...breakable(r.name || "(none)"), h("small", null, more(r))] }];
  if (hasGain) columns.push({ title: "Saved", number: true, cls: "wide", hint: "of the energy of all layers: share × gain; pale: its share", value: (r) => r.saved_share, cell: (r) => [figure(r, r.saved_share), have(r.gain) ? h("small", { class: "narrow" }, `gain ${signedPercent(r.gain, 0)}`) : ""] },
    { title: "Gain", number: true, minor: true, hint: "of its own energy, with the conversions that were inserted", value: (r) => r.gain, cell: (r) => [have(r.gain) ? signedPercent(r.gain, 0) : "–", gainInterval(r) ? h("small", null, gainInterval(r)) : ""] });
  columns.push({ title: "Share", number: true, minor: hasGain, cls: hasGain ? null : "wide", hint: "of the energy of all layers", value: (r) => r.share, cell: (r) => hasGain ? percent(r.share) : figure(r, r.share) },
    { title: "In all", number: true, minor: hasGain, hint: "this row and those before it, most first", value: (r) => r.sum, cell: (r) => signedPercent(r.sum, 1) },
    { title: "Energy", number: true, minor: true, value: (r) => r.energy_mj, cell: (r) => quantity(r.energy_mj / (have(r.energy_mj) ? 1e3 : NaN), "J") });
  return makeTable({ caption: hasGain ? "What making each first saves" : "Where the energy of the layers goes", id, rows: list, limit: 15, columns }).element;
}
/* How many rows, most first, bring most (80 %) of the sum. */
function mostOf(rows, value) {
  const all = rows.reduce((a, r) => a + Math.max(0, value(r) || 0), 0);
  let sum = 0, n = 0;
  while (n < rows.length && sum < 0.8 * all) sum += Math.max(0, value(rows[n++]) || 0);
  return { n, sum, all };
}
/* The table with its choice of kinds. lists: rows by kind. */
function hotChoice(lists, hasGain, colour, id, first) {
  const place = h("div"), offered = hotKinds.filter(([k]) => lists[k].length && (k === "layers" || lists[k].some((r) => r.name && r.name !== "other"))).sort((a, b) => (b[0] === first) - (a[0] === first));
  const show = (kind) => place.replaceChildren(hotTable({ rows: lists[kind], kind, hasGain, colour: (r) => colour(r, kind), id }));
  if (!offered.length) return null;
  show(offered[0][0]);
  return [offered.length > 1 ? h("div", { class: "bar-controls" }, choiceOf("Hot spots by", offered.map(([k, text]) => [k, "By " + text.toLowerCase()]), show)) : null, place];
}

const isSharedByTime = (m) => m.report.layers.length && m.report.layers.every((r) => r.method === "share");
const sharedNote = "Layers got their energy by time share: these are differences of time, at the mean power of each run.";

/* ---- Of a comparison ---- */
function hotOfVariant(c, list) {
  if (!list.layers.some((r) => have(r.share))) return [h("p", { class: "note" }, "No energy is known of any layer, so none can be put before another. Time alone ranks them with --method share.")];
  const index = c.variants.findIndex((v) => v.name === list.variant), v = c.variants[index], hasGain = list.layers.some((r) => have(r.gain)), most = mostOf(list.layers, (r) => hasGain ? r.saved_share : r.share);
  const total = list.layers.reduce((a, r) => a + (r.saved_share || 0), 0), first = c.variants[0].name;
  const said = !hasGain ? (c.variants.length > 1 ? `${list.variant} and ${first} have no ratio of energy by layer: shares of ${first} are shown.` : `${whole(most.n)} of ${whole(list.layers.length)} layers take ${percent(most.sum, 0)} of the energy of all. A second recording gives the gain of each.`)
    : total > 0 ? `Made as in ${list.variant}, the layers of ${first} take ${percent(total, 1)} less energy; ${most.n === 1 ? "the first of them brings" : `the first ${whole(most.n)} of ${whole(list.layers.length)} bring`} ${percent(most.sum / most.all, 0)} of what is saved at all.`
    : `Made as in ${list.variant}, the layers of ${first} take ${percent(-total, 1)} more energy in sum` + (most.all > 0 ? `; only the first rows save any: ${percent(most.all, 1)} together.` : "; none saves any.");
  return [h("p", null, said), v && v.integers_simulated ? h("p", { class: "note" }, "Its integers are simulated: these gains are none of integer arithmetic.") : null,
    hotChoice(list, hasGain, () => cssVariable("--c" + Math.max(0, index) % 8), "hot", "layers")].flat().filter((x) => x);
}
function hotspotsOf(c, models) {
  const lists = (c.hotspots || []).filter((l) => l.layers.length);
  if (!lists.length) return null;
  const place = h("div"), show = (list) => place.replaceChildren(...hotOfVariant(c, list));
  show(lists[0]);
  return h("div", { id: "hotspots" }, h("h3", null, "Which layers first"), isSharedByTime(models[0]) ? h("p", { class: "note" }, c.variants.length > 1 ? sharedNote : "Layers got their energy by time share: these are shares of time.") : null,
    lists.length > 1 ? h("div", { class: "bar-controls" }, choiceOf("Variant whose gains are shown", lists.map((l) => [l, l.variant]), show)) : null, place);
}

/* ---- Of one recording ---- */
function hotOfReport(m) {
  const all = rowsOf(m, "layers"), rows = all.filter((r) => r.energy_j > 0), total = rows.reduce((a, r) => a + r.energy_j, 0), parts = new Map((m.recording.parts || []).map(([name, type, part]) => [name + "\n" + type, part]));
  const layers = rows.map((r) => ({ name: r.name, type: r.type, part: parts.get(r.name + "\n" + (r.type || "")), layers: 1, energy_mj: have(m.per(r)) ? 1e3 * m.per(r) : null, energy_j: r.energy_j, share: r.energy_j / total })).sort((a, b) => b.share - a.share);
  const by = (key) => { const sums = new Map(); for (const r of layers) { const s = sums.get(r[key]) || { name: r[key], type: r.type, layers: 0, energy_mj: 0, share: 0 }; s.layers++; s.energy_mj = have(r.energy_mj) && have(s.energy_mj) ? s.energy_mj + r.energy_mj : null; s.share += r.share; sums.set(r[key], s); } return [...sums.values()].sort((a, b) => b.share - a.share); };
  return { layers, parts: by("part"), types: m.isTyped ? by("type") : [], n: all.length };
}
function hotspotsSection(m) {
  if (!m.hasIterations && !m.isTyped) return null;
  const lists = hotOfReport(m);
  if (lists.layers.length < 2) return null;
  const most = mostOf(lists.layers, (r) => r.share), table = hotChoice(lists, false, (r, kind) => kind === "parts" ? cssVariable("--c0") : m.typeColour(kind === "types" ? r.name : r.type, r.name), "hot-own", "parts");
  return section("hotspots-own", "Which layers first", h("p", null, `${whole(most.n)} of ${whole(lists.n)} layers take ${percent(most.sum, 0)} of the energy of all layers on ${m.channel}.`, isSharedByTime(m) ? " It was split by time: these are shares of time." : "", " What quantising them gains takes a second recording to tell: ", h("code", null, "joulemap compare"), "."), table);
}
