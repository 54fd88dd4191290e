// One question or statement: what is being done, then the sentence, the statement, the rows, the chart.

import * as api from "./api.js";
import { h, fill, say, save, slug, plural } from "./dom.js";
import { coloured, laidOut } from "./sql.js";
import { plainTable, tableOf } from "./table.js";
import { chartOf } from "./chart.js";

const STATUS = {
  "reading the database": "Reading the database",
  "loading the model": "Loading the model",
  thinking: "Thinking",
  "weighing other statements": "Weighing other statements",
  "reading the statements back": "Reading the statements back as questions",
  "running the statement": "Running the statement",
};
const WIDE = 4;  // columns beyond which a row is easier to read as a record
const THUMB = "M7 10v10H4a1 1 0 0 1-1-1v-8a1 1 0 0 1 1-1h3zm2 9.500V10l3.600-6.600a1.800 1.800 0 0 1 3.300 1.200L15.200 9H19a2 2 0 0 1 2 2.400l-1.300 6.500A2.600 2.600 0 0 1 17.200 20H9.500z";
const icon = (turned) => h("svg", { viewBox: "0 0 24 24", width: 18, height: 18, "aria-hidden": "true" },
  h("path", { d: THUMB, fill: "none", stroke: "currentColor", "stroke-width": 1.7, "stroke-linejoin": "round", transform: turned ? "rotate(180 12 12)" : null }));
const EXPORTS = { csv: ["CSV", "csv"], json: ["JSON", "json"], markdown: ["Markdown", "md"] };

export class Turn {
  // page: { ask(question, anyway), run(sql, of), finished(turn) }
  constructor(job, page) {
    Object.assign(this, { job, page, seen: 0, ahead: 0, done: false, sql: "", steps: [] });
    this.heading = h("h2", { tabindex: "-1" });
    this.follows = h("p", { class: "follows", hidden: true });
    this.status = h("span", { class: "status" }, "Waiting");
    this.bar = h("progress", { "aria-label": "Progress", hidden: true });
    this.stop = h("button", { type: "button", class: "quiet stop", onclick: () => this.end() }, "Stop");
    this.work = h("div", { class: "work" }, h("span", { class: "spin", "aria-hidden": "true" }), this.status, this.bar, this.stop);
    this.draft = h("pre", { class: "sql draft", hidden: true });
    this.preview = h("div", { class: "preview", hidden: true });
    this.body = h("div", { class: "answer" });
    this.element = h("article", { class: "turn" }, this.heading, this.follows, this.work, this.draft, this.preview, this.body);
    this.name(job.kind);
  }

  // A question is called by its words, a statement by how it begins.
  name(kind) {
    this.job.kind = kind;
    const line = this.job.text.replace(/\s+/g, " "), short = line.length > 90 ? `${line.slice(0, 89)}…` : line;
    this.label = kind === "ask" ? this.job.text : `the statement ${short}`;
    this.element.setAttribute("aria-label", this.label);
    fill(this.heading, kind === "ask" ? this.job.text
      : [h("span", { class: "tag" }, this.job.of ? "edited SQL" : "SQL"), h("code", {}, short)]);
  }

  // Read what the job tells until its end, over broken connections. Ends early when the session is lost.
  async follow() {
    while (!this.done) {
      try {
        for await (const event of api.events(this.job.id, this.seen)) this.take(event);
        if (!this.done) await pause(Math.min(3000, 250 * Math.max(1, this.ahead)));
      } catch (error) {
        if (error instanceof api.Away) { this.status.textContent = "The server does not answer; trying again"; await pause(1000); }
        else { this.broke(error instanceof api.Lost ? "The server was started again before this was answered. Ask it again." : error.message); }
      }
    }
  }

  take(event) {
    if (event.n !== undefined) this.seen = event.n + 1;
    this.ahead = event.type === "waiting" ? event.ahead : 0;
    if (event.type === "waiting") this.tell(`Waiting behind ${plural(event.ahead, "question")}`);
    else if (event.type === "status") { this.tell(STATUS[event.text] || event.text); this.bar.hidden = true; say(this.status.textContent); }
    else if (event.type === "progress") this.progress(event);
    else if (event.type === "follows") { this.follows.hidden = false; this.follows.textContent = `Goes on from “${event.text}”`; }
    else if (event.type === "kind") this.name(event.kind);
    else if (event.type === "rows") this.soFar(event);
    else if (event.type === "step") { this.steps.push(event); if (event.sql) this.show(event.sql); }
    else if (event.type === "answer") this.answer(event);
    else if (event.type === "failed") this.failed(event);
    else if (event.type === "stopped") { this.finish(); fill(this.body, h("p", { class: "note" }, "Stopped. ", this.again())); this.draft.hidden = true; say("Stopped"); }
  }

  tell(text) { this.status.textContent = text; }

  show(sql) {
    if (this.drawn === sql) return;
    this.drawn = sql;
    this.draft.hidden = false;
    fill(this.draft, h("code", {}, coloured(laidOut(sql))));
  }

  // The first rows, while others are found or the statement is still weighed against others.
  soFar(event) {
    const more = event.count > event.rows.length ? `; the first ${event.rows.length} are shown` : "";
    this.preview.hidden = false;
    fill(this.preview, h("p", { class: "hint" }, `${plural(event.count, "row")} so far${more}`), plainTable(event));
  }

  progress(event) {
    if (event.total === undefined) return;
    if (event.written) { this.tell("Writing the statement"); this.bar.hidden = true; this.show(event.written); }
    else if (event.total > 0 && event.read < event.total) {
      const n = (count) => count.toLocaleString("en");
      this.tell(`Reading the schema: ${n(event.read)} of ${n(event.total)} tokens`);
      this.bar.hidden = false;  // shown where it says something: an endless one only costs the model its processor
      this.bar.max = event.total;
      this.bar.value = event.read;
    }
  }

  async end() {
    this.stop.disabled = true;
    try { await api.post("api/stop", { job: this.job.id }); } catch (error) { this.tell(error.message); this.stop.disabled = false; }
  }

  finish() {
    this.done = true;
    this.work.remove();
    this.preview.remove();
    this.page.finished(this);
  }

  again() {
    return h("button", { type: "button", class: "quiet", onclick: () => this.job.kind === "ask" ? this.page.ask(this.job.text) : this.page.run(this.job.text, this.job.of) },
      this.job.kind === "ask" ? "Ask again" : "Run again");
  }

  failed(event) {
    this.finish();
    if (this.job.kind === "run") this.show(this.job.text);
    const anyway = event.kind === "OutOfScope"
      ? h("button", { type: "button", onclick: () => this.page.ask(this.job.text, true) }, "Answer anyway") : null;
    const edit = this.job.kind === "run" ? h("button", { type: "button", class: "quiet", onclick: () => this.edit(this.job.text) }, "Edit") : this.again();
    fill(this.body, h("p", { class: "trouble" }, event.text), h("div", { class: "buttons" }, anyway, edit), this.editor = h("div"));
    say(event.text);
  }

  broke(text) {
    this.done = true;
    this.work.remove();
    fill(this.body, h("p", { class: "trouble" }, text, " ", this.again()));
    this.page.finished(this);
  }

  answer(event) {
    this.finish();
    this.sql = event.sql;
    this.draft.remove();
    const label = this.label;
    this.editor = h("div");
    const parts = [];
    if (event.confidence !== undefined || event.words) parts.push(h("div", { class: "lead" },
      event.words ? h("p", { class: "words" }, event.words) : h("span"), event.confidence === undefined ? null : sureness(event)));
    if (event.amendments?.length) parts.push(this.changes(event));
    const doubt = event.reasons?.length ? [h("strong", {}, "Doubtful: "), `${event.reasons.join(" and ")}. `] : h("strong", {}, "Note: ");
    if (event.note || event.reasons?.length) parts.push(h("p", { class: "note" }, doubt, event.note));
    parts.push(this.rows(event, label), this.statement(event), this.editor);
    fill(this.body, parts);
    const many = event.forgotten ? "" : plural(event.rows.length, "row");
    say([many, event.words].filter(Boolean).join(". ") || "Answered");
  }

  // What was changed in the model's statement, why, and both of them.
  changes(event) {
    const both = (said, sql) => [h("p", { class: "hint" }, said),
      h("pre", { class: "sql", tabindex: "0", role: "region", "aria-label": `SQL ${said}` }, h("code", {}, coloured(laidOut(sql))))];
    return h("details", { class: "changes" }, h("summary", {}, h("strong", {}, "Changed: "), event.amendments.join(" ")),
      both("as the model wrote it", event.written), both("as it ran", event.sql),
      h("div", { class: "buttons" }, h("button", { type: "button", class: "quiet", onclick: () => this.page.run(event.written, this.job.id) }, "Run it as the model wrote it")));
  }

  rows(event, label) {
    if (event.forgotten) return h("p", { class: "note" }, "Its rows are no longer kept. ", this.again());
    if (!event.rows.length) return h("p", { class: "none" }, "No rows.");
    const lone = event.rows.length === 1 && event.columns.length === 1;
    const table = tableOf(event, label);
    const view = h("div", { class: "view" }, table.element);
    let chart = null;
    const tab = (name, show) => h("button", { type: "button", "aria-pressed": "false", onclick: show }, name);
    const choose = (button, shown) => { for (const one of [rowsTab, recordsTab, chartTab]) one.setAttribute("aria-pressed", String(one === button)); fill(view, shown); };
    const rowsTab = tab("Table", () => choose(rowsTab, table.element));
    const recordsTab = tab("Records", () => choose(recordsTab, table.records()));
    const chartTab = tab("Chart", () => { chart ||= chartOf(event, label); choose(chartTab, chart); });
    rowsTab.setAttribute("aria-pressed", "true");
    const wide = event.columns.length > WIDE;
    const tabs = event.chart || wide ? h("div", { class: "tabs", role: "group", "aria-label": "View" }, rowsTab, wide ? recordsTab : null, event.chart ? chartTab : null) : null;
    const saves = h("div", { class: "saves", role: "group", "aria-label": "Download rows" },
      Object.entries(EXPORTS).map(([format, [name, suffix]]) =>
        h("button", { type: "button", class: "quiet", onclick: (e) => this.export(format, suffix, e.target) }, name)));
    this.problem = h("p", { class: "trouble", role: "alert", hidden: true });
    return h("section", { class: lone ? "result lone" : "result", "aria-label": "Result" },
      h("div", { class: "result-tools" }, tabs, h("span", { class: "spread" }), saves),
      view, event.truncated ? h("p", { class: "note" }, event.truncated) : null, this.problem);
  }

  async export(format, suffix, button) {
    button.disabled = true;
    try {
      save(`${slug(this.job.text)}.${suffix}`, await api.download({ job: this.job.id, format }));
      this.problem.hidden = true;
    } catch (error) {
      this.problem.textContent = error.message;
      this.problem.hidden = false;
    }
    button.disabled = false;
  }

  statement(event) {
    const copy = h("button", { type: "button", class: "quiet", onclick: async () => {
      try { await navigator.clipboard.writeText(event.sql); copy.textContent = "Copied"; say("Copied"); } catch { copy.textContent = "Not allowed"; }
      setTimeout(() => { copy.textContent = "Copy"; }, 1500);
    } }, "Copy");
    const readings = event.readings?.length ? h("details", { class: "readings", open: event.readings.length === 1 },
      h("summary", {}, event.readings.length === 1 ? "Another reading of the question" : `${event.readings.length} other readings of the question`),
      h("ul", {}, event.readings.map((one) => h("li", {},
        h("button", { type: "button", class: "reading", onclick: () => this.page.run(one.sql, this.job.id) },
          h("span", {}, one.words || "Run this statement"), h("code", {}, coloured(one.sql))))))) : null;
    const time = event.timings.total ?? event.timings.act;
    return h("section", { class: "statement", "aria-label": "Statement" },
      h("pre", { class: "sql", tabindex: "0", "aria-label": "SQL" }, h("code", {}, coloured(laidOut(event.sql)))),
      h("div", { class: "buttons" },
        h("button", { type: "button", class: "quiet", onclick: () => this.edit(event.sql) }, "Edit"), copy,
        h("span", { class: "took", "data-seconds": time, title: Object.entries(event.timings).map(([name, s]) => `${name} ${s.toFixed(2)} s`).join(", ") }, time === undefined ? "" : `${time < 1 ? time.toFixed(2) : time.toFixed(1)} s`),
        h("span", { class: "spread" }),
        this.job.kind === "ask" ? this.thumbs() : null),
      readings,
      this.steps.length ? h("details", { class: "readings" }, h("summary", {}, "How it was found"),
        h("ol", { class: "steps" }, this.steps.map((step) => h("li", {}, h("span", { class: "tag" }, step.kind),
          `${step.text} `, h("span", { class: "hint" }, `${step.seconds.toFixed(2)} s`))))) : null);
  }

  // The statement in a box: run it here, or tell that it is what should have been written.
  edit(sql, correcting = false) {
    const box = h("textarea", { class: "sql", rows: 6, spellcheck: "false", "aria-label": "SQL to run", autocapitalize: "off" });
    box.value = laidOut(sql);
    const run = () => { if (box.value.trim()) this.page.run(box.value, this.job.id); };
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); run(); }
      if (event.key === "Escape") { fill(this.editor); this.heading.focus(); }
    });
    fill(this.editor, h("div", { class: "editor" },
      correcting ? h("p", { class: "hint" }, "What should it have been? Correct the statement, try it, and send it.") : null, box,
      h("div", { class: "buttons" }, h("button", { type: "button", class: "main", onclick: run }, "Run"),
        correcting ? h("button", { type: "button", onclick: () => this.judge("down", box.value) }, "Send correction") : null,
        h("button", { type: "button", class: "quiet", onclick: () => fill(this.editor) }, "Close"),
        h("span", { class: "hint" }, "Ctrl+Enter runs it. It can read, and change nothing."))));
    box.focus();
  }

  thumbs() {
    const thumb = (verdict, sign, label, then) => h("button", { type: "button", class: "thumb", "aria-label": label, title: label, "aria-pressed": "false", onclick: then }, sign);
    this.up = thumb("up", icon(false), "Right", () => this.judge("up"));
    this.down = thumb("down", icon(true), "Wrong", async () => { await this.judge("down"); this.edit(this.sql, true); });
    this.thanks = h("span", { class: "hint", role: "status" });
    return [this.thanks, this.up, this.down];
  }

  async judge(verdict, sql) {
    try {
      await api.post("api/feedback", { job: this.job.id, verdict, ...(sql ? { sql } : {}) });
      this.up.setAttribute("aria-pressed", String(verdict === "up"));
      this.down.setAttribute("aria-pressed", String(verdict === "down"));
      this.thanks.textContent = sql ? "Correction kept on this computer" : "Noted on this computer";
      if (sql) fill(this.editor);
    } catch (error) {
      this.thanks.textContent = error.message;
    }
  }
}

const SAID = { sure: ["high", "Sure"], "fairly sure": ["middle", "Fairly sure"], doubtful: ["low", "Doubtful"] };

function sureness(event) {
  const [level, said] = SAID[event.sure], percent = Math.round(100 * event.confidence);
  return h("span", { class: `sure ${level}`, title: event.calibrated ? "How likely the rows are what was asked for" : "Not fitted to this model: it only tells surer answers from less sure ones" },
    h("span", { class: "dot", "aria-hidden": "true" }), event.calibrated ? `${said} · ${percent} %` : said);
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
