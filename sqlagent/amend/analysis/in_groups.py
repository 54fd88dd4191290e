"""The first so many rows of each group: "top 2 scorers of each team", "who is the best paid of each team?".

GROUP BY with ORDER BY and LIMIT cuts the groups, and MAX alone does not say whose it is. Rows that tie are all shown.

Invariant: the rows are those that the statement is about, ranked within its groups; the result is taken only where
the grammar takes it.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import PlainSelect, plain
from sqlagent.amend.row_names import names_of
from sqlagent.amend.rule import Supplied
from sqlagent.base.word_forms import name_words, stem, words
from sqlagent.database.foreign_keys import once
from sqlagent.database.schema import Table, fold
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column, Expr
from sqlagent.sql.walk import bare

_EACH = r"\b(?:each|every|per|by)\b"
_TOP = Phrase(
    rf"\b(?P<end>top|best|highest|bottom|worst|lowest) (?P<count>\d+|two|three|four|five|ten)\b.*{_EACH}"
    rf"|\b(?P<number>\d+|two|three|four|five|ten) (?:\w+ )?(?P<which>most|least|\w{{2,}}est|top|best|worst)\b.*{_EACH}"
)
_WHO = Phrase(
    rf"^\W*(?:who|which|name|list|show|what (?:is|are) the names?)\b.*"
    rf"\b(?:top|best|worst|most|least|\w{{2,}}est)\b.*{_EACH}"
    rf"|{_EACH}.*\b(?:who|which)\b.*\b(?:top|best|worst|most|least|\w{{2,}}est)\b"
)
_TERSE = Phrase(
    r"^\W*(?:the )?(?:top|best|worst|most|least|\w{2,}est)(?: \w+){0,2}? (?P<noun>\w+)"
    r" (?:of|in|for|at|per|by|from) (?:each |every )?\w+\W*$"
)
"""A question without a verb: "highest paid employee in each department", where the noun is no measure."""
_LOW = frozenset(("bottom", "worst", "lowest", "least", "smallest", "cheapest", "youngest", "fewest"))
_COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5, "ten": 10}
_MOST = 100


def ranked(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement that ranks rows within the groups of the question.

    accepts: whether the grammar accepts a statement. Left alone: joins that take a row several times, what has a
    window already, and groups that are counted or added up.
    """
    top = _TOP.search(question)
    terse = None if top else _TERSE.search(question)
    parts = plain(reading) if top or terse or _WHO.search(question) else None
    if parts is None or " OVER " in reading.sql:
        return Amended(reading.sql)
    groups = [bare(term) for term in parts.select.group]
    group = groups[0] if len(groups) == 1 and isinstance(groups[0], Column) else None
    by = _measure(parts)
    if group is None or by is None:
        return Amended(reading.sql)
    column, descending = by
    measure, table = parts.text(column), parts.owner(column)
    if table is None or not once(table, parts.tables, parts.reading.schema):
        return Amended(reading.sql)
    if terse and stem(terse["noun"].lower()) in {stem(word) for word in name_words(column.name.text)}:
        return Amended(reading.sql)  # the value is asked for, and not whose it is
    columns_shown = {parts.text(bare(item.value)) for item in parts.select.items} - {
        measure,
        parts.text(group),
    }
    if measure == parts.text(group) or (len(columns_shown) > 1 and not top):
        return Amended(reading.sql)  # SQLite shows the names of the row that has the one MAX
    count = 1
    if top:
        said = (top["count"] or top["number"]).lower()
        count = _COUNTS.get(said) or int(said)
        descending = (top["end"] or top["which"]).lower() not in _LOW
    elif any(word in _LOW for word in words(question)) and not parts.has("order"):
        descending = False
    if not 0 < count <= _MOST:
        return Amended(reading.sql)
    shown = _shown(parts, group, column, table, many=count > 1)
    if shown is None:
        return Amended(reading.sql)
    order = f"{measure} DESC" if descending else measure
    rank, name = _free("place", parts), _free("ranked", parts)
    where = parts.clause("where")
    inner = f"RANK() OVER (PARTITION BY {parts.text(group)} ORDER BY {order}) AS {rank}"
    source = f"{parts.clause('sources')}{' ' + where if where else ''}"
    if len({fold(column) for column in shown.values()}) < len(shown):
        return Amended(reading.sql)  # in a WITH two of one name cannot be told apart
    made = (
        f"WITH {name} AS (SELECT {', '.join(shown)}, {inner} {source})"
        f" SELECT {', '.join(map(quote, shown.values()))} FROM {name} WHERE {rank} <= {count}"
    )
    note = f"Ranked by {measure} within each {parts.text(group)}; rows that tie are all shown."
    return accepted(made, note, reading, accepts)


RULE = Supplied("in_groups", lambda now, about: ranked(about.question, now, about.accepts), lead=2.5)


def _measure(parts: PlainSelect) -> tuple[Column, bool] | None:
    """The column whose greatest or least values are wanted, and whether the greatest are."""
    order = parts.reading.query.order
    if order:
        value = bare(order[0].value)
        column = value if isinstance(value, Column) else _of_extreme(value)
        return (column, order[0].descending) if column is not None else None
    extremes = [
        (inner, call.function == "MAX")
        for item in parts.select.items
        if isinstance(call := bare(item.value), Call) and (inner := _of_extreme(call)) is not None
    ]
    return extremes[0] if len(extremes) == 1 else None


def _of_extreme(value: Expr) -> Column | None:
    value = bare(value)
    if isinstance(value, Call) and value.function in ("MAX", "MIN") and len(value.arguments) == 1:
        inner = bare(value.arguments[0])
        return inner if isinstance(inner, Column) else None
    return None


def _shown(
    parts: PlainSelect, group: Column, measure: Column, table: Table, *, many: bool
) -> dict[str, str] | None:
    """What is shown, as the statement writes it, and its name: the group, or what stands for it, and its rows' names.

    many: whether several rows of a group are wanted: those that have no name are shown by their key, beside the
    measure. None where they have none, or others are computed.
    """
    columns = []
    for item in parts.select.items:
        value = bare(item.value)
        if isinstance(value, Column):
            columns.append(value)
        elif _of_extreme(value) is None:
            return None
    label = next((one for one in columns if _labels(one, group, parts)), group)
    found = {
        parts.text(one): one.name.text for one in (label, *columns) if parts.text(one) != parts.text(measure)
    }
    if any(parts.owner(one) is table and one is not label for one in columns if parts.text(one) in found):
        return found
    prefix = f"{quote(table.name)}." if parts.several else ""
    names = {f"{prefix}{quote(name)}": name for name in names_of(table)}
    if names and not names.keys() <= found.keys():
        return found | names
    if not many or len(table.primary_key) != 1:
        return None
    key = table.primary_key[0]
    return found | {f"{prefix}{quote(key)}": key, parts.text(measure): measure.name.text}


def _labels(column: Column, group: Column, parts: PlainSelect) -> bool:
    """Whether a column stands for the group: it is what is grouped by, or of the table that this is a key of."""
    if parts.text(column) == parts.text(group):
        return True
    of, owner = parts.owner(column), parts.owner(group)
    if of is None or owner is None:
        return False
    name = fold(group.name.text)
    if of is owner:
        return [*map(fold, of.primary_key)] == [name]
    return any([*map(fold, key.columns)] == [name] and key.ref_table == of.name for key in owner.foreign_keys)


def _free(name: str, parts: PlainSelect) -> str:
    taken = {table.name.lower() for table in parts.reading.schema.tables}
    taken |= {c.name.lower() for table in parts.reading.schema.tables for c in table.columns}
    return next(one for one in (name, *(f"{name}_{n}" for n in range(1, 9))) if one not in taken)
