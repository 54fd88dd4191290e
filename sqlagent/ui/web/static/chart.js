// Draw a result as bars, lines or a histogram: our own SVG, with its colours written out so that it can be saved.

import { h, fill, save, slug, plural } from "./dom.js";
import { compare, text } from "./table.js";

const NAMES = { bars: "Bars", lines: "Lines", histogram: "Histogram" };
const MOST = 60;

const value = (cell) => (typeof cell === "number" ? cell : cell && cell.kind === "number" ? Number(cell.text) : null);
const cut = (label, n) => (label.length > n ? label.slice(0, n - 1) + "…" : label);

export function number(n) {
  if (Math.abs(n) >= 1e15 || (n !== 0 && Math.abs(n) < 1e-4)) return n.toExponential(2);
  return n.toLocaleString("en", { maximumFractionDigits: Math.abs(n) >= 1000 ? 1 : 4 });
}

// About `count` round values from at or under `low` to at or over `high`.
// whole: at whole numbers only.
export function ticks(low, high, count = 5, whole = false) {
  if (low === high) high = low + 1;
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 2.5, 5, 10].find((m) => m * power >= rough - 1e-12) * power;
  if (whole && !Number.isInteger(step)) step = Math.ceil(step);
  const first = Math.floor(low / step + 1e-9), last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

export function bins(values) {
  const low = Math.min(...values), high = Math.max(...values);
  const sorted = [...values].sort((a, b) => a - b), at = (p) => sorted[Math.floor(p * (sorted.length - 1))];
  const width = (2 * (at(0.75) - at(0.25))) / Math.cbrt(values.length);
  const count = Math.min(30, Math.max(5, width > 0 ? Math.ceil((high - low) / width) : Math.ceil(Math.log2(values.length)) + 1));
  const edges = ticks(low, high, count);
  const found = edges.slice(0, -1).map((edge, i) => ({ from: edge, to: edges[i + 1], n: 0 }));
  for (const one of values) {
    const place = found.findIndex((bin) => one < bin.to);
    found[place < 0 ? found.length - 1 : place].n++;
  }
  return found;
}

export function chartOf(result, label) {
  const state = { ...result.chart };
  const view = h("div", { class: "chart" }), said = h("p", { class: "hint" });
  const pick = (name, said, options, chosen, set) => h("label", {}, name + " ",
    h("select", { "aria-label": said, onchange: (event) => { set(event.target.value); draw(); } },
      options.map(([key, shown]) => h("option", { value: key, selected: String(key) === String(chosen) }, shown))));
  const labels = [...state.labels.map((i) => [i, result.columns[i]]), [-1, "row number"]];
  const x = pick("by", "Names or times", labels, state.x, (i) => { state.x = Number(i); });
  const controls = h("div", { class: "chart-tools" },
    pick("Chart", "Kind of chart", state.kinds.map((kind) => [kind, NAMES[kind]]), state.kind, (kind) => { state.kind = kind; }),
    pick("of", "Numbers", state.measures.map((i) => [i, result.columns[i]]), state.y, (i) => { state.y = Number(i); }), x,
    h("span", { class: "spread" }),
    h("button", { type: "button", class: "quiet", onclick: () => savePng(view.firstChild, `${slug(label)}.png`) }, "PNG"),
    h("button", { type: "button", class: "quiet", onclick: () => save(`${slug(label)}.svg`, svgBlob(view.firstChild)) }, "SVG"));

  function draw() {
    x.hidden = state.kind === "histogram";
    const width = Math.max(280, Math.min(900, view.clientWidth || 640));
    const points = result.rows
      .map((row, i) => ({ label: state.x < 0 ? String(i + 1) : text(row[state.x]), key: state.x < 0 ? i : row[state.x], y: value(row[state.y]) }))
      .filter((point) => point.y !== null && Number.isFinite(point.y));
    const measure = result.columns[state.y];
    const by = state.x < 0 ? "row" : result.columns[state.x];
    const colours = palette();
    let svg;
    if (state.kind === "histogram") svg = histogram(points, width, measure, colours);
    else if (state.kind === "lines") svg = lines(points, width, measure, by, colours);
    else svg = bars(points, width, measure, by, colours);
    const left = result.rows.length - points.length, over = state.kind === "bars" ? Math.max(0, points.length - MOST) : 0;
    said.textContent = [left ? `${plural(left, "row")} without a number left out.` : "", over ? `The first ${MOST} of ${points.length} bars.` : ""].join(" ");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `${NAMES[state.kind]}: ${measure}${state.kind === "histogram" ? "" : ` by ${by}`}, ${plural(points.length, "value")}. The table holds the same.`);
    fill(view, svg);
  }
  new ResizeObserver(() => draw()).observe(view);
  addEventListener("theme", draw);
  return h("div", { class: "charted", "aria-label": `Chart: ${label}`, role: "group" }, controls, view, said);
}

function palette() {
  const style = getComputedStyle(document.documentElement), get = (name) => style.getPropertyValue(name).trim();
  return { mark: get("--accent"), ink: get("--ink"), dim: get("--dim"), line: get("--line"), paper: get("--card") };
}

function canvas(width, height, colours) {
  return h("svg", { viewBox: `0 0 ${width} ${height}`, width, height, xmlns: "http://www.w3.org/2000/svg",
    "font-family": "system-ui, sans-serif", "font-size": 12 },
  h("rect", { width, height, fill: colours.paper }));
}

const word = (x, y, said, fill, anchor = "start", more = {}) => h("text", { x, y, fill, "text-anchor": anchor, ...more }, said);
const isWhole = (points) => points.every((point) => Number.isInteger(point.y));
const reach = (values) => [Math.min(0, ...values), Math.max(0, ...values)];

function bars(points, width, measure, by, colours) {
  const shown = points.slice(0, MOST), row = 26, longest = Math.max(4, ...shown.map((p) => Math.min(28, p.label.length)));
  const left = Math.min(width * 0.4, longest * 7 + 16), right = 64, top = 46, height = top + shown.length * row + 12;
  const [low, high] = reach(shown.map((p) => p.y)), scale = ticks(low, high, width < 480 ? 3 : 5, isWhole(shown));
  const start = scale[0], span = scale.at(-1) - start || 1, at = (n) => left + ((n - start) / span) * (width - left - right);
  const svg = canvas(width, height, colours);
  svg.append(word(left, 14, cut(measure, 60), colours.ink, "start", { "font-weight": 600 }));
  for (const tick of scale) svg.append(h("line", { x1: at(tick), x2: at(tick), y1: top - 4, y2: height - 8, stroke: colours.line }),
    word(at(tick), top - 8, number(tick), colours.dim, "middle", { "font-size": 11 }));
  shown.forEach((point, i) => {
    const y = top + i * row, a = at(Math.min(0, point.y)), b = at(Math.max(0, point.y));
    svg.append(h("g", {}, h("title", {}, `${by}: ${point.label}\n${measure}: ${number(point.y)}`),
      word(left - 8, y + 16, cut(point.label, Math.floor((left - 12) / 7)), colours.ink, "end"),
      h("rect", { class: "mark", x: a, y: y + 4, width: Math.max(1, b - a), height: row - 8, rx: 3, fill: colours.mark }),
      word((point.y < 0 ? at(0) : b) + 6, y + 16, number(point.y), colours.dim)));
  });
  return svg;
}

function frame(width, height, scale, colours, title) {
  const left = Math.max(...scale.map((n) => number(n).length)) * 7 + 14, right = 18, top = 28, bottom = 36;
  const start = scale[0], span = scale.at(-1) - start || 1;
  const at = (n) => height - bottom - ((n - start) / span) * (height - top - bottom);
  const svg = canvas(width, height, colours);
  svg.append(word(left, 14, cut(title, 70), colours.ink, "start", { "font-weight": 600 }));
  for (const tick of scale) svg.append(h("line", { x1: left, x2: width - right, y1: at(tick), y2: at(tick), stroke: colours.line }),
    word(left - 8, at(tick) + 4, number(tick), colours.dim, "end", { "font-size": 11 }));
  return { svg, left, right, bottom, at };
}

function lines(points, width, measure, by, colours) {
  const shown = [...points].sort((a, b) => compare(a.key, b.key, false)), height = 320;
  const ys = shown.map((p) => p.y), low = Math.min(...ys), high = Math.max(...ys);
  const scale = ticks(low > 0 && low > 0.6 * high ? low : Math.min(0, low), Math.max(high, low), 5, isWhole(shown));
  const { svg, left, right, at } = frame(width, height, scale, colours, `${measure} by ${by}`);
  const step = shown.length > 1 ? (width - left - right) / (shown.length - 1) : 0, x = (i) => left + i * step;
  const longest = Math.max(1, ...shown.map((p) => Math.min(12, p.label.length)));
  const every = Math.max(1, Math.ceil((longest * 7 + 14) / (step || 1)));
  svg.append(h("path", { d: shown.map((p, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${at(p.y).toFixed(1)}`).join(""), fill: "none", stroke: colours.mark, "stroke-width": 2.2, "stroke-linejoin": "round" }));
  shown.forEach((p, i) => {
    svg.append(h("circle", { class: "mark", cx: x(i), cy: at(p.y), r: shown.length > 80 ? 1.5 : 3.2, fill: colours.mark }, h("title", {}, `${p.label}: ${number(p.y)}`)));
    const room = cut(p.label, 12).length * 3.5, place = Math.min(width - room - 2, Math.max(room + 2, x(i)));
    if (i % every === 0) svg.append(word(place, height - 14, cut(p.label, 12), colours.dim, "middle", { "font-size": 11 }));
  });
  return svg;
}

function histogram(points, width, measure, colours) {
  const height = 320, found = bins(points.map((p) => p.y)), scale = ticks(0, Math.max(1, ...found.map((b) => b.n)), 4, true);
  const { svg, left, right, bottom, at } = frame(width, height, scale, colours, `How many rows have which ${measure}`);
  const step = (width - left - right) / found.length, every = Math.max(1, Math.ceil(56 / step));
  found.forEach((bin, i) => {
    const x = left + i * step;
    svg.append(h("rect", { class: "mark", x: x + 1, y: at(bin.n), width: Math.max(1, step - 2), height: height - bottom - at(bin.n), fill: colours.mark },
      h("title", {}, `${number(bin.from)} to ${number(bin.to)}: ${plural(bin.n, "row")}`)));
    if (i % every === 0) svg.append(word(x, height - 14, number(bin.from), colours.dim, i ? "middle" : "start", { "font-size": 11 }));
  });
  return svg;
}

export const svgBlob = (svg) => new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" });

async function savePng(svg, name) {
  const url = URL.createObjectURL(svgBlob(svg)), image = new Image();
  image.src = url;
  await image.decode();
  const sheet = document.createElement("canvas");
  sheet.width = 2 * svg.width.baseVal.value;
  sheet.height = 2 * svg.height.baseVal.value;
  sheet.getContext("2d").drawImage(image, 0, 0, sheet.width, sheet.height);
  URL.revokeObjectURL(url);
  sheet.toBlob((blob) => save(name, blob), "image/png");
}
