// Asking the server; an error carries the one line that the server says.

export class Refused extends Error {}

/** Fetch JSON from under /api; `parameters` without a value are left out. */
export async function ask(path, parameters = {}, signal = undefined) {
  const address = url(path, parameters);
  let answer;
  try {
    answer = await fetch(address, { headers: { Accept: "application/json" }, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("the server does not answer; is 'liface serve' still running?");
  }
  let content = null;
  try {
    content = await answer.json();
  } catch {
    throw new Refused(`the server answered ${answer.status} without a message`);
  }
  if (!answer.ok) throw new Refused(content.error ?? `the server answered ${answer.status}`);
  return content;
}

/** An address under /api. */
export function url(path, parameters = {}) {
  const kept = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const query = new URLSearchParams(kept).toString();
  return `/api/${path}${query ? `?${query}` : ""}`;
}

let about = null;

/** Nouns, their columns and what flags mean; asked for once. */
export async function vocabulary() {
  about ??= ask("nouns").catch((error) => { about = null; throw error; });
  const found = await about;
  found.by_name ??= Object.fromEntries(found.nouns.map((noun) => [noun.name, noun]));
  return found;
}
