// The page: choose a database, ask, keep what was answered in view.

import * as api from "./api.js";
import { h, fill, byId, say, save, plural } from "./dom.js";
import { diagramOf } from "./diagram.js";
import { svgBlob } from "./chart.js";
import { Turn, pause } from "./turn.js";

const question = byId("question"), turns = byId("turns"), trouble = byId("trouble");
let state = { databases: [], database: "", jobs: [] };
let running = [], asked = [], recalled = 0;

// ---- the session: kept over a reload, begun again when the server was ----

async function start() {
  while (true) {
    try {
      if (!api.hasSession()) await api.begin();
      show(await api.get("api/state"), true);
      complain("");
      return;
    } catch (error) {
      if (error instanceof api.Lost) await attempt(() => api.begin());
      else { complain(`${error.message} Trying again…`); await pause(1000); }
    }
  }
}

// Do something with the server; begin a new session where the old one is gone, and say what went wrong.
async function attempt(act) {
  for (let turn = 0; turn < 2; turn++) {
    try {
      const done = await act();
      complain("");
      return done;
    } catch (error) {
      if (!(error instanceof api.Lost) || turn) { complain(error.message); return undefined; }
      await renew();
    }
  }
}

async function renew() {
  const before = state.databases.find((one) => one.id === state.database)?.name;
  await api.begin(before);
  for (const turn of turns.querySelectorAll(".turn")) turn.classList.add("past");
  show(await api.get("api/state"), false);
  say("The server was started again; a new session has begun");
}

function complain(text) {
  trouble.textContent = text;
  trouble.hidden = !text;
}

// ---- what is shown ----

function show(fresh, anew) {
  const other = fresh.database !== state.database;
  state = fresh;
  const select = byId("database");
  const open = state.databases.map((one) => h("option", { value: one.id, selected: one.id === state.database }, one.name + (one.dropped ? " (dropped)" : "")));
  fill(select, state.database ? null : h("option", { value: "", selected: true }, "Choose…"), open);
  byId("path-form").hidden = !state.anywhere;
  showDropped();
  showTables();
  if (anew || other) {
    if (anew || other && !turns.querySelector(".past")) fill(turns);
    running = [];
    asked = state.jobs.filter((job) => job.kind === "ask").map((job) => job.text);
    recalled = asked.length;
    for (const job of state.jobs) add(job, false);
  }
  welcome();
  if (state.trouble) complain(state.trouble);
  document.title = name() ? `${name()} – sqlagent` : "sqlagent";
}

const name = () => state.databases.find((one) => one.id === state.database)?.name || "";

function welcome() {
  const box = byId("welcome");
  box.hidden = turns.childElementCount > 0;
  if (box.hidden) return;
  const tables = state.schema?.tables || [];
  if (!tables.length) {
    fill(box, h("p", { class: "big" }, "Ask your data in plain English."), h("p", {}, "Choose a database above, or drop a file anywhere on this page: SQLite, CSV, JSON, Excel, Parquet or SQL. Nothing leaves this computer."));
    return;
  }
  const examples = state.examples?.length ? state.examples : tables.slice(0, 3).map((table) => `How many rows are there in ${table.name}?`);
  fill(box, h("p", { class: "big" }, `Ask ${name()} a question.`),
    h("p", {}, `${plural(tables.length, "table")} · answered by ${state.model} on this computer, offline and read-only.`),
    h("ul", { class: "examples" }, examples.map((text) => h("li", {}, h("button", { type: "button", onclick: () => ask(text) }, text)))));
}

function showTables() {
  const tables = state.schema?.tables || [];
  if (!tables.length) { fill(byId("tables"), h("p", { class: "hint" }, state.database ? "No tables." : "No database is open.")); return; }
  const filter = tables.length > 12 ? h("input", { type: "search", placeholder: "Find a table or column…", "aria-label": "Find a table or column", oninput: (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const item of list.children) item.hidden = !item.dataset.words.includes(wanted);
  } }) : null;
  const list = h("ul", {}, tables.map((table, place) => h("li", { "data-words": [table.name, ...table.columns.map((c) => c.name)].join(" ").toLowerCase() },
    h("details", {}, h("summary", {}, h("span", { class: "name" }, table.name || "“”"),
      table.kind === "table" ? null : h("span", { class: "tag" }, table.kind),
      table.rows === null ? null : h("span", { class: "count" }, (table.exact ? "" : "≈ ") + table.rows.toLocaleString("en"))),
    h("button", { type: "button", class: "quiet look", "aria-label": `Show the rows of ${table.name}`, onclick: () => { closeSide(); begin(() => api.post("api/run", { table: place }), { kind: "run", of: "" }); } }, "Show rows"),
    table.comment ? h("p", { class: "hint" }, table.comment) : null,
    h("ul", { class: "columns" }, table.columns.map((column) => columnOf(table, column)),
      table.more ? h("li", { class: "hint" }, `and ${table.more} more`) : null)))));
  fill(byId("tables"), h("div", { class: "side-top" }, h("h2", {}, plural(tables.length, "table")),
    h("button", { type: "button", class: "quiet", onclick: showDiagram }, "Diagram")), filter, list,
  state.schema.skipped.length ? h("details", {}, h("summary", {}, `${plural(state.schema.skipped.length, "table")} left out`),
    h("ul", { class: "columns" }, state.schema.skipped.map(([one, why]) => h("li", {}, `${one}: ${why}`)))) : null);
}

function columnOf(table, column) {
  const key = table.keys.find((one) => one.from.includes(column.name));
  return h("li", { title: column.samples.length ? `for example ${column.samples.join(", ")}` : null },
    h("span", { class: "name" }, column.name || "“”"), column.key ? h("span", { class: "tag", title: "primary key" }, "key") : null,
    h("span", { class: "type" }, column.type.toLowerCase()),
    key ? h("span", { class: "refers" }, `→ ${key.table}`) : null,
    column.comment ? h("span", { class: "hint" }, column.comment) : null);
}

function showDiagram() {
  const svg = diagramOf(state.schema);
  fill(byId("diagram-view"), svg);
  byId("diagram-svg").onclick = () => save("tables.svg", svgBlob(svg));
  byId("diagram").showModal();
}

function showDropped() {
  const dropped = state.databases.filter((one) => one.dropped);
  fill(byId("dropped"), dropped.length ? h("h3", {}, "Dropped files") : null, h("ul", {}, dropped.map((one) => h("li", { class: "row" }, one.name, " ",
    h("button", { type: "button", class: "quiet", "aria-label": `Delete ${one.name}`, onclick: () => change(() => api.post("api/remove", { id: one.id })) }, "Delete")))));
}

// ---- asking ----

const page = {
  ask,
  run: (sql, of) => begin(() => api.post("api/run", { sql, of }), { kind: "run", text: sql, of }),
  finished(turn) {
    running = running.filter((one) => one !== turn);
    if (turn === watched) requestAnimationFrame(() => bring(turn));
  },
};

async function ask(text, anyway = false) {
  if (!text.trim()) { question.focus(); return; }
  if (!state.database) { complain("Choose a database first, or drop a file."); return; }
  if (await begin(() => api.post("api/ask", { question: text, anyway }), { kind: "ask", text: text.trim(), of: "" })) {
    asked.push(text.trim());
    recalled = asked.length;
  }
}

async function begin(act, job) {
  const taken = await attempt(act);
  if (!taken) return false;
  add({ ...job, id: taken.job, text: taken.text }, true);
  byId("welcome").hidden = true;
  return true;
}

function add(job, look) {
  const turn = new Turn(job, page);
  running.push(turn);
  turns.append(turn.element);
  turn.follow();
  watched = look ? turn : null;
  if (look) bring(turn);
}

// The newest question stays in view as its answer grows, until the person looks elsewhere.
let watched = null;
for (const sign of ["wheel", "touchmove", "keydown", "pointerdown"]) addEventListener(sign, () => { watched = null; }, { passive: true, capture: true });

function bring(turn) {
  turn.element.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = question.value;
  question.value = "";
  fit();
  await ask(text);
  if (!trouble.hidden && !question.value) { question.value = text; fit(); }
});
question.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); byId("form").requestSubmit(); }
  const up = event.key === "ArrowUp", down = event.key === "ArrowDown";
  if ((up || down) && (question.value === "" || question.value === asked[recalled])) {
    const next = recalled + (up ? -1 : 1);
    if (next < 0 || next > asked.length) return;
    event.preventDefault();
    recalled = next;
    question.value = asked[recalled] || "";
    fit();
  }
});
question.addEventListener("input", fit);
function fit() {
  question.style.height = "auto";
  question.style.height = `${Math.min(180, question.scrollHeight)}px`;
}
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && running.length && !document.querySelector("dialog[open]") && !event.target.closest?.(".editor")) running[0].end();
  if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) { event.preventDefault(); question.focus(); }
});
byId("new").addEventListener("click", async () => {
  if (await attempt(() => api.post("api/new"))) { say("A new subject"); turns.lastElementChild?.classList.add("end"); question.focus(); }
});

// ---- choosing a database ----

async function change(act) {
  const said = byId("open-trouble");
  said.hidden = true;
  try {
    show(await act(), false);
    complain(state.trouble || "");
    return true;
  } catch (error) {
    if (error instanceof api.Lost) { await attempt(() => { throw error; }); return false; }
    said.textContent = error.message;
    said.hidden = false;
    if (!byId("open").open) complain(error.message);
    byId("database").value = state.database;
    return false;
  }
}

byId("database").addEventListener("change", (event) => change(() => api.post("api/database", { id: event.target.value })));
byId("add").addEventListener("click", () => { byId("open-trouble").hidden = true; byId("open").showModal(); });
byId("open-close").addEventListener("click", () => byId("open").close());
byId("diagram-close").addEventListener("click", () => byId("diagram").close());
byId("path-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (await change(() => api.post("api/database", { path: byId("path").value }))) byId("open").close();
});
byId("file").addEventListener("change", (event) => { take(event.target.files[0]); event.target.value = ""; });

async function take(file) {
  if (!file) return;
  say(`Reading ${file.name}`);
  if (file.size > state.upload_bytes) {
    const limit = `${Math.round(state.upload_bytes / 1e6).toLocaleString("en")} MB`;
    if (await change(() => { throw new api.Refused(`The file is larger than ${limit}: open it with sqlagent web FILE instead.`); })) return;
  } else if (await change(() => api.upload(file))) { byId("open").close(); say(`${file.name} is open`); }
}

let over = 0;
const files = (event) => event.dataTransfer?.types.includes("Files");
addEventListener("dragenter", (event) => { if (files(event)) { over++; byId("drop").hidden = false; } });
addEventListener("dragleave", (event) => { if (files(event) && --over <= 0) { over = 0; byId("drop").hidden = true; } });
addEventListener("dragover", (event) => { if (files(event)) event.preventDefault(); });
addEventListener("drop", (event) => {
  if (!files(event)) return;
  event.preventDefault();
  over = 0;
  byId("drop").hidden = true;
  take(event.dataTransfer.files[0]);
});

// ---- looks ----

const THEMES = ["auto", "light", "dark"];
function theme(wanted) {
  if (wanted === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  fill(byId("theme"), h("svg", { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" },
    h("circle", { cx: 8, cy: 8, r: 6.5, fill: "none", stroke: "currentColor", "stroke-width": 1.6 }),
    h("path", { d: "M8 1.500a6.500 6.500 0 0 1 0 13z", fill: "currentColor" })),
  h("span", { class: "sr" }, "Colours: "), { auto: "Auto", light: "Light", dark: "Dark" }[wanted]);
  localStorage.setItem("theme", wanted);
  dispatchEvent(new Event("theme"));
}
byId("theme").addEventListener("click", () => theme(THEMES[(THEMES.indexOf(localStorage.getItem("theme") || "auto") + 1) % 3]));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("theme")));
function closeSide() {
  byId("tables").classList.remove("open");
  byId("side").setAttribute("aria-expanded", "false");
}
byId("side").addEventListener("click", () => {
  const open = byId("tables").classList.toggle("open");
  byId("side").setAttribute("aria-expanded", String(open));
});

theme(THEMES.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "auto");
start().then(() => question.focus());
