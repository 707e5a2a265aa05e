// Where a number comes from, as a picture whose nodes are links.

import { h, s } from "./dom.js";
import { plural } from "./format.js";

const BOX = { width: 190, height: 40, gap: 10, across: 56 };
const MOST_ALONE = 10;

/** Draw calculations → parts → this record → what rests on it. */
export function lineageGraph(found) {
  const columns = nodesOf(found);
  const kept = columns.filter((column) => column.length);
  if (kept.length < 2) return null;
  const rows = Math.max(...kept.map((column) => column.length));
  const width = kept.length * BOX.width + (kept.length - 1) * BOX.across + 4, height = rows * (BOX.height + BOX.gap) + 4;
  kept.forEach((column, i) => {
    const used = column.length * (BOX.height + BOX.gap) - BOX.gap;
    column.forEach((node, j) => { node.x = 2 + i * (BOX.width + BOX.across); node.y = 2 + (height - 4 - used) / 2 + j * (BOX.height + BOX.gap); });
  });
  const all = kept.flat();
  const edges = all.flatMap((node) => node.to.map((key) => [node, all.find((other) => other.key === key)])).filter(([, to]) => to);
  return h("div", { class: "graph", tabindex: 0, role: "group", "aria-label": "Provenance: what the number rests on, from left to right" },
    s("svg", { viewBox: `0 0 ${width} ${height}`, width, height }, edges.map(([from, to]) => s("path", { class: "edge", d: curve(from, to) })), all.map(drawn)));
}

function curve(from, to) {
  const x1 = from.x + BOX.width, y1 = from.y + BOX.height / 2, x2 = to.x, y2 = to.y + BOX.height / 2, middle = (x1 + x2) / 2;
  return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
}

function drawn(node) {
  const inside = [s("title", {}, `${node.title} ${node.detail}`), s("rect", { x: node.x, y: node.y, width: BOX.width, height: BOX.height, rx: 6, class: `node ${node.cls}` }),
    s("text", { x: node.x + 9, y: node.y + 17, class: "node-title" }, cut(node.title, 27)), s("text", { x: node.x + 9, y: node.y + 32, class: "node-detail" }, cut(node.detail, 31))];
  return node.href ? s("a", { href: node.href, class: "node-link" }, inside) : s("g", {}, inside);
}

const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function nodesOf(found) {
  const { parts, wholes, part_of_calculation: shared } = found.lineage;
  const part = (row) => ({ key: row.id, title: row.label || row.kind, detail: row.kind, cls: "record", href: `/record/${row.id}`, to: [found.id] });
  const self = { key: found.id, title: found.title, detail: `${found.kind}, this record`, cls: "self", href: null, to: wholes.map((row) => row.id) };
  const work = calculationNodes(found, shared, new Set(parts.map((row) => row.id)));
  const direct = work.filter((node) => node.to.includes(found.id));
  return [work.filter((node) => !direct.includes(node)), [...parts.map(part), ...direct], [self], wholes.map((row) => ({ ...part(row), to: [] }))];
}

function calculationNodes(found, shared, partIds) {
  const owners = (row) => (shared[row.calc_id] ?? []).filter((id) => partIds.has(id));
  const groups = new Map();
  for (const row of found.calculations) {
    const to = owners(row).length ? owners(row) : [found.id];
    const key = `${row.task}|${to.join()}`;
    if (!groups.has(key)) groups.set(key, { task: row.task, to, rows: [] });
    groups.get(key).rows.push(row);
  }
  const groupList = [...groups.values()];
  const alone = groupList.filter((g) => g.task !== "static" && g.to[0] === found.id).reduce((sum, g) => sum + g.rows.length, 0) <= MOST_ALONE;
  return groupList.flatMap((group) => (group.rows.length === 1 || (alone && group.task !== "static" && group.to[0] === found.id) ? group.rows.map((row) => single(row, group.to, found.document.provenance.case)) : [many(group)]));
}

function single(row, to, before) {
  const label = row.label.startsWith(`${before}/`) ? row.label.slice(before.length + 1) : row.label;
  return { key: row.calc_id, title: label || row.formula, detail: `${row.task}, ${row.status}, ${row.formula}`, cls: row.status === "converged" ? "calc" : "calc bad", href: `/calculation/${row.calc_id}`, to };
}

function many(group) {
  const bad = group.rows.filter((row) => row.status !== "converged").length;
  const word = { static: "single point", relax: "relaxation", neb: "path" }[group.task] ?? "calculation";
  return { key: `many-${group.task}-${group.to.join()}`, title: plural(group.rows.length, word), detail: bad ? `${bad} not converged` : "all converged", cls: bad ? "calc bad" : "calc", href: "#calculations", to: group.to };
}
