"use strict";
// Sorting by a click or Enter on a heading; folded parts open for printing. The page works without.
const number = (text) => {
  const found = text.replace(/\u2212/g, "-").match(/-?\d+(\.\d+)?/);
  return found ? parseFloat(found[0]) : -Infinity;
};
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const sort = () => {
      const numeric = heading.classList.contains("num");
      const before = heading.getAttribute("aria-sort");
      const down = before ? before === "ascending" : numeric; // numbers start with the largest

      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const text = (row) => row.cells[column].textContent;
      const rows = [...table.tBodies[0].rows].sort((a, b) =>
        numeric ? number(text(a)) - number(text(b)) : text(a).localeCompare(text(b)));
      table.tBodies[0].append(...(down ? rows.reverse() : rows));
    };
    heading.classList.add("sorts");
    heading.tabIndex = 0;
    heading.addEventListener("click", sort);
    heading.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
  });
}
let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  closed.forEach((part) => { part.open = true; });
});
addEventListener("afterprint", () => closed.forEach((part) => { part.open = false; }));
