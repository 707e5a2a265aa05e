// One record: its numbers, what they mean, how they were computed, and what they rest on.

import { ask, url, vocabulary } from "./api.js";
import { doi, facts, h, into, paragraph, section, table } from "./dom.js";
import { count, duration, heading, moment, number, plain, plural, short } from "./format.js";
import { lineageGraph } from "./graph.js";
import { figures } from "./plots.js";
import { marked } from "./table.js";
import { viewer } from "./viewer.js";

const APART = new Set(["structure", "initial", "final", "end", "engine", "settings", "provenance", "flags", "definition", "kind", "points", "scan", "candidates", "hops", "minima", "dos", "heights",
  "inputs", "places", "boundaries", "rates", "limits", "forces_ev_per_a", "energies_ev", "images", "versions", "frequencies_thz", "calc_ids", "record_ids", "failures"]);

export async function showRecord(page, id) {
  const [found, words] = await Promise.all([ask(`records/${encodeURIComponent(id)}`), vocabulary()]);
  const d = found.document;
  document.title = `${found.title} · liface`;
  const structure = found.has_structure ? viewer(found.id) : null;
  into(page.root, [
    head(found, found.noun, found.noun),
    found.is_current ? null : h("p", { class: "problem" }, "A newer result of the same quantity took its place; tables do not show this one."),
    h("div", { class: "tools" }, markButton(found), h("a", { class: "button", href: url(`records/${found.id}`), target: "_blank", rel: "noopener" }, "JSON"), others(found)),
    flagList(found.flags),
    headline(found),
    section("figures", "Evidence", figures(found)),
    section("structure", "Structure", structure),
    section("numbers", "All numbers", numbers(found)),
    section("definition", "Definition", paragraph(d.definition), d.provenance.doi?.length ? h("p", {}, "Papers: ", d.provenance.doi.map((one, i) => [i ? ", " : "", doi(one)])) : null),
    section("method", "Method", method(found, words)),
    section("provenance", "Where it comes from", lineageGraph(found), inputs(d), origin(found)),
    section("calculations", "Calculations", calculations(found.calculations)),
  ].filter(Boolean));
  keys(page, found);
  if (structure) queueMicrotask(() => structure.open());
}

function head(found, noun, words) {
  return h("div", {}, h("p", { class: "kicker" }, h("a", { href: `/table/${noun}` }, words), ` · ${found.kind}`), h("h1", {}, found.title || found.id),
    h("p", { class: "note" }, h("code", { class: "id" }, found.id)));
}

function markButton(found) {
  const other = [...marked.keys()].find((key) => key !== found.id);
  const text = () => (marked.has(found.id) ? "Marked to compare" : "Mark to compare");
  const button = h("button", { type: "button", id: "mark", "aria-pressed": String(marked.has(found.id)), onclick: () => {
    if (marked.has(found.id)) marked.delete(found.id); else marked.set(found.id, found.noun);
    while (marked.size > 2) marked.delete(marked.keys().next().value);
    button.textContent = text();
    button.setAttribute("aria-pressed", String(marked.has(found.id)));
  } }, text());
  return [button, other ? h("a", { class: "button", href: `/compare?a=${other}&b=${found.id}` }, "Compare with the marked one") : null];
}

/** A link to the same quantity by every engine. */
function others(found) {
  const d = found.document;
  const keys = ["substrate", "substrate_plane", "film_plane", "material", "plane", "n_li", "arrangement", "monolayers", "material_a", "material_b"].filter((key) => d[key] !== undefined && d[key] !== null);
  if (!keys.length) return null;
  const where = keys.map((key) => (typeof d[key] === "number" ? `${key}=${d[key]}` : `${key}="${d[key]}"`)).join(" AND ");
  return h("a", { class: "button", href: `/table/${found.noun}?where=${encodeURIComponent(where)}` }, "The same by every engine");
}

function flagList(flags) {
  if (!flags.length) return null;
  return h("ul", { class: "flag-list" }, flags.map((flag) => h("li", {}, h("span", { class: "flag" }, flag.slug), " ", flag.meaning || "", flag.detail ? h("span", { class: "note" }, ` ${flag.detail}`) : "")));
}

const HEADLINES = {
  interface: [["gamma_mev_per_a2", "gamma_stderr_mev_per_a2"], ["gamma_j_per_m2"], ["strain_percent"], ["area_a2"]], surface: [["gamma_j_per_m2"], ["gamma_mev_per_a2"], ["thickness_a"]], binding: [["e_bind_ev_per_li"], ["area_a2"]],
  barrier: [["barrier_ev"], ["barrier_across_ev"], ["attempt_hz"]], wetting: [["contact_angle_deg"], ["work_of_adhesion_j_per_m2"]], adhesion: [["work_of_adhesion_mev_per_a2"], ["work_of_adhesion_j_per_m2"], ["strain_percent"]],
  bulk: [["energy_ev_per_atom"], ["volume_a3_per_atom"], ["lattice_error_percent"]], growth: [["mode"]], phonon: [["f_vib_298_ev_per_atom"], ["zpe_ev_per_atom"], ["lowest_thz"], ["n_imaginary"]],
  vibration: [["correction_298_ev_per_li"], ["e_bind_298_ev_per_li"], ["gamma_298_mev_per_a2"], ["lowest_thz"]], morphology: [["coverage"], ["tip_height"], ["ratio"]], deposition: [["answer"], ["margin_ev"]],
  creep: [["current_ma_per_cm2"], ["capacity_mah_per_cm2"], ["passes"]], stability: [["verdict"], ["reaction_energy_ev"]], verdict: [["verdict"]],
};

function headline(found) {
  const d = found.document;
  const chosen = HEADLINES[found.kind] ?? Object.keys(d).filter((key) => typeof d[key] === "number" && found.fields[key]?.unit).slice(0, 4).map((key) => [key]);
  const cards = chosen.filter(([field]) => d[field] !== null && d[field] !== undefined).map(([field, error]) => {
    const about = found.fields[field] ?? {}, unit = about.unit;
    return h("div", { class: "card" }, h("dt", { title: about.description }, heading(field, unit)),
      h("dd", {}, plain(d[field], unit), error && d[error] !== null ? h("span", { class: "unit" }, ` ± ${number(d[error], unit)}`) : null, unit ? h("span", { class: "unit" }, ` ${unit}`) : null));
  });
  const published = (found.published ?? []).map((one) => h("div", { class: "card published" }, h("dt", {}, `published ${one.quantity.replaceAll("_", " ")}`), h("dd", {}, one.text, h("span", { class: "unit" }, ` ${one.unit}`)),
    h("dd", { class: "source" }, one.doi ? doi(one.doi) : one.source, one.note ? `; ${one.note}` : "", one.difference === null ? "" : `; here ${number(one.difference, one.unit)} ${one.unit} from it`)));
  return cards.length || published.length ? h("dl", { class: "cards" }, cards, published) : null;
}

/** Every number and word of the document that is not shown elsewhere, with unit and meaning. */
function numbers(found) {
  const rows = [];
  const add = (value, path, depth) => {
    const known = found.fields[path] ?? {};
    if (value !== null && typeof value === "object" && !Array.isArray(value) && depth < 3) {
      Object.entries(value).forEach(([name, inner]) => add(inner, `${path}.${name}`, depth + 1));
      return;
    }
    if (Array.isArray(value) && (value.length > 24 || (value[0] && typeof value[0] === "object" && !Array.isArray(value[0])))) return;
    rows.push({ path, value, unit: known.unit ?? inherited(found.fields, path), description: known.description ?? "" });
  };
  Object.entries(found.document).forEach(([name, value]) => { if (!APART.has(name)) add(value, name, 0); });
  const main = table("Fields of the record", [
    { title: "field", cell: (row) => h("code", {}, row.path) },
    { title: "value", numeric: true, cell: (row) => h("span", { title: typeof row.value === "number" ? String(row.value) : null }, plain(row.value, row.unit, true)) },
    { title: "unit", cls: "unit-cell", cell: (row) => row.unit || "" }, { title: "meaning", cls: "words", cell: (row) => row.description }], rows);
  return [main, ...lists(found)];
}

function inherited(fields, path) {
  const parent = path.slice(0, path.lastIndexOf("."));
  return parent && parent !== path ? (fields[parent]?.unit ?? "") : "";
}

/** Lists of entries that no figure shows, whatever kind they are. */
function lists(found) {
  return Object.entries(found.document).filter(([name, value]) => Array.isArray(value) && value.length && value[0] && typeof value[0] === "object" && !Array.isArray(value[0]) && name !== "inputs" && name !== "images").map(([name, value]) => {
    const columns = Object.keys(value[0]).map((key) => ({ key, about: found.fields[`${name}[].${key}`] ?? {} }));
    return h("details", {}, h("summary", {}, `${heading(name)}, ${plural(value.length, "entry").replace("entrys", "entries")}`), table(`${heading(name)}`, columns.map(({ key, about }) => ({
      title: heading(key, about.unit), unit: about.unit, about: about.description, numeric: typeof value[0][key] === "number",
      cell: (row) => linked(key, row[key], about.unit) })), value.slice(0, 400)));
  });
}

function linked(key, value, unit) {
  if (key === "calc_id" && value) return h("a", { href: `/calculation/${value}` }, short(value));
  if (key === "record_id" && value) return h("a", { href: `/record/${value}` }, short(value));
  if (value && typeof value === "object" && "mean" in value) return `${number(value.mean)} (${number(value.lower)} to ${number(value.upper)})`;
  return plain(value, unit);
}

function method(found, words) {
  const m = found.method, e = m.engine;
  const options = e ? Object.entries(e.options).map(([k, v]) => `${k}=${v}`).join(", ") : "";
  return [
    e ? facts([["engine", `${e.name}:${e.model}`, words.engine.name], ["code", `${e.code} ${e.code_version}`, words.engine.code], ["weights sha256", h("code", { class: "id" }, e.weights_sha256), words.engine.weights_sha256], ["trained on", e.trained_on, words.engine.trained_on],
      ["options", options, words.engine.options], ["fingerprint", h("code", {}, e.fingerprint)], ["computing time", m.wall_s ? duration(m.wall_s) : null], ["force calls", m.force_calls ? count(m.force_calls) : null],
      ["packages", Object.entries(m.versions).map(([k, v]) => `${k} ${v}`).join(", ")]]) : h("p", { class: "note" }, "Every number was given by hand; no engine."),
    table("Settings of its calculations", [
      { title: "task", cell: (row) => row.task }, { title: "cell", cell: (row) => row.cell }, { title: "atoms move", cell: (row) => row.move }, { title: "force limit", unit: "eV/Å", numeric: true, cell: (row) => number(row.fmax_limit_ev_per_a, "eV/Å") },
      { title: "most force calls", numeric: true, cell: (row) => count(row.max_force_calls) }, { title: "calculations", numeric: true, cell: (row) => count(row.calculations) }], m.settings)];
}

function inputs(d) {
  return table("Numbers it rests on", [
    { title: "name", cell: (row) => row.name }, { title: "value", numeric: true, cell: (row) => `${number(row.value)} ${row.unit}` },
    { title: "source", cell: (row) => (row.record_id ? h("a", { href: `/record/${row.record_id}` }, row.source) : row.source) }], d.inputs ?? []);
}

function origin(found) {
  const p = found.document.provenance;
  return facts([["campaign", h("a", { href: `/campaign/${encodeURIComponent(p.campaign)}` }, p.campaign)], ["case", found.case ? h("a", { href: `/case/${encodeURIComponent(found.case.case_id)}` }, p.case) : p.case],
    ["stored", moment(p.created_at)], ["liface", p.liface_version], ["chosen by", p.screened_by ? h("a", { href: `/record/${p.screened_by}` }, short(p.screened_by)) : null]]);
}

function calculations(rows) {
  return table(plural(rows.length, "calculation"), [
    { title: "label", cell: (row) => h("a", { href: `/calculation/${row.calc_id}` }, row.label || short(row.calc_id)) }, { title: "task", cell: (row) => row.task },
    { title: "status", cell: (row) => (row.status === "converged" ? row.status : h("span", { class: "flag", title: row.reason }, row.status)) }, { title: "formula", cell: (row) => row.formula },
    { title: "energy", unit: "eV", numeric: true, cell: (row) => number(row.energy_ev, "eV") }, { title: "force calls", numeric: true, cell: (row) => count(row.n_force_calls) }, { title: "time", numeric: true, cell: (row) => duration(row.wall_s) }], rows);
}

export async function showCalculation(page, id) {
  const [found, words] = await Promise.all([ask(`calculations/${encodeURIComponent(id)}`), vocabulary()]);
  const d = found.document;
  document.title = `${found.title} · liface`;
  const choices = d.final ? [["", "final"], ["initial", "initial"]] : [["initial", "initial"]];
  const structure = viewer(found.id, d.end ? [...choices, ["end", "end of the path"]] : choices);
  found.method = { engine: { ...d.engine, fingerprint: "" }, settings: [], versions: d.versions, wall_s: d.wall_s, force_calls: d.n_force_calls };
  into(page.root, [
    head(found, "calculations", "calculations"),
    h("div", { class: "tools" }, h("a", { class: "button", href: url(`calculations/${found.id}`), target: "_blank", rel: "noopener" }, "JSON")),
    d.status === "converged" ? null : h("p", { class: "problem" }, `${d.status}: ${d.reason}`),
    h("dl", { class: "cards" }, [["status", d.status], ["energy", d.energy_ev === undefined ? null : `${number(d.energy_ev, "eV")} eV`], ["largest force", d.fmax_ev_per_a === undefined ? null : `${number(d.fmax_ev_per_a, "eV/Å")} eV/Å`], ["force calls", count(d.n_force_calls)], ["time", duration(d.wall_s)]]
      .filter(([, v]) => v !== null).map(([k, v]) => h("div", { class: "card" }, h("dt", {}, k), h("dd", {}, v)))),
    section("figures", "On the way", figures(found)),
    section("structure", "Structure", structure),
    section("numbers", "All numbers", numbers(found), facts(Object.entries(d.settings).filter(([, v]) => typeof v !== "object").map(([k, v]) => [heading(k, found.fields[`settings.${k}`]?.unit), plain(v, found.fields[`settings.${k}`]?.unit), found.fields[`settings.${k}`]?.description]))),
    section("method", "Method", method(found, words), d.started_from ? h("p", {}, "Began from ", h("a", { href: `/calculation/${d.started_from}` }, short(d.started_from)), ", of a cheaper engine.") : null),
    section("users", "Results that rest on it", recordTable(found.used_by), found.used_by.length < found.most_users ? null : h("p", { class: "note" }, `At most ${found.most_users} of each kind are named here.`)) ?? h("p", { class: "note" }, "No result rests on it."),
  ].filter(Boolean));
  queueMicrotask(() => structure.open());
}

function recordTable(rows) {
  return table(plural(rows.length, "result"), [{ title: "result", cell: (row) => h("a", { href: `/record/${row.id}` }, row.label || short(row.id)) }, { title: "kind", cell: (row) => row.kind }], rows);
}

export async function showCase(page, id) {
  const found = await ask(`cases/${encodeURIComponent(id)}`);
  const d = found.document;
  document.title = `${found.title} · liface`;
  into(page.root, [
    head(found, "cases", "cases"),
    d.status === "failed" ? h("p", { class: "problem" }, d.reason) : null,
    facts([["status", d.status], ["kind", d.kind], ["campaign", h("a", { href: `/campaign/${encodeURIComponent(d.campaign)}` }, d.campaign)], ["engine", `${d.engine.name}:${d.engine.model}`], ["stored", moment(d.created_at)]]),
    section("results", "Results", recordTable(found.results)),
    section("failures", "Failed on the way", d.failures?.length ? h("ul", {}, d.failures.map((one) => h("li", {}, plain(one)))) : null),
    section("calculations", "Calculations", calculations(found.calculations)),
  ].filter(Boolean));
}

function keys(page, found) {
  page.shortcuts.x = () => document.getElementById("mark")?.click();
  page.shortcuts.c = () => { const ids = [...marked.keys()]; if (ids.length === 2) page.go(`/compare?a=${ids[0]}&b=${ids[1]}`); };
  return found;
}
