// Two records side by side, differences marked.

import { ask } from "./api.js";
import { h, into, section, table } from "./dom.js";
import { moment, number, plain } from "./format.js";
import { marked } from "./table.js";
import { viewer } from "./viewer.js";

export async function showComparison(page) {
  document.title = "Compare · liface";
  const [first, second] = [...marked.keys()];
  const a = page.query.get("a") ?? first ?? "", b = page.query.get("b") ?? second ?? "";
  if (!a || !b) { into(page.root, ...form(page, a, b)); return; }
  const found = await ask("compare", { a, b });
  const all = page.query.get("all") === "1";
  const keep = (rows) => (all ? rows : rows.filter((row) => !row.same));
  const views = found.structures.map((one, i) => (one ? viewer(found.records[i].id, [["", "structure"]], "low") : null));
  const toggle = new URLSearchParams({ a, b, ...(all ? {} : { all: "1" }) });
  into(page.root, [
    h("p", { class: "kicker" }, "two records"), h("h1", {}, "Comparison"),
    h("div", { class: "pair" }, found.records.map((record, i) => h("div", { class: "card wide" }, h("p", { class: "kicker" }, i ? "B" : "A"), h("h2", {}, h("a", { href: `/record/${record.id}` }, record.title)),
      h("p", { class: "note" }, `${record.kind} · ${record.method.engine ? `${record.method.engine.name}:${record.method.engine.model}` : "by hand"} · ${record.campaign} · ${moment(record.created_at)}`),
      record.flags.length ? h("p", {}, record.flags.map((flag) => [h("span", { class: "flag" }, flag.split(":")[0]), " "])) : null))),
    found.same_kind ? null : h("p", { class: "problem" }, `They are of different kinds: ${found.records[0].kind} and ${found.records[1].kind}.`),
    found.records[0].method.engine?.fingerprint === found.records[1].method.engine?.fingerprint ? null
      : h("p", { class: "note" }, "They come from different engines or weights: their energies may be compared, never subtracted."),
    h("div", { class: "tools" }, h("a", { class: "button", href: `/compare?${toggle}` }, all ? "Only differences" : "Also what agrees"), h("a", { class: "button", href: `/compare?a=${b}&b=${a}` }, "Swap"), h("a", { class: "button quiet", href: "/compare", onclick: () => marked.clear() }, "Other records")),
    section("numbers", "Numbers", comparisonTable("Fields of both records", keep(found.numbers), found.numbers.length)),
    section("method", "Method", comparisonTable("Engine, settings, versions", keep(found.method), found.method.length)),
    section("definitions", "Definitions", found.records[0].definition === found.records[1].definition ? h("p", {}, found.records[0].definition) : h("div", { class: "pair" }, found.records.map((record) => h("p", { class: "changed" }, record.definition)))),
    section("structures", "Structures", structureTable(found.structures), views.some(Boolean) ? h("div", { class: "pair" }, views.map((one) => one ?? h("p", { class: "missing" }, "No structure."))) : null),
  ].filter(Boolean));
  queueMicrotask(() => views.forEach((one) => one?.open()));
}

function comparisonTable(caption, rows, of) {
  if (!of) return null;
  if (!rows.length) return h("p", { class: "missing" }, `All ${of} fields agree.`);
  return table(`${caption}: ${rows.filter((row) => !row.same).length} of ${of} differ`, [
    { title: "field", cell: (row) => h("span", { title: row.description }, h("code", {}, row.path)) },
    { title: "A", numeric: true, cell: (row) => side(row.a, row.unit) }, { title: "B", numeric: true, cell: (row) => side(row.b, row.unit) },
    { title: "B − A", numeric: true, cell: (row) => (row.difference === null || row.same ? "" : number(row.difference, "", false)) }, { title: "unit", cls: "unit-cell", cell: (row) => row.unit || "" }],
  rows.map((row) => ({ ...row, row_class: row.same ? null : "changed" })));
}

function side(value, unit) {
  const text = plain(value, unit, true);
  return text.length > 26 ? h("span", { class: "long" }, text) : text;
}

function structureTable([a, b]) {
  if (!a || !b) return null;
  const rows = [["formula", a.formula, b.formula, ""], ["atoms", a.n_atoms, b.n_atoms, ""], ["frozen atoms", a.frozen, b.frozen, ""], ["area", a.area_a2, b.area_a2, "Å²"],
    ...["a", "b", "c"].map((name, i) => [name, a.lengths_a[i], b.lengths_a[i], "Å"]), ...["α", "β", "γ"].map((name, i) => [name, a.angles_deg[i], b.angles_deg[i], "deg"])];
  const differs = ([, x, y]) => (typeof x === "number" ? Math.abs(x - y) > 1e-5 * Math.max(1, Math.abs(x)) : x !== y);
  return table("Cells", [
    { title: "", cell: (row) => row.name }, { title: "A", numeric: true, cell: (row) => plain(row.x, row.unit) }, { title: "B", numeric: true, cell: (row) => plain(row.y, row.unit) },
    { title: "B − A", numeric: true, cell: (row) => (typeof row.x === "number" && row.row_class ? number(row.y - row.x, row.unit) : "") }, { title: "unit", cls: "unit-cell", cell: (row) => row.unit }],
  rows.map((row) => ({ name: row[0], x: row[1], y: row[2], unit: row[3], row_class: differs(row) ? "changed" : null })));
}

function form(page, a, b) {
  const input = (name, value, label) => h("label", {}, label, h("input", { name, value, required: true, autocomplete: "off", spellcheck: "false", pattern: "[0-9a-f]{32}", title: "32 letters and digits: the identity of a record" }));
  return [h("p", { class: "kicker" }, "two records"), h("h1", {}, "Comparison"),
    h("p", {}, "Mark two rows of a table of results (", h("kbd", {}, "x"), ") and press ", h("kbd", {}, "c"), ", or give two record ids."),
    h("form", { class: "ids", onsubmit: (event) => { event.preventDefault(); const data = new FormData(event.target); page.go(`/compare?a=${data.get("a").trim()}&b=${data.get("b").trim()}`); } },
      input("a", a, "A"), input("b", b, "B"), h("button", { type: "submit" }, "Compare")), h("p", {}, h("a", { href: "/table/interfaces" }, "To the tables"))];
}
