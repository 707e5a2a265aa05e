// Small helpers to build elements; text never becomes markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Build an HTML element: attributes, `onclick` and the like, then children. */
export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

/** Build an SVG element. */
export const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** Put children into an element; those that are null are left out. */
export const into = (parent, ...children) => fill(parent, {}, children);

/** Tell people who hear the page what happened. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

/** A table that scrolls by itself; `columns` are {title, unit, numeric, cell(row)}. */
export function table(caption, columns, rows, attributes = {}) {
  if (!rows.length) return null;
  return h("div", { class: "table-wrap", tabindex: 0, role: "region", "aria-label": caption },
    h("table", attributes,
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, columns.map((c) => h("th", { scope: "col", class: c.numeric ? "num" : null, title: c.about || null },
        c.title, c.unit ? h("span", { class: "unit" }, ` (${c.unit})`) : null)))),
      h("tbody", {}, rows.map((row) => h("tr", { class: row.row_class ?? null }, columns.map((c, i) =>
        h(i ? "td" : "th", { scope: i ? null : "row", class: c.numeric ? "num" : c.cls ?? null }, c.cell(row) ?? "–")))))));
}

/** A part of the page with its heading; null where it would be empty. */
export function section(id, title, ...children) {
  const inside = children.flat(Infinity).filter(Boolean);
  if (!inside.length) return null;
  return h("section", { id, "aria-labelledby": `${id}-title` }, h("h2", { id: `${id}-title` }, title), inside);
}

export const paragraph = (text, cls) => h("p", { class: cls ?? null }, text);

/** Definitions as a list of two columns. */
export function facts(pairs, cls = "facts") {
  const kept = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return kept.length ? h("dl", { class: cls }, kept.map(([name, value, about]) =>
    h("div", {}, h("dt", { title: about || null }, name), h("dd", {}, value)))) : null;
}

/** A DOI as a link; anything else stays text. */
export function doi(text) {
  return /^10\.\d{4,9}\/\S+$/.test(text)
    ? h("a", { href: `https://doi.org/${encodeURI(text)}`, rel: "noopener noreferrer", target: "_blank" }, text)
    : text;
}
