"""Amend a statement by all rules: what is a pitfall is mended, what else may be meant is proposed.

A proposal is weighed against the model's own statement by the model itself: with a prior that says how often such a
meaning is right, or by how often what is supplied is right alone (`sqlagent.amend.rule` has the kinds).

Invariant: only `mended` changes what runs, and each change is an Amendment that the answer shows.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlagent.amend.amendment import Amendment, Proposal
from sqlagent.amend.context import Context
from sqlagent.amend.rule import Rule
from sqlagent.amend.rules import MEANINGS, PITFALLS, SUPPLIED
from sqlagent.sql.reading import Reading

Changed = tuple[str, tuple[Amendment, ...]]
"""A statement, and what was done to it."""


def mended(sql: str, about: Context) -> Changed:
    """A canonical statement without the pitfalls that its database proves, and what was done to it."""
    return _applied(sql, PITFALLS, about)


def proposals(sql: str, about: Context) -> list[Proposal]:
    """What a canonical statement may have been meant to be: by each rule alone, and by all of a kind."""
    reading = about.statements.find(sql)
    if reading is None:
        return []
    known = _each(SUPPLIED, reading, about)
    if known:  # one may call for another: what is grouped by a key is then shown by name
        known.append(_applied(sql, SUPPLIED, about))
    meant = _each(MEANINGS, reading, about)
    if len(meant) > 1:
        meant.append(_applied(sql, MEANINGS, about))
    found = [
        *(Proposal(made, why, lead=sum(SUPPLIED[one.rule].lead for one in why)) for made, why in known),
        *(Proposal(made, why, prior=sum(MEANINGS[one.rule].prior for one in why)) for made, why in meant),
    ]
    return list({one.sql: one for one in reversed(found) if one.sql != sql}.values())[::-1]


def _each(rules: Mapping[str, Rule], reading: Reading, about: Context) -> list[Changed]:
    """What each of some rules alone makes of a statement, where it changes it."""
    made = [(name, rule(reading, about)) for name, rule in rules.items()]
    return [
        (one.sql, (Amendment(name, reading.sql, one.sql, one.note),))
        for name, one in made
        if one.sql != reading.sql
    ]


def _applied(sql: str, rules: Mapping[str, Rule], about: Context) -> Changed:
    """A statement after some rules, each on what the one before made; as it was where it cannot be read."""
    reading, found = about.statements.find(sql), list[Amendment]()
    for name, rule in rules.items():
        if reading is None:
            break
        made = rule(reading, about)
        if made.sql != reading.sql:
            found.append(Amendment(name, reading.sql, made.sql, made.note))
            sql, reading = made.sql, about.statements.find(made.sql)
    return sql, tuple(found)
