// Small charts as SVG: drawn for the width there is, coloured by classes, read out in words.

import { h, s } from "./dom.js";
import { number } from "./format.js";

const MARGIN = { top: 14, right: 14, bottom: 44, left: 62 };

/**
 * Draw a chart.
 *
 * `series` are {kind: "points" | "line" | "area" | "bars" | "spots", data: [{x, y, ...}], cls, label, words(point)};
 * points may have `error`, `hollow`, `cross`; bars are horizontal. `x` and `y` are {label, include, integer, log, ticks}.
 */
export function chart({ title, alt, series, x, y, height = 300, note = null }) {
  const kept = series.filter((one) => one.data.length);
  const place = h("div", { class: "plot" });
  const draw = () => {
    const width = Math.max(260, Math.floor(place.clientWidth || 560));
    if (place.dataset.width === String(width)) return;
    place.dataset.width = String(width);
    place.replaceChildren(drawn(width, height, kept, x, y, alt ?? title));
  };
  const watcher = new ResizeObserver(draw);
  watcher.observe(place);
  return h("figure", { class: "chart" }, legend(kept), place, h("figcaption", {}, h("strong", {}, title), note ? ` ${note}` : ""));
}

function legend(series) {
  const named = series.filter((one) => one.label);
  if (named.length < 2 && !named.some((one) => one.always)) return null;
  return h("ul", { class: "legend", "aria-hidden": "true" }, named.map((one) => h("li", {},
    s("svg", { viewBox: "0 0 22 12", class: "key" }, one.kind === "points" || one.kind === "spots" ? marker(11, 6, one, {}) : s("line", { x1: 1, x2: 21, y1: 6, y2: 6, class: `line ${one.cls}` })), one.label)));
}

function drawn(width, height, series, x, y, alt) {
  const area = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom };
  const all = series.flatMap((one) => one.data);
  const ys = all.flatMap((p) => (p.error ? [p.y - p.error, p.y + p.error] : [p.y, ...(p.low === undefined ? [] : [p.low, p.high])]));
  const sx = scale(all.map((p) => p.x), area.left, area.right, x);
  const sy = scale(ys, area.bottom, area.top, y);
  const tx = ticks(sx, Math.max(3, Math.floor(width / 90)), x), ty = ticks(sy, Math.max(3, Math.floor(height / 55)), y);
  return s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": alt },
    ty.map((t) => s("line", { x1: area.left, x2: area.right, y1: sy(t), y2: sy(t), class: "grid" })),
    sy.low < 0 && sy.high > 0 && !y.log ? s("line", { x1: area.left, x2: area.right, y1: sy(0), y2: sy(0), class: "zero" }) : null,
    s("line", { x1: area.left, x2: area.right, y1: area.bottom, y2: area.bottom, class: "axis" }),
    tx.map((t) => s("g", {}, s("line", { x1: sx(t), x2: sx(t), y1: area.bottom, y2: area.bottom + 4, class: "axis" }),
      s("text", { x: sx(t), y: area.bottom + 17, class: "tick", "text-anchor": "middle" }, tickText(t, x, tx)))),
    ty.map((t) => s("text", { x: area.left - 7, y: sy(t) + 4, class: "tick", "text-anchor": "end" }, tickText(t, y, ty))),
    s("text", { x: (area.left + area.right) / 2, y: height - 8, class: "label", "text-anchor": "middle" }, x.label),
    s("text", { x: 13, y: (area.top + area.bottom) / 2, class: "label", "text-anchor": "middle", transform: `rotate(-90 13 ${(area.top + area.bottom) / 2})` }, y.label),
    series.map((one) => s("g", { class: "series" }, marks(one, sx, sy, area))));
}

function marks(one, sx, sy, area) {
  const points = one.data.filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y));
  if (one.kind === "line") return [s("polyline", { class: `line ${one.cls}`, points: points.map((p) => `${sx(p.x).toFixed(1)},${sy(p.y).toFixed(1)}`).join(" ") })];
  if (one.kind === "area") {
    const top = points.map((p) => `${sx(p.x).toFixed(1)},${sy(p.high ?? p.y).toFixed(1)}`);
    const base = [...points].reverse().map((p) => `${sx(p.x).toFixed(1)},${(p.low === undefined ? Math.min(area.bottom, sy(0)) : sy(p.low)).toFixed(1)}`);
    return [s("polygon", { class: `area ${one.cls}`, points: [...top, ...base].join(" ") })];
  }
  if (one.kind === "sticks") return points.map((p) => s("line", { class: `line ${one.cls}`, x1: sx(p.x), x2: sx(p.x), y1: sy(Math.max(0, sy.low)), y2: sy(p.y) }, s("title", {}, one.words?.(p) ?? "")));
  return points.map((p) => s("g", { class: "point" }, s("title", {}, one.words?.(p) ?? `${number(p.x)}, ${number(p.y)}`),
    p.error ? s("path", { class: `line thin ${one.cls}`, d: whisker(sx(p.x), sy(p.y - p.error), sy(p.y + p.error)) }) : null, marker(sx(p.x), sy(p.y), one, p)));
}

const whisker = (x, low, high) => `M${x - 4} ${low}h8M${x - 4} ${high}h8M${x} ${low}V${high}`;

function marker(x, y, one, point) {
  const size = one.size ?? 5;
  if (point.cross) return s("path", { class: `line ${one.cls}`, d: `M${x - size} ${y - size}l${2 * size} ${2 * size}M${x - size} ${y + size}l${2 * size} ${-2 * size}` });
  const cls = `mark ${one.cls}${point.hollow ? " hollow" : ""}`;
  if (one.shape === "diamond") return s("path", { class: cls, d: `M${x} ${y - size - 1}l${size + 1} ${size + 1}l${-size - 1} ${size + 1}l${-size - 1} ${-size - 1}z` });
  if (one.shape === "square") return s("rect", { class: cls, x: x - size, y: y - size, width: 2 * size, height: 2 * size });
  return s("circle", { class: cls, cx: x, cy: y, r: size });
}

function scale(values, from, to, axis) {
  const finite = [...values, ...(axis.include ?? [])].filter((v) => Number.isFinite(v) && (!axis.log || v > 0)).map((v) => (axis.log ? Math.log10(v) : v));
  let low = finite.length ? Math.min(...finite) : 0, high = finite.length ? Math.max(...finite) : 1;
  const least = axis.least ?? 0;
  if (high - low < least) { const middle = (low + high) / 2; low = middle - least / 2; high = middle + least / 2; }
  if (high === low) { const step = Math.abs(low) * 0.1 || 1; low -= step; high += step; }
  const pad = (high - low) * (axis.pad ?? 0.06);
  low = axis.from ?? low - pad;
  high += pad;
  const at = (v) => from + ((axis.log ? Math.log10(v) : v) - low) / (high - low) * (to - from);
  at.low = low; at.high = high;
  return at;
}

function ticks(at, most, axis) {
  if (axis.ticks) return axis.ticks.map((t) => t.at);
  if (axis.log) {
    const step = Math.max(1, Math.ceil((at.high - at.low) / most)), found = [];
    for (let e = Math.ceil(at.low); e <= at.high; e += step) found.push(10 ** e);
    return found;
  }
  const rough = (at.high - at.low) / most, power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 5, 10].map((m) => m * power).find((m) => m >= rough * 0.999) ?? 10 * power;
  if (axis.integer) step = Math.max(1, Math.round(step));
  const found = [];
  for (let t = Math.ceil(at.low / step) * step; t <= at.high + 1e-9 * step; t += step) found.push(Math.abs(t) < step * 1e-9 ? 0 : t);
  return found;
}

function tickText(value, axis, all) {
  const named = axis.ticks?.find((t) => t.at === value);
  if (named) return named.text;
  if (axis.log) return value >= 0.01 && value < 1e4 ? String(value) : `1e${Math.round(Math.log10(value))}`.replace("e-", "e\u2212");
  const step = all.length > 1 ? Math.abs(all[1] - all[0]) : Math.abs(value) || 1;
  if (Math.abs(value) >= 1e5) return number(value);
  return value.toFixed(Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)))).replace("-", "\u2212");
}

/** Horizontal bars with their names, as a list that needs no picture to be read. */
export function barList(title, rows, unit, digits = unit) {
  const values = rows.map((row) => row.value);
  const low = Math.min(0, ...values), span = Math.max(0, ...values) - low || 1;
  return h("figure", { class: "chart" }, h("ul", { class: "bars" }, rows.map((row) => {
    const bar = s("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
      s("rect", { class: `bar ${row.cls ?? "c0"}`, x: 100 * (Math.min(0, row.value) - low) / span, width: Math.max(0.6, 100 * Math.abs(row.value) / span), y: 1, height: 8 }),
      s("line", { class: "zero", x1: 100 * -low / span, x2: 100 * -low / span, y1: 0, y2: 10 }));
    return h("li", {}, h("span", { class: "name" }, row.name), bar, h("span", { class: "num" }, `${number(row.value, digits)} ${unit}`), row.note ? h("span", { class: "note" }, row.note) : null);
  })), h("figcaption", {}, h("strong", {}, title)));
}

/** A map of values over a cell: places are fractions of the two vectors of the cell, repeated 2 × 2. */
export function cellMap({ title, note, points, cell, chosen, unit }) {
  const values = points.map((p) => p.value), low = Math.min(...values), high = Math.max(...values);
  const [a, b] = planar(cell);
  const where = (u, v) => [u * a[0] + v * b[0], -(u * a[1] + v * b[1])];
  const corners = [[0, 0], [1, 0], [1, 1], [0, 1]].map(([u, v]) => where(u, v));
  const xs = corners.map((c) => c[0]), ys = corners.map((c) => c[1]);
  const size = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
  const spots = points.map((p) => where(p.u, p.v));
  const nearest = Math.min(size, ...spots.flatMap((p, i) => spots.slice(0, i).map((q) => Math.hypot(p[0] - q[0], p[1] - q[1]))).filter((gap) => gap > 1e-6));
  const pad = size * 0.12, r = Math.min(0.05 * size, Math.max(0.012 * size, 0.48 * nearest));
  const box = [Math.min(...xs) - pad, Math.min(...ys) - pad, Math.max(...xs) - Math.min(...xs) + 2 * pad, Math.max(...ys) - Math.min(...ys) + 2 * pad];
  const level = (value) => (high > low ? Math.round(8 * (value - low) / (high - low)) : 0);
  const wrap = (t) => ((t % 1) + 1) % 1;
  const circle = (p, du, dv) => {
    const [u, v] = [wrap(p.u) + du, wrap(p.v) + dv];
    const [cx, cy] = where(u, v);
    return s("circle", { cx, cy, r, class: `heat h${level(p.value)}` }, s("title", {}, `shift ${number(p.u)}, ${number(p.v)}: ${number(p.value)} ${unit}`));
  };
  const images = (p) => [[0, 0], [1, 0], [0, 1], [1, 1]].filter(([du, dv]) => wrap(p.u) + du < 1.001 && wrap(p.v) + dv < 1.001);
  return h("figure", { class: "chart map" }, s("svg", { viewBox: box.map((n) => n.toFixed(3)).join(" "), role: "img", "aria-label": `${title}: from ${number(low)} to ${number(high)} ${unit}` },
    s("polygon", { class: "cell", points: corners.map((c) => c.join(",")).join(" ") }),
    points.flatMap((p) => images(p).map(([du, dv]) => circle(p, du, dv))),
    chosen ? images({ u: chosen[0], v: chosen[1] }).map(([du, dv]) => { const [cx, cy] = where(wrap(chosen[0]) + du, wrap(chosen[1]) + dv); return s("circle", { cx, cy, r: r * 1.6, class: "chosen" }); }) : null),
  h("div", { class: "heat-key", "aria-hidden": "true" }, h("span", {}, number(low, unit)), s("svg", { viewBox: "0 0 90 10", preserveAspectRatio: "none" }, [...Array(9).keys()].map((i) => s("rect", { x: 10 * i, y: 0, width: 10.5, height: 10, class: `heat h${i}` }))), h("span", {}, `${number(high, unit)} ${unit}`)),
  h("figcaption", {}, h("strong", {}, title), note ? ` ${note}` : ""));
}

function planar(cell) {
  const [a, b] = cell;
  const length = (v) => Math.hypot(...v), dot = (p, q) => p.reduce((sum, value, i) => sum + value * q[i], 0);
  const la = length(a), cos = dot(a, b) / (la * length(b));
  return [[la, 0], [length(b) * cos, length(b) * Math.sqrt(Math.max(0, 1 - cos * cos))]];
}

/** Heights of a deposit, one square per column of the lattice. */
export function heightMap(title, heights, unit) {
  const flat = heights.flat(), high = Math.max(1, ...flat), n = heights.length, m = heights[0]?.length ?? 0;
  return h("figure", { class: "chart map" }, s("svg", { viewBox: `0 0 ${m} ${n}`, role: "img", "aria-label": `${title}, up to ${high} ${unit}`, "shape-rendering": "crispEdges" },
    s("rect", { x: 0, y: 0, width: m, height: n, class: "bare" }),
    heights.flatMap((row, i) => row.map((value, j) => (value ? s("rect", { x: j, y: i, width: 1, height: 1, class: `heat h${Math.round(8 * value / high)}` }) : null)))),
  h("figcaption", {}, h("strong", {}, title), ` Up to ${high} ${unit}; grey is bare.`));
}
