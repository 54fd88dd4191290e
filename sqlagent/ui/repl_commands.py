"""The prompt's commands. Each registers itself with a decorator, and `\\h` prints the registry.

A command gets the session and the text after its name. It may raise any SqlagentError (shown, and the session
goes on) or EOFError (the session ends).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlagent.agent.effort import AMENDING, DATES, EFFORTS, dates_of
from sqlagent.base import terminal
from sqlagent.base.errors import UsageError
from sqlagent.sql.names import text_literal
from sqlagent.ui import formats

if TYPE_CHECKING:
    from sqlagent.agent.column_meaning import ColumnMeaning
    from sqlagent.database.schema import Schema, Table
    from sqlagent.ui.session import Session

Run = Callable[["Session", str], None]


@dataclass(frozen=True, slots=True)
class Command:
    """One command under all its names. `choices` are completed after it; "table", "column", "file" stand for names."""

    names: tuple[str, ...]
    usage: str
    summary: str
    choices: tuple[str, ...]
    run: Run


COMMANDS: dict[str, Command] = {}
"""Every command by every one of its names."""


def command(*names: str, usage: str = "", choices: tuple[str, ...] = ()) -> Callable[[Run], Run]:
    """Register a function under `names`; the first line of its docstring becomes its help."""

    def register(function: Run) -> Run:
        summary = (inspect.getdoc(function) or "").splitlines()[0]
        made = Command(names, usage, summary, choices, function)
        COMMANDS.update(dict.fromkeys(names, made))
        return function

    return register


def is_command(line: str) -> bool:
    """Whether a line is meant for the prompt itself. ".5 * 2 …" is not; "\\anything" and ".word" are."""
    return line.startswith("\\") or (line.startswith(".") and line[1:2].isalpha())


ELSEWHERE = {
    (".import", "\\copy"): "sqlagent only reads; load a file with `sqlite3 FILE '.import --csv DATA TABLE'`.",
    ("\\c", "\\connect"): "\\open FILE goes on with another database.",
    (".dump", ".backup", ".save", ".clone"): "sqlagent only reads; `sqlite3 FILE .dump` writes the database out.",
    (".read", "\\i"): "Give it to stdin: `sqlagent DB < FILE.sql`.",
    (".headers", ".header", ".width", ".nullvalue", ".separator", "\\pset"):
        "How rows are written is \\format's: table, json, jsonl, csv, tsv or markdown.",
    (".indexes", ".indices", ".fullschema", "\\di"): ".schema shows all CREATE statements, those of indexes too.",
    (".databases", "\\l", "\\list"): "One database at a time: \\d lists its tables, \\open FILE opens another one.",
    ("\\f", "\\fs", "\\fd"): "\\run lists the favourites, \\save keeps one, \\forget drops it.",
    ("\\dt", "\\dv", "\\ls", "\\tables", ".ls"): "\\d lists the tables, \\d TABLE the columns of one.",
    (".eqp", ".explain"): "What a statement computes is said below it; \\words switches that.",
    (".shell", ".system", "\\!"): "No program is started from here; leave with Ctrl-D.",
    (".show", ".stats", "\\set"): "\\format, \\limit, \\timeout, \\model and \\effort say what is set.",
}  # fmt: skip
"""What people know from other prompts, and what there is here for that purpose."""


def run(session: Session, line: str) -> None:
    """Run a command line. Raises UsageError for a command nobody knows."""
    name, _, argument = line.strip().partition(" ")
    found = COMMANDS.get(name)
    if found is None:
        raise UsageError(f"There is no command {name}; {_instead(name)}")
    found.run(session, argument.strip().rstrip(";").strip())


def _instead(name: str) -> str:
    """What to type in place of an unknown command: by its purpose, else by its spelling."""
    import difflib

    for names, advice in ELSEWHERE.items():
        if name in names:
            return advice[:1].lower() + advice[1:] if not advice.startswith("SQL") else advice
    close = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.7) if len(name) > 3 else []
    return f"did you mean {close[0]}?" if close else "\\h lists them."


def choices(command: Command) -> Sequence[str]:
    """What can stand behind a command; "table" stands for table names."""
    if command.names[0] in ("\\run", "\\forget"):
        from sqlagent.ui import favourites

        return [*favourites.all_of_them()]
    if command.names[0] != "\\model":
        return command.choices
    from sqlagent.store import models

    return [name for status in models.statuses() for name in (status.entry.name, *status.entry.aliases)]


def help_text() -> str:
    """What `\\h` prints."""
    unique = list(dict.fromkeys(COMMANDS.values()))
    heads = [f"{', '.join(c.names)} {c.usage}".rstrip() for c in unique]
    wide = max(map(len, heads))
    room = terminal.width()
    listed = "".join(
        _entry(f"  {head:<{wide}}  ", c.summary, room) for head, c in zip(heads, unique, strict=True)
    )
    return (
        "Type a question, or a SELECT of your own.\n\n"
        f"{listed}\n"
        "Ctrl-C stops what is running, Ctrl-D leaves, Tab completes names and commands.\n"
    )


def _entry(head: str, summary: str, width: int | None) -> str:
    """A command and what it does, broken at blanks; below its head where a terminal is too narrow for both."""
    from sqlagent.ui.wrapping import text_lines

    if width is None:
        return f"{head}{summary}\n"
    beside = width - len(head) >= 24
    indent = " " * len(head) if beside else "      "
    lines = text_lines(summary, width - len(indent))
    first = [head + lines.pop(0)] if beside else text_lines(head.rstrip(), width)
    return "".join(f"{line}\n" for line in (*first, *(indent + line for line in lines)))


def switch(argument: str, now: bool) -> bool:
    """What "on", "off" or nothing (the other way round) means. Raises UsageError."""
    if argument.lower() in ("", "on", "off"):
        return not now if not argument else argument.lower() == "on"
    raise UsageError(f"{argument!r} is neither on nor off.")


def _whole(argument: str) -> int:
    if not (argument.isascii() and argument.isdecimal()):
        raise UsageError(f"{argument!r} is not a whole number from 0 up.")
    return int(argument)


def _positive(argument: str) -> float:
    try:
        seconds = float(argument)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise UsageError(f"{argument!r} is not a number of seconds above 0.")
    return seconds


@command("\\q", ".quit", ".exit", "quit", "exit")
def leave(session: Session, argument: str) -> None:
    """leave"""
    raise EOFError


@command("\\h", ".help", "\\?", "help")
def show_help(session: Session, argument: str) -> None:
    """this list"""
    terminal.out([help_text()])


@command("\\d", usage="[TABLE]", choices=("table",))
def describe(session: Session, argument: str) -> None:
    """tables, or the columns of one"""
    schema = session.agent.notes.applied(session.agent.schema())
    if argument:
        _show_table(session, schema, find_table(schema, argument))
        return
    rows = [(t.name, t.kind, _row_count(t), ", ".join(c.name for c in t.columns)) for t in schema.tables]
    session.output.rows(("name", "kind", "rows", "columns"), rows)
    for name, why in schema.skipped:
        session.output.console.notice(f"Left out: {name} ({why})")
    if schema.notice:
        session.output.console.notice(schema.notice)


@command(".tables")
def tables(session: Session, argument: str) -> None:
    """table names, one a line"""
    terminal.out(f"{table.name}\n" for table in session.agent.schema().tables)


@command(".schema", usage="[TABLE]", choices=("table",))
def create_statements(session: Session, argument: str) -> None:
    """the CREATE statements"""
    sql = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
    if argument:
        name = text_literal(find_table(session.agent.schema(), argument).name)
        sql += f" AND tbl_name = {name} COLLATE NOCASE"
    for (text,) in session.agent.run_sql(sql).rows:
        session.output.statement(str(text))


@command("\\sql", usage="[on|off]", choices=("on", "off"))
def show_sql(session: Session, argument: str) -> None:
    """show the statement before its rows, or not"""
    console = session.output.console
    console.show_sql = switch(argument, console.show_sql)
    console.notice(f"Statements are {'shown' if console.show_sql else 'not shown'}.")


@command("\\words", usage="[on|off]", choices=("on", "off"))
def show_words(session: Session, argument: str) -> None:
    """say in words what a statement computes, or not"""
    console = session.output.console
    console.show_words = switch(argument, console.show_words)
    console.notice(f"Statements are {'put' if console.show_words else 'not put'} into words.")


@command("\\format", ".mode", usage="[FORMAT]", choices=tuple(formats.FORMATS))
def choose_format(session: Session, argument: str) -> None:
    """how rows are written: table, json, jsonl, csv, tsv, markdown"""
    if argument and argument not in formats.FORMATS:
        raise UsageError(f"There is no format {argument!r}; choose one of {', '.join(formats.FORMATS)}.")
    if argument:
        session.output = session.output.using(argument)
        if session.output.for_programs and not session.limited:
            session.agent.limits = replace(session.agent.limits, max_rows=0)
    session.output.console.notice(f"Rows are written as {session.output.format}.")


@command("\\limit", usage="[N]")
def choose_limit(session: Session, argument: str) -> None:
    """most rows shown; 0 for no limit"""
    if argument:
        session.agent.limits = replace(session.agent.limits, max_rows=_whole(argument))
        session.limited = True
    most = session.agent.limits.max_rows
    session.output.console.notice(f"At most {most} rows are shown." if most else "All rows are shown.")


@command("\\timeout", usage="[SECONDS]")
def choose_timeout(session: Session, argument: str) -> None:
    """how long a statement may run"""
    if argument:
        session.agent.limits = replace(session.agent.limits, timeout=_positive(argument))
    session.output.console.notice(f"A statement may run for {session.agent.limits.timeout:g} s.")


@command("\\max-cell", usage="[N]")
def choose_cell(session: Session, argument: str) -> None:
    """longest cell, in characters; 0 for no limit"""
    if argument:
        most = _whole(argument)
        session.output = replace(session.output, max_cell=most)
        session.agent.limits = replace(session.agent.limits, max_cell=most)
    most = session.agent.limits.max_cell
    session.output.console.notice(f"Cells are cut at {most:,} characters." if most else "No cell is cut.")


@command("\\max-bytes", usage="[N]")
def choose_bytes(session: Session, argument: str) -> None:
    """memory that the rows of a result may take; 0 for no limit"""
    if argument:
        session.agent.limits = replace(session.agent.limits, max_bytes=_whole(argument))
    most = session.agent.limits.max_bytes
    session.output.console.notice(
        f"A result may take {most:,} bytes." if most else "A result may take all memory."
    )


@command("\\raw", usage="[on|off]", choices=("on", "off"))
def show_raw(session: Session, argument: str) -> None:
    """in tables, the names and all digits that SQLite gave"""
    session.output = replace(session.output, raw=switch(argument, session.output.raw))
    shown = "as SQLite gave them" if session.output.raw else "shortened for reading"
    session.output.console.notice(f"Names and numbers are {shown}.")


@command("\\next")
def show_next(session: Session, argument: str) -> None:
    """another reading of the last question: the next statement that was weighed, and its rows"""
    session.next_reading()


@command("\\new")
def begin_afresh(session: Session, argument: str) -> None:
    """forget the questions before; "and by city?" goes on from them otherwise"""
    session.conversation.forget()
    session.output.console.notice("The next question stands on its own.")


@command("\\anyway")
def insist(session: Session, argument: str) -> None:
    """answer the question that was just refused"""
    session.insist()


@command("\\timing", ".timer", usage="[on|off]", choices=("on", "off"))
def show_timing(session: Session, argument: str) -> None:
    """say how long each answer took"""
    session.timing = switch(argument, session.timing)
    session.output.console.notice(f"Timing is {'on' if session.timing else 'off'}.")


@command("\\model", usage="[NAME]")
def choose_model(session: Session, argument: str) -> None:
    """the model in use, or another one: a name or a .gguf file"""
    if argument:
        session.agent.use_model(argument)
        session.warm_up()
    session.output.console.notice(f"The model is {session.agent.model_name}.")


@command("\\effort", usage="[fast|normal|high]", choices=tuple(EFFORTS))
def choose_effort(session: Session, argument: str) -> None:
    """how many statements are tried for an answer"""
    if argument:
        session.agent.effort = argument
    session.output.console.notice(f"The effort is {session.agent.effort}.")


@command("\\dates", usage="[auto|local|stored]", choices=("auto", "local", "stored"))
def choose_dates(session: Session, argument: str) -> None:
    """how times are shown: local dates, as stored, or what suits the format"""
    if argument:
        if argument != "auto":
            dates_of(argument)
        session.output = replace(session.output, dates=argument)
    shown = DATES[session.output.dates_shown]
    session.output.console.notice(f"Dates are {session.output.dates}: {shown}.")


@command("\\amend", usage="[off|pitfalls|all]", choices=tuple(AMENDING))
def choose_amending(session: Session, argument: str) -> None:
    """what may be changed in the model's statement"""
    if argument:
        session.agent.amend = argument
    session.output.console.notice(f"Amending is {session.agent.amend}: {AMENDING[session.agent.amend]}.")


# ---- what \d shows -----------------------------------------------------------------------------------------


def find_table(schema: Schema, name: str) -> Table:
    import difflib

    plain = name[1:-1].replace('""', '"') if name[:1] == name[-1:] == '"' and len(name) > 1 else name
    found = schema.table(plain) or schema.table(name)
    if found is None:
        close = difflib.get_close_matches(plain, [table.name for table in schema.tables], n=1)
        hint = f"did you mean {close[0]}?" if close else "\\d lists them."
        raise UsageError(f"There is no table {plain!r}; {hint}")
    return found


def _row_count(table: Table) -> str | int | None:
    if table.row_count is None or table.row_count_exact:
        return table.row_count
    return f"about {table.row_count}"


def fields_shown(meaning: ColumnMeaning, table: Table) -> list[tuple[str, str, str, str, str]]:
    """The fields of JSON in a table's cells, which questions may ask for as columns, and its lists, as tables."""
    held = meaning.stored.table(table.name)
    fields = [
        (
            column.name,
            column.type,
            f"JSON in {column.computed.column}",
            ", ".join(str(sample) for sample in column.samples),
            fact.words if (fact := meaning.facts.get((table.name, column.name))) and fact.changes else "",
        )
        for column in (held.columns if held is not None else ())
        if column.computed is not None
    ]
    lists = [
        (name, "table", f"JSON in {column}", "", f"a row for each: {', '.join(columns)}")
        for name, column, columns in meaning.lists_of(table.name)
    ]
    return [*fields, *lists]


def _show_table(session: Session, schema: Schema, table: Table) -> None:
    meaning = session.agent.meaning()
    facts = meaning.facts if meaning is not None else {}
    refers = {}
    for key in table.foreign_keys:
        refers.update(dict.fromkeys(key.columns, f"{key.ref_table}({', '.join(key.ref_columns)})"))
    rows = []
    for column in table.columns:
        marks = ["primary key"] if column.pk else []
        marks += ["unique"] if column.unique and not column.pk else []
        marks += ["not null"] if column.not_null else []
        marks += ["generated"] if column.generated else []
        marks += [f"refers to {refers[column.name]}"] if column.name in refers else []
        samples = ", ".join(str(sample) for sample in column.samples if not isinstance(sample, bytes))
        fact = facts.get((table.name, column.name))
        stored = fact.words if fact is not None and fact.changes else ""
        comment = "; ".join(filter(None, [column.comment, stored]))
        rows.append((column.name, column.type, ", ".join(marks), samples, comment))
    rows += fields_shown(meaning, table) if meaning is not None else []
    session.output.rows(("column", "type", "key", "for example", "comment"), rows)
