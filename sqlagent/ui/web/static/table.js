// Show rows: sorted by a click on a column's name, filtered by typing, a page at a time.

import { h, fill, plural, say } from "./dom.js";

const PAGES = [10, 25, 50, 100, 500];
const LONG = 160;

export const text = (value) => (value === null ? "NULL" : typeof value === "object" ? value.text : String(value));

function amount(value) {
  if (typeof value === "number") return value;
  if (value && typeof value === "object" && value.kind === "number") return Number(value.text);
  return null;
}

const names = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

// NULL last whichever way; numbers before texts, as SQLite has it.
export function compare(a, b, down) {
  if (a === null || b === null) return (a === null) - (b === null);
  const m = amount(a), n = amount(b);
  let order;
  if (m !== null && n !== null) {
    const whole = (value) => (typeof value === "object" && /^-?\d+$/.test(value.text) ? BigInt(value.text) : null);
    const p = whole(a), q = whole(b);
    order = p !== null && q !== null ? (p < q ? -1 : p > q ? 1 : 0) : m - n;
  } else if (m !== null || n !== null) order = m !== null ? -1 : 1;
  else order = names.compare(text(a), text(b));
  return down ? -order : order;
}

export function cellOf(value) {
  if (value === null) return h("span", { class: "null" }, "NULL");
  const shown = text(value);
  if (typeof value === "object" && value.kind === "blob") return h("span", { class: "blob" }, shown);
  if (shown === "") return h("span", { class: "null", title: "an empty text" }, "“”");
  if (shown.length <= LONG) return shown;
  return h("details", {}, h("summary", {}, shown.slice(0, LONG) + "…"), shown);
}

const head = (name) => (name === "" ? "“”" : name);

// A few rows without any tools.
export function plainTable(result) {
  const kind = (i) => (result.numeric[i] ? "number" : null);
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The first rows" }, h("table", {},
    h("thead", {}, h("tr", {}, result.columns.map((name, i) => h("th", { scope: "col", class: kind(i) }, h("span", { class: "sort" }, head(name)))))),
    h("tbody", {}, result.rows.map((row) => h("tr", {}, row.map((value, i) => h("td", { class: kind(i) }, cellOf(value))))))));
}

// The rows as a table and, with records(), one value a line; what is sorted, filtered and paged stays so in both.
export function tableOf(result, label) {
  const state = { column: -1, down: false, filter: "", page: 0, size: 25 };
  const list = h("ol", { class: "records" });
  const body = h("tbody"), place = h("span", { class: "place" });
  const back = h("button", { type: "button", class: "quiet", onclick: () => turn(-1) }, "Previous");
  const on = h("button", { type: "button", class: "quiet", onclick: () => turn(1) }, "Next");
  let rows = result.rows;

  const heads = result.columns.map((name, i) =>
    h("th", { scope: "col", class: result.numeric[i] ? "number" : null },
      h("button", { type: "button", class: "sort", onclick: () => sort(i) }, head(name),
        h("span", { class: "arrow", "aria-hidden": "true" }))));

  function sort(column) {
    if (state.column !== column) Object.assign(state, { column, down: false });
    else if (!state.down) state.down = true;
    else state.column = -1;
    state.page = 0;
    draw(true);
    say(state.column < 0 ? "As the statement ordered them" : `Sorted by ${result.columns[column]}, ${state.down ? "descending" : "ascending"}`);
  }

  function turn(by) {
    state.page += by;
    draw(false);
  }

  function draw(anew) {
    if (anew) {
      const wanted = state.filter.toLowerCase();
      rows = wanted ? result.rows.filter((row) => row.some((value) => text(value).toLowerCase().includes(wanted))) : [...result.rows];
      if (state.column >= 0) rows.sort((a, b) => compare(a[state.column], b[state.column], state.down));
    }
    const last = Math.max(0, Math.ceil(rows.length / state.size) - 1);
    state.page = Math.min(Math.max(0, state.page), last);
    const from = state.page * state.size, shown = rows.slice(from, from + state.size);
    fill(body, shown.map((row) => h("tr", {}, row.map((value, i) => h("td", { class: result.numeric[i] ? "number" : null }, cellOf(value))))));
    fill(list, turned ? shown.map((row, n) => h("li", { "aria-label": `Row ${from + n + 1}` }, h("dl", {},
      row.flatMap((value, i) => [h("dt", {}, head(result.columns[i])), h("dd", {}, cellOf(value))])))) : null);
    heads.forEach((one, i) => {
      const order = state.column !== i ? null : state.down ? "descending" : "ascending";
      if (order) one.setAttribute("aria-sort", order);
      else one.removeAttribute("aria-sort");
    });
    back.disabled = state.page === 0;
    on.disabled = state.page === last;
    const all = rows.length === result.rows.length ? "" : ` of ${result.rows.length.toLocaleString("en")}`;
    place.textContent = rows.length > state.size
      ? `${(from + 1).toLocaleString("en")}–${(from + shown.length).toLocaleString("en")} of ${plural(rows.length, "row")}${all ? ` (filtered${all})` : ""}`
      : plural(rows.length, "row") + all;
  }

  const few = result.rows.length <= 10;
  const filter = h("input", { type: "search", placeholder: "Filter rows…", "aria-label": `Filter rows: ${label}`,
    oninput: (event) => { Object.assign(state, { filter: event.target.value, page: 0 }); draw(true); } });
  const size = h("select", { "aria-label": "Rows a page", onchange: (event) => { Object.assign(state, { size: Number(event.target.value), page: 0 }); draw(false); } },
    PAGES.map((n) => h("option", { value: n, selected: n === state.size }, `${n} a page`)));
  let turned = false;
  draw(true);
  const grid = h("table", {}, h("thead", {}, h("tr", {}, heads)), body);
  const scroll = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Rows: ${label}` }, grid);
  const element = h("div", { class: "table" }, few ? null : h("div", { class: "table-tools" }, filter, size), scroll,
    h("div", { class: "pager" }, place, result.rows.length > PAGES[0] ? [back, on] : null));
  const show = (wanted) => {
    turned = wanted;
    draw(false);
    fill(scroll, turned ? list : grid);
    return element;
  };
  return { get element() { return show(false); }, records: () => show(true) };
}
