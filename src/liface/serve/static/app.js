// Where an address leads: one view at a time, the back button works, the keyboard reaches everything.

import { vocabulary } from "./api.js";
import { h, say } from "./dom.js";
import { showCampaign, showCampaigns } from "./campaigns.js";
import { showComparison } from "./compare.js";
import { showOverview, showStorage } from "./overview.js";
import { showCalculation, showCase, showRecord } from "./record.js";
import { showTable } from "./table.js";

const ROUTES = [
  [/^\/$/, showOverview],
  [/^\/table\/([a-z_]+)$/, showTable],
  [/^\/record\/([^/]+)$/, showRecord],
  [/^\/calculation\/([^/]+)$/, showCalculation],
  [/^\/case\/([^/]+)$/, showCase],
  [/^\/compare$/, showComparison],
  [/^\/campaigns$/, showCampaigns],
  [/^\/campaign\/(.+)$/, showCampaign],
  [/^\/storage$/, showStorage],
];
const KEYS = [
  ["/", "go to the filter"], ["↓ ↑ or j k", "next, previous row"], ["Enter", "open the row"], ["x", "mark the row to compare"],
  ["c", "compare the two marked rows"], ["n p", "next, previous page of rows"], ["h", "overview"], ["?", "this list"], ["Esc", "leave"],
];

const main = document.getElementById("main");
const dialog = document.getElementById("keys");
let leave = () => {};
let turn = 0;

async function show(focus = true) {
  const mine = (turn += 1);
  leave();
  leave = () => {};
  const path = location.pathname;
  const route = ROUTES.find(([pattern]) => pattern.test(path));
  main.setAttribute("aria-busy", "true");
  const page = { root: h("div", { class: "view" }), query: new URLSearchParams(location.search), go, replace, shortcuts: {}, leave: () => {}, stale: () => mine !== turn };
  let found;
  try {
    if (!route) throw new Error(`nothing is at ${path}`);
    await route[1](page, ...path.match(route[0]).slice(1).map(decodeURIComponent));
    found = page.root;
  } catch (error) {
    if (mine !== turn) return;
    found = h("div", { class: "view" }, h("h1", {}, "Not possible"), h("p", { class: "problem", role: "alert" }, error.message),
      h("p", {}, h("a", { href: "/" }, "To the overview")));
    document.title = "Not possible · liface";
  }
  if (mine !== turn) { page.leave(); return; }
  leave = page.leave;
  current = page;
  main.replaceChildren(found);
  main.removeAttribute("aria-busy");
  document.body.dataset.ready = path;
  mark(path);
  if (focus) {
    const title = main.querySelector("h1");
    if (title) { title.tabIndex = -1; title.focus({ preventScroll: true }); say(title.textContent); }
    if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
    else scrollTo(0, 0);
  }
}

let current = { shortcuts: {} };

function go(address) {
  history.pushState({}, "", address);
  show();
}

function replace(address) {
  history.replaceState({}, "", address);
}

function mark(path) {
  for (const link of document.querySelectorAll("#views a")) {
    const here = link.dataset.starts.split(" ").some((start) => (start === "/" ? path === "/" : path.startsWith(start)));
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function views() {
  const link = (href, text, starts) => h("a", { href, "data-starts": starts }, text);
  document.getElementById("views").append(
    link("/", "Overview", "/"), link("/table/interfaces", "Tables", "/table /record /calculation /case"),
    link("/campaigns", "Campaigns", "/campaign"), link("/compare", "Compare", "/compare"), link("/storage", "Storage", "/storage"));
}

function keyList() {
  dialog.replaceChildren(h("h2", { id: "keys-title" }, "Keys"),
    h("dl", { class: "keys" }, KEYS.map(([key, what]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)))),
    h("button", { type: "button", onclick: () => dialog.close() }, "Close"));
  if (!dialog.open) dialog.showModal();
}

addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const href = link.getAttribute("href");
  if (typeof href !== "string" || !href.startsWith("/") || /^\/(api|static|optimade)\b/.test(href) || link.hasAttribute("download")) return;
  event.preventDefault();
  go(href);
});
addEventListener("popstate", () => show());
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "checkbox";
  if (typing) return;
  if (event.key === "?") { event.preventDefault(); keyList(); return; }
  if (event.key === "h") { go("/"); return; }
  const action = current.shortcuts[event.key];
  if (action) { event.preventDefault(); action(event); }
});
document.getElementById("help").addEventListener("click", keyList);

views();
vocabulary().catch(() => {});
show(false);
