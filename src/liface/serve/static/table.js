// Every noun as a table: filter, facets, order, pages, columns; the address holds all of it.

import { ask, Refused, url, vocabulary } from "./api.js";
import { h, into, say } from "./dom.js";
import { combined, filterBox } from "./filter.js";
import { count, heading, moment, plain, plural, short } from "./format.js";

const SIZES = [25, 50, 100, 250];
const AGAIN_MS = 10_000;
const SHOWN_VALUES = 8;
export const marked = new Map();

export async function showTable(page, name) {
  const words = await vocabulary();
  const noun = words.by_name[name];
  if (!noun) throw new Refused(`the database holds no ${name}; it holds ${words.nouns.map((n) => n.name).join(", ")}`);
  const state = read(page.query, noun);
  document.title = `${noun.name} · liface`;
  const where = combined(state.chosen, state.where);
  let answer = null, problem = "";
  const parameters = { where, sort: state.sort, limit: state.size, offset: (state.page - 1) * state.size };
  try {
    answer = await ask(`rows/${noun.name}`, parameters);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    problem = error.message;
  }
  const set = (change) => page.go(address(noun, { ...state, page: 1, ...change }));
  const box = filterBox(noun, state.where, (text) => set({ where: text }), problem);
  const results = h("div", { class: "results" });
  const facets = h("div", { class: "facets" });
  into(page.root,
    h("p", { class: "kicker" }, "table"), h("h1", {}, noun.name), nounLinks(words, noun), noun.meaning ? h("p", { class: "note" }, noun.meaning) : null,
    box.form, h("div", { class: "browse" }, facets, results));
  keys(page, box, state, set, results, () => answer);
  if (!answer) { results.append(h("p", { class: "missing" }, "Correct the filter to see rows.")); return; }
  const draw = () => results.replaceChildren(...drawn(noun, words, state, where, answer, set, page));
  draw();
  fillFacets(facets, noun, state, where, set).catch(() => {});
  watch(page, noun, parameters, () => answer, (fresh) => { answer = fresh; draw(); });
}

function read(query, noun) {
  const chosen = Object.fromEntries(noun.facets.map((facet) => [facet, query.getAll(`is.${facet}`)]));
  const known = new Set(noun.columns.map((c) => c.name));
  const columns = (query.get("columns") ?? "").split(",").filter((c) => known.has(c));
  const size = SIZES.includes(Number(query.get("size"))) ? Number(query.get("size")) : 50;
  return {
    where: query.get("where") ?? "", sort: query.get("sort") ?? "", page: Math.max(1, Math.floor(Number(query.get("page"))) || 1),
    size, columns: columns.length ? columns : usual(noun), own: columns.length > 0, chosen,
  };
}

/** The columns of a noun where none were chosen; on a narrow screen its first quantity comes right behind the name. */
function usual(noun) {
  if (!matchMedia("(max-width: 34rem)").matches) return noun.shown;
  const units = new Map(noun.columns.map((c) => [c.name, c.unit]));
  const quantity = noun.shown.find((name) => units.get(name));
  return quantity ? [...new Set([noun.shown[0], quantity, ...noun.shown])] : noun.shown;
}

function address(noun, state) {
  const query = new URLSearchParams();
  if (state.where) query.set("where", state.where);
  for (const [facet, values] of Object.entries(state.chosen)) values.forEach((value) => query.append(`is.${facet}`, value));
  if (state.sort) query.set("sort", state.sort);
  if (state.page > 1) query.set("page", state.page);
  if (state.size !== 50) query.set("size", state.size);
  if (state.own) query.set("columns", state.columns.join(","));
  const text = query.toString();
  return `/table/${noun.name}${text ? `?${text}` : ""}`;
}

function nounLinks(words, noun) {
  const links = h("ul", { class: "nouns" }, words.nouns.map((n) =>
    h("li", {}, h("a", { href: `/table/${n.name}`, "aria-current": n.name === noun.name ? "page" : null, "data-noun": n.name }, n.name))));
  ask("overview").then((info) => {
    for (const link of links.querySelectorAll("a")) {
      const number = info.counts[link.dataset.noun] ?? 0;
      link.append(h("span", { class: "unit" }, ` ${count(number)}`));
      if (!number) link.classList.add("none");
    }
  }).catch(() => {});
  return h("nav", { "aria-label": "Tables" }, links);
}

function drawn(noun, words, state, where, answer, set, page) {
  const first = answer.offset + 1, last = answer.offset + answer.rows.length;
  const tools = h("div", { class: "tools" },
    h("p", { class: "total", id: "total" }, answer.total ? `${count(first)} to ${count(last)} of ${plural(answer.total, "row")}` : "no rows match"),
    columnChooser(noun, state, set),
    h("a", { class: "button", href: url(`download/${noun.name}`, { where, sort: state.sort, format: "csv" }), download: `liface-${noun.name}.csv` }, "CSV"),
    h("a", { class: "button", href: url(`download/${noun.name}`, { where, sort: state.sort, format: "json" }), download: `liface-${noun.name}.json` }, "JSON"),
    noun.is_result ? compareLink() : null);
  if (!answer.rows.length) {
    const why = where ? "No row matches this filter." : `The database holds no ${noun.name} yet.`;
    return [tools, h("p", { class: "missing" }, why), answer.total ? h("p", {}, h("a", { href: address(noun, { ...state, page: 1 }) }, "To the first page")) : null].filter(Boolean);
  }
  return [tools, grid(noun, words, state, answer, set, page), pager(noun, state, answer, set)];
}

function grid(noun, words, state, answer, set) {
  const columns = state.columns.map((name) => noun.columns.find((c) => c.name === name));
  const caption = `${noun.name}, ${plural(answer.total, "row")}`;
  const rows = answer.rows.map((row, i) => line(noun, words, columns, row, i));
  const body = h("tbody", {}, rows);
  body.addEventListener("keydown", (event) => steer(event, rows));
  return h("div", { class: "table-wrap rows", role: "region", "aria-label": caption, tabindex: 0 },
    h("table", { id: "rows" }, h("caption", { class: "hidden-text" }, `${caption}; sortable by the headings`),
      h("thead", {}, h("tr", {}, noun.is_result ? h("th", { scope: "col" }, h("span", { class: "hidden-text" }, "compare")) : null, columns.map((c) => headingCell(c, state, set)))),
      body));
}

function headingCell(column, state, set) {
  const text = [heading(column.name, column.unit), column.unit && column.unit !== "UTC" ? h("span", { class: "unit" }, ` (${column.unit})`) : null];
  const cls = numeric(column) ? "num" : null;
  const about = `${column.name}${column.description ? `: ${column.description}` : ""}`;
  if (column.type === "list" || column.type === "dictionary") return h("th", { scope: "col", class: cls, title: about }, text);
  const now = state.sort === column.name ? "ascending" : state.sort === `-${column.name}` ? "descending" : null;
  const next = now === "ascending" ? `-${column.name}` : now === "descending" ? "" : column.name;
  return h("th", { scope: "col", class: cls, "aria-sort": now ?? "none" },
    h("button", { type: "button", class: "sort", title: about, "data-column": column.name, onclick: () => set({ sort: next }) }, text,
      h("span", { class: "arrow", "aria-hidden": "true" }, now === "ascending" ? "↑" : now === "descending" ? "↓" : "↕")));
}

const numeric = (column) => column.type === "float" || column.type === "integer";

function line(noun, words, columns, row, index) {
  const key = row[noun.key], href = target(noun, row);
  const box = noun.is_result ? h("td", { class: "mark" }, h("input", {
    type: "checkbox", "aria-label": "mark to compare", checked: marked.has(key), tabindex: -1,
    onchange: (event) => toggle(key, noun, row, event.target.checked),
  })) : null;
  return h("tr", { tabindex: index ? -1 : 0, "data-key": key, "data-href": href, "data-noun": noun.name }, box, columns.map((column, i) => {
    const inside = cell(column, row[column.name], words, row);
    if (!i) return h("th", { scope: "row" }, href ? h("a", { href, tabindex: -1 }, inside) : inside);
    return h("td", { class: numeric(column) ? "num" : /_id$|fingerprint|sha256/.test(column.name) ? "keep" : null }, inside);
  }));
}

function target(noun, row) {
  if (noun.is_result) return `/record/${row.record_id}`;
  if (noun.name === "calculations") return `/calculation/${row.calc_id}`;
  if (noun.name === "cases") return `/case/${encodeURIComponent(row.case_id)}`;
  if (noun.name === "submissions") return `/campaign/${encodeURIComponent(row.campaign)}`;
  return null;
}

export function flags(list, words) {
  if (!list?.length) return h("span", { class: "unit" }, "–");
  return list.flatMap((flag, i) => {
    const [slug, ...rest] = flag.split(":");
    const detail = rest.join(":").trim();
    const meaning = [words.flags[slug.trim()], detail].filter(Boolean).join(" — ");
    return [i ? " " : null, h("span", { class: "flag", title: meaning }, slug.trim(), h("span", { class: "hidden-text" }, meaning ? ` (${meaning})` : ""))];
  });
}

function cell(column, value, words) {
  if (column.name === "flags") return flags(value, words);
  if (column.name === "converged") return value ? "yes" : h("span", { class: "flag" }, "no");
  if (column.name === "status" && (value === "failed" || value === "unconverged")) return h("span", { class: "flag" }, value);
  if (column.name === "campaign" && value) return h("a", { href: `/campaign/${encodeURIComponent(value)}`, tabindex: -1 }, value);
  if (column.name === "screened_by" && value) return h("a", { href: `/record/${value}`, tabindex: -1 }, short(value));
  if (column.type === "timestamp") return moment(value);
  if (/_id$|fingerprint/.test(column.name) && value) return h("code", { title: value }, short(value));
  if (typeof value === "number") return h("span", { title: String(value) }, plain(value, column.unit));
  const text = plain(value, column.unit);
  return text.length > 90 ? h("span", { title: text }, `${text.slice(0, 88)}…`) : text;
}

function toggle(key, noun, row, on) {
  if (on) marked.set(key, noun.name);
  else marked.delete(key);
  while (marked.size > 2) marked.delete(marked.keys().next().value);
  for (const box of document.querySelectorAll("tr[data-key] input[type=checkbox]")) box.checked = marked.has(box.closest("tr").dataset.key);
  document.getElementById("compare-marked")?.replaceWith(compareLink());
  say(`${marked.size} of 2 marked to compare`);
}

function compareLink() {
  const keys = [...marked.keys()];
  const ready = keys.length === 2;
  return ready
    ? h("a", { id: "compare-marked", class: "button primary", href: `/compare?a=${keys[0]}&b=${keys[1]}` }, "Compare 2 marked")
    : h("span", { id: "compare-marked", class: "note" }, keys.length ? "1 marked; mark another to compare" : "mark two rows to compare");
}

function steer(event, rows) {
  const row = event.target.closest("tr");
  const at = rows.indexOf(row);
  if (at < 0) return;
  const to = (i) => { event.preventDefault(); event.stopPropagation(); rows.forEach((r) => { r.tabIndex = -1; }); rows[i].tabIndex = 0; rows[i].focus(); };
  if ((event.key === "ArrowDown" || event.key === "j") && at < rows.length - 1) to(at + 1);
  else if ((event.key === "ArrowUp" || event.key === "k") && at > 0) to(at - 1);
  else if (event.key === "Home") to(0);
  else if (event.key === "End") to(rows.length - 1);
  else if (event.key === "Enter" && event.target === row && row.dataset.href) row.querySelector("a").click();
  else if (event.key === "x" && event.target === row) { event.preventDefault(); row.querySelector("input[type=checkbox]")?.click(); }
}

function pager(noun, state, answer, set) {
  const pages = Math.max(1, Math.ceil(answer.total / state.size));
  const to = (number, text, label, off) => off ? h("span", { class: "button off", "aria-disabled": "true" }, text)
    : h("a", { class: "button", href: address(noun, { ...state, page: number }), "aria-label": label }, text);
  const sizes = h("select", { "aria-label": "rows on a page", onchange: (event) => set({ size: Number(event.target.value) }) },
    SIZES.map((size) => h("option", { value: size, selected: size === state.size }, `${size} rows`)));
  return h("nav", { class: "pager", "aria-label": "Pages" }, to(1, "«", "first page", state.page <= 1), to(state.page - 1, "‹", "previous page", state.page <= 1),
    h("span", {}, `page ${count(state.page)} of ${count(pages)}`), to(state.page + 1, "›", "next page", state.page >= pages), to(pages, "»", "last page", state.page >= pages), sizes);
}

function columnChooser(noun, state, set) {
  const boxes = noun.columns.map((c) => h("label", { title: c.description }, h("input", { type: "checkbox", value: c.name, checked: state.columns.includes(c.name) }), ` ${c.name}`));
  const chosen = () => boxes.map((l) => l.querySelector("input")).filter((b) => b.checked).map((b) => b.value);
  const inOrder = (names) => [...state.columns.filter((n) => names.includes(n)), ...names.filter((n) => !state.columns.includes(n))];
  return h("details", { class: "menu" }, h("summary", { class: "button" }, "Columns"),
    h("form", { class: "choices", onsubmit: (event) => { event.preventDefault(); const names = inOrder(chosen()); set({ columns: names.length ? names : usual(noun), own: names.length > 0, page: state.page }); } },
      h("fieldset", {}, h("legend", {}, "Columns of the table"), boxes),
      h("div", { class: "buttons" }, h("button", { type: "submit" }, "Show"), h("button", { type: "button", class: "quiet", onclick: () => set({ own: false, page: state.page }) }, "As usual"))));
}

async function fillFacets(place, noun, state, where, set) {
  const open = noun.facets;
  if (!open.length) return;
  const values = await ask(`values/${noun.name}`, { columns: open.join(","), where });
  const groups = open.map((facet) => facetGroup(facet, values[facet] ?? [], state, set)).filter(Boolean);
  if (!groups.length) return;
  const any = Object.values(state.chosen).some((list) => list.length);
  const wide = matchMedia("(min-width: 64rem)").matches;
  place.replaceChildren(h("details", { class: "facet-box", open: wide || any }, h("summary", {}, "Choose"), groups,
    any ? h("button", { type: "button", class: "quiet", onclick: () => set({ chosen: {} }) }, "Choose none") : null));
}

function facetGroup(facet, values, state, set) {
  const chosen = state.chosen[facet] ?? [];
  const seen = new Set(values.map((v) => String(v.value)));
  const all = [...chosen.filter((v) => !seen.has(v)).map((value) => ({ value, count: 0 })), ...values];
  if (all.length < 2 && !chosen.length && facet !== "flags") return null;
  if (!all.length) return null;
  const item = ({ value, count: n }) => h("li", {}, h("label", {}, h("input", {
    type: "checkbox", checked: chosen.includes(String(value)), "data-facet": facet, value: String(value),
    onchange: (event) => set({ chosen: { ...state.chosen, [facet]: event.target.checked ? [...chosen, String(value)] : chosen.filter((v) => v !== String(value)) } }),
  }), h("span", { class: "value" }, String(value)), h("span", { class: "unit" }, count(n))));
  const items = all.map(item);
  const more = items.slice(SHOWN_VALUES);
  return h("fieldset", { class: "facet" }, h("legend", {}, heading(facet)), h("ul", {}, items.slice(0, SHOWN_VALUES)),
    more.length ? h("details", {}, h("summary", {}, `${more.length} more`), h("ul", {}, more)) : null);
}

function keys(page, box, state, set, results, answer) {
  const pages = () => Math.max(1, Math.ceil((answer()?.total ?? 0) / state.size));
  const row = () => results.querySelector("tbody tr");
  Object.assign(page.shortcuts, {
    "/": () => box.input.focus(),
    n: () => { if (state.page < pages()) set({ page: state.page + 1 }); },
    p: () => { if (state.page > 1) set({ page: state.page - 1 }); },
    j: () => row()?.focus(), ArrowDown: () => row()?.focus(),
    c: () => document.querySelector("a#compare-marked")?.click(),
  });
}

/** Show rows that were added while the page is open; nothing moves while somebody has the focus in the table. */
function watch(page, noun, parameters, now, fresh) {
  const timer = setInterval(async () => {
    if (document.hidden) return;
    try {
      const found = await ask(`rows/${noun.name}`, parameters);
      if (page.stale() || JSON.stringify(found) === JSON.stringify(now())) return;
      const more = found.total - now().total;
      if (document.activeElement?.closest?.(".results")) return;
      fresh(found);
      if (more > 0) say(`${plural(more, "row")} more`);
    } catch { /* the next round asks again */ }
  }, AGAIN_MS);
  page.leave = () => clearInterval(timer);
}
