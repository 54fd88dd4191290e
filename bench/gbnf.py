"""A GBNF grammar of SQL for one schema: what llama.cpp's own grammars can say about a database.

Invariant: it knows the names of the schema and the shape of a SELECT. It cannot know which column belongs to which
table of FROM: that is beyond a context-free grammar of a useful size.
"""

from __future__ import annotations

from sqlagent.database.schema import Schema
from sqlagent.sql.names import quote

_RULES = r"""
root ::= query ";"? "\n```"?
query ::= select (" " setop " " select)? (" ORDER BY " order (", " order)*)? (" LIMIT " digits)?
setop ::= "UNION ALL" | "UNION" | "INTERSECT" | "EXCEPT"
select ::= "SELECT " "DISTINCT "? item (", " item)* " FROM " source join* (" WHERE " cond)? group?
group ::= " GROUP BY " value (", " value)* (" HAVING " cond)?
item ::= value (" AS " alias)?
source ::= (table | "(" query ")") (" AS " alias)?
join ::= (" JOIN " | " LEFT JOIN " | " INNER JOIN ") source " ON " cond
cond ::= term ((" AND " | " OR ") term)*
term ::= "NOT "? (value test | "EXISTS (" query ")" | "(" cond ")")
test ::= compare value | " IS NOT NULL" | " IS NULL" | between | " NOT"? " IN (" (query | value (", " value)*) ")"
between ::= " NOT"? " BETWEEN " value " AND " value
compare ::= " = " | " != " | " <> " | " < " | " > " | " <= " | " >= " | " NOT LIKE " | " LIKE "
value ::= operand ((" + " | " - " | " * " | " / " | " || ") operand)*
operand ::= column | call | number | string | "(" value ")" | "(" query ")" | "*" | "NULL" | case
call ::= [A-Z]+ "(" "DISTINCT "? (value (", " value)* | "CAST" )? (" AS " [A-Z]+)? ")"
case ::= "CASE" (" WHEN " cond " THEN " value)+ (" ELSE " value)? " END"
order ::= value (" DESC" | " ASC")?
column ::= (alias ".")? name | alias ".*"
alias ::= table | [A-Za-z] [A-Za-z0-9_]*
number ::= "-"? digits ("." digits)?
digits ::= [0-9]+
string ::= "'" ([^'\x00-\x1f] | "''")* "'"
"""


def gbnf(schema: Schema) -> str:
    """The grammar's text."""
    tables = [table.name for table in schema.tables]
    columns = [column.name for table in schema.tables for column in table.columns]
    return _RULES.strip() + f"\ntable ::= {_alternatives(tables)}\nname ::= {_alternatives(columns)}\n"


def _alternatives(names: list[str]) -> str:
    return " | ".join(_literal(quote(name)) for name in sorted(set(names)))


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
