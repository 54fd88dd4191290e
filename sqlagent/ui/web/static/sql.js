// Colour SQL: an array of spans, one a token.

import { h } from "./dom.js";

const TOKEN =
  /(--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|('(?:[^']|'')*'?)|("(?:[^"]|"")*"?|`[^`]*`?|\[[^\]]*\]?)|(\b\d+(?:\.\d+)?(?:e[+-]?\d+)?\b)|([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)|([<>=!|]+|[-+*/%(),.;])|(\s+|.)/giy;
const KEYWORDS = new Set(
  ("select from where group by order having limit offset join left right inner outer cross natural on using as and or " +
    "not in is null between like glob case when then else end exists distinct all union except intersect values with " +
    "recursive asc desc cast collate over partition filter rows range preceding following unbounded current row nulls " +
    "first last explain").split(" "),
);

export function coloured(sql) {
  const spans = [];
  TOKEN.lastIndex = 0;
  for (let found; (found = TOKEN.exec(sql)) !== null && found[0] !== ""; ) {
    const [text, comment, string, name, number, word] = found;
    const after = sql[TOKEN.lastIndex];
    const kind = comment ? "comment" : string ? "string" : name ? "name" : number ? "number"
      : word ? (KEYWORDS.has(word.toLowerCase()) ? "keyword" : after === "(" ? "function" : "name") : "";
    spans.push(kind ? h("span", { class: `sql-${kind}` }, text) : text);
  }
  return spans;
}

// The statement over several lines, a clause a line; what stands in quotes or brackets is left as it is.
export function laidOut(sql) {
  if (sql.includes("\n") || sql.length < 60) return sql;
  let depth = 0, out = "";
  TOKEN.lastIndex = 0;
  for (let found; (found = TOKEN.exec(sql)) !== null && found[0] !== ""; ) {
    const text = found[0], word = found[5]?.toLowerCase();
    if (text === "(") depth++;
    if (text === ")") depth--;
    const before = out.trimEnd().match(/(\w+)$/)?.[1]?.toLowerCase();
    const joins = ["join", "left", "inner", "cross"].includes(word) && !["left", "inner", "cross", "outer"].includes(before);
    const clause = ["from", "where", "group", "order", "having", "limit", "union", "except", "intersect"].includes(word);
    if (depth === 0 && out && (clause || joins)) out = out.trimEnd() + "\n" + text;
    else out += text;
  }
  return out;
}
