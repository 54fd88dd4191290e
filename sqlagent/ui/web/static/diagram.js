// Draw tables and the keys between them: a box a table, in columns, the tables that others point to first.

import { h } from "./dom.js";

const MOST_TABLES = 80, MOST_COLUMNS = 14, ROW = 20, GAP_X = 90, GAP_Y = 28;

export function diagramOf(schema) {
  const style = getComputedStyle(document.documentElement), get = (name) => style.getPropertyValue(name).trim();
  const paper = get("--card"), ink = get("--ink"), dim = get("--dim"), line = get("--line-strong"), accent = get("--accent"), head = get("--tint");
  const boxes = new Map();
  for (const table of schema.tables.slice(0, MOST_TABLES)) {
    const linked = new Set(table.keys.flatMap((key) => key.from));
    const shown = table.columns.filter((column, i) => i < MOST_COLUMNS || column.key || linked.has(column.name)).slice(0, MOST_COLUMNS + 6);
    const more = table.columns.length + table.more - shown.length;
    const width = Math.min(280, 40 + 7.2 * Math.max(table.name.length + 2, ...shown.map((c) => c.name.length + Math.min(12, c.type.length) + 3)));
    boxes.set(table.name, { table, shown, more, linked, width, height: 30 + ROW * (shown.length + (more > 0)) + 6, layer: 0 });
  }
  layers(boxes);
  const size = place(boxes);
  const svg = h("svg", { width: size.width, height: size.height, viewBox: `0 0 ${size.width} ${size.height}`, xmlns: "http://www.w3.org/2000/svg",
    "font-family": "system-ui, sans-serif", "font-size": 12, role: "img",
    "aria-label": `${schema.tables.length} tables and the keys between them. The list of tables says the same in words.` },
  h("rect", { width: size.width, height: size.height, fill: paper }));
  const edges = h("g", { fill: "none", stroke: accent, "stroke-width": 1.5, opacity: 0.75 });
  svg.append(edges);
  for (const box of boxes.values()) {
    for (const key of box.table.keys) {
      const other = boxes.get(key.table);
      if (other) edges.append(edge(box, key.from[0], other, key.to[0]));
    }
    const g = h("g", {}, h("rect", { x: box.x, y: box.y, width: box.width, height: box.height, rx: 8, fill: paper, stroke: line }),
      h("path", { d: `M${box.x} ${box.y + 30}v-22a8 8 0 0 1 8 -8h${box.width - 16}a8 8 0 0 1 8 8v22z`, fill: head, stroke: line }),
      h("text", { x: box.x + 12, y: box.y + 20, fill: ink, "font-weight": 650 }, fit(box.table.name, box.width - 24)));
    box.shown.forEach((column, i) => {
      const y = box.y + 30 + ROW * i + 15, mark = column.key ? "◆" : box.linked.has(column.name) ? "◇" : "";
      const kind = fit(column.type.toLowerCase(), 86);
      g.append(h("text", { x: box.x + 8, y, fill: accent, "font-size": 10 }, mark),
        h("text", { x: box.x + 22, y, fill: ink }, fit(column.name, box.width - 40 - kind.length * 6.4)),
        h("text", { x: box.x + box.width - 10, y, fill: dim, "text-anchor": "end", "font-size": 11 }, kind));
    });
    if (box.more > 0) g.append(h("text", { x: box.x + 22, y: box.y + 30 + ROW * box.shown.length + 15, fill: dim }, `and ${box.more} more`));
    svg.append(g);
  }
  return svg;
}

const fit = (label, room) => (label.length * 7.2 > room ? label.slice(0, Math.max(1, Math.floor(room / 7.2) - 1)) + "…" : label);

// A table stands right of those that it refers to; a circle is cut where it was entered.
function layers(boxes) {
  const seen = new Map();
  const depth = (box, path) => {
    if (seen.has(box)) return seen.get(box);
    path.add(box);
    let found = 0;
    for (const key of box.table.keys) {
      const other = boxes.get(key.table);
      if (other && !path.has(other)) found = Math.max(found, depth(other, path) + 1);
    }
    path.delete(box);
    seen.set(box, found);
    return found;
  };
  for (const box of boxes.values()) box.layer = depth(box, new Set());
}

function place(boxes) {
  const pointed = new Set([...boxes.values()].flatMap((box) => box.table.keys.map((key) => key.table)));
  const alone = [...boxes.values()].filter((box) => !box.table.keys.length && !pointed.has(box.table.name));
  const columns = [];
  for (const box of boxes.values()) if (!alone.includes(box)) (columns[box.layer] ||= []).push(box);
  const tallest = Math.max(600, ...columns.filter(Boolean).map((column) => column.reduce((sum, box) => sum + box.height + GAP_Y, 0)));
  let room = 0;
  for (const box of alone) {  // tables without keys fill columns of their own
    if (!room || room + box.height > tallest) { columns.push([]); room = 0; }
    columns.at(-1).push(box);
    room += box.height + GAP_Y;
  }
  let x = 24, height = 0;
  const rank = new Map();
  for (const column of columns.filter(Boolean)) {
    // Near what it points to: the mean place of the tables it refers to.
    const wish = (box) => { const known = box.table.keys.map((key) => rank.get(key.table)).filter((n) => n !== undefined); return known.length ? known.reduce((a, b) => a + b) / known.length : 1e9; };
    column.sort((a, b) => wish(a) - wish(b));
    let y = 24;
    for (const box of column) {
      Object.assign(box, { x, y });
      rank.set(box.table.name, y);
      y += box.height + GAP_Y;
    }
    x += Math.max(...column.map((box) => box.width)) + GAP_X;
    height = Math.max(height, y);
  }
  return { width: Math.ceil(Math.max(240, x - GAP_X + 24)), height: Math.ceil(Math.max(120, height)) };
}

function edge(from, column, to, target) {
  const row = (box, name) => box.y + 30 + ROW * (Math.max(0, box.shown.findIndex((c) => c.name === name)) + 0.5);
  const y1 = row(from, column), y2 = row(to, target);
  if (from === to) return h("path", { d: `M${from.x + from.width} ${y1}c40 0 40 ${y2 - y1} 0 ${y2 - y1 + 1}` });
  const right = to.x > from.x, same = to.x === from.x;
  const x1 = from.x + (right || same ? from.width : 0), x2 = to.x + (right ? 0 : to.width), bend = same ? 50 : Math.max(36, Math.abs(x2 - x1) / 2);
  return h("path", { d: `M${x1} ${y1}C${x1 + (right || same ? bend : -bend)} ${y1} ${x2 + (right ? -bend : bend)} ${y2} ${x2} ${y2}` });
}
