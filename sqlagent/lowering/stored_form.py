"""Write SQL for stored values: what a column means, and how a meant value is stored.

    Linear µs since 1970:  meaning   datetime(c / 1000000, 'unixepoch')
                           stored    strftime('%s', '2024-05-03') * 1000000
    TextDate %d/%m/%Y:     meaning   substr(c, 7, 4) || '-' || substr(c, 4, 2) || '-' || substr(c, 1, 2)

Invariant: a meaning is NULL where the column says nothing, and compares, sorts and calculates as what is meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from sqlagent.database.column_facts import encodings as enc
from sqlagent.database.column_facts import written_dates
from sqlagent.database.column_facts.encodings import (
    DigitDate,
    Duration,
    Encoding,
    Flag,
    Linear,
    Named,
    Padded,
    Scaled,
    TextNumber,
    ZeroFilled,
)
from sqlagent.database.column_facts.fact import ColumnFact
from sqlagent.database.column_facts.written_dates import MixedDate, TextDate
from sqlagent.database.schema import Value
from sqlagent.lowering.moments import DAY, MINUTE, MONTH, SECOND, YEAR
from sqlagent.sql.names import text_literal

_JULIAN_UNIX = 2_440_587.5
_MONTHS = "'  " + "".join(written_dates.MONTHS) + "'"
_LETTERS = "abcdefghijklmnopqrstuvwxyz .,-"
"""What stands before the day in `July 6, 2004`, and before the year in `July 2004`."""
Time = Linear | DigitDate | TextDate | MixedDate


def literal(value: Value) -> str:
    """A stored value as SQL."""
    return text_literal(value) if isinstance(value, str) else str(value)


def listed(values: tuple[Value, ...]) -> str:
    return ", ".join(map(literal, values))


@dataclass(frozen=True, slots=True)
class Stored:
    """SQL about one column: `sql` names it, `fact` says how it is stored; `local`: times are this machine's."""

    sql: str
    fact: ColumnFact
    local: bool = False

    @property
    def encoding(self) -> Encoding | None:
        return self.fact.encoding

    @property
    def is_time(self) -> bool:
        return isinstance(self.encoding, Time) or (
            self.encoding is None and self.fact.meaning in ("date", "datetime", "month")
        )

    @property
    def monotone(self) -> bool:
        """Whether stored values sort as they are meant."""
        encoding = self.encoding
        if isinstance(encoding, TextDate):
            return encoding.fixed and encoding.format.startswith(
                ("%Y/%m/%d", "%Y.%m.%d", "%Y-%m-%d", "%Y:%m:%d")
            )
        return encoding is None or isinstance(encoding, (Linear, DigitDate, Scaled, ZeroFilled))

    @property
    def injective(self) -> bool:
        """Whether what is meant alike is stored alike."""
        encoding = self.encoding
        return not isinstance(encoding, (TextNumber, Padded, Duration, MixedDate)) and not (
            isinstance(encoding, TextDate) and not encoding.fixed
        )

    @property
    def date_only(self) -> bool:
        """Whether times are whole days."""
        encoding = self.encoding
        if isinstance(encoding, Linear):
            return encoding.whole_days
        if isinstance(encoding, DigitDate):
            return encoding.digits == 8
        if isinstance(encoding, TextDate):
            return not encoding.has_time
        return isinstance(encoding, MixedDate) or self.fact.meaning == "date"

    def of(self, sql: str) -> Stored:
        """The same about another expression with this column's stored values."""
        return Stored(sql, self.fact, self.local)

    # ---- the stored value ----

    @property
    def clean(self) -> str:
        """The stored value, NULL where it stands for none."""
        sql = self.sql
        for value in self.fact.nothing:
            sql = f"NULLIF({sql}, {literal(value)})"
        return sql

    @property
    def cleaned(self) -> Stored:
        """The same about the stored value without what stands for none: a comparison with it is then NULL."""
        return Stored(self.clean, replace(self.fact, nothing=()), self.local)

    def is_nothing(self, negated: bool) -> str:
        values = listed(self.fact.nothing)
        if negated:
            return f"({self.sql} IS NOT NULL AND {self.sql} NOT IN ({values}))"
        return f"({self.sql} IS NULL OR {self.sql} IN ({values}))"

    # ---- what it means ----

    def meaning(self) -> str:
        """What the column means, as SQL."""
        encoding = self.encoding
        if isinstance(encoding, Time):
            grain = DAY if self.date_only else SECOND
            if isinstance(encoding, DigitDate) and encoding.digits == 6:
                grain = MONTH
            return self.until(grain)
        if isinstance(encoding, TextNumber):
            return _number(self.clean, encoding)
        if isinstance(encoding, Duration):
            return _seconds(self.clean, encoding)
        if isinstance(encoding, Named):
            whens = " ".join(
                f"WHEN {literal(stored)} THEN {literal(name)}" for stored, name in encoding.names
            )
            return f"CASE {self.sql} {whens} ELSE {self.sql} END"
        if isinstance(encoding, Scaled):
            return f"({self.sql} / {float(encoding.by)})"
        if isinstance(encoding, Flag):
            return f"({self.clean} = {literal(encoding.yes)})"
        if isinstance(encoding, Padded):
            return f"rtrim({self.clean}, ' ')" if self.fact.nothing else f"rtrim({self.sql}, ' ')"
        return self.clean

    def written_extreme(self, function: str) -> str:
        """MIN or MAX of a duration, as the text that it is stored as: seconds of one width before it are compared."""
        return f"substr({function}(printf('%012.3f', {self.meaning()}) || {self.clean}), 13)"

    def until(self, grain: int) -> str:
        """A time as ISO text of a grain: the year, the month, the day or the second."""
        encoding = self.encoding
        if isinstance(encoding, Linear):
            if grain == DAY:
                return self.time_call("date")
            if grain == SECOND:
                return self.time_call("datetime")
            format = {YEAR: "%Y", MONTH: "%Y-%m", MINUTE: "%Y-%m-%d %H:%M"}[grain]
            return self.time_call("strftime", f"'{format}'")
        if isinstance(encoding, DigitDate):
            return _of_digits(self.clean, encoding, grain)
        if isinstance(encoding, TextDate):
            return self._of_text(encoding, grain)
        if isinstance(encoding, MixedDate):
            return mixed_date(self.sql, encoding, grain)
        return self.clean if grain >= SECOND else f"substr({self.clean}, 1, {grain})"

    def _of_text(self, encoding: TextDate, grain: int) -> str:
        sql = text_date(self.sql, encoding, grain)
        if not self.fact.nothing and encoding.fixed:
            return sql
        return f"CASE WHEN {self.sql} GLOB {literal(_glob(encoding))} THEN {sql} END"

    def time_call(self, function: str, *before: str, after: tuple[str, ...] = ()) -> str:
        """A call of strftime, date and their kin on the column: `before` the moment, modifiers `after` it."""
        encoding = self.encoding
        modifiers: tuple[str, ...] = ()
        if isinstance(encoding, Linear):
            moment, modifiers = _moment(self.clean, encoding)
            if self.local and not encoding.whole_days and "'utc'" not in after:
                modifiers += ("'localtime'",)
                after = tuple(word for word in after if word.lower() != "'localtime'")
        else:
            moment = self.meaning()
            if isinstance(encoding, MixedDate):
                moment = _whole_date(moment, " ".join([function, *before]))
            if isinstance(encoding, DigitDate) and encoding.digits == 6:
                moment += " || '-01'"
        return f"{function}({', '.join([*before, moment, *modifiers, *after])})"

    def point(self, iso: str) -> str:
        """How the moment that an expression gives as ISO text is stored; for a column that is monotone."""
        encoding = self.encoding
        if isinstance(encoding, Linear):
            return _stored_moment(iso, encoding, self.local and not encoding.whole_days)
        if isinstance(encoding, DigitDate):
            format = {6: "%Y%m", 8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}[encoding.digits]
            text = f"strftime('{format}', {iso})"
            if iso.startswith("'"):
                digits = "".join(c for c in iso if c.isdigit()).ljust(14, "0")[: encoding.digits]
                return f"'{digits}'" if encoding.text else digits
            return text if encoding.text else f"CAST({text} AS INTEGER)"
        if isinstance(encoding, TextDate):
            between = encoding.format[2]
            return iso.replace("-", between) if iso.startswith("'") else f"replace({iso}, '-', '{between}')"
        return iso


def _moment(sql: str, encoding: Linear) -> tuple[str, tuple[str, ...]]:
    """A time value for SQLite's date functions, and the modifiers that it needs."""
    if encoding.words == enc.JULIAN.words:
        return sql, ()
    if encoding.per_second == 1 / enc.DAY:
        return f"{sql} + {_number_text(_JULIAN_UNIX + encoding.origin / enc.DAY)}", ()
    unix = sql if encoding.per_second == 1 else f"{sql} / {encoding.per_second}"
    return unix + _offset(encoding.origin), ("'unixepoch'",)


def _stored_moment(iso: str, encoding: Linear, local: bool) -> str:
    zone = ", 'utc'" if local else ""
    if encoding.per_second == 1 / enc.DAY:
        shift = _JULIAN_UNIX + encoding.origin / enc.DAY
        return f"julianday({iso}{zone})" + ("" if shift == 0 else f" - {_number_text(shift)}")
    seconds = f"strftime('%s', {iso}{zone})"
    if encoding.origin:
        seconds += _offset(-encoding.origin)
        return seconds if encoding.per_second == 1 else f"({seconds}) * {encoding.per_second}"
    return f"CAST({seconds} AS INTEGER)" if encoding.per_second == 1 else f"{seconds} * {encoding.per_second}"


def _offset(seconds: int | float) -> str:
    return "" if not seconds else f" {'+' if seconds > 0 else '-'} {abs(int(seconds))}"


def _number_text(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _of_digits(sql: str, encoding: DigitDate, grain: int) -> str:
    parts = [(1, 4, ""), (5, 2, "-")]
    if encoding.digits >= 8:
        parts.append((7, 2, "-"))
    if encoding.digits == 14:
        parts += [(9, 2, " "), (11, 2, ":"), (13, 2, ":")]
    wanted = {YEAR: 1, MONTH: 2, DAY: 3, MINUTE: 5, SECOND: 6}[grain]
    return " || ".join(
        (f"'{before}' || " if before else "") + f"substr({sql}, {start}, {size})"
        for start, size, before in parts[:wanted]
    )


def text_date(sql: str, encoding: TextDate, grain: int) -> str:
    """A text date as ISO text of a grain, for texts that are of the format."""
    part = _fixed_fields(sql, encoding) if encoding.fixed else _loose_fields(sql, encoding)
    year, month, day = part["%Y"], part["month"], part["%d"]
    if encoding.fixed:
        found = [year, month, day][: {YEAR: 1, MONTH: 2}.get(grain, 3)]
        date = " || '-' || ".join(found)
    else:
        date = {
            YEAR: f"printf('%04d', {year})",
            MONTH: f"printf('%04d-%02d', {year}, {month})",
        }.get(grain, f"printf('%04d-%02d-%02d', {year}, {month}, {day})")
    if grain <= DAY or not encoding.has_time:
        return date
    hour, minute, second = part["hour"], part["%M"], part.get("%S", "0")
    if "%p" in part:
        hour = f"{hour} % 12 + 12 * ({part['%p']} LIKE 'p%')"
    clock = f"printf(' %02d:%02d:%02d', {hour}, {minute}, {second})"
    return f"{date} || {clock}" if grain == SECOND else f"substr({date} || {clock}, 1, {grain})"


def mixed_date(sql: str, encoding: MixedDate, grain: int) -> str:
    """A date of several formats as ISO text of a grain, or as exact as it is; NULL for what ends in no year."""
    whens = []
    for format in encoding.formats:
        if "%m" not in format:
            continue  # a month in words, or a year: read in one go
        part = _loose_fields(sql, TextDate(format))
        fields = [part[name] for name in ("%Y", "month", "%d") if name in part]
        fields = fields[: {YEAR: 1, MONTH: 2}.get(grain, 3)]
        pattern = "-".join(("%04d", "%02d", "%02d")[: len(fields)])
        whens.append(
            f"WHEN {sql} GLOB {literal(_glob(TextDate(format)))} THEN printf('{pattern}', {', '.join(fields)})"
        )
    worded = f"substr({sql}, -4)"
    if grain > YEAR:
        name = f"lower(substr(ltrim({sql}, '0123456789 .-'), 1, 3))"
        month = f"printf('-%02d', instr({_MONTHS}, {name}) / 3)"
        day = f"ltrim(lower({sql}), '{_LETTERS}')"
        if grain > MONTH:
            month += f" || CASE WHEN CAST({day} AS INTEGER) < 32 THEN printf('-%02d', {day}) ELSE '' END"
        worded += f" || CASE WHEN {sql} GLOB '*[A-Za-z]*' THEN {month} ELSE '' END"
    whens.append(f"WHEN {sql} GLOB '*[0-9][0-9][0-9][0-9]' THEN {worded}")
    return f"CASE {' '.join(whens)} END"


def _whole_date(iso: str, asked: str) -> str:
    """A date that may be a month or a year as a day, where what is asked of it does not need more than it has."""
    needed = set(re.findall(r"%\w", asked))
    if needed and needed <= {"%Y"}:
        return f"substr({iso} || '-01-01', 1, 10)"
    # `1955-01` and `1955-07-` are no time values, so that a month or a day which is not there is NULL
    return f"substr({iso} || '{'-01' if needed and needed <= {'%Y', '%m'} else '-'}', 1, 10)"


def _fixed_fields(sql: str, encoding: TextDate) -> dict[str, str]:
    width = {"%Y": 4, "%b": 3}
    place, part = 1, {}
    for piece in written_dates.pieces(encoding.format):
        size = width.get(piece, 2) if piece.startswith("%") else len(piece)
        if piece.startswith("%"):
            part[piece] = f"substr({sql}, {place}, {size})"
        place += size
    return _named(part)


def _loose_fields(sql: str, encoding: TextDate) -> dict[str, str]:
    """Each field as what stands from its beginning on: printf and CAST read the number in front of it."""
    part, rest = {}, sql
    for piece in written_dates.pieces(encoding.format):
        if piece.startswith("%"):
            part[piece] = rest
        else:
            mark = piece if len(piece) == 1 else piece.rstrip() or " "
            behind = len(piece)
            rest = f"substr({rest}, instr({rest}, '{mark}') + {behind})"
    return _named(part)


def _named(part: dict[str, str]) -> dict[str, str]:
    """The fields with the month as a number, in text of two digits where all are."""
    name = part.get("%b") or part.get("%B")
    if "%m" in part:
        part["month"] = part["%m"]
    elif name:
        number = f"(instr({_MONTHS}, lower(substr({name}, 1, 3))) / 3)"
        part["month"] = f"printf('%02d', {number})" if part.get("%d", "").endswith(", 2)") else number
    if "%H" in part or "%I" in part:
        part["hour"] = f"CAST({part.get('%H') or part['%I']} AS INTEGER)"
    return part


def _glob(encoding: TextDate) -> str:
    """A pattern of GLOB that all texts of a format match, and none that says nothing."""
    digit = "[0-9]"
    loose = {"%d": f"{digit}*", "%m": f"{digit}*", "%Y": 4 * digit, "%b": "[A-Za-z]*", "%B": "[A-Za-z]*"}
    exact = {"%d": 2 * digit, "%m": 2 * digit, "%Y": 4 * digit, "%b": 3 * "[A-Za-z]"}
    fields = exact if encoding.fixed else loose
    date = [piece for piece in written_dates.pieces(encoding.format)]
    text = ""
    for piece in date:
        if piece in ("%H", "%I"):
            break
        text += fields.get(piece, piece)
    return text.rstrip(" ,") + "*" if encoding.has_time else text


def _seconds(sql: str, encoding: Duration) -> str:
    """A duration in text as seconds: CAST reads the number in front of each field."""
    kind = "INTEGER" if encoding.whole else "REAL"
    second = f"substr({sql}, instr({sql}, ':') + 1)"
    last = f"CAST({second} AS {kind})"
    two = f"CAST({sql} AS INTEGER) * {3600 if encoding.hours else 60} + {last}" + (
        " * 60" if encoding.hours else ""
    )
    three = (
        f"CAST({sql} AS INTEGER) * 3600 + CAST({second} AS INTEGER) * 60"
        f" + CAST(substr({sql}, instr({sql}, ':') + 4) AS {kind})"
    )
    if encoding.fields:
        return f"({two if encoding.fields == 2 else three})"
    return f"CASE WHEN {sql} LIKE '%:%:%' THEN {three} ELSE {two} END"


def _number(sql: str, encoding: TextNumber) -> str:
    text = f"replace({sql}, {literal(encoding.prefix)}, '')" if encoding.prefix else sql
    if encoding.brackets:
        text = f"replace(replace({text}, '(', '-'), ')', '')"
    if encoding.thousands:
        text = f"replace({text}, {literal(encoding.thousands)}, '')"
    if encoding.decimal == ",":
        text = f"replace({text}, ',', '.')"
    if encoding.mixed:
        text = f"ltrim({text})" if encoding.prefix else text
        return f"CASE WHEN {text} GLOB '[0-9]*' OR {text} GLOB '[-+.][0-9]*' THEN CAST({text} AS NUMERIC) END"
    number = f"CAST({text} AS {'INTEGER' if encoding.integer else 'REAL'})"
    if encoding.multiplied:
        times = " ".join(f"WHEN {sql} LIKE '%{letter}' THEN {by}" for letter, by in enc.MULTIPLIERS.items())
        return f"({number} * CASE {times} ELSE 1 END)"
    if encoding.minus_behind:
        return f"({number} * CASE WHEN {sql} LIKE '%-' THEN -1 ELSE 1 END)"
    return number
