// Which figures and tables belong to which kind of result.

import { barList, cellMap, chart, heightMap } from "./chart.js";
import { h, s, table } from "./dom.js";
import { number, plain, short } from "./format.js";

const KIND = { interface: interfaceFigures, adhesion: adhesionFigures, binding: bindingFigures, barrier: barrierFigures, phonon: phononFigures, vibration: vibrationFigures, growth: growthFigures, wetting: wettingFigures, morphology: morphologyFigures, deposition: depositionFigures, creep: creepFigures, verdict: verdictFigures, calculation: calculationFigures };

/** Figures of a record; an empty list for kinds that have none. */
export function figures(found) {
  return KIND[found.kind]?.(found.document, found).flat(Infinity).filter(Boolean) ?? [];
}

const calc = (id) => h("a", { href: `/calculation/${id}` }, short(id));
const yes = (value) => (value ? "yes" : h("span", { class: "flag" }, "no"));

/** Tell which points entered a fit: those whose distance from the line is one of its residuals, in order. */
export function inFit(points, fit) {
  const waiting = [...fit.residuals_mev_per_a2];
  if (waiting.length === points.length) return points.map(() => true);
  return points.map((p) => {
    const off = p.gamma_mev_per_a2 - (fit.intercept_mev_per_a2 + fit.slope_mev_per_a2_per_li * p.n_li);
    const hit = waiting.length > 0 && Math.abs(off - waiting[0]) < 1e-6;
    if (hit) waiting.shift();
    return hit;
  });
}

function interfaceFigures(d) {
  const used = inFit(d.points, d.free_fit), unit = "meV/Å²";
  const far = Math.max(1, ...d.points.map((p) => p.n_li)) * 1.04;
  const line = (fit) => [0, far].map((n) => ({ x: n, y: fit.intercept_mev_per_a2 + fit.slope_mev_per_a2_per_li * n }));
  const words = (p) => `${p.n} planes, ${p.x} Li: ${number(p.y, unit)} ${unit}${p.hollow ? ", left out of the fit" : ""}${p.cross ? ", not converged" : ""}`;
  const residuals = (fit, cls, label, shape) => {
    const inside = d.points.filter((_, i) => used[i]);
    return { kind: "points", cls, label, shape, data: fit.residuals_mev_per_a2.map((r, i) => ({ x: inside[i]?.n_li ?? i, y: r, hollow: shape === "square" })), words: (p) => `${label}: ${number(p.y, "")} ${unit}` };
  };
  const fit = chart({
    title: "γ(n), both fits and the plateau.", alt: `Excess energy against film thickness: ${d.points.map((p) => `${p.n_li} Li ${number(p.gamma_mev_per_a2, unit)}`).join(", ")} ${unit}; intercept ${number(d.gamma_mev_per_a2, unit)}, free fit ${number(d.gamma_free_mev_per_a2, unit)}, plateau ${number(d.gamma_plateau_mev_per_a2, unit)}`,
    note: "Hollow points were left out of the fit, crosses did not converge.", height: 320,
    x: { label: "Li atoms in the film", include: [0], integer: true }, y: { label: `γ(n)  (${unit})`, least: 4 },
    series: [
      { kind: "line", cls: "c0", label: "slope from strain energy", data: line(d.fixed_fit) },
      { kind: "line", cls: "c1 dash", label: "free fit", data: line(d.free_fit) },
      { kind: "line", cls: "muted dots", label: "plateau", data: [0, far].map((x) => ({ x, y: d.gamma_plateau_mev_per_a2 })) },
      { kind: "points", cls: "c0", label: "films", words, data: d.points.map((p, i) => ({ x: p.n_li, y: p.gamma_mev_per_a2, n: p.n_planes, hollow: !used[i], cross: !p.converged })) },
      { kind: "points", cls: "ink", shape: "diamond", label: "γ₀", data: [{ x: 0, y: d.gamma_mev_per_a2, error: d.gamma_stderr_mev_per_a2 }], words: (p) => `γ₀ ${number(p.y, unit)} ± ${number(p.error, unit)} ${unit}` },
    ],
  });
  const off = chart({ title: "Residuals of both fits.", height: 200, x: { label: "Li atoms in the film", include: [0], integer: true }, y: { label: unit, least: 0.2, include: [0] },
    series: [residuals(d.fixed_fit, "c0", "slope from strain energy"), { ...residuals(d.free_fit, "c1", "free fit", "square"), size: 6.5 }] });
  const points = table("Film thicknesses", [
    { title: "planes", numeric: true, cell: (p) => p.n_planes }, { title: "Li", numeric: true, cell: (p) => p.n_li }, { title: "atoms", numeric: true, cell: (p) => p.n_atoms },
    { title: "energy", unit: "eV", numeric: true, cell: (p) => number(p.energy_ev, "eV") }, { title: "γ(n)", unit, numeric: true, cell: (p) => number(p.gamma_mev_per_a2, unit) },
    { title: "in the fit", cell: (p) => (used[d.points.indexOf(p)] ? "yes" : "no") }, { title: "converged", cell: (p) => yes(p.converged) }, { title: "calculation", cell: (p) => calc(p.calc_id) }], d.points);
  return [h("div", { class: "figures", id: "fit" }, fit, off), points, scanFigures(d, d.gap_a)];
}

function scanFigures(d, chosen) {
  const unit = "meV/Å²", gaps = d.scan.filter((p) => p.kind === "gap").sort((a, b) => a.gap_a - b.gap_a);
  const best = new Map();
  for (const p of d.scan) {
    if (p.kind !== "registry") continue;
    const key = p.shift.join(), known = best.get(key);
    if (!known || p.gamma_mev_per_a2 < known.gamma_mev_per_a2) best.set(key, p);
  }
  const shifts = [...best.values()];
  return h("div", { class: "figures" },
    gaps.length ? chart({ title: "Gap scan.", note: `Single points before relaxation; the start had ${number(chosen, "Å")} Å.`, height: 240, x: { label: "gap (Å)", include: [chosen] }, y: { label: `γ start  (${unit})` },
      series: [{ kind: "points", cls: "c0", data: gaps.map((p) => ({ x: p.gap_a, y: p.gamma_mev_per_a2, shift: p.shift })), words: (p) => `gap ${number(p.x, "Å")} Å: ${number(p.y, unit)} ${unit}` }] }) : null,
    shifts.length ? cellMap({ title: "Registry scan.", note: `In-plane shift of the film over the interface cell; the ring is the chosen start.`, unit, cell: d.structure.cell, chosen: d.shift, points: shifts.map((p) => ({ u: p.shift[0], v: p.shift[1], value: p.gamma_mev_per_a2 })) }) : null);
}

function adhesionFigures(d) {
  return [d.scan.length ? scanFigures(d, d.start_gap_a) : null];
}

function bindingFigures(d) {
  const unit = "eV", all = d.candidates;
  return [barList("Binding energy per Li of every candidate, the lowest first; below zero it is more stable than bulk Li.", all.slice(0, 24).map((c, i) => ({ name: c.start, value: c.e_bind_ev_per_li, cls: i ? "c5" : "c0", note: c.converged ? "" : "not converged" })), unit),
    table("Candidates, lowest first", [
      { title: "start", cell: (c) => c.start }, { title: "E_b per Li", unit, numeric: true, cell: (c) => number(c.e_bind_ev_per_li, unit) }, { title: "became", cell: (c) => c.shape },
      { title: "height", unit: "Å", numeric: true, cell: (c) => number(c.height_a, "Å") }, { title: "converged", cell: (c) => yes(c.converged) }, { title: "calculation", cell: (c) => calc(c.calc_id) }], all)];
}

function barrierFigures(d) {
  const far = (hop) => hop.profile_ev.map((e, i) => ({ x: i / Math.max(1, hop.profile_ev.length - 1) * hop.length_a, y: e }));
  return [chart({ title: "Energy along every hop.", note: "Images above the lowest minimum; the thick line limits.", height: 300, x: { label: "along the hop (Å)" }, y: { label: "energy (eV)", include: [0] },
    series: d.hops.slice(0, 8).flatMap((hop, i) => [
      { kind: "line", cls: `c${i % 6}${i === d.limiting_hop ? " thick" : ""}`, label: `${hop.start} → ${hop.end}`, data: far(hop) },
      { kind: "points", size: 3.5, cls: `c${i % 6}`, data: far(hop), words: (p) => `${hop.start} → ${hop.end}: ${number(p.y, "eV")} eV` }]) }),
  table("Hops", [
    { title: "from", cell: (x) => x.start }, { title: "to", cell: (x) => x.end }, { title: "length", unit: "Å", numeric: true, cell: (x) => number(x.length_a, "Å") }, { title: "forward", unit: "eV", numeric: true, cell: (x) => number(x.forward_ev, "eV") },
    { title: "reverse", unit: "eV", numeric: true, cell: (x) => number(x.reverse_ev, "eV") }, { title: "saddle point", unit: "eV", numeric: true, cell: (x) => number(x.saddle_ev, "eV") }, { title: "equivalent", numeric: true, cell: (x) => x.multiplicity },
    { title: "converged", cell: (x) => yes(x.converged) }, { title: "calculation", cell: (x) => calc(x.calc_id) }], d.hops),
  table("Minima, lowest first", [
    { title: "site", cell: (x) => x.name }, { title: "energy", unit: "eV", numeric: true, cell: (x) => number(x.energy_ev, "eV") }, { title: "height", unit: "Å", numeric: true, cell: (x) => number(x.height_a, "Å") },
    { title: "curvatures", unit: "eV/Å²", numeric: true, cell: (x) => x.curvatures.map((c) => number(c)).join(", ") }, { title: "converged", cell: (x) => yes(x.converged) }, { title: "calculation", cell: (x) => calc(x.calc_id) }], d.minima)];
}

function phononFigures(d) {
  const dos = d.dos.map(([x, y]) => ({ x, y }));
  const mev = (v) => 1e3 * v;
  return [h("div", { class: "figures" },
    chart({ title: "Density of states.", note: "Imaginary modes lie left of zero.", height: 280, x: { label: "frequency (THz)", pad: 0.02 }, y: { label: "per THz and atom", from: 0 },
      series: [{ kind: "area", cls: "c0", data: dos }, { kind: "line", cls: "c0", data: dos }] }),
    chart({ title: "Vibrational energies per atom.", height: 280, x: { label: "temperature (K)", include: [0] }, y: { label: "meV per atom", include: [0] },
      series: [
        { kind: "points", cls: "c0", label: "free energy F", data: d.points.map((p) => ({ x: p.temperature_k, y: mev(p.f_vib_ev_per_atom) })), words: (p) => `F at ${p.x} K: ${number(p.y, "meV")} meV` },
        { kind: "points", cls: "c1", shape: "square", label: "energy U", data: d.points.map((p) => ({ x: p.temperature_k, y: mev(p.u_vib_ev_per_atom) })), words: (p) => `U at ${p.x} K: ${number(p.y, "meV")} meV` },
        { kind: "points", cls: "c2", shape: "diamond", label: "−T S", data: d.points.map((p) => ({ x: p.temperature_k, y: -mev(p.temperature_k * p.entropy_ev_per_k_per_atom) })), words: (p) => `−TS at ${p.x} K: ${number(p.y, "meV")} meV` }] })),
  table("At every temperature, per atom", [
    { title: "T", unit: "K", numeric: true, cell: (p) => number(p.temperature_k, "K") }, { title: "F", unit: "meV", numeric: true, cell: (p) => number(mev(p.f_vib_ev_per_atom), "meV") }, { title: "U", unit: "meV", numeric: true, cell: (p) => number(mev(p.u_vib_ev_per_atom), "meV") },
    { title: "S", unit: "meV/K", numeric: true, cell: (p) => number(mev(p.entropy_ev_per_k_per_atom)) }, { title: "C_V", unit: "meV/K", numeric: true, cell: (p) => number(mev(p.heat_capacity_ev_per_k_per_atom)) }], d.points)];
}

function vibrationFigures(d) {
  return [h("div", { class: "figures" },
    chart({ title: "Modes.", note: "Below 1.5 THz they count as soft; imaginary ones lie left of zero.", height: 180, x: { label: "frequency (THz)", include: [0] }, y: { label: "", from: 0, ticks: [] , include: [1] },
      series: [{ kind: "sticks", cls: "c0", data: d.frequencies_thz.map((x) => ({ x, y: 0.9 })), words: (p) => `${number(p.x, "THz")} THz` }] }),
    chart({ title: "Free energy per Li.", height: 260, x: { label: "temperature (K)", include: [0] }, y: { label: "meV per Li", include: [0] },
      series: [["f_vib_ev_per_li", "on the substrate", "c0", undefined], ["f_vib_bulk_ev_per_li", "in bulk Li", "c1", "square"], ["correction_ev_per_li", "correction", "c2", "diamond"]].map(([field, label, cls, shape]) => (
        { kind: "points", cls, shape, label, data: d.points.map((p) => ({ x: p.temperature_k, y: 1e3 * p[field] })), words: (p) => `${label}, ${p.x} K: ${number(p.y, "meV")} meV` })) }))];
}

function growthFigures(d) {
  const rows = Object.entries(d.delta_e_ev_per_li).map(([key, value]) => {
    const [layers, n] = key.split("/");
    return { name: `${n} Li, ${layers === "0" ? "bare" : `${layers} Li layer${layers === "1" ? "" : "s"} below`}`, value, cls: value > 0 ? "c0" : "c1" };
  });
  return rows.length ? [barList("E_b(cluster) − E_b(dispersed) per Li; above zero atoms win and the layer wets.", rows, "eV")] : [];
}

function wettingFigures(d) {
  const unit = "meV/Å²";
  return [h("div", { class: "figures" }, barList("The three energies of Young's equation.", [
    { name: "substrate", value: d.gamma_substrate_mev_per_a2, cls: "c0" }, { name: "Li", value: d.gamma_li_mev_per_a2, cls: "c2" }, { name: "interface", value: d.gamma_interface_mev_per_a2, cls: "c1" },
    { name: "work of adhesion", value: d.work_of_adhesion_mev_per_a2, cls: "c5" }], unit), drop(d.contact_angle_deg))];
}

/** A drop of fixed area at its contact angle. */
function drop(angle) {
  const theta = Math.PI / 180 * Math.min(180, Math.max(12, angle));
  const radius = Math.sqrt(1 / (theta - Math.sin(theta) * Math.cos(theta)));
  const points = [...Array(65).keys()].map((i) => -theta + (2 * theta * i) / 64).map((t) => `${(100 + 34 * radius * Math.sin(t)).toFixed(1)},${(80 - 34 * radius * (Math.cos(t) - Math.cos(theta))).toFixed(1)}`);
  return h("figure", { class: "chart" }, s("svg", { viewBox: "0 0 200 96", class: "drop-view", role: "img", "aria-label": `A drop of Li at a contact angle of ${number(angle, "deg")} degrees` },
    s("rect", { x: 0, y: 80, width: 200, height: 12, class: "ground" }), s("polygon", { class: "li", points: points.join(" ") })), h("figcaption", {}, h("strong", {}, `Contact angle ${number(angle, "deg")}°.`), angle < 12 ? " It spreads; drawn at 12°." : ""));
}

function morphologyFigures(d) {
  const band = (field, cls, label) => [
    { kind: "area", cls, data: d.points.map((p) => ({ x: p.ratio, y: p[field].mean, low: p[field].lower, high: p[field].upper })) },
    { kind: "line", cls, data: d.points.map((p) => ({ x: p.ratio, y: p[field].mean })) },
    { kind: "points", size: 4, cls, label, data: d.points.map((p) => ({ x: p.ratio, y: p[field].mean, hollow: p.ratio !== d.ratio })), words: (p) => `ratio ${number(p.x)}: ${label} ${number(p.y)}` }];
  const axis = { label: "k(Li–substrate) / k(Li–Li)", log: true };
  return [h("div", { class: "figures" },
    chart({ title: "Coverage.", note: "Mean over seeds with its interval; the filled point is this substrate.", height: 260, x: axis, y: { label: "share of the substrate", include: [0] }, series: band("coverage", "c0", "coverage") }),
    chart({ title: "Tips and roughness.", height: 260, x: axis, y: { label: "layers", include: [0] }, series: [...band("tip_height", "c1", "tip height"), ...band("roughness", "c2", "roughness")] }),
    d.heights.length ? heightMap("Deposit of the first seed.", d.heights, "layers") : null)];
}

function depositionFigures(d) {
  return [barList("Driving force for one Li at each place; the lowest open one takes it.", d.places.map((p) => ({ name: p.place, value: p.driving_force_ev, cls: p.open ? (p.place === d.answer ? "c0" : "c5") : "muted", note: p.open ? "" : p.reason })), "eV"),
    table("Terms", [
      { title: "place", cell: (p) => p.place }, { title: "open", cell: (p) => plain(p.open) }, ...[["reaction", "reaction_ev"], ["potential", "potential_ev"], ["adhesion", "adhesion_ev"], ["pressure", "pressure_ev"], ["sum", "driving_force_ev"]].map(([title, field]) => (
        { title, unit: "eV", numeric: true, cell: (p) => number(p[field], "eV") }))], d.places),
    table("Where the order of two places changes", [
      { title: "places", cell: (b) => `${b.first} | ${b.second}` }, { title: "in", cell: (b) => b.variable }, { title: "at", numeric: true, cell: (b) => `${number(b.value)} ${b.unit}` }, { title: "above wins", cell: (b) => b.wins_above },
      { title: "changes the answer", cell: (b) => plain(b.changes_the_answer) }], d.boundaries)];
}

function creepFigures(d) {
  const banded = (row, unit, field) => `${number(row[field])} (${number(row.lower)} to ${number(row.upper)}) ${unit}`;
  return [table("Strain rates by mechanism, with bands", [
    { title: "mechanism", cell: (r) => r.mechanism }, { title: "pore", unit: "nm", numeric: true, cell: (r) => number(r.pore_nm) }, { title: "rate", cell: (r) => banded(r, "1/s", "strain_rate") },
    { title: "fastest in", numeric: true, cell: (r) => `${number(100 * r.share_fastest)} % of draws` }], d.rates),
  table("Limits of the current", [{ title: "limit", cell: (r) => r.limit }, { title: "current", cell: (r) => banded(r, "mA/cm²", "current_ma_per_cm2") }, { title: "how", cell: (r) => r.geometry }], d.limits)];
}

function verdictFigures(d) {
  return [table("Point by point", [
    { title: "question", cell: (p) => p.question }, { title: "answer", cell: (p) => h("span", { class: p.answer === "against" ? "flag" : "" }, p.answer) }, { title: "finding", cell: (p) => p.finding },
    { title: "rests on", cell: (p) => (p.record_id ? h("a", { href: `/record/${p.record_id}` }, short(p.record_id)) : "–") }], d.points)];
}

function calculationFigures(d) {
  const steps = d.energies_ev ?? [], images = d.images ?? [];
  const last = steps[steps.length - 1];
  return [h("div", { class: "figures" },
    steps.length > 1 ? chart({ title: "Energy after each accepted step, above the last.", height: 240, x: { label: "step", integer: true }, y: { label: "eV", include: [0] },
      series: [{ kind: "line", cls: "c0", data: steps.map((e, i) => ({ x: i, y: e - last })) }, { kind: "points", size: 2.5, cls: "c0", data: steps.map((e, i) => ({ x: i, y: e - last })), words: (p) => `step ${p.x}: ${number(p.y, "eV")} eV` }] }) : null,
    images.length ? chart({ title: "Energy along the path, above its start.", height: 240, x: { label: "image", integer: true }, y: { label: "eV", include: [0] },
      series: [{ kind: "line", cls: "c0", data: images.map((m, i) => ({ x: i, y: m.energy_ev - images[0].energy_ev })) }, { kind: "points", cls: "c0", data: images.map((m, i) => ({ x: i, y: m.energy_ev - images[0].energy_ev })) }] }) : null)];
}
