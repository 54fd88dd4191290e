"""Complete a text that has been begun by a short ending."""

from __future__ import annotations

from sqlagent.grammar.options import Choice, Counter, End, Lit, expand
from sqlagent.grammar.readings import InChoice, InLit, InOpen, Thread, first_valid

_LOOK = 32
"""Names looked at for a short one when a statement has to end."""


def close(grammar: Counter, thread: Thread) -> bytes | None:
    """A short ending from `thread`, or None where it has none: first options all the way."""
    out = bytearray()
    if isinstance(thread, InLit):
        out += thread.lit.text[thread.pos :]
        rest, env = thread.lit.rest, thread.lit.env
    elif isinstance(thread, InChoice):
        i = shortest(thread.choice, thread.lo, thread.hi)
        if i < 0:
            return None
        out += thread.choice.texts[i][thread.pos :]
        rest, env = thread.choice.then(i)
    elif isinstance(thread, InOpen):
        tail = thread.open.lexer.close(thread.q)
        out += tail
        q = thread.q
        for byte in tail:
            q = thread.open.lexer.step(q, byte)
        rest, env = thread.open.then(q)
    else:
        rest, env = thread.rest, thread.env
    while True:
        for option in expand(grammar, rest, env):
            if isinstance(option, End):
                return bytes(out)
            if isinstance(option, Lit):
                out += option.text
                rest, env = option.rest, option.env
            elif isinstance(option, Choice):
                i = shortest(option, 0, len(option.texts))
                if i < 0:
                    continue
                out += option.texts[i]
                rest, env = option.then(i)
            else:
                word = option.lexer.close(option.lexer.start)
                out += word
                q = option.lexer.start
                for byte in word:
                    q = option.lexer.step(q, byte)
                rest, env = option.then(q)
            break
        else:
            return None


def shortest(choice: Choice, lo: int, hi: int) -> int:
    """A short valid text in [lo, hi), or -1: the first valid one, or a shorter one of the few behind it."""
    best = first_valid(choice, lo, hi)
    if best >= 0:
        for i in range(best + 1, min(hi, best + _LOOK)):
            if len(choice.texts[i]) < len(choice.texts[best]) and (choice.valid is None or choice.valid(i)):
                best = i
    return best
