// What the database holds, and how it is stored.

import { ask, vocabulary } from "./api.js";
import { facts, h, into, section, table } from "./dom.js";
import { bytes, count, moment, plural } from "./format.js";
import { progress } from "./campaigns.js";

export async function showOverview(page) {
  const [info, words] = await Promise.all([ask("overview"), vocabulary()]);
  document.title = "Overview · liface";
  const results = words.nouns.filter((noun) => noun.is_result && info.counts[noun.name]);
  const others = words.nouns.filter((noun) => !noun.is_result && info.counts[noun.name]);
  const card = (noun, warn) => h("div", { class: warn ? "card warn" : "card" }, h("dt", {}, noun.name), h("dd", {}, h("a", { href: `/table/${noun.name}` }, count(info.counts[noun.name]))));
  into(page.root,
    h("p", { class: "kicker" }, "results database"), h("h1", {}, info.path.split("/").pop()),
    h("p", { class: "note" }, `${info.path} · ${bytes(info.size_bytes)} · schema ${info.schema_version} · liface ${words.liface_version}`),
    results.length ? null : h("p", { class: "missing" }, "No results yet; they appear here as a campaign finishes its cases."),
    ...[section("results", "Results", results.length ? h("dl", { class: "cards" }, results.map((noun) => card(noun))) : null),
      section("work", "Behind them", others.length ? h("dl", { class: "cards" }, others.map((noun) => card(noun)),
        ...failed(info)) : null),
      section("campaigns", "Campaigns", table("Campaigns of this database", [
        { title: "campaign", cell: (row) => h("a", { href: `/campaign/${encodeURIComponent(row.campaign)}` }, row.campaign) },
        { title: "cases", cell: (row) => progress(row.finished, row.failed) },
        { title: "finished", numeric: true, cell: (row) => count(row.finished) }, { title: "failed", numeric: true, cell: (row) => count(row.failed) },
        { title: "results", numeric: true, cell: (row) => count(row.results) }], info.campaigns)),
      section("engines", "Engines", table("Who computed", [
        { title: "engine", cell: (row) => `${row.engine}:${row.model}` },
        { title: "results", numeric: true, cell: (row) => count(row.results) },
        { title: "calculations", numeric: true, cell: (row) => h("a", { href: `/table/calculations?is.engine=${encodeURIComponent(row.engine)}&is.model=${encodeURIComponent(row.model)}` }, count(row.calculations)) },
        { title: "force calls", numeric: true, cell: (row) => count(row.force_calls) },
        { title: "fingerprint", cell: (row) => h("code", {}, row.engine_fingerprint) }], info.engines))].filter(Boolean));
}

function failed(info) {
  const cards = [];
  const add = (noun, states, text) => {
    const n = states.reduce((sum, state) => sum + (info.status[noun][state] ?? 0), 0);
    if (n) cards.push(h("div", { class: "card warn" }, h("dt", {}, text), h("dd", {}, h("a", { href: `/table/${noun}?${states.map((state) => `is.status=${state}`).join("&")}` }, count(n)))));
  };
  add("cases", ["failed"], "failed cases");
  add("calculations", ["failed", "unconverged"], "failed or unconverged calculations");
  return cards;
}

export async function showStorage(page) {
  const info = await ask("overview");
  const newest = await ask("rows/calculations", { sort: "-created_at", limit: 1 });
  document.title = "Storage · liface";
  const total = Object.values(info.counts).reduce((sum, n) => sum + n, 0);
  into(page.root, h("p", { class: "kicker" }, "database"), h("h1", {}, "Storage"),
    facts([["place", h("code", {}, info.url)], ["size", bytes(info.size_bytes)], ["rows", count(total)], ["size of a row", total ? bytes(Math.round(info.size_bytes / total)) : null],
      ["schema", info.schema_version], ["opened", info.read_only ? "only for reading" : "for writing"], ["newest calculation", newest.rows.length ? moment(newest.rows[0].created_at) : null]]),
    section("rows", "Rows", table("Rows of every kind", [
      { title: "kind", cell: (row) => h("a", { href: `/table/${row.name}` }, row.name) },
      { title: "rows", numeric: true, cell: (row) => count(row.n) },
      { title: "superseded", numeric: true, cell: (row) => (row.old === undefined ? "" : count(row.old)) }],
    Object.entries(info.counts).map(([name, n]) => ({ name, n, old: info.superseded[name] })))) ?? "",
    h("p", { class: "note" }, "Superseded results were replaced by newer ones of the same quantity; their records can still be opened by their address. ",
      "'liface database verify' checks every document, its identity and its numbers; 'liface database export' writes rows to files. ", plural(info.engines.length, "engine"), "."));
}
