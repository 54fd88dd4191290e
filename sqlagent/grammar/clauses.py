"""Rules for the clauses of a SELECT, set operations and WITH.

Invariant: when FROM ends, everything that SELECT used is bound; result columns are as many as the place asks for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlagent.grammar.expr import (
    AGG,
    COLUMNS_DOTTED,
    NO_LITERAL,
    NO_QUERY,
    STARS,
    WIN,
    Context,
    comparison,
    condition,
    condition_tail,
    operand,
    value_or_condition,
    value_tail,
    word,
)
from sqlagent.grammar.lexers import LIMIT_NUMBER, IdentLexer
from sqlagent.grammar.machine import QUIET, UNLIKELY, Choice, Frame, Lit, Open, Option, expand
from sqlagent.grammar.scope import (
    AFTER,
    EMPTY,
    FROM,
    Arm,
    Item,
    Relation,
    Scope,
    Source,
    is_numbered,
)

MAX_ITEMS = 24
"""Result columns, GROUP BY or ORDER BY terms."""
MAX_ARMS = 5
"""SELECTs joined by set operations."""

_LOADS = {"item": 0, "where": 1, "having": 3, "group": 5, "on": 5, "order": 7, "arm": 2, "derived": 6}
"""Symbols that a clause keeps on the stack of SQLite's parser, beside those of its SELECT (`Scope.load`)."""
_WITH, _BEHIND_WITH = 7, 2
"""The same for a CTE's query and for the query behind WITH."""


def _context(flags: int, env: Scope, clause: str) -> Context:
    return (flags, env.load + _LOADS[clause], None)


def _on(env: Scope) -> Context:
    return _context(COLUMNS_DOTTED | NO_QUERY, env, "on")


def statement(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """A query, with WITH before it or not."""
    return [
        *query(grammar, (None, False, "top", 0), rest, env),
        Lit(b"WITH ", (cte, None, rest), env),
    ]


def cte(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """name AS (query), then another one or the main query."""
    taken = {c.key for c in env.ctes}
    lexer = IdentLexer(lambda name: name in taken or grammar.is_taken(name))

    def then(q: bytes) -> tuple[Frame, Scope]:
        body = (
            query,
            (None, False, "named:" + q.decode("ascii"), _WITH),
            (word, b")", (cte_tail, None, rest)),
        )
        return (word, b" AS (", body), env

    return [Open(lexer, then)]


def cte_tail(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """Behind a CTE."""
    options: list[Option] = [Lit(b" ", (query, (None, False, "top", _BEHIND_WITH), rest), env)]
    if len(env.ctes) < 4:
        options.append(Lit(b", ", (cte, None, rest), env))
    return options


def query(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """A SELECT with set operations, ORDER BY and LIMIT, in a scope of its own.

    `arg` is (width or None, may refer to `env`, role, load); role is "top", "value" or "named:<name>".
    """
    width, correlated, role, load = arg
    inner = Scope(
        outer=env if correlated else None,
        depth=env.depth + 1,
        ctes=env.ctes,
        width=width,
        role=role,
        terms=env.terms,
        load=load,
    )
    tail = (group, None, (compound, None, (order, None, (limit, None, (leave, env, rest)))))
    return [Lit(b"SELECT ", (items, None, tail), inner)]


def leave(grammar: Any, outer: Scope, rest: Frame, env: Scope) -> list[Option]:
    """Back to the enclosing scope."""
    if env.role.startswith("named:"):
        relation = _as_relation(env, env.role[6:])
        back = outer.change(ctes=(*outer.ctes, relation))
    elif env.role == "derived":
        back = outer.change(derived=_as_relation(env, ""))
    elif env.role == "value":
        back = outer.change(column=None, has_query=True)
    else:
        back = outer
    return expand(grammar, rest, back)


def _as_relation(env: Scope, name: str) -> Relation:
    """A finished query as something to select from: its nameable columns."""
    first = env.arms.items if env.arms else env.items
    sources = env.arms.sources if env.arms else env.sources
    names: dict[str, str] = {}

    def add(text: str, key: str) -> None:
        # Of two columns of one name SQLite gives the second another one.
        names.setdefault(key, text)

    for item in first:
        if item.star is not None:
            for source in sources.items:
                if item.star in ("", source.key):
                    for column, key in zip(source.relation.columns, source.relation.column_keys, strict=True):
                        add(column, key)
        elif item.key is not None and item.name is not None:
            add(item.name, item.key)
    columns = tuple(names.values())
    width = env.arms.width if env.arms else env.total_width()
    return Relation(name, columns, width=width)


# -- result columns --------------------------------------------------------------------------------------------


def items(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """The result columns, DISTINCT or not."""
    return [*item(grammar, None, rest, env), Lit(b"DISTINCT ", (item, None, rest), env)]


def item(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """One result column."""
    env = env.change(item=Item(), item_column=False, column=None)
    options: list[Option] = []
    if env.width is None and not env.bare_stars and not env.arms and not (env.items and grammar.is_wide(env)):
        wide = grammar.is_wide(env)
        star = env.change(
            bare_stars=1,
            items=(*env.items, Item(star="")),
            has_column=True,
            item=Item(star=""),
            lone=wide,
        )
        options.append(Lit(b"*", (item_end, None, rest), star))
    if env.arms and not env.items and not env.bare_stars and env.arms.starred:
        # SELECT * FROM a UNION SELECT * FROM b: the second source must be as wide as the first arm.
        found = grammar.witnesses.find((), EMPTY, env.ctes, env.arms.width)
        if found is not None:
            star = env.change(
                bare_stars=1,
                items=(Item(star=""),),
                has_column=True,
                item=Item(star=""),
                star_width=env.arms.width,
                witness=found,
            )
            options.append(Lit(b"*", (item_end, None, rest), star))
    stars = env.width is None and not env.arms and not grammar.is_wide(env)
    ctx = _context(AGG | WIN | STARS if stars else AGG | WIN, env, "item")
    return options + value_or_condition(grammar, ctx, (item_end, None, rest), env)


def star_done(grammar: Any, key: str, rest: Frame, env: Scope) -> list[Option]:
    """Behind `t.*`: nothing can be added to it."""
    while rest is not None and rest[0] is not item_end:
        rest = rest[2]
    starred = env.change(
        items=(*env.items, Item(star=key)),
        star_qualifiers=(*env.star_qualifiers, key),
        item=Item(star=key),
    )
    return expand(grammar, rest, starred)


def item_end(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """Behind a result column."""
    current = env.item
    if current.star is None:
        if not current.alias and env.column is not None:
            key = env.column[1]
            current = Item(key, grammar.spelling(env.column, env), False, current.aggregate, current.window)
        current = replace(current, constant=not env.item_column, origin=env.column)
        repeated = env.column is not None and any(i.origin == env.column for i in env.items)
        done = env.change(items=(*env.items, current), plain=env.plain + 1, column=None)
    else:
        done = env.change(column=None)
        repeated = False
    named = env.role == "derived" or env.role.startswith("named:")
    may_alias = current.star is None and not current.alias and env.role != "value" and not env.arms
    if named and current.star is None and current.key is None and may_alias:
        # Without a name it could not be referred to: it gets one, unless something else is written. SQLite would name
        # it by its text, which must not be the name of a column.
        alias = _alias(grammar, rest, env)
        if grammar.has_odd_names:
            return [alias]
        return [alias, *_as_quiet(_behind_item(grammar, rest, env, done, repeated))]
    options = _behind_item(grammar, rest, env, done, repeated)
    if may_alias:
        options.append(_alias(grammar, rest, env))
    return options


def _as_quiet(options: list[Option]) -> list[Option]:
    """The same, accepted when written."""
    return [
        Lit(o.text, o.rest, o.env, rare=max(o.rare, QUIET), spelt=o.spelt)
        for o in options
        if isinstance(o, Lit)
    ]


def _behind_item(grammar: Any, rest: Frame, env: Scope, done: Scope, repeated: bool) -> list[Option]:
    """FROM or one more result column; `done` is `env` with the column just written among its items."""
    options: list[Option] = []
    count = done.plain
    wanted = env.width if env.width is not None else (env.arms.width if env.arms else None)
    full = wanted is None or count == wanted or done.star_width is not None
    more = (count < wanted if wanted is not None else len(done.items) < MAX_ITEMS) and done.star_width is None
    # A column that is listed twice is the start of a loop: let the list end here.
    more = more and not done.lone and not (repeated and wanted is None)
    if full:
        options.append(Lit(b" FROM ", (source, ("", True), (joins, None, rest)), done.change(phase=FROM)))
        if not done.has_column and done.has_query and not done.has_aggregate and not done.need.qualifiers:
            options += _without_from(grammar, rest, done)
    if more:
        options.append(Lit(b", ", (item, None, rest), done))
    return options


def _without_from(grammar: Any, rest: Frame, env: Scope) -> list[Option]:
    """SELECT (query) / (query): no FROM, so no WHERE or GROUP BY either."""
    if rest is None:
        return []
    return expand(grammar, rest[2], env.change(phase=AFTER))


def _alias(grammar: Any, rest: Frame, env: Scope) -> Lit:
    taken = {i.key for i in env.items}
    lexer = IdentLexer(lambda name: name in taken or grammar.is_taken(name))
    flags = env.item

    def then(q: bytes) -> tuple[Frame, Scope]:
        name = q.decode("ascii")
        named = Item(name.lower(), q, True, flags.aggregate, flags.window)
        return (item_end, None, rest), env.change(item=named, column=None)

    return Lit(b" AS ", (new_name, (lexer, then), None), env)


def new_name(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """A new identifier."""
    lexer, then = arg
    return [Open(lexer, then)]


# -- FROM ------------------------------------------------------------------------------------------------------


def source(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """A table (or a subquery) in FROM. `arg` is (kind of join, first)."""
    join, first = arg
    cross = join == "cross"
    after = rest
    needed = env.witness
    bound = env.sources.relations
    visible, rare = grammar.join_choices(env, first)
    options: list[Option] = []

    def then_of(relations: tuple[Relation, ...]) -> Any:
        return lambda i: ((source_alias, (relations[i], join), after), env)

    def valid_of(relations: tuple[Relation, ...]) -> Any:
        return lambda i: grammar.can_bind(env, relations[i])

    if needed:
        # First, for `closing`: a table that brings the end nearer.
        relation = needed[0][1]
        options.append(
            Choice(
                (relation.text,),
                then_of((relation,)),
                rare=UNLIKELY if relation not in visible and not cross and visible else 0,
            )
        )
        visible = tuple(r for r in visible if r is not relation)
    if visible:
        texts = tuple(r.text for r in visible)
        options.append(Choice(texts, then_of(visible), valid_of(visible)))
    if rare:
        skip = set(visible) | ({needed[0][1]} if needed else set())
        keep = tuple(r for r in rare if r not in skip)
        if keep:
            texts = tuple(r.text for r in keep)
            options.append(
                Choice(texts, then_of(keep), valid_of(keep), rare=UNLIKELY if not first or options else 0)
            )
    if first and not needed and not bound and env.depth < 4 and env.star_width is None:
        load = env.load + _LOADS["derived"]
        inner = Scope(depth=env.depth + 1, ctes=env.ctes, role="derived", terms=env.terms, load=load)
        tail: Frame = (group, None, (compound, None, (order, None, (limit, None, (leave, env, None)))))
        tail = _retarget(tail, (word, b") AS ", (derived_alias, join, after)))
        options.append(Lit(b"(SELECT ", (items, None, tail), inner, rare=QUIET))
    return options


def _retarget(tail: Frame, rest: Frame) -> Frame:
    """`tail` with `rest` behind its last frame."""
    if tail is None:
        return rest
    return (tail[0], tail[1], _retarget(tail[2], rest))


def derived_alias(grammar: Any, join: str, rest: Frame, env: Scope) -> list[Option]:
    """The alias of a subquery in FROM."""
    relation = env.derived
    options: list[Option] = []
    if relation is None:
        return options
    for alias in grammar.next_alias(env):
        bound = bind(grammar, env, relation, alias, True)
        if bound is not None:
            # A `*` over this subquery and more sources could pass SQLite's limit on columns.
            options.append(Lit(alias, rest, bound.change(lone=bool(env.bare_stars or env.star_qualifiers))))
    return options


def source_alias(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """Behind a table's name in FROM: an alias or not."""
    relation, join = arg
    plain: list[Option] = []
    wanted = env.need.qualifier(relation.key)
    if relation.key not in env.sources.keys and (wanted is None or wanted.relation is relation):
        bound = bind(grammar, env, relation, relation.text, False)
        if bound is not None:
            plain = _bound(grammar, join, rest, bound)
    aliases: list[Option] = []
    if wanted is None or wanted.relation is not relation or not plain:
        for alias in grammar.aliases_in_from(env, relation):
            aliases += _named(grammar, env, relation, alias, join, rest, 0)
        for alias in grammar.new_shorts(env, relation):
            aliases += _named(grammar, env, relation, alias, join, rest, QUIET)
    first = env.witness[0] if env.witness else None
    if first is not None and first[1] is relation and first[0] not in ("", relation.key):
        # `closing` follows first options: the alias that is waited for comes first.
        aliases.sort(key=lambda o: not (isinstance(o, Lit) and o.spelt[4:].decode().lower() == first[0]))
        return aliases + plain
    return plain + aliases


def _named(
    grammar: Any, env: Scope, relation: Relation, alias: bytes, join: str, rest: Frame, rare: int
) -> list[Option]:
    """`relation` under an alias, with AS or without."""
    bound = bind(grammar, env, relation, alias, True)
    if bound is None:
        return []
    frame = (after_source, join, rest)
    spelt = b" AS " + alias
    return [
        Lit(spelt, frame, bound, rare=rare),
        Lit(b" " + alias, frame, bound, rare=QUIET, spelt=spelt),
    ]


def after_source(grammar: Any, join: str, rest: Frame, env: Scope) -> list[Option]:
    """Behind a source and its alias."""
    return _bound(grammar, join, rest, env)


def _bound(grammar: Any, join: str, rest: Frame, env: Scope) -> list[Option]:
    if join in ("", "cross"):
        return expand(grammar, rest, env)
    return [Lit(b" ON ", (on_left, None, rest), env)]


def bind(grammar: Any, env: Scope, relation: Relation, text: bytes, aliased: bool) -> Scope | None:
    """The scope with one more source, or None where that would leave no witness."""
    key = text.decode().lower() if aliased else relation.key
    wanted = env.need.qualifier(key)
    if wanted is not None and wanted.relation is None and not env.fits(wanted, relation):
        return None
    if key in env.sources.keys:
        return None
    need = env.need.without(key)
    sources = env.sources.add(Source(relation, text, key, aliased and is_numbered(key)))
    rest = _take(env.witness, key, relation)
    if rest is None:
        rest = grammar.witnesses.find(sources.relations, need, env.ctes, env.star_width)
        if rest is None:
            return None
    return env.change(need=need, sources=sources, witness=rest)


def _take(
    witness: tuple[tuple[str, Relation], ...], key: str, relation: Relation
) -> tuple[tuple[str, Relation], ...] | None:
    """The witness without the element that this source fulfils; None when it is none of them."""
    for i, (wanted, candidate) in enumerate(witness):
        if candidate is relation and wanted in ("", key):
            others = witness[:i] + witness[i + 1 :]
            # An unqualified column's table may not stand in for a qualifier that is still waited for.
            if wanted == key or all(k != key for k, _ in others):
                return others
    return None


def on_left(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """ON: first the columns that a key links to the new source, then anything else."""
    links = grammar.links_to_last(env)
    tail = (condition_tail, _on(env), rest)
    lefts = tuple(sorted(links))
    options: list[Option] = []
    if lefts:
        options.append(Choice(lefts, lambda i: ((on_operator, (lefts[i], links[lefts[i]], tail), None), env)))
    new = env.sources.items[-1]
    pairs = []
    for s in env.sources.items:
        pairs += [
            (s.text + b"." + t, (s.key, k)) for t, k in zip(s.relation.texts, s.relation.keys, strict=True)
        ]
    others = sorted((t, c) for t, c in pairs if t not in links)
    texts = tuple(t for t, _ in others)
    here = (value_tail, _on(env), (on_comparison, None, tail))
    # Columns of the new source come last, so that `closing` starts with an earlier one.
    first = tuple(i for i, (_, c) in enumerate(others) if c[0] != new.key)
    if texts:
        options.append(
            Choice(
                texts,
                lambda i: (here, env.change(column=others[i][1])),
                rare=UNLIKELY if lefts or not first else 0,
            )
        )
    options += _rare_operands(grammar, (value_tail, _on(env), (on_comparison, None, tail)), env)
    return options


def _rare_operands(grammar: Any, rest: Frame, env: Scope) -> list[Option]:
    """Operands of ON that are no plain columns: calls, literals, CASE."""
    found = []
    for option in operand(grammar, _on(env), rest, env):
        if isinstance(option, Choice) and option.texts == env.sources.dotted[0]:
            continue
        option = _as_rare(option)
        found.append(option)
    return found


def _as_rare(option: Option) -> Option:
    if isinstance(option, Lit):
        return Lit(option.text, option.rest, option.env, rare=UNLIKELY, spelt=option.spelt)
    if isinstance(option, Choice):
        return Choice(option.texts, option.then, option.valid, rare=UNLIKELY, words=option.words)
    if isinstance(option, Open):
        return Open(option.lexer, option.then, rare=UNLIKELY, tag=option.tag)
    return option


def on_operator(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """Behind a key column in ON: `=` and its partner, or (rare) any other comparison."""
    left, partners, tail = arg
    generic = (on_comparison_but_equal, None, tail)
    return [Lit(b" = ", (on_right, (partners, tail), None), env), *_rare_tail(grammar, generic, env)]


def _rare_tail(grammar: Any, frame: Frame, env: Scope) -> list[Option]:
    return [_as_rare(o) for o in value_tail(grammar, _on(env), frame, env)]


def on_right(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """The key column's partner, or (rare) any other value."""
    partners, tail = arg
    texts = tuple(sorted(partners))
    options: list[Option] = [Choice(texts, lambda i: (tail, env))]
    others = []
    for s in env.sources.items:
        others += [s.text + b"." + t for t in s.relation.texts if s.text + b"." + t not in partners]
    rest_texts = tuple(sorted(others))
    after = (value_tail, _on(env), tail)
    if rest_texts:
        options.append(Choice(rest_texts, lambda i: (after, env), rare=UNLIKELY))
    return options + _rare_operands(grammar, after, env)


def on_comparison(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """A comparison in ON."""
    options = comparison(grammar, _on(env), rest, env)
    equal = next(o for o in options if isinstance(o, Lit) and o.text == b" = ")
    return [equal, *(_as_rare(o) for o in options if o is not equal)]


def on_comparison_but_equal(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """A comparison in ON other than the `=` that `on_operator` offers."""
    return on_comparison(grammar, arg, rest, env)[1:]


def joins(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """Behind a source: more sources while any are needed, then WHERE."""
    options: list[Option] = []
    waiting = bool(env.witness)
    if not waiting:
        after = env.change(phase=AFTER, column=None)
        options += where(grammar, rest, after)
    if env.star_width is None and not env.lone and (waiting or grammar.can_join(env)):
        again = (joins, None, rest)
        options.append(Lit(b" CROSS JOIN ", (source, ("cross", False), again), env, rare=UNLIKELY))
        options.append(Lit(b" JOIN ", (source, ("join", False), again), env))
        options.append(Lit(b" LEFT JOIN ", (source, ("left", False), again), env))
        inner, left = (source, ("join", False), again), (source, ("left", False), again)
        options.append(Lit(b" INNER JOIN ", inner, env, rare=QUIET, spelt=b" JOIN "))
        options.append(Lit(b" LEFT OUTER JOIN ", left, env, rare=QUIET, spelt=b" LEFT JOIN "))
    return options


def where(grammar: Any, rest: Frame, env: Scope) -> list[Option]:
    """WHERE or nothing."""
    return [*expand(grammar, rest, env), Lit(b" WHERE ", (condition, _context(0, env, "where"), rest), env)]


# -- behind WHERE ----------------------------------------------------------------------------------------------


def group(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """GROUP BY or nothing."""
    options = expand(grammar, rest, env)
    if _columns(env):
        grouped = env.change(grouped=True, column=None)
        options = [*options, Lit(b" GROUP BY ", (group_term, 1, rest), grouped)]
    return options


def _columns(env: Scope) -> bool:
    return any(s.relation.columns for s in env.sources.items)


def group_term(grammar: Any, n: int, rest: Frame, env: Scope) -> list[Option]:
    """One GROUP BY term: a value, or a result column by alias or number."""
    after = (group_tail, n, rest)
    options = value_or_condition(grammar, _context(NO_LITERAL | NO_QUERY, env, "group"), after, env)
    plain = [i for i in env.items if i.star is None]
    if len(plain) == len(env.items):
        good = {str(k + 1).encode() for k, i in enumerate(plain) if _groupable(i)}
        options += _positions(good, after, env)
    aliases = tuple(sorted(i.text for i in env.items if i.alias and i.text and _groupable(i)))
    if aliases:
        options.append(Choice(aliases, lambda i: (after, env), rare=QUIET))
    return options


def _groupable(item: Item) -> bool:
    return not (item.aggregate or item.window or item.constant)


def _positions(texts: set[bytes], after: Frame, env: Scope) -> list[Option]:
    ordered = tuple(sorted(texts))
    return [Choice(ordered, lambda i: (after, env), rare=QUIET)] if ordered else []


def group_tail(grammar: Any, n: int, rest: Frame, env: Scope) -> list[Option]:
    """Behind a GROUP BY term."""
    plain = env.change(column=None)
    options = [
        *expand(grammar, rest, plain),
        Lit(b" HAVING ", (condition, _context(AGG, env, "having"), rest), plain),
    ]
    if n < MAX_ITEMS:
        options.append(Lit(b", ", (group_term, n + 1, rest), plain))
    return options


def compound(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """A set operation and its next SELECT, or nothing."""
    options = expand(grammar, rest, env)
    width = env.arms.width if env.arms else env.total_width()
    count = env.arms.count if env.arms else 1
    if width is None or width == 0 or count >= MAX_ARMS:
        return options
    starred = bool(env.bare_stars) and not env.plain and not env.star_qualifiers
    first = env.arms or Arm(width, _order_names(env), env.items, env.sources, starred)
    arm = Scope(
        outer=env.outer,
        depth=env.depth,
        ctes=env.ctes,
        role=env.role,
        terms=env.terms,
        load=env.load if env.arms else env.load + _LOADS["arm"],
        arms=first.next(),
    )
    frame = (arm_items, None, (group, None, (compound, None, rest)))
    words = (b" UNION SELECT ", b" UNION ALL SELECT ", b" INTERSECT SELECT ", b" EXCEPT SELECT ")
    return [*options, *(Lit(text, frame, arm) for text in words)]


def arm_items(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """The result columns of a later arm."""
    return items(grammar, None, rest, env)


def _order_names(env: Scope) -> tuple[bytes, ...]:
    """What ORDER BY may say behind a set operation: aliases and unambiguous columns of the first SELECT."""
    names: set[bytes] = set()
    for i in env.items:
        if i.text is None or i.key is None or i.star is not None:
            continue
        if i.alias or env.sources.owner(i.key) is not None:
            names.add(i.text)
    return tuple(sorted(names))


def order(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """ORDER BY or nothing."""
    options = expand(grammar, rest, env)
    if env.arms or _columns(env):
        options = [*options, Lit(b" ORDER BY ", (order_term, 1, rest), env.change(column=None))]
    return options


def order_term(grammar: Any, n: int, rest: Frame, env: Scope) -> list[Option]:
    """One ORDER BY term."""
    after = (order_tail, n, rest)
    options: list[Option] = []
    if env.arms:
        good = {str(k + 1).encode() for k in range(env.arms.width)}
        options += _positions(good, after, env)
        names = env.arms.names
        if names:
            options.append(Choice(names, lambda i: (after, env)))
        return options
    flags = NO_LITERAL | NO_QUERY | (AGG if env.grouped or env.has_aggregate else 0)
    options += value_or_condition(grammar, _context(flags, env, "order"), after, env)
    if all(i.star is None for i in env.items):
        options += _positions({str(k + 1).encode() for k in range(len(env.items))}, after, env)
    aliases = tuple(sorted({i.text for i in env.items if i.alias and i.text}))
    if aliases:
        options.append(Choice(aliases, lambda i: (after, env)))
    return options


def order_tail(grammar: Any, n: int, rest: Frame, env: Scope) -> list[Option]:
    """Behind an ORDER BY term."""
    plain = env.change(column=None)
    again = (order_term, n + 1, rest)
    options = [*expand(grammar, rest, plain), Lit(b" DESC", (order_nulls, n, rest), plain)]
    options.append(Lit(b" ASC", (order_nulls, n, rest), plain, rare=QUIET, spelt=b""))
    options += _nulls(grammar, n, rest, plain)
    if n < MAX_ITEMS:
        options.append(Lit(b", ", again, plain))
    return options


def order_nulls(grammar: Any, n: int, rest: Frame, env: Scope) -> list[Option]:
    """Behind DESC."""
    options = expand(grammar, rest, env)
    options = options + _nulls(grammar, n, rest, env)
    if n < MAX_ITEMS:
        options.append(Lit(b", ", (order_term, n + 1, rest), env))
    return options


def _nulls(grammar: Any, n: int, rest: Frame, env: Scope) -> list[Option]:
    if not grammar.has_nulls_order:
        return []
    after = (order_more, n, rest)
    return [Lit(text, after, env, rare=QUIET) for text in (b" NULLS LAST", b" NULLS FIRST")]


def order_more(grammar: Any, n: int, rest: Frame, env: Scope) -> list[Option]:
    """Behind a complete ORDER BY term."""
    options = expand(grammar, rest, env)
    if n < MAX_ITEMS:
        options = [*options, Lit(b", ", (order_term, n + 1, rest), env)]
    return options


def limit(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """LIMIT or nothing."""
    return [*expand(grammar, rest, env), Lit(b" LIMIT ", (limit_number, (limit_tail, None, rest), None), env)]


def limit_number(grammar: Any, frame: Frame, rest: Frame, env: Scope) -> list[Option]:
    """A count of rows."""
    return [Open(LIMIT_NUMBER, lambda q: (frame, env))]


def limit_tail(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """OFFSET or nothing."""
    return [*expand(grammar, rest, env), Lit(b" OFFSET ", (limit_number, rest, None), env)]
