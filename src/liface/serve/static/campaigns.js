// Where campaigns stand, what failed and why.

import { ask } from "./api.js";
import { h, into, section, table } from "./dom.js";
import { count, duration, moment, plain, plural } from "./format.js";

const AGAIN_MS = 10_000;

/** A bar of finished and failed cases among all that are known. */
export function progress(finished, failed, waiting = 0) {
  const total = finished + failed + waiting;
  const words = `${plural(finished, "case")} finished, ${failed} failed${waiting ? `, ${waiting} on a queue` : ""}`;
  if (!total) return h("span", { class: "unit" }, "no cases");
  const part = (n, cls) => (n ? [[n, cls]] : []);
  return h("span", { class: "progress", role: "img", "aria-label": words, title: words },
    [...part(finished, "done"), ...part(failed, "bad"), ...part(waiting, "wait")].map(([n, cls]) => share(n / total, cls)));
}

function share(fraction, cls) {
  const bar = h("span", { class: cls });
  bar.style.flexGrow = String(Math.max(fraction, 0.02)); // set through the object model, which the policy allows
  return bar;
}

export async function showCampaigns(page) {
  const { campaigns } = await ask("campaigns");
  document.title = "Campaigns · liface";
  into(page.root, h("p", { class: "kicker" }, "screening"), h("h1", {}, "Campaigns"),
    table("Campaigns of this database", [
      { title: "campaign", cell: (row) => h("a", { href: `/campaign/${encodeURIComponent(row.campaign)}` }, row.campaign) },
      { title: "cases", cell: (row) => progress(row.finished, row.failed) },
      { title: "finished", numeric: true, cell: (row) => count(row.finished) },
      { title: "failed", numeric: true, cell: (row) => count(row.failed) },
      { title: "results", numeric: true, cell: (row) => count(row.results) },
      { title: "last case", cell: (row) => moment(row.last_case_at) }], campaigns)
    ?? h("p", { class: "missing" }, "No campaign is stored yet; run one: liface campaign run quickstart"));
}

export async function showCampaign(page, name) {
  document.title = `${name} · liface`;
  const body = h("div", {});
  let seen = "";
  const refresh = async () => {
    const found = await ask(`campaigns/${encodeURIComponent(name)}`);
    const text = JSON.stringify(found);
    if (text === seen || page.stale()) return;
    if (seen && body.contains(document.activeElement)) return;
    seen = text;
    body.replaceChildren(...drawn(found, name));
  };
  await refresh();
  into(page.root, h("p", { class: "kicker" }, "campaign"), h("h1", {}, name), body);
  const timer = setInterval(() => { if (!document.hidden) refresh().catch(() => {}); }, AGAIN_MS);
  page.leave = () => clearInterval(timer);
}

function drawn(found, name) {
  const failedCases = found.cases.filter((row) => row.status === "failed");
  const finished = found.cases.length - failedCases.length;
  const mine = `is.campaign=${encodeURIComponent(name)}`;
  const states = found.calculations.by_status;
  const card = (title, value, warn) => h("div", { class: warn ? "card warn" : "card" }, h("dt", {}, title), h("dd", {}, value));
  const rows = Object.entries(found.counts).filter(([noun, n]) => n && noun !== "cases" && noun !== "submissions");
  return [
    h("div", { class: "wide-progress" }, progress(finished, failedCases.length, found.waiting.length)),
    h("dl", { class: "cards" }, card("cases finished", count(finished)), card("cases failed", count(failedCases.length), failedCases.length > 0),
      found.waiting.length ? card("on a queue", count(found.waiting.length)) : null,
      card("calculations", count(Object.values(states).reduce((a, b) => a + b, 0))),
      card("unconverged or failed", count((states.unconverged ?? 0) + (states.failed ?? 0)), (states.unconverged ?? 0) + (states.failed ?? 0) > 0),
      card("force calls", count(found.calculations.force_calls)), card("computing time", duration(found.calculations.wall_s))),
    section("results", "Results", rows.length ? h("ul", { class: "nouns" }, rows.map(([noun, n]) => h("li", {}, h("a", { href: `/table/${noun}?${mine}` }, noun, h("span", { class: "unit" }, ` ${count(n)}`))))) : null),
    section("failures", "What failed or did not converge, and why", table("By reason, the most frequent first", [
      { title: "what", cell: (row) => row.what }, { title: "times", numeric: true, cell: (row) => count(row.count) },
      { title: "reason", cls: "words", cell: (row) => row.reason }, { title: "example", cell: (row) => row.example }], found.failures)
      ?? h("p", { class: "note" }, "Nothing failed, and everything converged.")),
    section("kinds", "Cases by kind", table("Cases by kind", [
      { title: "kind", cell: (row) => row.kind }, { title: "cases", cell: (row) => progress(row.finished, row.failed) },
      { title: "finished", numeric: true, cell: (row) => count(row.finished) }, { title: "failed", numeric: true, cell: (row) => count(row.failed) }], found.by_kind)),
    section("engines", "Engines", table("Engines of this campaign", [
      { title: "engine", cell: (row) => `${row.engine}:${row.model}` }, { title: "cases", cell: (row) => progress(row.finished, row.failed) },
      { title: "finished", numeric: true, cell: (row) => count(row.finished) }, { title: "failed", numeric: true, cell: (row) => count(row.failed) },
      { title: "fingerprint", cell: (row) => h("code", {}, row.engine_fingerprint ?? "") }], found.engines)),
    section("queue", "Handed to queues", table("Submissions, the newest first", [
      { title: "submission", cell: (row) => h("code", {}, row.submission_id) }, { title: "queue", cell: (row) => row.queue }, { title: "place", cell: (row) => row.place },
      { title: "cases", numeric: true, cell: (row) => count(row.n_cases) }, { title: "jobs", numeric: true, cell: (row) => count(row.n_jobs) },
      { title: "cancelled", cell: (row) => plain(row.cancelled) }, { title: "at", cell: (row) => moment(row.created_at) }], found.submissions),
    table("Handed over and not stored yet", [
      { title: "case", cell: (row) => row.case }, { title: "kind", cell: (row) => row.kind }, { title: "engine", cell: (row) => row.engine }, { title: "queue", cell: (row) => row.queue }], found.waiting)),
    section("cases", "Cases", table(found.n_cases > found.cases.length ? `The first ${count(found.cases.length)} of ${count(found.n_cases)} cases` : "All cases", [
      { title: "case", cell: (row) => h("a", { href: `/case/${encodeURIComponent(row.case_id)}` }, row.case) }, { title: "kind", cell: (row) => row.kind },
      { title: "engine", cell: (row) => `${row.engine}:${row.model}` },
      { title: "status", cell: (row) => (row.status === "failed" ? h("span", { class: "flag" }, "failed") : row.status) },
      { title: "results", numeric: true, cell: (row) => count(row.n_results) }, { title: "calculations", numeric: true, cell: (row) => count(row.n_calculations) },
      { title: "failed on the way", numeric: true, cell: (row) => count(row.n_failures) }, { title: "stored", cell: (row) => moment(row.created_at) },
      { title: "reason", cls: "words", cell: (row) => row.reason ?? "" }], found.cases), h("p", {}, h("a", { href: `/table/cases?${mine}` }, "All cases as a table"))),
    h("p", { class: "note" }, "To follow it in a terminal: ", h("code", {}, `liface campaign status ${name}`)),
  ].filter(Boolean);
}
