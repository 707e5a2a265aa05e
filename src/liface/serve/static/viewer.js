// The structure in three dimensions (3Dmol.js), with buttons so that no mouse is needed.

import { ask, url } from "./api.js";
import { facts, h } from "./dom.js";
import { number } from "./format.js";

const LIBRARY = "/static/vendor/3Dmol-min.js";
const ROLES = { bulk: "#8a97a5", substrate: "#0072b2", film: "#e69f00", adsorbate: "#d55e00" };
const FORMATS = [["cif", "CIF"], ["extxyz", "XYZ"], ["vasp", "POSCAR"]];
const MOST_DRAWN = 6000;
let loading = null;

function library() {
  loading ??= new Promise((done, failed) => {
    const script = h("script", { src: LIBRARY, onload: () => done(globalThis.$3Dmol), onerror: () => { loading = null; failed(new Error("the viewer's library did not load")); } });
    document.head.append(script);
  });
  return loading;
}

function hasWebGl() {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("webgl2") ?? canvas.getContext("webgl");
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return context !== null;
}

/** A viewer of a record or calculation; `versions` are [value, text] of structures to choose from. */
export function viewer(id, versions = [["", "structure"]], height = "tall") {
  const stage = h("div", { class: `stage ${height}`, role: "application", tabindex: 0, "aria-label": "Structure in three dimensions" });
  const about = h("div", {}), legend = h("ul", { class: "legend" }), message = h("p", { class: "missing", hidden: true });
  const state = { which: versions[0][0], colour: "species", repeat: 1, cell: true, atoms: null, view: null };
  const draw = () => { if (state.view && state.atoms) paint(state, legend, message); };
  const load = async () => {
    state.atoms = await ask(`structures/${id}`, { which: state.which });
    about.replaceChildren(described(state.atoms));
    stage.setAttribute("aria-label", `${state.atoms.formula}, ${state.atoms.n_atoms} atoms, in three dimensions; arrow keys turn it, plus and minus zoom`);
    files.replaceChildren(...FORMATS.map(([format, text]) => h("a", { class: "button", href: url(`structures/${id}`, { which: state.which, format }), download: "" }, text)));
  };
  const files = h("span", { class: "buttons" });
  const choice = (label, options, set) => h("label", {}, `${label} `, h("select", { onchange: (event) => { set(event.target.value); draw(); } }, options.map(([value, text]) => h("option", { value }, text))));
  const turn = (axis, degrees) => () => { state.view?.rotate(degrees, axis); state.view?.render(); };
  const zoom = (factor) => () => { state.view?.zoom(factor); state.view?.render(); };
  const button = (text, label, action) => h("button", { type: "button", class: "quiet", "aria-label": label, title: label, onclick: action }, text);
  const tools = h("div", { class: "tools" },
    versions.length > 1 ? h("label", {}, "show ", h("select", { onchange: async (event) => { state.which = event.target.value; await load(); draw(); } }, versions.map(([value, text]) => h("option", { value }, text)))) : null,
    choice("colour by", [["species", "element"], ["role", "role"], ["frozen", "frozen or free"]], (value) => { state.colour = value; }),
    choice("repeat", [["1", "1 × 1"], ["2", "2 × 2"], ["3", "3 × 3"]], (value) => { state.repeat = Number(value); state.fit = true; }),
    h("label", {}, h("input", { type: "checkbox", checked: true, onchange: (event) => { state.cell = event.target.checked; draw(); } }), " cell"),
    h("span", { class: "buttons" }, button("side", "look from the side", () => look(state, "side")), button("top", "look from above", () => look(state, "top")), button("⟲", "turn left", turn("y", -15)), button("⟳", "turn right", turn("y", 15)),
      button("↥", "tilt up", turn("x", -15)), button("↧", "tilt down", turn("x", 15)), button("+", "nearer", zoom(1.25)), button("−", "farther", zoom(0.8))), files);
  const moves = { ArrowLeft: turn("y", -10), ArrowRight: turn("y", 10), ArrowUp: turn("x", -10), ArrowDown: turn("x", 10), "+": zoom(1.2), "-": zoom(0.83) };
  stage.addEventListener("keydown", (event) => { if (moves[event.key]) { event.preventDefault(); event.stopPropagation(); moves[event.key](); } });
  stage.addEventListener("wheel", (event) => { if (document.activeElement !== stage) event.stopPropagation(); }, { capture: true }); // the page scrolls until the picture is clicked
  const root = h("div", { class: "viewer" }, tools, stage, message, legend, about);
  root.open = async () => {
    try {
      await load();
      if (!hasWebGl()) throw new Error("This browser draws no WebGL, so there is no picture in three dimensions; the files above open in any viewer.");
      const mol = await library();
      state.view = mol.createViewer(stage, { backgroundAlpha: 0, antialias: true, disableFog: true, orthographic: true });
      if (!state.view) throw new Error("This browser draws no WebGL, so there is no picture in three dimensions; the files above open in any viewer.");
      state.mol = mol;
      state.fit = true;
      draw();
      look(state, "side");
      stage.dataset.drawn = "yes";
      new ResizeObserver(() => { state.view.resize(); state.view.render(); }).observe(stage);
    } catch (error) {
      stage.hidden = true;
      message.hidden = false;
      message.textContent = error.message;
    }
  };
  return root;
}

function paint(state, legend, message) {
  const { view, atoms } = state;
  let repeat = state.repeat;
  while (repeat > 1 && atoms.n_atoms * repeat * repeat > MOST_DRAWN) repeat -= 1;
  message.hidden = repeat === state.repeat;
  message.textContent = repeat === state.repeat ? "" : `only ${repeat} × ${repeat}: more would be over ${MOST_DRAWN} atoms`;
  view.removeAllModels();
  view.removeAllShapes();
  const model = view.addModel();
  const listed = [];
  for (let i = 0; i < repeat; i += 1) for (let j = 0; j < repeat; j += 1) {
    atoms.positions.forEach((p, k) => {
      const [x, y, z] = p.map((v, axis) => v + i * atoms.cell[0][axis] + j * atoms.cell[1][axis]);
      const index = listed.length;
      listed.push({ elem: atoms.species[k], x, y, z, serial: index, index, bonds: [], bondOrder: [], properties: { k } });
    });
  }
  model.addAtoms(listed);
  for (const [key, colour, match] of colouring(state)) {
    for (const species of new Set(atoms.species)) {
      const serials = listed.filter((atom) => atom.elem === species && match(atom.properties.k)).map((atom) => atom.serial);
      if (serials.length) model.setStyle({ serial: serials }, { sphere: { radius: atoms.looks[species].radius * 0.85, color: colour ?? atoms.looks[species].colour, opacity: 1 } });
    }
    if (key === "all") break;
  }
  if (state.cell) edges(atoms.cell).forEach(([start, end]) => view.addCylinder({ start, end, radius: 0.05, color: "#7d8894", fromCap: 1, toCap: 1 }));
  legend.replaceChildren(...keyOf(state));
  if (state.fit) { view.zoomTo(); state.fit = false; }
  view.render();
}

function colouring(state) {
  const { atoms } = state;
  if (state.colour === "role") return [...new Set(atoms.roles)].map((role) => [role, ROLES[role] ?? "#999999", (k) => atoms.roles[k] === role]);
  if (state.colour === "frozen") return [["frozen", "#7d8894", (k) => atoms.frozen[k]], ["free", "#e69f00", (k) => !atoms.frozen[k]]];
  return [["all", null, () => true]];
}

function keyOf(state) {
  const { atoms } = state;
  const dot = (colour) => { const mark = h("span", { class: "dot" }); mark.style.backgroundColor = colour; return mark; };
  const count = (match) => atoms.species.filter((_, k) => match(k)).length;
  if (state.colour === "species") return Object.entries(atoms.looks).map(([species, look]) => h("li", {}, dot(look.colour), `${species} ${count((k) => atoms.species[k] === species)}`));
  return colouring(state).map(([key, colour, match]) => h("li", {}, dot(colour), `${key} ${count(match)}`));
}

function edges(cell) {
  const at = (i, j, k) => { const [x, y, z] = [0, 1, 2].map((axis) => i * cell[0][axis] + j * cell[1][axis] + k * cell[2][axis]); return { x, y, z }; };
  const ends = [];
  for (const [i, j] of [[0, 0], [0, 1], [1, 0], [1, 1]]) ends.push([at(0, i, j), at(1, i, j)], [at(i, 0, j), at(i, 1, j)], [at(i, j, 0), at(i, j, 1)]);
  return ends;
}

/** Look along the second vector with the normal up, or down the normal. */
function look(state, from) {
  const { view } = state;
  if (!view) return;
  view.setView([0, 0, 0, 0, 0, 0, 0, 1]);
  if (from === "side") view.rotate(-90, "x");
  view.zoomTo();
  view.render();
  for (let i = 0; i < 2; i += 1) { // the second time the perspective has changed a little
    view.zoom(filling(state));
    view.render();
  }
}

/** How much nearer the picture may come until its outermost atom meets the edge. */
function filling({ atoms, repeat, view }) {
  const canvas = view.getCanvas(), box = canvas.getBoundingClientRect();
  const middle = [box.left + scrollX + box.width / 2, box.top + scrollY + box.height / 2];
  const last = repeat - 1;
  const images = [[0, 0], [last, 0], [0, last], [last, last]];
  const points = atoms.positions.flatMap((p) => images.map(([i, j]) => {
    const [x, y, z] = p.map((v, axis) => v + i * atoms.cell[0][axis] + j * atoms.cell[1][axis]);
    return { x, y, z };
  }));
  const seen = view.modelToScreen(points);
  const reach = (axis, centre) => Math.max(1, ...seen.map((point) => Math.abs(point[axis] - centre)));
  const factor = 0.84 * Math.min(box.width / 2 / reach("x", middle[0]), box.height / 2 / reach("y", middle[1]));
  return Number.isFinite(factor) && factor > 0 ? Math.min(4, factor) : 1;
}

function described(atoms) {
  const frozen = atoms.frozen.filter(Boolean).length;
  return facts([["atoms", `${atoms.formula}, ${atoms.n_atoms}${frozen ? `, ${frozen} of them frozen` : ""}`],
    ["cell", `${atoms.lengths_a.map((v) => number(v, "Å")).join(" × ")} Å; ${atoms.angles_deg.map((v) => number(v, "deg")).join("°, ")}°`], ["area", `${number(atoms.area_a2, "Å²")} Å²`]]);
}
