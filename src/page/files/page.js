/* The page: what was measured, in which order one asks for it. */
const page = JSON.parse(document.getElementById("data").textContent);
const main = document.getElementById("main"), top_ = document.getElementById("top");
let redraw = () => {};

const section = (id, title, ...children) => h("section", { id, "aria-labelledby": "h-" + id }, h("h2", { id: "h-" + id }, title), ...children);
const state = (text) => h("span", { class: "state " + text }, text);
const key = (colour, text) => { const s = h("span", { class: "swatch" }); s.style.background = colour; return h("span", { class: "key" }, s, "\u00a0" + text); };

/* Channels that give energy, the widest first: those inside of none, of the most energy. */
function energyChannels(report) {
  const list = report.channels.filter((c) => c.quantity === "energy" || c.quantity === "power"), byName = new Map(list.map((c) => [c.name, c]));
  const rank = (c) => (c.same_as ? 2 : c.part_of && byName.has(c.part_of) && have(byName.get(c.part_of).energy_j) ? 1 : 0);
  return list.filter((c) => have(c.energy_j)).sort((a, b) => rank(a) - rank(b) || b.energy_j - a.energy_j);
}
/* Everything the sections need of one recording. */
function modelOf(recording) {
  const report = recording.report, channels = energyChannels(report), hasIterations = have(report.run.iterations) && report.run.iterations > 0;
  const per = (row) => hasIterations && have(row.energy_per_iteration_mj) ? row.energy_per_iteration_mj / 1e3 : have(row.energy_j) && row.count ? row.energy_j / row.count : null;
  const ci = (row) => row.energy_ci_j && have(per(row)) && row.energy_j ? row.energy_ci_j.map((v) => v * per(row) / row.energy_j) : null;
  /* Colours tell types apart; where the recording knows none, the last words of the names. */
  const isTyped = report.layers.some((r) => r.type), kindOf = (type, name) => isTyped ? type || "" : (name.split(/[./:]/).pop() || "").replace(/_\d+$/, "");
  const energies = new Map();
  for (const row of report.layers) { const k = kindOf(row.type, row.name); energies.set(k, (energies.get(k) || 0) + (row.energy_j || row.time_s || 0)); }
  const types = [...energies].sort((a, b) => b[1] - a[1]).map(([t]) => t).filter((t) => t);
  const typeColour = (type, name) => { const k = kindOf(type, name), i = types.indexOf(k); return i < 0 || i > 6 ? cssVariable("--c7") : cssVariable("--c" + i); };
  return { recording, report, channels, hasIterations, per, ci, types, kindOf, isTyped, typeColour, unit: hasIterations ? "an inference" : "an execution", channel: channels.length ? channels[0].name : null };
}
const rowsOf = (m, what) => m.report[what].filter((r) => r.channel === m.channel || (!m.channel && r.channel === null));

function summary(m) {
  const { report } = m, c = m.channels.find((x) => x.name === m.channel), run = report.run, figures = h("dl", { class: "figures" });
  const add = (label, value, note, big) => figures.append(h("div", { class: big ? "big" : null }, h("dt", null, label), h("dd", null, value, note ? h("small", null, note) : null)));
  const joint = (list) => list.filter((x) => x).join(" · ");
  if (c) {
    add("Energy", quantity(c.energy_j, "J"), joint([c.energy_ci_j ? "95 % " + interval(c.energy_ci_j, "J") : "no interval", c.state]), true);
    if (m.hasIterations) { const e = c.mean_power_w * run.latency?.mean_ms / 1e3; if (have(e)) add("An inference", quantity(e, "J"), "mean power × mean latency"); }
    add("Mean power", quantity(c.mean_power_w, "W"), have(c.min_power_w) ? `${digits(c.min_power_w, 3)} to ${digits(c.max_power_w, 3)} W` : "");
  } else add("Energy", "unknown", "no channel of this recording gives energy", true);
  if (run.latency) add("Latency, median", quantity(run.latency.median_ms / 1e3, "s"), `p95 ${quantity(run.latency.p95_ms / 1e3, "s")} · ${whole(run.latency.n)} inferences`);
  if (have(run.throughput_items_s)) add("Throughput", digits(run.throughput_items_s, 3) + " /s", "items");
  if (have(run.duration_s)) add("Measured for", quantity(run.duration_s, "s"), c && c.gap_s > 0 ? `${quantity(c.gap_s, "s")} without readings` : "");
  return figures;
}
function warnings(report) {
  return report.warnings.length ? h("ul", { class: "warnings", "aria-label": "Warnings" }, report.warnings.map((w) => h("li", null, w))) : null;
}
/* A choice that all sections follow. */
function channelChoice(m, onChange) {
  if (m.channels.length < 2) return m.channels.length ? h("p", { class: "note" }, "On ", h("span", { class: "mono" }, m.channel), ".") : null;
  const select = h("select", { id: "channel", onchange: () => { m.channel = select.value; onChange(); } },
    m.channels.map((c) => h("option", { value: c.name }, `${c.name} (${quantity(c.energy_j, "J", 3)}${c.part_of ? ", part of " + c.part_of : ""}${c.same_as ? ", same as " + c.same_as : ""})`)));
  return h("div", { class: "bar-controls" }, h("label", { for: "channel" }, "Figures of channel"), select);
}

/* ---- Power over time ---- */
function detailText(m, timeline) {
  const s = m.recording.scene, w = timeline, on = s.channels.filter((c) => w.shown.has(c.name)), parts = [];
  parts.push(`Shown: ${w.from.toFixed(4)} to ${w.to.toFixed(4)} s (${quantity(w.to - w.from, "s")}).`);
  if (on.length) parts.push(w.drawn === "readings" ? "Power: every single reading." : `Power: buckets of ${quantity(Math.max(w.bucket || 0, 0), "s", 3)}; the band is their least to greatest, the line their mean.`);
  const merged = s.lanes.filter((l) => l.busy && !isExact(s, l, w.from, w.to));
  if (s.lanes.length) parts.push(merged.length ? `Spans of ${[...new Set(merged.map((l) => boxKinds[l.kind].toLowerCase()))].join(", ")}: merged into buckets of ${quantity(s.seconds / merged[0].busy.length, "s", 3)}; the height is how much of it they fill. Go to a stretch that is kept whole to see each.` : "Spans: every one.");
  return parts.join(" ");
}
function viewTables(m, timeline) {
  const s = m.recording.scene, { from, to } = timeline, sums = new Map();
  const power = makeTable({ caption: "Power in the stretch shown", columns: [
    { title: "Channel", value: (r) => r.c.name }, { title: "Mean", number: true, value: (r) => r.p.mean, cell: (r) => quantity(r.p.mean, "W") },
    { title: "Least", number: true, value: (r) => r.p.min, cell: (r) => quantity(r.p.min, "W") }, { title: "Greatest", number: true, value: (r) => r.p.max, cell: (r) => quantity(r.p.max, "W") },
    { title: "Energy", number: true, value: (r) => r.p.energy, cell: (r) => (r.p.exact ? "" : "≈ ") + quantity(r.p.energy, "J") },
    { title: "Seen", number: true, value: (r) => r.p.seen, cell: (r) => percent(r.p.seen / (to - from)) }], rows: s.channels.map((c) => ({ c, p: powerBetween(s, c, from, to) })) });
  for (const lane of s.lanes) for (let i = 0; i < lane.own.length; i++) {
    const k = lane.own[i], part = Math.min(to, s.boxes.start[k] + s.boxes.length[k]) - Math.max(from, s.boxes.start[k]);
    if (!(part > 0)) continue;
    const id = lane.kind + "/" + s.boxes.name[k], sum = sums.get(id) || { kind: lane.kind, name: (s.names[s.boxes.name[k]] || ["?"])[0], n: 0, seconds: 0 };
    sum.n++; sum.seconds += part; sums.set(id, sum);
  }
  const spans = makeTable({ caption: "Spans in the stretch shown", sort: 3, limit: 12, columns: [
    { title: "Span", value: (r) => r.name }, { title: "Kind", value: (r) => r.kind }, { title: "Number", number: true, value: (r) => r.n, cell: (r) => whole(r.n) },
    { title: "Time in view", number: true, value: (r) => r.seconds, cell: (r) => quantity(r.seconds, "s") }], rows: [...sums.values()] });
  return [power.element, s.lanes.length ? h("p", { class: "note" }, s.lanes.some((l) => l.busy && !isExact(s, l, from, to)) ? "Of merged lanes only the spans of stretches kept whole are counted here." : "All spans of the stretch.") : null, s.lanes.length ? spans.element : null];
}
function timelineSection(m) {
  const s = m.recording.scene;
  if (!s || !s.channels.length && !s.lanes.length) return section("time", "Power over time", h("p", { class: "note" }, "The recording holds neither readings of power nor spans."));
  decodeScene(s);
  const info = new Map(m.report.channels.map((c) => [c.name, c])), names = s.channels.map((c) => c.name), colourOf = (name) => colours(names.indexOf(name));
  const usual = names.filter((n) => !info.get(n)?.same_as), shown = new Set((usual.length ? usual : names).slice(0, 8));
  const hint = h("p", { class: "note", id: "time-hint", role: "status" }), figures = h("div"), open = h("details", { id: "time-figures" }, h("summary", null, "The stretch shown as figures"), figures);
  const refresh = () => { if (open.open) figures.replaceChildren(...viewTables(m, timeline).filter((x) => x)); };
  const timeline = new Timeline(s, { shown, colourOf, typeColour: m.typeColour, onView: (t) => { hint.textContent = detailText(m, t); refresh(); } });
  open.addEventListener("toggle", refresh);
  const button = (text, label, act) => h("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
  const places = h("select", { "aria-label": "Go to a stretch that is kept whole", onchange: () => { const w = s.windows[places.value]; if (w) timeline.view(w[0], w[1]); places.value = ""; } },
    h("option", { value: "" }, "Go to …"), s.windows.map((w, i) => h("option", { value: i }, `${w[2]}, at ${w[0].toFixed(3)} s`)));
  const legend = s.channels.map((c) => {
    const box = h("input", { type: "checkbox", onchange: () => { if (box.checked) shown.add(c.name); else shown.delete(c.name); timeline.view(timeline.from, timeline.to); } }), swatch = h("span", { class: "swatch" });
    box.checked = shown.has(c.name); swatch.style.background = colourOf(c.name);
    return h("label", { class: "key" }, box, swatch, c.name + (info.get(c.name)?.state === "estimated" ? " (estimated)" : ""));
  });
  redraw = (scale) => { timeline.draw(scale); document.querySelectorAll("label.key .swatch").forEach((e, i) => { if (legend[i]) e.style.background = colourOf(names[i]); }); };
  requestAnimationFrame(() => timeline.view(0, s.seconds));
  m.timeline = timeline;
  const total = s.channels.reduce((n, c) => n + c.n_readings, 0), isMerged = s.channels.some((c) => !c.whole) || s.lanes.some((l) => !l.whole);
  return section("time", "Power over time",
    h("p", { class: "note" }, `${whole(total)} readings of ${s.channels.length} channel${s.channels.length === 1 ? "" : "s"} and ${whole(s.n_spans)} spans. ` + (isMerged
      ? "To stay small the page keeps the least, the mean and the greatest power of each bucket of time, and single readings and spans of some stretches only; the recording has them all." : "Every one is on this page.") + (s.n_left_out ? ` ${whole(s.n_left_out)} spans of further tracks are not drawn.` : "")),
    h("div", { class: "legend", role: "group", "aria-label": "Channels shown" }, legend),
    timeline.element,
    h("div", { class: "bar-controls" }, h("span", { class: "group" }, button("−", "Zoom out", () => timeline.zoom(2)), button("+", "Zoom in", () => timeline.zoom(0.5)), button("◂", "Back", () => timeline.pan(-0.5)), button("▸", "Forward", () => timeline.pan(0.5)), button("Whole", "Show the whole recording", () => timeline.view(0, s.seconds))),
      s.windows.length ? places : null, h("span", { class: "note" }, "Drag to zoom in; click, then wheel or + − ← → . , Home; Ctrl + wheel anywhere; fingers pinch.")),
    hint, open);
}

/* ---- Where it went ---- */
function closureSection(m) {
  const c = m.report.closure.find((x) => x.channel === m.channel);
  if (!c || !have(c.total_j)) return section("closure", "Where it went", h("p", { class: "note" }, "There is no sum check for this channel: it gave no energy, or nothing was attributed."));
  const parts = [["Parts: rows with a figure", c.parts_j, "--c0"], ["Between inferences", c.idle_j, "--c5"], ["Unattributed, inside inferences", c.unattributed_j, "--c4"], ["Residual", c.residual_j, "--c7"]]
    .filter(([, v]) => have(v)).map(([name, value, colour]) => ({ name, value, colour: cssVariable(colour) }));
  const tiny = (v) => Math.abs(v) < 1e-9 * Math.abs(c.total_j) ? "0 (within rounding)" : quantity(v, "J", 6);
  return section("closure", "Where it went",
    h("p", null, `Parts, idle, unattributed and residual add up to the whole, ${quantity(c.total_j, "J", 6)}`, c.gap_s > 0 ? `; for ${quantity(c.gap_s, "s")} nobody looked, and that energy is in no sum.` : "; no time went unread."),
    stack(parts.filter((p) => p.value > 0), c.total_j),
    makeTable({ caption: "Sum check", columns: [{ title: "Part", value: (r) => r.name, cell: (r) => key(r.colour, r.name) }, { title: "Energy", number: true, value: (r) => r.value, cell: (r) => tiny(r.value) },
      { title: "Share", number: true, value: (r) => r.value, cell: (r) => percent(Math.abs(r.value) < 1e-9 * Math.abs(c.total_j) ? 0 : r.value / c.total_j, 2) }],
      rows: [...parts, { name: "Whole", value: c.total_j, colour: "transparent" }] }).element);
}

/* ---- Layers ---- */
const kindsOfRows = [["layers", "Layers"], ["types", "Types"], ["groups", "Groups"], ["iterations", "Inferences"]];
function layersSection(m) {
  const offered = kindsOfRows.filter(([k]) => (m.report[k] || []).length);
  if (!offered.length) return section("layers", "Layers", h("p", { class: "note" }, "The recording holds no spans to split the energy over."));
  const box = h("div"), search = h("input", { type: "search", id: "search", placeholder: "Find by name", "aria-label": "Find rows by name", oninput: () => fill() });
  const choice = h("span", { class: "group", role: "group", "aria-label": "Rows" }, offered.map(([k, title]) => h("button", { type: "button", "aria-pressed": k === offered[0][0], onclick: (e) => { m.rows = k; for (const b of choice.children) b.setAttribute("aria-pressed", b === e.target); build(); } }, title)));
  let table, rows;
  m.rows = offered[0][0];
  function build() {
    rows = rowsOf(m, m.rows);
    const scale = barScale(rows, m.per, m.ci), isReasoned = rows.some((r) => r.reason);
    const columns = [
      { title: "Name", value: (r) => r.name, cell: (r) => [...breakable(r.name), r.type && m.rows === "layers" ? h("small", null, r.type) : ""] },
      { title: `Energy ${m.unit}`, value: m.per, cls: "wide", number: true, cell: (r) => figureBar(m.per(r), m.ci(r), scale, m.rows === "types" ? m.typeColour(r.name, r.name) : m.typeColour(r.type, r.name), r.state === "estimated"), hint: "bar: energy; whisker: 95 % interval" },
      { title: "95 % interval", minor: true, number: true, value: (r) => m.ci(r) ? m.ci(r)[1] - m.ci(r)[0] : null, cell: (r) => interval(m.ci(r), "J") || "–", hint: "sorts by its width" },
      { title: "Time each", number: true, value: (r) => r.latency_ms, cell: (r) => quantity(r.latency_ms / (have(r.latency_ms) ? 1e3 : NaN), "s") },
      { title: "Power", number: true, minor: true, value: (r) => r.mean_power_w, cell: (r) => quantity(r.mean_power_w, "W") },
      { title: "Share", number: true, value: (r) => r.share, cell: (r) => percent(r.share) },
      { title: "Number", number: true, minor: true, value: (r) => r.count, cell: (r) => whole(r.count) },
      { title: "Method", minor: true, value: (r) => r.method || "", cell: (r) => [r.method || "–", r.resolvable ? "" : ", not resolvable", r.state !== "measured" ? ", " + r.state : ""].join("") }];
    table = makeTable({ caption: `Energy by ${m.rows}`, columns, rows, sort: m.rows === "iterations" ? -1 : 1, limit: 40, id: "layer-table", detail: isReasoned ? reasonOf() : null });
    box.replaceChildren(table.element, h("p", { class: "note" }, m.recording.n_layers > m.report.layers.length && m.rows === "layers" ? `The page holds the ${whole(m.report.layers.length)} rows of most energy out of ${whole(m.recording.n_layers)}, of all channels.` : ""));
    fill();
  }
  /* Each reason once, below the first row it holds for. */
  function reasonOf() { const first = new Map(); for (const r of rows) if (r.reason && !first.has(r.reason)) first.set(r.reason, r); return (r) => first.get(r.reason) === r && !search.value ? r.reason : null; }
  function fill() { const wanted = search.value.toLowerCase(); table.set(wanted ? rows.filter((r) => (r.name + " " + r.type).toLowerCase().includes(wanted)) : rows); }
  m.find = (name) => { search.value = name; fill(); document.getElementById("layers").scrollIntoView(); };
  build();
  return section("layers", "Layers", h("p", { class: "note" }, m.report.layers.some((r) => r.energy_ci_j) ? "Whiskers are 95 % intervals, relative to the sensor. Where a row has none, its method gives none." : "This method gives no statistical interval; the reason is in the table."),
    h("div", { class: "bar-controls" }, offered.length > 1 ? choice : null, search), box);
}
function scatterSection(m) {
  const rows = rowsOf(m, "layers");
  if (rows.length < 2) return null;
  const isShared = rows.every((r) => r.method === "share");
  return section("scatter", "Energy against time", h("p", { class: "note" }, `One point a layer, coloured by ${m.isTyped ? "type" : "the last word of its name"}; on a dotted diagonal the power is equal.` + (isShared ? " These energies were split by time alone, so all points lie on one diagonal: they tell nothing about how layers differ." : "")),
    h("div", { class: "legend" }, m.types.slice(0, 7).map((t) => key(m.typeColour(t, t), t)), m.types.length > 7 ? key(cssVariable("--c7"), "other") : null),
    scatter({ rows: rows.slice(0, 2000), name: (r) => r.name, time: (r) => r.latency_ms / 1e3, energy: (r) => m.hasIterations && r.count ? r.mean_power_w * r.latency_ms / 1e3 : m.per(r), ci: (r) => r.mean_power_ci_w && have(r.latency_ms) ? r.mean_power_ci_w.map((v) => v * r.latency_ms / 1e3) : null, colour: (r) => m.typeColour(r.type, r.name), onPick: (r) => m.find && m.find(r.name) }));
}

/* ---- Sensors, devices, processes ---- */
function sensorsSection(m) {
  const list = m.report.channels.filter((c) => c.quantity === "energy" || c.quantity === "power"), l = (c) => c.ledger || {};
  const other = m.report.channels.length - list.length;
  return section("sensors", "Sensors and what came of them", makeTable({ caption: "Sensors and ledger", columns: [
    { title: "Channel", value: (c) => c.name, cell: (c) => [...breakable(c.name), h("small", null, [c.kind, c.part_of ? "part of " + c.part_of : "", c.same_as ? "same as " + c.same_as : ""].filter((x) => x).join(", "))] },
    { title: "State", value: (c) => c.state, cell: (c) => state(c.state) },
    { title: "Energy", number: true, value: (c) => c.energy_j, cell: (c) => quantity(c.energy_j, "J") },
    { title: "95 % interval", number: true, minor: true, value: (c) => c.energy_ci_j ? c.energy_ci_j[1] - c.energy_ci_j[0] : null, cell: (c) => interval(c.energy_ci_j, "J") || "–" },
    { title: "Power", number: true, value: (c) => c.mean_power_w, cell: (c) => quantity(c.mean_power_w, "W") },
    { title: "Idle", number: true, minor: true, value: (c) => c.idle_power_w, cell: (c) => quantity(c.idle_power_w, "W") },
    { title: "Readings", number: true, value: (c) => l(c).taken, cell: (c) => c.ledger ? `${whole(l(c).taken)} of ${whole(l(c).expected)}` : "–" },
    { title: "Coverage", number: true, value: (c) => l(c).coverage, cell: (c) => h("span", { class: l(c).coverage < 0.95 ? "bad" : null }, percent(l(c).coverage)) },
    { title: "Rate", number: true, minor: true, value: (c) => l(c).rate_hz, cell: (c) => quantity(l(c).rate_hz || NaN, "Hz", 4) },
    { title: "Late", number: true, minor: true, value: (c) => l(c).late, cell: (c) => whole(l(c).late) },
    { title: "Missed", number: true, minor: true, value: (c) => l(c).missed, cell: (c) => whole(l(c).missed) },
    { title: "Repeated", number: true, minor: true, value: (c) => l(c).repeated, cell: (c) => whole(l(c).repeated) },
    { title: "Longest gap", number: true, minor: true, value: (c) => l(c).longest_gap_s, cell: (c) => quantity(l(c).longest_gap_s || NaN, "s", 3) }],
    rows: list, id: "sensor-table", detail: (c) => c.state === "measured" && have(c.energy_j) || !(c.reason || c.remedy) ? null : [c.reason, c.remedy ? " To mend it: " : "", c.remedy ? h("code", null, c.remedy) : ""] }).element,
    h("p", { class: "note" }, "Late: more than half a period behind the deadline. Repeated: the value of the reading before, no new information. Intervals are relative to the sensor", list.some((c) => c.energy_absolute_ci_j) ? "; with its accuracy class: " + list.filter((c) => c.energy_absolute_ci_j).map((c) => `${c.name} ${interval(c.energy_absolute_ci_j, "J")}`).join(", ") + "." : "; their accuracy classes are not known.", other > 0 ? ` ${other} further channels (temperatures, clocks, …) are in the recording.` : ""),
    m.report.devices.map(device));
}
function device(d) {
  const facts = h("dl", { class: "facts" }), add = (k, v) => { if (v) facts.append(h("dt", null, k), h("dd", null, v)); };
  const spread = (s, unit) => s ? `${digits(s.mean)} ${unit}, ${digits(s.min)} to ${digits(s.max)}` : "";
  add("Device", d.identity); add("Note", d.note); add("Clock", spread(d.sm_clock_mhz, "MHz")); add("Memory clock", spread(d.memory_clock_mhz, "MHz")); add("Temperature", spread(d.temperature_c, "°C"));
  add("Held down by", d.throttled.filter((t) => t.share > 0).map((t) => `${t.cause} ${percent(t.share)} of the time`).join(", "));
  const c = d.cross_check;
  add("Cross-check", c && have(c.difference_fraction) ? `integral of power ${quantity(c.integral_j, "J")}, counter ${quantity(c.counter_j, "J")}: ${(c.difference_fraction * 100).toFixed(2)} % apart, ${(c.allowed_fraction * 100).toFixed(2)} % allowed by the counter's steps` : c && c.reason);
  return [h("h3", null, d.name), facts];
}
function processSection(m) {
  const rows = rowsOf(m, "processes");
  if (!rows.length) return null;
  const scale = barScale(rows, (r) => r.energy_j, (r) => r.energy_ci_j);
  return section("processes", "Who used it", h("p", { class: "note" }, m.report.process_sampling || ""), makeTable({ caption: "Energy by process", sort: 2, limit: 25, columns: [
    { title: "Process", value: (r) => r.name, cell: (r) => [r.name, h("small", null, [have(r.pid) ? "pid " + r.pid : "", r.container ? "container " + r.container.slice(0, 12) : ""].filter((x) => x).join(", "))] },
    { title: "Processor time", number: true, value: (r) => r.cpu_s, cell: (r) => quantity(r.cpu_s, "s") },
    { title: "Energy", number: true, cls: "wide", value: (r) => r.energy_j, cell: (r) => figureBar(r.energy_j, r.energy_ci_j, scale, cssVariable("--c0"), r.state === "estimated") },
    { title: "Memory", number: true, minor: true, value: (r) => r.rss_bytes, cell: (r) => bytes(r.rss_bytes) }, { title: "Share", number: true, value: (r) => r.share, cell: (r) => percent(r.share) }], rows }).element);
}

/* ---- How, where, and this page ---- */
function methodSection(m) {
  const { report } = m, facts = h("dl", { class: "facts" }), add = (k, v) => { if (v) facts.append(h("dt", null, k), h("dd", null, v)); };
  add("Method", report.layers.length ? [h("b", null, report.method), report.method_reason ? ": " + report.method_reason : ""] : "energy of the whole; there was nothing to split it over");
  report.notes.forEach((n, i) => add(i ? "" : "What it says of its fit", n));
  add("Idle level", report.baseline);
  const l = report.run.latency;
  if (l) add("Latency", `mean ${digits(l.mean_ms)} ms, standard deviation ${digits(l.std_ms, 3)}, least ${digits(l.min_ms)}, median ${digits(l.median_ms)}, 95 % below ${digits(l.p95_ms)}, greatest ${digits(l.max_ms)}, of ${whole(l.n)} unprofiled inferences`);
  if (have(report.run.distortion)) add("Profiler", `layer times come from profiled blocks, ${digits(report.run.profiled_latency_ms)} ms an inference there, ${digits(report.run.distortion, 3)} times the unprofiled median; scaled back. Energy comes from unprofiled blocks`);
  add("Counters", report.counters);
  const tariff = report.tariff, sum = tariff && tariff.channels.find((c) => c.channel === m.channel);
  if (sum) add("By the reader's own figures", [have(sum.carbon_g) ? `${digits(sum.carbon_g)} g of CO₂ at ${digits(tariff.carbon_g_per_kwh)} g/kWh` : "", have(sum.price) ? `${digits(sum.price)} ${tariff.currency || ""} at ${digits(tariff.price_per_kwh)} per kWh` : ""].filter((x) => x).join(", ") + ", on " + m.channel);
  add("Own cost of measuring", ownCost(report.own_cost));
  return section("method", "How it was measured", facts);
}
function machineSection(m) {
  const { run } = m.report, facts = h("dl", { class: "facts" }), add = (k, v, mono) => { if (v !== null && v !== undefined && v !== "") facts.append(h("dt", null, k), h("dd", { class: mono ? "mono" : null }, v)); };
  add("Command", run.command, true); add("Model", run.model, true); add("Precision", run.precision); add("Batch", have(run.batch) ? String(run.batch) : null);
  if (run.exit_code > 0) add("Exit code", String(run.exit_code));
  for (const [label, value] of m.recording.facts) add(label, value, label === "File");
  return section("machine", "Machine and command", facts);
}
function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type })), a = h("a", { href: url, download: name });
  a.click(); setTimeout(() => URL.revokeObjectURL(url), 1000);
}
function rowsAsCsv(rows) {
  const columns = ["name", "type", "channel", "state", "count", "time_s", "latency_ms", "energy_j", "energy_per_iteration_mj", "energy_low_j", "energy_high_j", "mean_power_w", "share", "method", "resolvable", "reason"];
  const field = (v) => v === null || v === undefined ? "" : /[",\n\r]/.test(String(v)) ? `"${String(v).replaceAll('"', '""')}"` : String(v);
  return [columns.join(","), ...rows.map((r) => columns.map((c) => field(c === "energy_low_j" ? r.energy_ci_j?.[0] : c === "energy_high_j" ? r.energy_ci_j?.[1] : r[c])).join(","))].join("\r\n") + "\r\n";
}
function footer(m) {
  document.getElementById("foot").replaceChildren(h("p", null, `Written by joulemap ${m.report.joulemap_version}. Every figure is measured, or marked estimated; what is not known is “–”. The page is one file and asks nobody else.`),
    h("div", { class: "bar-controls" }, h("button", { type: "button", onclick: () => save("report.json", "application/json", JSON.stringify(m.report, null, 1)) }, "Save the figures as JSON"),
      h("button", { type: "button", onclick: () => save("layers.csv", "text/csv", rowsAsCsv(m.report.layers)) }, "Save the layers as CSV"), h("button", { type: "button", onclick: () => print() }, "Print")));
}

/* ---- The whole ---- */
const models = page.recordings.map(modelOf), together = h("div"), tabs = h("nav", { class: "tabs", "aria-label": "Recordings" }), alone = h("div");
function show(m) {
  const build = [closureSection, layersSection, hotspotsSection, scatterSection, processSection], place = h("div"), head = h("div");
  const fill = () => { head.replaceChildren(summary(m)); place.replaceChildren(...build.map((f) => f(m)).filter((x) => x)); };
  const timePlace = h("div"), timeLater = h("section", { id: "time" }, h("h2", null, "Power over time"), h("p", { class: "note" }, "being drawn …"));
  timePlace.append(timeLater);
  fill();
  m.fill = fill;
  [...tabs.children].forEach((b, i) => b.setAttribute("aria-pressed", models[i] === m));
  alone.replaceChildren(...[h("section", { class: "first", "aria-label": "Summary" }, warnings(m.report), channelChoice(m, fill), head), timePlace, place, sensorsSection(m), methodSection(m), machineSection(m)].filter((x) => x));
  footer(m);
  /* What is to be read comes first; the picture, which takes unpacking, after it is on the screen. */
  requestAnimationFrame(() => setTimeout(() => { if (current === m) timePlace.replaceChildren(timelineSection(m)); document.documentElement.dataset.ready = "yes"; performance.mark("drawn"); }));
  current = m;
}
const beside = () => { const section_ = comparison(page.comparison, models); together.replaceChildren(...(section_ ? [section_] : [])); };
let current;
beside();
if (models.length > 1) {
  tabs.append(...models.map((m) => h("button", { type: "button", onclick: () => show(m) }, m.recording.title)));
  main.replaceChildren(together, h("h2", { class: "alone" }, "Each by itself"), page.comparison ? h("p", { class: "note" }, page.comparison.variants.length > models.length ? `The first recording of each of the first ${models.length} variants.` : "The first recording of each variant.") : "", tabs, alone);
} else main.replaceChildren(together, alone);
show(models[0]);
const recolour = () => { palette.clear(); beside(); current.fill(); redraw(); };
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
addEventListener("beforeprint", () => { document.documentElement.classList.add("print"); palette.clear(); beside(); current.fill(); redraw(3); });
addEventListener("afterprint", () => { document.documentElement.classList.remove("print"); recolour(); });
