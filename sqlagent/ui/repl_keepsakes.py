"""The prompt's commands about what is kept and what is open: favourites, notes, other files, the keys and the toolbar.

They register themselves as repl_commands says.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from sqlagent.base.errors import UsageError
from sqlagent.ui import favourites, inspecting, own_sql
from sqlagent.ui.repl_commands import command, find_table, switch

if TYPE_CHECKING:
    from sqlagent.database.schema import Schema
    from sqlagent.ui.session import Session


@command("\\save", usage="NAME [SQL]")
def save_favourite(session: Session, argument: str) -> None:
    """keep the last statement under a name, or one with parameters: \\save by_city SELECT … = :city"""
    name, _, sql = argument.partition(" ")
    if not name:
        raise UsageError(
            "Say a name: \\save NAME keeps the last statement, \\save NAME SELECT … another one."
        )
    if sql and not own_sql.begins_like_sql(sql):
        raise UsageError(f"{sql.strip()!r} is no statement; a favourite is SQL.")
    favourites.save(name, sql or session.last_result().sql)
    wanted = " ".join(favourites.parameters(favourites.find(name)))
    session.output.console.notice(f"Saved; run it with \\run {name}{' ' + wanted if wanted else ''}")


@command("\\run", usage="[NAME [VALUES]]")
def run_favourite(session: Session, argument: str) -> None:
    """run a favourite, its parameters filled in: \\run by_city Paris, \\run by_city city=Paris; or list them"""
    name, _, values = argument.partition(" ")
    if not name:
        known = favourites.all_of_them()
        rows = [(one, " ".join(favourites.parameters(sql)), sql) for one, sql in sorted(known.items())]
        session.output.rows(("name", "parameters", "statement"), rows)
        return
    sql = favourites.filled(favourites.find(name), values)
    session.output.console.sql(sql)
    session.statement(sql)


@command("\\forget", usage="NAME")
def forget_favourite(session: Session, argument: str) -> None:
    """keep a favourite no longer"""
    if not argument:
        raise UsageError("Say which favourite: \\forget NAME; \\run lists them.")
    favourites.forget(argument)
    session.output.console.notice(f"{argument} is forgotten.")


@command("\\note", usage="[TABLE.COLUMN [TEXT]]", choices=("column",))
def note_column(session: Session, argument: str) -> None:
    """say in your words what a column holds, which the model is told from then on; - takes it back"""
    notes = session.agent.notes
    if not argument:
        rows = [(f"{table}.{column}", text) for (table, column), text in notes.all().items()]
        session.output.rows(("column", "note"), rows)
        return
    place, _, text = argument.partition(" ")
    if place.startswith('"') or "." not in place:
        place, text = _quoted_place(argument)
    table, column = _column(session.agent.schema(), place)
    if not text.strip():
        said = {key: one for key, one in notes.all().items() if key == (table, column)}
        session.output.console.notice(said.get((table, column)) or f"There is no note on {table}.{column}.")
        return
    text = text.strip()
    notes.write(table, column, "" if text == "-" else text)
    session.warm_up()  # the model reads the schema again
    session.output.console.notice(f"{'Taken back' if text == '-' else 'Noted'} in {notes.path}.")


@command("\\tour", usage="[NUMBER]")
def show_tour(session: Session, argument: str) -> None:
    """what is in here, and questions that have answers; with a number, that question's rows"""
    if argument:
        if not argument.isdecimal() or not 1 <= int(argument) <= len(session.tour):
            raise UsageError(f"There is no question {argument} of the tour; \\tour lists them.")
        sql = session.tour[int(argument) - 1]
        session.output.console.sql(sql)
        session.statement(sql, meant=True)
        return
    session.tour = inspecting.show_tour(session.agent, session.output)
    if session.tour:
        session.output.console.notice("\\tour NUMBER shows all rows of a question's answer.")


@command("\\open", ".open", usage="FILE …", choices=("file",))
def open_other(session: Session, argument: str) -> None:
    """go on with another database, or with CSV, JSON, Excel or Parquet files; the model stays loaded"""
    try:
        files = shlex.split(argument)
    except ValueError:
        raise UsageError("A quote is not closed.") from None
    if not files:
        raise UsageError("Say which file: \\open FILE")
    session.open(files)


@command("\\keys", usage="[emacs|vi]", choices=("emacs", "vi"))
def choose_keys(session: Session, argument: str) -> None:
    """how lines are edited"""
    if argument not in ("", "emacs", "vi"):
        raise UsageError(f"There are no keys {argument!r}; choose emacs or vi.")
    if argument:
        session.vi = argument == "vi"
    session.output.console.notice(f"The keys are {'vi' if session.vi else 'emacs'}'s.")


@command("\\toolbar", usage="[on|off]", choices=("on", "off"))
def choose_toolbar(session: Session, argument: str) -> None:
    """show database, model, effort and the last timing below the line, or not"""
    session.toolbar = switch(argument, session.toolbar)
    session.output.console.notice(f"The toolbar is {'on' if session.toolbar else 'off'}.")


def _quoted_place(argument: str) -> tuple[str, str]:
    """`"order details"."unit price" text` in two."""
    try:
        found = list(shlex.shlex(argument, posix=False, punctuation_chars=False))
    except ValueError:
        raise UsageError("A quote is not closed.") from None
    if len(found) < 3 or found[1] != ".":
        raise UsageError("Say which column: \\note TABLE.COLUMN text")
    place = "".join(found[:3])
    return place, argument[argument.index(found[2], len(found[0])) + len(found[2]) :]


def _column(schema: Schema, place: str) -> tuple[str, str]:
    """A table and its column as the schema spells them. Raises UsageError with the nearest name."""
    import difflib

    dots = [at for at, character in enumerate(place) if character == "."]
    for at in dots:
        table = schema.table(_bare(place[:at]))
        column = table.column(_bare(place[at + 1 :])) if table is not None else None
        if table is not None and column is not None:
            return table.name, column.name
    if not dots:
        raise UsageError("Say which column: \\note TABLE.COLUMN text")
    table = find_table(schema, place[: dots[0]])
    close = difflib.get_close_matches(_bare(place[dots[0] + 1 :]), [one.name for one in table.columns], n=1)
    hint = f"did you mean {table.name}.{close[0]}?" if close else f"\\d {table.name} lists them."
    raise UsageError(f"{table.name} has no column {_bare(place[dots[0] + 1 :])!r}; {hint}")


def _bare(name: str) -> str:
    return name[1:-1].replace('""', '"') if len(name) > 1 and name[0] == name[-1] == '"' else name
