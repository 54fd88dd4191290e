"""Shorten identifiers as people who design tables do: DEPT_NM, fthg, cust_no, hgl.

    names = Shortener("vowels", "upper", random.Random(0))
    names("department_name")       # DPRTMNT_NM

Invariant: within one shortener a word always becomes the same short word, so keys still look like what they refer to.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

WAYS = ("known", "vowels", "cut", "initials", "mixed")
CASES = ("snake", "upper", "joined", "camel")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ALIAS = re.compile(r"[Tt][0-9]+")

KNOWN = dict(
    pair.split(":")
    for pair in """
    account:acct address:addr administrator:admin age:age amount:amt annual:ann apartment:apt application:app
    appointment:appt area:area attribute:attr author:auth available:avail average:avg balance:bal begin:beg
    birth:bth branch:br budget:bdgt building:bldg capacity:cap category:cat character:chr city:cty class:cls
    client:clnt code:cd color:clr colour:clr comment:cmt committee:cmte company:co competition:comp condition:cond
    contact:ctc contract:ctr cost:cst count:cnt country:ctry course:crs created:crt credit:cr currency:curr
    current:cur customer:cust date:dt day:dy delivery:dlv department:dept description:descr destination:dest
    detail:dtl details:dtls device:dev director:dir discount:disc district:dist division:div document:doc
    duration:dur email:eml employee:emp end:end enrollment:enrl entry:ent equipment:eqp event:evt expense:exp
    faculty:fac false:f female:f first:f flight:flt forename:fnm gender:sex given:gvn goals:g grade:grd group:grp
    head:hd height:ht hour:hr identifier:id image:img income:inc index:idx information:inf institution:inst
    instructor:instr insurance:ins invoice:inv item:itm job:jb language:lang last:l latitude:lat length:len
    level:lvl license:lic line:ln location:loc longitude:lng maintenance:maint major:maj male:m management:mgt
    manager:mgr manufacturer:mfr maximum:max measure:msr medal:mdl member:mbr message:msg middle:m minimum:min
    minute:mi mobile:mob model:mdl month:mth name:nm nationality:natl number:no object:obj office:ofc official:offl
    opening:opn operation:op order:ord organization:org original:orig owner:own page:pg parent:par party:pty
    patient:pat payment:pmt percent:pct percentage:pct performance:perf person:pers phone:tel player:plr point:pt
    points:pts population:pop position:pos price:prc primary:prim problem:prob product:prod professor:prof
    profit:prft program:pgm project:proj property:prop purchase:purch quantity:qty quarter:qtr rank:rk rate:rt
    rating:rtg received:rcvd record:rec reference:ref region:reg registration:regn request:req reservation:resv
    restaurant:rest result:res role:rl room:rm salary:sal school:sch score:scr season:ssn second:sec sequence:seq
    service:svc shipment:shp shipping:shp size:sz source:src staff:stf start:st state:st station:stn statistics:stat
    status:stat stock:stk store:str street:st student:stud subject:subj supplier:supp system:sys table:tbl teacher:tchr
    team:tm telephone:tel temperature:temp text:txt time:tm title:ttl total:tot transaction:txn type:typ
    university:univ unit:un user:usr value:val vehicle:veh version:ver volume:vol weight:wt width:wd world:wld
    year:yr zip:zip
    """.split()
)


def words(name: str) -> list[str]:
    """The words of an identifier: `homeTeam_ID2` is home, Team, ID, 2."""
    return _WORDS.findall(name)


class Shortener:
    """One designer's habit: how words are shortened, and how they are put together."""

    def __init__(self, way: str, case: str, rng: random.Random) -> None:
        self._way, self._case, self._rng = way, case, rng
        self._short: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        """The short form of one identifier; itself where it has no words."""
        parts = words(name)
        if not parts:
            return name
        way = self._way
        if way == "initials":
            if len(parts) > 1 and parts[-1].lower() == "id":
                return self._put([*(part[0] for part in parts[:-1]), "id"], close=True)
            if len(parts) > 1:
                return self._put([part if part.isdigit() else part[0] for part in parts], close=True)
        return self._put([self._word(part.lower()) for part in parts])

    def _word(self, word: str) -> str:
        if word not in self._short:
            self._short[word] = self._shortened(word)
        return self._short[word]

    def _shortened(self, word: str) -> str:
        way = self._way
        if way == "mixed":
            way = self._rng.choice(("known", "vowels", "cut"))
        if way in ("known", "initials") and word in KNOWN:
            return KNOWN[word]
        if len(word) <= 3 or word.isdigit():
            return word
        if way == "cut" or (way == "initials" and self._rng.random() < 0.5):
            return word[: self._rng.choice((3, 4))]
        kept = word[0] + re.sub("[aeiou]", "", word[1:])
        return kept if len(kept) > 1 else word[:3]

    def _put(self, parts: list[str], close: bool = False) -> str:
        if self._case == "upper":
            return ("" if close else "_").join(parts).upper()
        if self._case == "camel" and not close:
            return parts[0].lower() + "".join(part[:1].upper() + part[1:] for part in parts[1:])
        return ("" if close or self._case == "joined" else "_").join(parts).lower()


def distinct(names: Iterable[str], short: Shortener) -> dict[str, str]:
    """Each name's short form, all of them different whatever their case, and none like an alias (`T1`)."""
    taken: set[str] = set()
    found: dict[str, str] = {}
    for name in names:
        made = short(name)
        if _ALIAS.fullmatch(made) or made.lower() in taken:
            made = next(
                each for n in range(2, 1000) if (each := f"{made}_{n}").lower() not in taken and not _ALIAS.fullmatch(each)
            )
        taken.add(made.lower())
        found[name] = made
    return found
