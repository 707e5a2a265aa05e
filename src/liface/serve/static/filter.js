// The filter box: OPTIMADE, with the columns of the noun offered while one types.

import { h } from "./dom.js";

const WORDS = [
  ["AND", "both hold"], ["OR", "one of them holds"], ["NOT", "does not hold"], ["CONTAINS", "text inside"], ["STARTS WITH", "beginning of the text"],
  ["ENDS WITH", "end of the text"], ["HAS", "in a list, such as flags"], ["IS KNOWN", "has a value"], ["IS UNKNOWN", "has no value"],
];
const MOST = 9;

/** Quote a text for a filter. */
export const quoted = (text) => `"${String(text).replace(/\\/g, "\\\\").replace(/"/g, '\\"')}"`;

/** Combine chosen values and the filter that was typed. */
export function combined(chosen, typed) {
  const parts = Object.entries(chosen).filter(([, values]) => values.length).map(([name, values]) => {
    const each = values.map((value) => (name === "flags" ? `flags HAS ${quoted(value)}` : `${name}=${quoted(value)}`));
    return each.length > 1 ? `(${each.join(" OR ")})` : each[0];
  });
  if (!typed.trim()) return parts.join(" AND ");
  return parts.length ? `${parts.join(" AND ")} AND (${typed})` : typed;
}

/** Build the box; `apply(text)` is called when it is sent. */
export function filterBox(noun, value, apply, problem) {
  const list = h("ul", { role: "listbox", id: "offers", class: "offers", "aria-label": "Columns", hidden: true });
  const input = h("input", {
    type: "text", id: "where", name: "where", value, autocomplete: "off", autocapitalize: "off", spellcheck: "false", role: "combobox",
    "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "offers", placeholder: example(noun),
    "aria-describedby": "filter-help" + (problem ? " filter-problem" : ""), "aria-invalid": problem ? "true" : null,
  });
  const box = offers(noun, input, list);
  const form = h("form", { class: "filter", role: "search", onsubmit: (event) => { event.preventDefault(); box.close(); apply(input.value); } },
    h("label", { for: "where" }, "Filter"),
    h("div", { class: "filter-line" }, h("div", { class: "combo" }, input, list),
      h("button", { type: "submit" }, "Apply"),
      value ? h("button", { type: "button", class: "quiet", onclick: () => apply("") }, "Clear") : null),
    problem ? h("p", { class: "problem", id: "filter-problem", role: "alert" }, problem) : null,
    help(noun));
  return { form, input };
}

function example(noun) {
  const number = noun.columns.find((c) => c.type === "float" && noun.shown.includes(c.name));
  const known = ["substrate", "material", "material_a", "interlayer", "host", "label", "case", "campaign"];
  const text = known.map((name) => noun.columns.find((c) => c.name === name)).find(Boolean);
  return [text ? (/^(substrate|material)/.test(text.name) ? `${text.name}="W"` : `${text.name} CONTAINS "Cu"`) : "", number ? `${number.name} > 0` : ""].filter(Boolean).join(" AND ");
}

function help(noun) {
  const typed = (c) => c.choices.length ? c.choices.join(", ") : c.type;
  return h("details", { class: "filter-help" }, h("summary", { id: "filter-help" }, "Columns and how to write a filter"),
    h("p", {}, "The ", h("a", { href: "https://www.optimade.org/optimade/api-filtering", rel: "noopener noreferrer", target: "_blank" }, "OPTIMADE"),
      " grammar: text in double quotes; =, !=, <, >, AND, OR, NOT in capitals; parentheses; CONTAINS, STARTS WITH, ENDS WITH; flags HAS \"…\"; IS KNOWN, IS UNKNOWN."),
    h("p", {}, "e.g. ", h("code", {}, example(noun)), " AND NOT flags HAS \"reactive\""),
    h("div", { class: "table-wrap", tabindex: 0, role: "region", "aria-label": `Columns of ${noun.name}` },
      h("table", {}, h("thead", {}, h("tr", {}, ["column", "unit", "values", "meaning"].map((t) => h("th", { scope: "col" }, t)))),
        h("tbody", {}, noun.columns.map((c) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, c.name)), h("td", {}, c.unit), h("td", {}, typed(c)), h("td", {}, c.description)))))));
}

function offers(noun, input, list) {
  let shown = [], at = -1;
  const word = () => {
    const before = input.value.slice(0, input.selectionStart);
    if ((before.match(/"/g) ?? []).length % 2) return null; // inside a text
    return before.match(/[A-Za-z_][A-Za-z0-9_]*$/)?.[0] ?? "";
  };
  const close = () => { list.hidden = true; at = -1; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); };
  const choose = (offer) => {
    const end = input.selectionStart, start = end - (word() ?? "").length;
    const text = `${offer.name} `;
    input.setRangeText(text, start, end, "end");
    close();
    input.focus();
  };
  const mark = () => [...list.children].forEach((item, i) => {
    item.setAttribute("aria-selected", String(i === at));
    if (i === at) { input.setAttribute("aria-activedescendant", item.id); item.scrollIntoView({ block: "nearest" }); }
  });
  const open = (all = false) => {
    const begun = word();
    if (begun === null || (!begun && !all)) { close(); return; }
    const low = begun.toLowerCase();
    const columns = noun.columns.map((c) => ({ name: c.name, about: [c.unit, c.description].filter(Boolean).join(" · ") }));
    const words = WORDS.map(([name, about]) => ({ name, about }));
    const pool = [...columns, ...words];
    shown = [...pool.filter((o) => o.name.toLowerCase().startsWith(low)), ...pool.filter((o) => low && !o.name.toLowerCase().startsWith(low) && o.name.toLowerCase().includes(low))].slice(0, MOST);
    if (!shown.length || (shown.length === 1 && shown[0].name === begun)) { close(); return; }
    list.replaceChildren(...shown.map((offer, i) => h("li", { role: "option", id: `offer-${i}`, "aria-selected": "false", onmousedown: (e) => { e.preventDefault(); choose(offer); } },
      h("code", {}, offer.name), " ", h("span", { class: "note" }, offer.about))));
    list.hidden = false;
    at = -1;
    input.setAttribute("aria-expanded", "true");
  };
  input.addEventListener("input", () => open());
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      if (list.hidden) open(true);
      if (!list.hidden) { at = Math.min(at + 1, shown.length - 1); mark(); }
    } else if (event.key === "ArrowUp" && !list.hidden) {
      event.preventDefault(); at = Math.max(at - 1, 0); mark();
    } else if ((event.key === "Enter" || event.key === "Tab") && !list.hidden && at >= 0) {
      event.preventDefault(); choose(shown[at]);
    } else if (event.key === "Escape") {
      if (list.hidden) input.blur(); else close();
    }
  });
  return { close };
}
