/* Recordings beside each other, from "joulemap-compare/1": figures, ratios against the first, layers matched with each other. */
const figureKinds = {
  latency_ms: ["Latency", (v) => quantity(v / 1e3, "s")], throughput_items_s: ["Throughput", (v) => digits(v) + "\u202f/s"], score: ["Score", (v) => digits(v)],
  mean_power_w: ["Power", (v) => quantity(v, "W")], std_power_w: ["Spread of power", (v) => quantity(v, "W", 3)],
  energy_per_item_mj: ["Energy an item", (v) => quantity(v / 1e3, "J")], energy_per_iteration_mj: ["Energy an inference", (v) => quantity(v / 1e3, "J")],
  energy_j: ["Energy", (v) => quantity(v, "J")], duration_s: ["Measured for", (v) => quantity(v, "s")],
  model_bytes: ["Model", (v) => digits(v / 1e6, 3) + "\u202fMB"], peak_memory_bytes: ["Peak memory", (v) => digits(v / 1e6, 3) + "\u202fMB"], readings: ["Readings", (v) => whole(v)] };
const meanOf = (v, key) => v.figures[key].mean;
const againstOf = (v, key) => v.figures[key][key === "score" ? "difference" : "ratio"];

/* Energy and time of an item where items are known, else of an inference, else of the whole; and what else any variant has. */
function figuresShown(c) {
  const isKnown = (key) => c.variants.some((v) => have(meanOf(v, key))), hasIterations = isKnown("latency_ms");
  const isOne = c.variants.every((v) => v.trials.every((t) => t.items_per_iteration <= 1));
  const list = hasIterations ? ["energy_per_item_mj", ...(isOne ? [] : ["energy_per_iteration_mj"]), "latency_ms", "throughput_items_s"] : ["energy_j", "duration_s"];
  return [...list, "score", "mean_power_w", "peak_memory_bytes", "model_bytes"].filter(isKnown);
}
const scoreTitle = (v) => v.score ? v.score[0].toUpperCase() + v.score.slice(1) : "Score";
function scoreText(v, value) {
  return v.score === "accuracy" && have(value) ? (100 * value).toFixed(2) + "\u202f%" : digits(value);
}
function figureText(v, key) {
  const f = v.figures[key], [, text] = figureKinds[key];
  if (!have(f.mean)) return "–";
  const value = key === "score" ? scoreText(v, f.mean) : text(f.mean);
  return have(f.std) && f.std > 0 && key !== "model_bytes" && v.trials.length > 1 && key !== "score" ? [value, h("small", null, "± " + text(f.std))] : value;
}
/* What energies come to by the user's own figures: of a million items, for of single ones it is too little to read. */
function amountTable(c) {
  const t = c.tariff;
  if (!t) return null;
  const [each, items] = [["_per_item", "items"], ["_per_iteration", "inferences"], ["", ""]].find(([e]) => t.variants.some((v) => have(v["carbon_g" + e]) || have(v["price" + e]))) || ["", ""];
  const column = (title, what, text) => ({ title, number: true, value: (v) => v[what + each] === null ? null : v[what + each] * (items ? 1e6 : 1), cell: (v) => have(v[what + each]) ? text(v[what + each] * (items ? 1e6 : 1)) : "–" });
  const columns = [{ title: "Variant", value: (v) => v.variant, cell: (v) => breakable(v.variant) }];
  if (have(t.carbon_g_per_kwh)) columns.push(column("Carbon, as CO₂", "carbon_g", (x) => quantity(x, "g")));
  if (have(t.price_per_kwh)) columns.push(column("Cost", "price", (x) => (x > 0 && x < 1e-3 ? x.toFixed(Math.min(15, 3 - Math.floor(Math.log10(x)))) : digits(x)) + (t.currency ? "\u202f" + t.currency : "")));
  const rates = [have(t.carbon_g_per_kwh) ? `${t.carbon_g_per_kwh} g of CO₂ equivalent` : "", have(t.price_per_kwh) ? `${t.price_per_kwh}${t.currency ? " " + t.currency : ""}` : ""].filter((x) => x).join(" and ");
  return h("div", { id: "tariff" }, h("h3", null, "Carbon and cost" + (items ? ` of a million ${items}` : "")), h("p", { class: "note" }, `At ${rates} a kWh: the user's own figures. The ratios are those of the energy.`),
    makeTable({ caption: "Carbon and cost by the user's own figures", id: "amounts", rows: t.variants, columns }).element);
}
function variantTable(c) {
  return makeTable({ caption: "Figures of each variant", id: "variants", rows: c.variants, columns: [
    { title: "Variant", value: (v) => v.name, cell: (v) => [...breakable(v.name), h("small", null, [v.trials[0].precision || "", v.integers_simulated ? "simulated integers" : "", `${v.trials.length} trial${v.trials.length === 1 ? "" : "s"}`].filter((x) => x).join(", ")), h("small", null, "energy ", state(v.state))] },
    ...figuresShown(c).map((key) => ({ title: key === "score" ? scoreTitle(c.variants[0]) : figureKinds[key][0], number: true, minor: key === "peak_memory_bytes" || key === "energy_per_iteration_mj", value: (v) => meanOf(v, key), cell: (v) => figureText(v, key) }))] }).element;
}

/* ---- Ratios: a point with its interval on a scale of powers, 1 as a line ---- */
function ratioScale(list) {
  let far = Math.log(1.1);
  for (const r of list) if (r && r.value > 0) {
    far = Math.max(far, Math.abs(Math.log(r.value)) * 1.1);
    /* A whisker that is very long is cut off rather than press the points together. */
    if (r.ci) for (const v of r.ci) if (v > 0) far = Math.max(far, Math.min(Math.abs(Math.log(v)), Math.abs(Math.log(r.value)) + Math.log(2)));
  }
  return far;
}
function forest(r, far, colour) {
  const part = (v) => 50 + 50 * Math.max(-1, Math.min(1, Math.log(Math.max(v, 1e-9)) / far)), box = h("div", { class: "forest", "aria-hidden": "true" }, h("s"));
  if (r.ci) { const w = h("u"); w.style.left = part(r.ci[0]) + "%"; w.style.width = Math.max(0.4, part(r.ci[1]) - part(r.ci[0])) + "%"; box.append(w); }
  const dot = h("b", { class: have(r.p) && r.p < 0.05 ? null : "open" });
  dot.style.left = part(r.value) + "%"; dot.style.setProperty("--dot", colour);
  box.append(dot);
  return box;
}
const ratioText = (r) => digits(r.value, 3) + "\u202f×";
const ratioInterval = (r) => r.ci ? `[${digits(r.ci[0], 3)}, ${digits(r.ci[1], 3)}]` : "–";
const ratioCell = (r, far, colour) => r && r.value > 0 ? h("div", { class: "figure" }, forest(r, far, colour), h("span", null, ratioText(r))) : h("span", { class: "note" }, "no ratio");
const ticksOf = (far) => `left end ${digits(Math.exp(-far), 2)} ×, line 1 ×, right end ${digits(Math.exp(far), 2)} ×, in powers`;

function ratioTable(c) {
  const rows = figuresShown(c).flatMap((key) => c.variants.slice(1).map((v, i) => ({ key, v, i: i + 1, r: againstOf(v, key) })))
    .filter((row) => row.r && (have(row.r.value) || row.r.reason));
  if (!rows.length) return null;
  const isRatio = (row) => row.key !== "score" || row.v.score === "perplexity", far = ratioScale(rows.filter(isRatio).map((row) => row.r)), bases = [...new Set(rows.map((row) => row.r.basis).filter((b) => b !== "none"))];
  const points = (row) => (row.v.score === "accuracy" ? 100 : 1), unit = (row) => row.v.score === "accuracy" ? " points" : "", signed = (v) => (v > 0 ? "+" : v < 0 ? "−" : "") + digits(Math.abs(v), 3);
  const ends = (row) => isRatio(row) || !row.r.ci ? ratioInterval(row.r) : `[${row.r.ci.map((v) => signed(points(row) * v)).join(", ")}]`;
  return [h("h3", null, "Against " + c.variants[0].name), h("p", { class: "note" }, "Filled: a difference shown (p below 0.05); open: none shown, or not tested. Line: the 95 % interval", bases.length ? `, from ${bases.join(" and ")}` : "", ". The upright line is 1 ×."),
    makeTable({ caption: "Ratios against " + c.variants[0].name, id: "ratios", rows, columns: [
      { title: "Figure", value: (row) => figureKinds[row.key][0], cell: (row) => [row.key === "score" ? scoreTitle(row.v) : figureKinds[row.key][0], h("small", null, key(cssVariable("--c" + row.i % 8), row.v.name))] },
      { title: "Ratio", number: true, cls: "wide", hint: ticksOf(far), value: (row) => row.r.value, cell: (row) => [isRatio(row) ? ratioCell(row.r, far, cssVariable("--c" + row.i % 8)) : have(row.r.value) ? signed(points(row) * row.r.value) + unit(row) : "no difference known", row.r.ci ? h("small", { class: "narrow" }, ends(row)) : ""] },
      { title: "95 % interval", number: true, minor: true, value: (row) => row.r.ci ? row.r.ci[1] - row.r.ci[0] : null, hint: "sorts by its width", cell: ends },
      { title: "p", number: true, minor: true, value: (row) => row.r.p, cell: (row) => !have(row.r.p) ? "–" : row.r.p < 1e-3 ? "< 0.001" : row.r.p.toFixed(3) }],
      detail: (row) => row.r.reason || null }).element];
}

/* ---- Layers matched with each other ---- */
function pairBars(a, b, conversions, scale, colours_, text) {
  const line = (v, colour, extra) => { const box = bar(have(v) ? v : 0, null, scale, colour, false); if (extra > 0) { const i = h("i", { class: "more-of-it" }); i.style.left = Math.min(100, v / scale * 100) + "%"; i.style.width = Math.min(100, extra / scale * 100) + "%"; i.style.background = colour; box.append(i); } return h("div", { class: "figure" }, box, h("span", null, have(v) ? text(v + (extra || 0)) : "–")); };
  return h("div", { class: "pair" }, line(a, colours_[0], 0), line(b, colours_[1], conversions));
}
function layerPairs(c, list, index) {
  const first = c.variants[0].name, hasEnergy = list.groups.some((g) => have(g.energy_first_mj) || have(g.energy_mj)), text = hasEnergy ? (v) => quantity(v / 1e3, "J") : (v) => quantity(v / 1e3, "s");
  const before = (g) => hasEnergy ? g.energy_first_mj : g.time_first_ms, after = (g) => hasEnergy ? g.energy_mj : g.time_ms, most = (g) => Math.max(before(g) || 0, (after(g) || 0) + (hasEnergy ? g.conversions_mj || 0 : 0));
  const scale = Math.max(...list.groups.map(most)) || 1, far = Math.min(ratioScale(list.groups.map((g) => g.energy_ratio > 0 ? { value: g.energy_ratio } : null)), Math.log(10)), pair = [cssVariable("--c0"), cssVariable("--c" + (index + 1) % 8)];
  const ratio = (g) => ({ value: g.energy_ratio, ci: have(g.ci_low) ? [g.ci_low, g.ci_high] : null, p: have(g.ci_low) && (g.ci_low > 1 || g.ci_high < 1) ? 0 : null });
  const name = (g) => g.layer_first || g.layer || "(conversions)", type = (t, n) => t ? t + (n > 1 ? ` +${n - 1}` : "") : "–";
  const search = h("input", { type: "search", placeholder: "Find by name", "aria-label": "Find layers by name", oninput: () => { const wanted = search.value.toLowerCase(); table.set(list.groups.filter((g) => [g.layer_first, g.layer, g.type_first, g.type].join(" ").toLowerCase().includes(wanted))); } });
  const table = makeTable({ caption: `Layers of ${list.variant} against ${first}`, id: "pairs", rows: list.groups, sort: 1, limit: 20, columns: [
    { title: "Layer", value: name, cell: (g) => [...breakable(name(g)), g.layer && g.layer_first && g.layer !== g.layer_first ? h("small", null, "there ", ...breakable(g.layer)) : "", h("small", null, type(g.type_first, g.n_first) === type(g.type, g.n) ? type(g.type, g.n) : `${type(g.type_first, g.n_first)} → ${type(g.type, g.n)}`)] },
    { title: hasEnergy ? "Energy an inference" : "Time an inference", number: true, cls: "wide", value: most, hint: "sorts by the greater of both", cell: (g) => pairBars(before(g), after(g), hasEnergy ? g.conversions_mj : 0, scale, pair, text) },
    { title: "Saved", number: true, minor: true, hint: "of the energy of all layers", value: (g) => (before(g) || 0) - (after(g) || 0) - (hasEnergy ? g.conversions_mj || 0 : 0), cell: (g) => { const s = (before(g) || 0) - (after(g) || 0) - (hasEnergy ? g.conversions_mj || 0 : 0); return (s < 0 ? "−" : "") + text(Math.abs(s)); } },
    { title: "Ratio", number: true, cls: "ratio", hint: ticksOf(far), value: (g) => g.energy_ratio, cell: (g) => ratioCell(ratio(g), far, pair[1]) },
    { title: "95 % interval", number: true, minor: true, hint: "sorts by its width", value: (g) => have(g.ci_low) ? g.ci_high - g.ci_low : null, cell: (g) => ratioInterval(ratio(g)) },
    { title: "Matched by", minor: true, value: (g) => g.matched_by }] });
  const sums = hasEnergy ? `All layers: ${quantity(list.total_mj / 1e3, "J")} against ${quantity(list.total_first_mj / 1e3, "J")}` + (list.conversions ? `, of it ${quantity(list.conversions_mj / 1e3, "J")} in ${list.conversions} inserted conversion${list.conversions === 1 ? "" : "s"} (hatched)` : "; no conversions were inserted") + "." : "No energies are known of these layers; times are shown.";
  return [h("p", null, sums), h("div", { class: "legend" }, key(pair[0], first), key(pair[1], list.variant), search), table.element];
}
function layersAgainst(c, models) {
  const lists = (c.layers || []).filter((l) => l.groups.length);
  if (!lists.length) return null;
  const place = h("div"), show = (i) => place.replaceChildren(...layerPairs(c, lists[i], c.variants.findIndex((v) => v.name === lists[i].variant) - 1));
  const choice = lists.length > 1 ? h("div", { class: "bar-controls" }, choiceOf("Variant whose layers are shown", lists.map((l, i) => [i, l.variant]), show)) : null;
  show(0);
  return [h("h3", null, "Layer by layer"), isSharedByTime(models[0]) ? h("p", { class: "note" }, sharedNote) : null, choice, place];
}

function trialTable(c) {
  const rows = c.variants.flatMap((v) => v.trials.map((t) => ({ v, t })));
  if (rows.length === c.variants.length && rows.length < 2) return null;
  const keys = [...figuresShown(c), "std_power_w", "readings"].filter((k) => rows.some((row) => have(row.t[k])));
  return h("details", null, h("summary", null, `Each recording (${rows.length})`), makeTable({ caption: "Each recording", id: "trials", rows, limit: 60, columns: [
    { title: "Variant", value: (row) => row.v.name }, { title: "Round", number: true, value: (row) => row.t.round || null, cell: (row) => row.t.round ? String(row.t.round) : "–" },
    ...keys.map((k) => ({ title: figureKinds[k][0], number: true, value: (row) => row.t[k], cell: (row) => !have(row.t[k]) ? "–" : k === "score" ? scoreText(row.v, row.t[k]) : figureKinds[k][1](row.t[k]) })),
    { title: "Own cost", value: (row) => row.t.own_cost.cpu_fraction, cell: (row) => ownCost(row.t.own_cost) },
    { title: "File", value: (row) => row.t.path, cell: (row) => h("span", { class: "mono" }, ...breakable(row.t.path || "–")) }] }).element);
}
function notesOf(list) {
  const items = (some) => h("ul", { class: "warnings", "aria-label": "Notes" }, some.map((x) => h("li", null, x)));
  if (!list.length) return null;
  return list.length <= 6 ? items(list) : [items(list.slice(0, 4)), h("details", null, h("summary", null, `${list.length - 4} further notes`), items(list.slice(4)))];
}
/* What is said and shown of all of them together. */
function comparison(c, models) {
  if (!c) return null;
  return section("comparison", "Side by side", notesOf(c.notes), c.verdicts.map((line) => h("p", { class: "verdict" }, line)),
    variantTable(c), ratioTable(c), amountTable(c), hotspotsOf(c, models), layersAgainst(c, models), trialTable(c));
}
