/* Power over time with the spans below it, on a canvas. What is drawn is never more than the pixels can show: buckets of least,
 * mean and greatest power far out, single readings near by where the page has them. */
const colours = (i) => cssVariable("--c" + i % 8);
const boxKinds = { phase: "Phases", iteration: "Iterations", request: "Requests", region: "Regions", range: "Ranges", layer: "Layers", kernel: "Kernels", copy: "Copies" };

/* Levels of a channel: each has half the buckets of the one before. */
function powerLevels(c, seconds) {
  const min = unpack(c.min, Float32Array), max = unpack(c.max, Float32Array), mean = unpack(c.mean, Float32Array);
  const seen = c.seen ? unpack(c.seen, Float32Array) : Float32Array.from(mean, (v) => Number.isNaN(v) ? 0 : 1);
  const levels = [{ n: c.n, width: seconds / Math.max(c.n, 1), min, max, mean, seen }];
  for (let from = levels[0]; from.n > 64;) {
    const n = from.n + 1 >> 1, to = { n, width: from.width * 2, min: new Float32Array(n), max: new Float32Array(n), mean: new Float32Array(n), seen: new Float32Array(n) };
    for (let i = 0; i < n; i++) {
      const a = 2 * i, b = a + 1 < from.n ? a + 1 : a, both = b !== a ? from.seen[a] + from.seen[b] : from.seen[a];
      to.min[i] = !(from.min[a] <= from.min[b]) && !Number.isNaN(from.min[b]) ? from.min[b] : from.min[a];
      to.max[i] = !(from.max[a] >= from.max[b]) && !Number.isNaN(from.max[b]) ? from.max[b] : from.max[a];
      to.seen[i] = both / 2;
      to.mean[i] = both > 0 ? ((from.seen[a] ? from.mean[a] * from.seen[a] : 0) + (b !== a && from.seen[b] ? from.mean[b] * from.seen[b] : 0)) / both : NaN;
    }
    levels.push(from = to);
  }
  return levels;
}
function decodeScene(s) {
  if (s.isDecoded) return s;
  const b = s.boxes;
  s.boxes = { n: b.n, start: unpack(b.start, Float64Array), length: unpack(b.length, Float32Array), name: unpack(b.name, Uint32Array), iteration: unpack(b.iteration, Uint32Array), lane: unpack(b.lane, Uint16Array), flags: unpack(b.flags, Uint8Array) };
  s.lanes.forEach((lane, i) => {
    const own = []; /* its boxes, in order of start */
    for (let k = 0; k < s.boxes.n; k++) if (s.boxes.lane[k] === i) own.push(k);
    lane.own = Uint32Array.from(own);
    if (lane.busy) { lane.busy = unpack(lane.busy, Uint8Array); lane.count = unpack(lane.count, Uint32Array); lane.longest = unpack(lane.longest, Uint32Array); }
  });
  for (const c of s.channels) {
    c.levels = powerLevels(c, s.seconds);
    for (const [name, type] of [["start", Float64Array], ["length", Float32Array], ["w0", Float32Array], ["w1", Float32Array]]) c[name] = unpack(c[name], type);
    c.peak = c.levels[0].max.reduce((a, v) => v > a ? v : a, 0);
  }
  s.isDecoded = true;
  return s;
}
/* Says whether every reading (or span) between from and to is on the page. */
const isExact = (scene, it, from, to) => it.whole || scene.windows.some((w) => from >= w[0] && to <= w[1]);

/* Power between two times: least, mean, greatest, energy, seconds seen; from readings where they are all here. */
function powerBetween(scene, c, from, to) {
  const r = { min: NaN, max: NaN, energy: 0, seen: 0, exact: isExact(scene, c, from, to) };
  const take = (low, high, energy, seen) => { if (!(r.min <= low)) r.min = low; if (!(r.max >= high)) r.max = high; r.energy += energy; r.seen += seen; };
  if (r.exact) {
    for (let i = firstAbove(c.start.length, (k) => c.start[k] + c.length[k], from); i < c.start.length && c.start[i] < to; i++) {
      const a = Math.max(from, c.start[i]), b = Math.min(to, c.start[i] + c.length[i]), slope = (c.w1[i] - c.w0[i]) / c.length[i];
      const p = c.w0[i] + slope * (a - c.start[i]), q = c.w0[i] + slope * (b - c.start[i]);
      if (b > a) take(Math.min(p, q), Math.max(p, q), (p + q) / 2 * (b - a), b - a);
    }
  } else {
    const level = c.levels.find((l) => l.width * 4000 > to - from) || c.levels[c.levels.length - 1];
    for (let i = Math.max(0, Math.floor(from / level.width)); i < level.n && i * level.width < to; i++) {
      const part = Math.min(to, (i + 1) * level.width) - Math.max(from, i * level.width);
      if (level.seen[i] > 0 && part > 0) take(level.min[i], level.max[i], level.mean[i] * level.seen[i] * part, level.seen[i] * part);
    }
  }
  r.mean = r.seen > 0 ? r.energy / r.seen : NaN;
  return r;
}

class Timeline {
  constructor(scene, { shown, colourOf, typeColour, onView }) {
    Object.assign(this, { scene, shown, colourOf, typeColour, onView, from: 0, to: scene.seconds, pointer: null, drag: null, touches: new Map() });
    this.canvas = h("canvas", { tabindex: "0", role: "application", "aria-roledescription": "zoomable chart", "aria-label": "Power over time with spans below it. Arrow keys move, plus and minus zoom, Home shows everything, comma and full stop step through spans; the table below has the figures.", "aria-describedby": "time-hint" });
    this.tip = h("div", { class: "tip", hidden: true });
    this.element = h("div", { class: "plot" }, this.canvas, this.tip);
    const on = (name, f, options) => this.canvas.addEventListener(name, f, options);
    on("wheel", (e) => this.wheel(e), { passive: false });
    on("pointerdown", (e) => this.down(e)); on("pointermove", (e) => this.move(e)); on("pointerup", (e) => this.up(e));
    on("pointercancel", (e) => { this.touches.delete(e.pointerId); this.drag = null; this.draw(); });
    on("pointerleave", () => { if (!this.drag) { this.pointer = null; this.tip.hidden = true; this.draw(); } });
    on("dblclick", () => this.view(0, this.scene.seconds)); on("keydown", (e) => this.key(e)); on("blur", () => { this.tip.hidden = true; });
    /* Asking the canvas for its width at every point would take most of the time of a frame. */
    this.width = 0; this.scale = 1; this.left = 52; this.right = 6; this.powerHeight = 230; this.axis = 24; this.laneHeight = 16; this.laneGap = 17;
    new ResizeObserver(() => this.draw()).observe(this.element);
  }
  x(t) { return this.left + (t - this.from) / (this.to - this.from) * this.width; }
  time(x) { return this.from + (x - this.left) / this.width * (this.to - this.from); }
  laneTop(i) { let y = this.powerHeight + this.axis; for (let k = 0; k <= i; k++) y += (k && !this.isTitled(k) ? 2 : this.laneGap) + (k < i ? this.laneHeight : 0); return y; }
  isTitled(i) { return this.scene.lanes[i].depth === 0; }
  height() { const n = this.scene.lanes.length; return n ? this.laneTop(n - 1) + this.laneHeight + 4 : this.powerHeight + this.axis; }
  /* Shows [from, to], kept inside of the recording and no shorter than 50 ns. */
  view(from, to) {
    const length = Math.min(Math.max(to - from, 5e-8), this.scene.seconds);
    this.from = Math.min(Math.max(from, 0), this.scene.seconds - length);
    this.to = this.from + length;
    this.canvas.dataset.from = this.from; this.canvas.dataset.to = this.to;
    if (!this.isQueued) { this.isQueued = true; requestAnimationFrame(() => { this.isQueued = false; this.draw(); this.onView(this); }); }
  }
  zoom(factor, at = (this.from + this.to) / 2) { this.view(at - (at - this.from) * factor, at + (this.to - at) * factor); }
  pan(part) { const by = (this.to - this.from) * part; this.view(this.from + by, this.to + by); }
  wheel(e) {
    const across = Math.abs(e.deltaX) > Math.abs(e.deltaY) ? e.deltaX : e.shiftKey ? e.deltaY : 0;
    /* A page that is scrolled past the chart goes on scrolling; a click into the chart gives it the wheel. */
    if (!across && !e.ctrlKey && !e.metaKey && document.activeElement !== this.canvas) return;
    e.preventDefault();
    if (across) this.pan(across / 800); else this.zoom(Math.exp(Math.max(-200, Math.min(200, e.deltaY)) / 300), this.time(e.offsetX));
  }
  down(e) {
    if (e.button > 0) return;
    this.canvas.setPointerCapture(e.pointerId);
    this.touches.set(e.pointerId, e.offsetX);
    this.drag = { x: e.offsetX, now: e.offsetX, from: this.from, to: this.to, pans: e.pointerType === "touch" || e.shiftKey, gap: null };
    if (this.touches.size === 2) { const [a, b] = this.touches.values(); this.drag.gap = Math.max(8, Math.abs(a - b)); this.drag.middle = this.time((a + b) / 2); }
  }
  move(e) {
    this.pointer = { x: e.offsetX, y: e.offsetY };
    if (this.touches.has(e.pointerId)) this.touches.set(e.pointerId, e.offsetX);
    const d = this.drag;
    if (d && d.gap && this.touches.size === 2) {
      const [a, b] = this.touches.values(), factor = d.gap / Math.max(8, Math.abs(a - b));
      this.view(d.middle - (d.middle - d.from) * factor, d.middle + (d.to - d.middle) * factor);
    } else if (d && d.pans && !d.gap) { const by = (d.x - e.offsetX) / this.width * (d.to - d.from); this.view(d.from + by, d.to + by); } else if (d) d.now = e.offsetX;
    this.draw(); this.showTip();
  }
  up(e) {
    const d = this.drag;
    this.touches.delete(e.pointerId); this.drag = null;
    if (d && !d.pans && Math.abs(e.offsetX - d.x) > 5) { const a = this.time(Math.min(d.x, e.offsetX)), b = this.time(Math.max(d.x, e.offsetX)); this.view(a, b); } else this.draw();
  }
  key(e) {
    const acts = { ArrowLeft: () => this.pan(-0.2), ArrowRight: () => this.pan(0.2), "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), ArrowUp: () => this.zoom(0.5), ArrowDown: () => this.zoom(2),
      Home: () => this.view(0, this.scene.seconds), 0: () => this.view(0, this.scene.seconds), ",": () => this.step(-1), ".": () => this.step(1), Escape: () => { this.tip.hidden = true; } };
    if (!acts[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault(); acts[e.key]();
  }
  /* Goes to the next (or previous) span of the innermost lane that has any here, and says what it is. */
  step(by) {
    const { boxes, lanes } = this.scene, lane = [...lanes].reverse().find((l) => l.own.length);
    if (!lane) return;
    const middle = (this.from + this.to) / 2, at = firstAbove(lane.own.length, (k) => boxes.start[lane.own[k]] + boxes.length[lane.own[k]] / 2, middle + (by > 0 ? 1e-9 : -1e-9));
    const k = lane.own[Math.max(0, Math.min(lane.own.length - 1, by > 0 ? at : at - 1))], center = boxes.start[k] + boxes.length[k] / 2;
    const half = Math.max(boxes.length[k] * 3, 1e-6) ;
    this.view(center - half, center + half);
    this.pointer = { x: this.left + this.width / 2, y: this.laneTop(lanes.indexOf(lane)) + 4 };
    requestAnimationFrame(() => this.showTip());
  }

  /* ---- Drawing ---- */
  draw(scale = devicePixelRatio || 1) {
    const w = this.canvas.clientWidth, height = this.height();
    if (!w) return;
    this.width = w - this.left - this.right; this.scale = scale;
    this.canvas.style.height = height + "px";
    if (this.canvas.width !== Math.round(w * scale) || this.canvas.height !== Math.round(height * scale)) { this.canvas.width = Math.round(w * scale); this.canvas.height = Math.round(height * scale); }
    const g = this.g = this.canvas.getContext("2d");
    g.setTransform(scale, 0, 0, scale, 0, 0); g.clearRect(0, 0, w, height);
    this.ink = cssVariable("--ink"); this.soft = cssVariable("--soft"); this.line = cssVariable("--line");
    g.font = "11.5px system-ui, sans-serif";
    this.grid();
    g.save(); g.beginPath(); g.rect(this.left, 0, this.width, height); g.clip();
    this.drawn = "";
    for (const c of this.scene.channels) if (this.shown.has(c.name)) this.power(c);
    this.events();
    this.scene.lanes.forEach((lane, i) => this.drawLane(lane, i));
    this.cursor(height);
    g.restore();
  }
  grid() {
    const g = this.g, on = this.scene.channels.filter((c) => this.shown.has(c.name));
    let top = 0;
    for (const c of on) { const p = powerBetween(this.scene, c, this.from, this.to); top = Math.max(top, p.max || 0); }
    const step = stepFor((top || 1) * 1.04, 5);
    this.top = Math.ceil((top || 1) * 1.02 / step) * step;
    g.strokeStyle = this.line; g.fillStyle = this.soft; g.lineWidth = 1; g.textAlign = "right"; g.textBaseline = "middle";
    for (let p = 0; p <= this.top + step / 2; p += step) {
      const y = Math.round(this.y(p)) + 0.5;
      g.beginPath(); g.moveTo(this.left, y); g.lineTo(this.left + this.width, y); g.stroke();
      g.fillText(p.toFixed(Math.max(0, -Math.floor(Math.log10(step)))) + (p + step > this.top + step / 2 ? " W" : ""), this.left - 7, y);
    }
    const tick = stepFor(this.to - this.from, Math.max(2, this.width / 110)), decimals = Math.max(0, -Math.floor(Math.log10(tick) + 1e-9));
    g.textAlign = "center"; g.textBaseline = "top";
    for (let t = Math.ceil(this.from / tick) * tick; t <= this.to; t += tick) {
      const x = Math.round(this.x(t)) + 0.5, text = t.toFixed(decimals) + " s", half = g.measureText(text).width / 2;
      g.beginPath(); g.moveTo(x, this.powerHeight); g.lineTo(x, this.powerHeight + 4); g.stroke();
      g.fillText(text, Math.min(Math.max(x, this.left + half), this.left + this.width - half), this.powerHeight + 7);
    }
  }
  y(p) { return 10 + (this.powerHeight - 10) * (1 - p / this.top); }
  power(c) {
    const g = this.g, colour = this.colourOf(c.name), first = firstAbove(c.start.length, (k) => c.start[k] + c.length[k], this.from), end = firstAbove(c.start.length, (k) => c.start[k], this.to);
    g.strokeStyle = g.fillStyle = colour; g.lineWidth = 1.5; g.lineJoin = "round";
    if (isExact(this.scene, c, this.from, this.to) && end - first <= 4 * this.width) { this.drawn = this.drawn || "readings"; this.readings(c, first, end); return; }
    this.drawn = "buckets";
    const seconds = this.to - this.from, level = [...c.levels].reverse().find((l) => l.width <= seconds / this.width) || c.levels[0];
    this.bucket = level.width; this.level(level);
  }
  /* Straight pieces; a gap stays a gap. Counters give steps, gauges slopes, as they were measured. */
  readings(c, first, end) {
    const g = this.g, dots = end - first < this.width / 8;
    g.beginPath();
    for (let i = first, last = -Infinity; i < end; i++) {
      const a = c.start[i], b = a + c.length[i];
      if (a - last < 1e-8) g.lineTo(this.x(a), this.y(c.w0[i])); else g.moveTo(this.x(a), this.y(c.w0[i]));
      g.lineTo(this.x(b), this.y(c.w1[i])); last = b;
    }
    g.stroke();
    for (let i = first; dots && i < end; i++) { g.beginPath(); g.arc(this.x(c.start[i] + c.length[i]), this.y(c.w1[i]), 2.2, 0, 7); g.fill(); }
  }
  level(l) {
    const g = this.g, first = Math.max(0, Math.floor(this.from / l.width) - 1), end = Math.min(l.n, Math.ceil(this.to / l.width) + 1);
    const pixels = l.width / (this.to - this.from) * this.width;
    for (let i = first; i < end;) {
      if (!(l.seen[i] > 0)) { i++; continue; }
      let last = i;
      while (last < end && l.seen[last] > 0) last++;
      this.run(l, i, last, pixels);
      i = last;
    }
  }
  /* Buckets [first, end) without a gap: as many as pixels, or more, are drawn as columns of pixels, which costs a third. */
  run(l, first, end, pixels) { if (pixels * this.scale < 2) this.columns(l, first, end); else this.shape(l, first, end, pixels); }
  columns(l, first, end) {
    const g = this.g, s = this.scale, step = 1 / s, snap = (v) => Math.round(v * s) / s, list = [];
    for (let i = first, c = null; i < end; i++) {
      const k = Math.round(this.x(i * l.width) * s), next = Math.max(k + 1, Math.round(this.x((i + 1) * l.width) * s));
      if (c && k <= c.k) c.next = next; else list.push(c = { k, next, low: l.min[i], high: l.max[i], sum: 0, seen: 0 });
      if (l.min[i] < c.low) c.low = l.min[i];
      if (l.max[i] > c.high) c.high = l.max[i];
      c.sum += l.mean[i] * l.seen[i]; c.seen += l.seen[i];
    }
    g.globalAlpha = 0.28;
    for (const c of list) { const top = snap(this.y(c.high)); g.fillRect(c.k / s, top, (c.next - c.k) / s, Math.max(snap(this.y(c.low)) - top, step)); }
    g.globalAlpha = 1;
    let last = NaN;
    for (const c of list) {
      const y = this.y(c.sum / c.seen), from = Number.isNaN(last) ? y : last;
      g.fillRect(c.k / s, snap(Math.min(y, from) - 0.75), step, snap(Math.abs(y - from) + 1.5));
      if (c.next > c.k + 1) g.fillRect((c.k + 1) / s, snap(y - 0.75), (c.next - c.k - 1) / s, snap(1.5));
      last = y;
    }
  }
  /* Wide buckets: the band of least to greatest as one shape, the mean as one line. */
  shape(l, first, end, pixels) {
    const g = this.g, x = (i) => this.x(i * l.width), low = (i) => Math.max(this.y(l.min[i]), this.y(l.max[i]) + 0.75);
    g.globalAlpha = 0.28; g.beginPath();
    for (let i = first; i < end; i++) { const y = this.y(l.max[i]), a = x(i); g.lineTo(a, y); g.lineTo(a + pixels, y); }
    for (let i = end - 1; i >= first; i--) { const y = low(i), a = x(i); g.lineTo(a + pixels, y); g.lineTo(a, y); }
    g.fill();
    g.globalAlpha = 1; g.beginPath();
    for (let i = first; i < end; i++) { const y = this.y(l.mean[i]), a = x(i); g.lineTo(a, y); g.lineTo(a + pixels, y); }
    g.stroke();
  }
  events() {
    const g = this.g;
    g.strokeStyle = cssVariable("--bad"); g.lineWidth = 1; g.setLineDash([2, 3]);
    for (const [t] of this.scene.events) if (t >= this.from && t <= this.to) { const x = Math.round(this.x(t)) + 0.5; g.beginPath(); g.moveTo(x, 8); g.lineTo(x, this.powerHeight); g.stroke(); }
    g.setLineDash([]);
  }
  laneTitle(lane) {
    const tracks = new Set(this.scene.lanes.filter((l) => l.kind === lane.kind).map((l) => l.track));
    return boxKinds[lane.kind] + (lane.label ? ", " + lane.label : tracks.size > 1 ? ", track " + lane.track : "");
  }
  drawLane(lane, i) {
    const g = this.g, top = this.laneTop(i);
    if (this.isTitled(i)) { g.fillStyle = this.soft; g.textAlign = "left"; g.textBaseline = "bottom"; g.fillText(this.laneTitle(lane), this.left + 1, top - 1); }
    if (!lane.busy || isExact(this.scene, lane, this.from, this.to)) { this.drawBoxes(lane, top, this.from, this.to); return; }
    this.busy(lane, top);
    /* Stretches kept whole are underlined, and drawn box by box once they are wide enough to be told apart. */
    for (const [from, to] of this.scene.windows) {
      const a = this.x(from), b = this.x(to);
      if (b < this.left || a > this.left + this.width) continue;
      g.fillStyle = this.ink; g.fillRect(a, top + this.laneHeight + 1.5, Math.max(b - a, 2), 1.5);
      if (b - a > 40) { g.clearRect(a, top, b - a, this.laneHeight); this.drawBoxes(lane, top, from, to); }
    }
  }
  busy(lane, top) {
    const g = this.g, n = lane.busy.length, width = this.scene.seconds / n, first = Math.max(0, Math.floor(this.from / width)), end = Math.min(n, Math.ceil(this.to / width));
    const pixels = width / (this.to - this.from) * this.width, each = Math.max(1, Math.floor(1 / pixels));
    for (let i = first; i < end; i += each) {
      let busy = 0, longest = lane.longest[i];
      for (let k = i; k < Math.min(i + each, end); k++) busy = Math.max(busy, lane.busy[k]);
      if (!busy) continue;
      g.fillStyle = pixels > 3 ? this.boxColour(lane, longest) : this.laneColour(lane); g.globalAlpha = 0.5;
      g.fillRect(this.x(i * width), top + this.laneHeight * (1 - busy / 255), Math.max(pixels * each - (pixels > 4 ? 0.5 : 0), 1), this.laneHeight * busy / 255);
    }
    g.globalAlpha = 1;
  }
  laneColour(lane) { return lane.kind === "phase" || lane.kind === "iteration" ? cssVariable("--rest") : cssVariable("--c7"); }
  boxColour(lane, name) {
    if (lane.kind === "phase" || lane.kind === "iteration") return cssVariable("--rest");
    const [text, type] = this.scene.names[name] || ["", ""];
    return this.typeColour(type, text);
  }
  drawBoxes(lane, top, from, to) {
    const g = this.g, { boxes, names } = this.scene, own = lane.own, cache = new Map();
    let filled = -1;
    for (let i = Math.max(0, firstAbove(own.length, (k) => boxes.start[own[k]], from) - 1); i < own.length && boxes.start[own[i]] < to; i++) {
      const k = own[i], a = this.x(boxes.start[k]), b = this.x(boxes.start[k] + boxes.length[k]);
      if (b < this.left || b <= filled + 0.4) continue;
      const x = Math.max(a, this.left - 2), w = Math.max(Math.min(b, this.left + this.width + 2) - x - (b - a > 3 ? 0.75 : 0), 0.6);
      if (!cache.has(boxes.name[k])) cache.set(boxes.name[k], this.boxColour(lane, boxes.name[k]));
      g.fillStyle = cache.get(boxes.name[k]); g.globalAlpha = lane.kind === "iteration" && boxes.iteration[k] % 2 ? 0.6 : 0.95;
      g.fillRect(x, top, w, this.laneHeight);
      filled = Math.max(filled, b);
      if (w > 34) this.boxText(names[boxes.name[k]][0] + (lane.kind === "iteration" && boxes.iteration[k] !== 0xffffffff ? " " + boxes.iteration[k] : ""), x, top, w, lane);
    }
    g.globalAlpha = 1;
  }
  boxText(text, x, top, w, lane) {
    const g = this.g;
    g.globalAlpha = 1; g.fillStyle = lane.kind === "phase" || lane.kind === "iteration" ? this.ink : cssVariable("--paper"); g.textAlign = "left"; g.textBaseline = "middle";
    /* Of a path the end tells most; half of a single word tells nothing. */
    let shown = text.length > 200 ? text.slice(-200) : text;
    const room = Math.floor((w - 8) / 5.2);
    if (shown.length > room) shown = room > 6 && /[./:]/.test(text) ? "…" + shown.slice(1 - room) : "";
    g.fillText(shown, x + 4, top + this.laneHeight / 2 + 0.5, w - 6);
  }
  cursor(height) {
    const g = this.g, d = this.drag;
    if (d && !d.pans && Math.abs(d.now - d.x) > 2) { g.fillStyle = cssVariable("--focus"); g.globalAlpha = 0.15; g.fillRect(Math.min(d.x, d.now), 0, Math.abs(d.now - d.x), height); g.globalAlpha = 1; }
    if (!this.pointer || this.pointer.x < this.left) return;
    g.strokeStyle = this.soft; g.lineWidth = 1; g.beginPath(); g.moveTo(Math.round(this.pointer.x) + 0.5, 0); g.lineTo(Math.round(this.pointer.x) + 0.5, height); g.stroke();
  }

  /* ---- What is under the pointer ---- */
  boxAt(x, y) {
    const { boxes, lanes } = this.scene, t = this.time(x), slack = (this.to - this.from) / this.width;
    const i = lanes.findIndex((lane, k) => y >= this.laneTop(k) - 2 && y < this.laneTop(k) + this.laneHeight + 1);
    if (i < 0) return null;
    const own = lanes[i].own, at = firstAbove(own.length, (k) => boxes.start[own[k]], t + slack) - 1;
    for (let k = at; k >= 0 && k > at - 3; k--) if (boxes.start[own[k]] + boxes.length[own[k]] + slack >= t) return { lane: lanes[i], k: own[k] };
    return { lane: lanes[i], k: -1, t };
  }
  boxRows(hit) {
    const { boxes, names, seconds } = this.scene, { lane, k, t } = hit;
    if (k >= 0) {
      const [text, type] = names[boxes.name[k]] || ["?", ""], flags = [[1, "profiler on"], [2, "run alone"], [4, "warm-up"]].filter(([bit]) => boxes.flags[k] & bit).map(([, s]) => s);
      return [[h("b", null, text), type], ["length", quantity(boxes.length[k], "s")], ["start", boxes.start[k].toFixed(6) + " s"],
        ...(boxes.iteration[k] !== 0xffffffff && lane.kind !== "phase" ? [[boxes.flags[k] & 2 ? "calls" : "iteration", String(boxes.iteration[k])]] : []), ...(flags.length ? [["", flags.join(", ")]] : [])];
    }
    if (!lane.busy) return [];
    const i = Math.min(lane.busy.length - 1, Math.max(0, Math.floor(t / seconds * lane.busy.length)));
    if (!lane.busy[i]) return [];
    return [[h("b", null, `${whole(lane.count[i])} spans begin here`), ""], ["in a bucket of", quantity(seconds / lane.busy.length, "s")], ["busy", percent(lane.busy[i] / 255)], ["longest part", (names[lane.longest[i]] || ["?"])[0]]];
  }
  showTip() {
    const { x, y } = this.pointer || { x: -1 };
    if (x < this.left || x > this.left + this.width || (this.drag && this.drag.pans)) { this.tip.hidden = true; return; }
    const t = this.time(x), half = (this.to - this.from) / this.width, d = this.drag, ranged = d && Math.abs(d.now - d.x) > 5;
    const [a, b] = ranged ? [this.time(Math.min(d.x, d.now)), this.time(Math.max(d.x, d.now))] : [t - half / 2, t + half / 2];
    const hit = ranged ? null : this.boxAt(x, y), list = hit ? this.boxRows(hit) : [];
    if (!list.length) {
      list.push([h("b", null, ranged ? quantity(b - a, "s") : t.toFixed(6) + " s"), ranged ? "release to zoom" : ""]);
      for (const c of this.scene.channels) if (this.shown.has(c.name)) {
        const p = powerBetween(this.scene, c, a, b), key = h("span", null, h("span", { class: "swatch" }), " " + c.name);
        key.firstChild.style.background = this.colourOf(c.name);
        list.push([key, !(p.seen > 0) ? "no reading" : ranged ? `${quantity(p.mean, "W")} mean, ${quantity(p.energy, "J")}` : p.max - p.min > 1e-3 * p.max ? `${quantity(p.mean, "W")}  [${digits(p.min)} – ${digits(p.max)}]` : quantity(p.mean, "W")]);
      }
      for (const [at, , kind, text] of this.scene.events) if (Math.abs(this.x(at) - x) < 5) list.push([kind, text]);
    }
    this.tip.replaceChildren(h("table", null, h("tbody", null, list.map((row) => h("tr", null, row.map((cell) => h("td", null, cell)))))));
    this.tip.hidden = false;
    const wide = this.tip.offsetWidth;
    this.tip.style.left = Math.max(0, x + 14 + wide > this.canvas.clientWidth ? x - wide - 12 : x + 14) + "px";
    this.tip.style.top = Math.max(0, Math.min(y + 12, this.height() - 20)) + "px";
  }
}
