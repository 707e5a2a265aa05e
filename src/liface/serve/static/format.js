// How names, numbers and moments are written.

const MINUS = "\u2212";
export const DASH = "–";

const SUFFIXES = [
  "mev_per_a2_per_li", "mev_per_a2", "j_per_m2", "ev_per_k_per_atom", "mev_per_atom", "ev_per_atom", "mev_per_li", "ev_per_li",
  "a3_per_atom", "mah_per_cm2", "ma_per_cm2", "ev_per_a", "percent", "mev", "ev", "a2", "deg", "thz", "mpa", "hz", "nm", "um", "mv", "k", "s", "v", "a",
];
const WORDS = {
  gamma: "γ", delta: "Δ", alpha: "α", beta: "β", e: "E", wall: "wall time", f: "F", u: "U", li: "Li", zpe: "zero-point energy",
  stderr: "std. error", id: "id", theta: "θ", fmax: "largest force", calc: "calculation", doi: "DOI", dos: "density of states",
};
const PLACES = { "meV/Å²": 2, "J/m²": 3, eV: 4, meV: 2, "%": 2, "Å": 3, "Å²": 2, "Å³": 3, deg: 1, THz: 3, s: 1, K: 1, "eV/Å": 4, MPa: 2 };

/** Words for a column or field: no unit suffix, Greek letters, "per Li" kept. */
export function heading(name, unit) {
  let body = name, tail = "";
  if (unit) {
    const suffix = SUFFIXES.find((end) => body.endsWith(`_${end}`) && body.length > end.length + 1);
    if (suffix) {
      body = body.slice(0, -suffix.length - 1);
      if (suffix.endsWith("_per_li")) tail = " per Li";
      if (suffix.endsWith("_per_atom")) tail = " per atom";
    }
  }
  if (body === "e_bind") return `E_b${tail}`;
  if (body.startsWith("delta_e")) body = body.replace("delta_e", "ΔE");
  if (body.startsWith("e_bind")) body = body.replace("e_bind", "E_b");
  if (body === "n_li") return "Li atoms";
  const parts = body.split("_");
  if (parts[0] === "n" && parts.length > 1) parts.shift();
  const words = parts.map((part, i) => (part === "e" || part === "a" || part === "b" ? (i ? part.toUpperCase() : part) : WORDS[part] ?? part));
  return words.join(" ").replace(/\bE [bB]\b/, "E_b").replace(/\b(298|333)\b/, "at $1 K").replace(/γ 0$|E_b 0$|ΔE 0$/, (x) => x.replace(" 0", " at 0 K")) + tail;
}

/** A number for a table: decimals by its unit, true minus sign. */
export function number(value, unit = "", precise = false) {
  if (value === null || value === undefined || Number.isNaN(value)) return DASH;
  if (Number.isInteger(value) && Math.abs(value) < 1e6 && !(unit in PLACES)) return String(value).replace("-", MINUS);
  const size = Math.abs(value);
  let text;
  if (precise) text = size !== 0 && (size < 1e-4 || size >= 1e7) ? value.toExponential(5) : String(Number(value.toPrecision(7)));
  else if (size !== 0 && (size < 1e-3 || size >= 1e6)) text = value.toExponential(2);
  else if (unit in PLACES) text = value.toFixed(size >= 1e4 ? 0 : PLACES[unit]);
  else text = String(Number(value.toPrecision(4)));
  if (Number(text) === 0) text = text.replace("-", "");
  return text.replace(/^-/, MINUS).replace("e-", `e${MINUS}`);
}

/** Any value of a row as text. */
export function plain(value, unit = "", precise = false) {
  if (value === null || value === undefined || value === "") return DASH;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return number(value, unit, precise);
  if (Array.isArray(value)) return value.map((item) => plain(item, unit, precise)).join(", ");
  if (typeof value === "object") return Object.entries(value).map(([k, v]) => `${k}: ${plain(v, unit, precise)}`).join(", ");
  return String(value);
}

export const moment = (text) => (text ? text.replace("T", " ").replace(/(:\d\d)(:\d\d(\.\d+)?)?(Z|\+00:00)$/, "$1 UTC") : DASH);

export const short = (hash) => (hash ? hash.slice(0, 8) : DASH);

export function duration(seconds) {
  if (seconds < 90) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${String(Math.round((seconds % 3600) / 60)).padStart(2, "0")} min`;
}

export function bytes(size) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  while (size >= 1000 && i < units.length - 1) { size /= 1000; i += 1; }
  return `${i ? size.toFixed(1) : size} ${units[i]}`;
}

export const count = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");

export const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
