#!/bin/sh
# vobject 0.9.9: contacts that are read and written no longer say which number is the fax, and of two nicknames one is left.
#
# Expected: readOne(card).serialize() gives the card back, in the version that it says; what cannot be written is refused.
# Seen:     in vCard 2.1, which telephones export, TEL;CELL and TEL;WORK;FAX become TEL and TEL, ADR;HOME becomes ADR: types that
#           stand alone are read (as singletonparams) and never written, though the card is VERSION:2.1 still. Of
#           NICKNAME:Jo,Johnny in 3.0, a list by the standard, value is 'Jo' and Johnny is gone, while CATEGORIES is a list. ORG
#           given as the text 'Acme', as FN and TITLE are, is written ORG:A;c;m;e. No error, no warning. TYPE=CELL,VOICE, commas,
#           semicolons and line ends in a NOTE, checked here as well, come back.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q vobject==0.9.9
cd "$work"
venv/bin/python -W error - <<'PY'
import vobject

OLD = """BEGIN:VCARD
VERSION:2.1
N:Doe;John;;;
FN:John Doe
TEL;CELL;PREF:123
TEL;WORK;FAX:456
ADR;HOME:;;Street 1;Berlin;;10115;Germany
END:VCARD
"""
NEW = """BEGIN:VCARD
VERSION:3.0
N:Doe;John;;;
FN:John Doe
NICKNAME:Jo,Johnny
CATEGORIES:friends,a\\,b
TEL;TYPE=CELL,VOICE:123
NOTE:one\\, two\\; three\\nfour
END:VCARD
"""


def again(card):
    held = vobject.readOne(card.replace("\n", "\r\n"))
    written = held.serialize().replace("\r\n", "\n")
    print(written)
    return held, written.splitlines()


old, lines = again(OLD)
assert [one.singletonparams for one in old.tel_list] == [["CELL", "PREF"], ["WORK", "FAX"]]
assert {"VERSION:2.1", "TEL:123", "TEL:456", "ADR:;;Street 1;Berlin;;10115;Germany"} <= set(lines), "this has changed"
assert not any("FAX" in line or "CELL" in line or "HOME" in line for line in lines), "this has changed"

new, lines = again(NEW)
assert new.nickname.value == "Jo" and "NICKNAME:Jo" in lines, "this has changed"
assert new.categories.value == ["friends", "a,b"] and "CATEGORIES:friends,a\\,b" in lines
assert "TEL;TYPE=CELL,VOICE:123" in lines and "NOTE:one\\, two\\; three\\nfour" in lines

card = vobject.vCard()
card.add("n").value = vobject.vcard.Name(family="Doe", given="John")
card.add("fn").value = "John Doe"
card.add("title").value = "Clerk"
card.add("org").value = "Acme"
lines = card.serialize().split("\r\n")
print(*lines, sep="\n")
assert "TITLE:Clerk" in lines and "ORG:A;c;m;e" in lines, "this has changed"
PY
echo "as described"
