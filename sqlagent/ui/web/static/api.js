// Talk to the server. Every request carries the session's name and the header that other sites cannot send.

let session = sessionStorage.getItem("session") || "";

export class Lost extends Error {}
export class Away extends Error {}
export class Refused extends Error {}

function headers(more = {}) {
  return { "x-sqlagent": "1", "x-session": session, ...more };
}

async function call(path, settings = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...settings, headers: headers(settings.headers), cache: "no-store" });
  } catch {
    throw new Away("The server does not answer.");
  }
  if (answer.ok) return answer;
  let text = "";
  try {
    text = answer.headers.get("content-type")?.startsWith("application/json")
      ? (await answer.json()).error
      : await answer.text();
  } catch {
    throw new Away("The server does not answer.");
  }
  throw new (answer.status === 410 ? Lost : Refused)(text || `The server answered ${answer.status}.`);
}

export async function begin(name) {
  const answer = await call("api/session", { method: "POST", body: JSON.stringify({ name }) });
  session = (await answer.json()).session;
  sessionStorage.setItem("session", session);
}

export const hasSession = () => session !== "";
export const get = async (path) => (await call(path)).json();
export const post = async (path, wish = {}) => (await call(path, { method: "POST", body: JSON.stringify(wish) })).json();
export const download = async (wish) => (await call("api/export", { method: "POST", body: JSON.stringify(wish) })).blob();
export const upload = async (file) =>
  (await call(`api/upload?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file })).json();

// What a job tells, from a place on; ends behind its last event. Throws Away when the connection breaks.
export async function* events(job, from) {
  const answer = await call(`api/events?job=${encodeURIComponent(job)}&from=${from}`);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    let part;
    try {
      part = await reader.read();
    } catch {
      throw new Away("The connection broke.");
    }
    if (part.done) return;
    held += part.value;
    const blocks = held.split("\n\n");
    held = blocks.pop();
    for (const block of blocks) if (block.startsWith("data: ")) yield JSON.parse(block.slice(6));
  }
}
