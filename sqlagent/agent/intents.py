"""Tell questions from small talk and from commands to change data: "hi", "what can you do?", "delete all loans".

Invariant: only a text that is nothing else is taken for one of these, from its first word to its last; a question
that merely holds such words ("Which customers said hello?", "drop-off points by city") is a question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_OPENING = r"(?:(?:ok|okay|oh|well|so|and|hey|hi|hello|please|great|cool|nice|no|yes)\b[\s,.!]*)*"
_CLOSING = r"(?:[\s,]*\b(?:there|all|everyone|again|sqlagent|friend|please|now|today|then|buddy|mate)\b)*[\s.!?:;)…]*"
_SAID = (
    r"hi|hello|hey|hiya|howdy|yo|greetings|good (?:morning|afternoon|evening|day|night)|bonjour|hola|hallo|ciao|moin",
    r"(?:many |ok |great |cool )?(?:thanks|thank you|thx|ty|cheers)(?: (?:a lot|so much|very much|a million))?"
    r"(?: for (?:that|this|your help|the help|everything))?",
    r"bye(?: bye)?|goodbye|good bye|see (?:you|ya)(?: later| soon| tomorrow)?|farewell|so long",
    r"ok|okay|cool|nice|great|good|wow|lol|haha|hmm+|awesome|perfect|excellent|super|well done|good (?:job|work|bot)"
    r"|yes|no|yep|nope|sure|maybe|sorry|never ?mind|whatever|test|testing|is this working|are you (?:there|working)",
    r"(?:who|what) (?:are|r) (?:you|u)|what(?:'s| is) your name|who (?:made|built|created|wrote|trained) you"
    r"|(?:are|r) you (?:an? )?(?:ai|a\.i\.|bot|chatbot|robot|human|person|machine|real|chatgpt|alive|okay|happy|sure)"
    r"|how (?:are|r) (?:you|u)(?: doing| feeling)?|how(?:'s| is) it going|how(?:'s| is) your day|what(?:'s| is) up|sup"
    r"|how old are you|where are you(?: from)?|tell me (?:something )?about yourself|introduce yourself"
    r"|do you (?:speak|understand) \w+|do you (?:like|love|hate|know|remember) (?:me|us)|i (?:love|hate|like) you"
    r"|what do you think|nice to meet you|pleased to meet you|long time no see|how do you (?:do|work|feel)",
    r"(?:what|which things) can (?:you|i|we) do(?: here)?|what do you do|how can you help(?: me)?"
    r"|(?:can|could|will|would) you help(?: me)?|i need (?:some )?help|help(?: me)?|how does this work"
    r"|what is this(?: thing| tool| program)?|how do i use (?:this|it|you)|what are you (?:for|good at|able to do)",
    r"(?:tell|sing) me (?:a|another|some|one more) (?:\w+ )?(?:joke|jokes|story|poem|song|riddle)(?: about .{1,40})?"
    r"|make me laugh|sing (?:a |me )?.{0,30}song|i(?:'m| am) (?:bored|tired|sad|hungry|happy|fine|good|here|back)",
    r"what time is it|what(?:'s| is) the time|what(?:'s| is) (?:the date|today's date|the date today)"
    r"|what day is (?:it|today)",
)
_ERRANDS = (
    r"remind (?:me|us) (?:to|of|about|that|at|in|on)\b.{1,80}|wake me\b.{0,40}",
    r"sing (?:a|me|us|happy|for)\b.{0,60}|play (?:me |us )?(?:some|a) (?:music|song)",
    r"set (?:a|an|my) (?:alarm|timer|reminder)\b.{0,60}|(?:call|text|phone|ring) my \w+\b.{0,40}",
    r"(?:turn|switch) (?:on|off|up|down) the (?:lights?|radio|tv|music|heating)",
    r"(?:turn|switch) the (?:lights?|radio|tv|music|heating) (?:on|off|up|down)",
    r"write (?:me |us )?(?:a|an|another) (?:\w+ )?(?:poem|haiku|story|essay|song|joke|letter|limerick)\b.{0,120}",
    r"translate ['\"“].{1,120}['\"”] (?:in)?to \w+",
    r"(?:order|get|bring|make) me (?:a|an|some) (?:\w+ )?(?:pizza|coffee|tea|sandwich|cake)",
)
"""What one asks of a person or of a telephone."""
_SMALL_TALK = re.compile(rf"{_OPENING}(?:{'|'.join(_SAID + _ERRANDS)}){_CLOSING}", re.IGNORECASE)

_ALL = r"(?:the|all|every|everything|everyone|each|any|this|that|these|those|my|our|his|her|their|old|unused|duplicate)"
_THING = (
    r"(?:tables?|rows?|records?|columns?|index|indexes|views?|triggers?|database|entry|entries|data|schema)"
)
_COMMANDS = (
    rf"(?:delete|erase|wipe|purge|truncate|destroy|drop)\s+(?:from\b|{_ALL}\b|{_THING}\b)",
    rf"(?:delete|drop|truncate)\s+\w+\s+{_THING}\b",
    r"drop\s+(?:table|database|view|index|trigger|schema)\b|truncate\s+table\b|alter\s+table\b|vacuum\b[\s;]*$",
    rf"insert\s+(?:into\b|an?\b|{_ALL}\b|{_THING}\b|\d)",
    r"update\s+(?=.*(?:\bset\b|\bto\b|=)).*\S",
    rf"(?:rename|move|copy|merge)\s+.*{_THING}\b.*\b(?:to|as|into|called)\b",
    rf"(?:set|change)\s+(?:{_ALL}|\w+'s)\s.*(?:\bto\b|=)\s*\S",
    r"(?:delete|erase|wipe|purge)\s+\w+'s\s",
    rf"(?:create|make)\s+(?:a |an |the )?(?:new |temporary |temp |unique )?{_THING}\b",
    r"add\s+(?:a|an|another|one|two|\d+)\s+(?:new\s+)?(?!up\b)\w+",
    rf"(?:remove|clear|empty)\s+(?:{_ALL}\s+)?(?:\w+\s+)?{_THING}\b",
)
_ASKED = (
    r"(?:(?:please|now|then|just|and|also|go ahead and|(?:can|could|would|will) you(?: please)?"
    r"|i want (?:you )?to)\s+)*"
)
_COMMAND = re.compile(rf"{_ASKED}(?:{'|'.join(_COMMANDS)})", re.IGNORECASE)
_AND_THEN = re.compile(
    rf"(?:[,;.]|\band\b|\bthen\b)\s*(?:and\s+|then\s+)*"
    rf"(?:(?:drop|truncate|alter)\s+(?:the\s+)?(?:table|database|view|index)\b|(?:delete|erase|wipe)\s+{_ALL}\b)",
    re.IGNORECASE,
)
"""A command that is put behind a question."""

READ_ONLY = "Nothing can be changed here: a database is only read; ask for what it holds."


def is_small_talk(text: str) -> bool:
    """Whether a text greets, thanks or speaks to the program, and asks nothing of a database."""
    return bool(_SMALL_TALK.fullmatch(text.strip()))


def is_command(text: str) -> bool:
    """Whether a text tells the program to change data: "delete all loans", "add a new member"."""
    text = text.strip()
    return bool(_COMMAND.match(text)) or bool(_AND_THEN.search(_unquoted(text)))


def small_talk_answer(tables: Sequence[str]) -> str:
    """One sentence that says what can be asked instead; `tables`: names of tables, the likeliest first."""
    named = f"{', '.join(tables[:3])}{' and more' if len(tables) > 3 else ''}"
    return (
        f"That asks nothing of this database, which holds {named}: ask about these "
        '("what is in this database?" says more).'
    )


def _unquoted(text: str) -> str:
    """A text without what stands in quotes, which somebody else said."""
    return re.sub(r"\"[^\"]*\"|(?<!\w)'[^']*'(?!\w)|“[^”]*”", "''", text)
