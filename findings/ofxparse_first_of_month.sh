#!/bin/sh
# ofxparse 0.21: what a European bank booked on 1 February is a transaction of January, and dollars and euros add up.
#
# Expected: a booking that the bank dates 20200201000000[+1:CET] is one of 1 February, as its paper statement says; if times are
#           turned to UTC, all of them are, or say so. Merchant codes, "mcc", have the text of the table that the package ships.
# Seen:     date is a time in UTC that does not say so, and midnight east of Greenwich is the day before: all bookings of the
#           first of a month, and of a year, are in the one before. In the west an evening is the next day. [-3:-03], as the zone
#           database names Brazil's and half the world's zones, is not read at all, so that clock stays. What TRNAMT is in, if not
#           in the account's currency (CURRENCY, CURSYM), is dropped, and 10 euros are 10 dollars. mcc is None for every code in
#           the table and '' where there is none. No entry in warnings or discarded_entries, with fail_fast.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q ofxparse==0.21 beautifulsoup4==4.14.3 lxml
cd "$work"
venv/bin/python -W ignore - <<'PY'
import decimal
import io

import ofxparse
from ofxparse import mcc

HEAD = """OFXHEADER:100
DATA:OFXSGML
VERSION:102
SECURITY:NONE
ENCODING:USASCII
CHARSET:1252
COMPRESSION:NONE
OLDFILEUID:NONE
NEWFILEUID:NONE

<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20200301120000<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>USD
<BANKACCTFROM><BANKID>1<ACCTID>123<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST><DTSTART>20200101<DTEND>20200301
"""
FOOT = "</BANKTRANLIST><LEDGERBAL><BALAMT>100<DTASOF>20200301</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
POSTED = {
    "20200201000000[+1:CET]": "2020-01-31 23:00:00",
    "20200101000000.000[+1:CET]": "2019-12-31 23:00:00",
    "20200131200000[-5:EST]": "2020-02-01 01:00:00",
    "20200131220000[-3:BRT]": "2020-02-01 01:00:00",
    "20200131220000[-3:-03]": "2020-01-31 22:00:00",
    "20200201": "2020-02-01 00:00:00",
}
entries = [
    f"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>{posted}<TRNAMT>-5.00<FITID>{n}<SIC>5812<NAME>shop</STMTTRN>\n" for n, posted in enumerate(POSTED)
]
entries.append(
    "<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20200203<TRNAMT>-10.00<FITID>99<NAME>Hotel<CURRENCY><CURRATE>1.2<CURSYM>EUR</CURRENCY></STMTTRN>\n"
)
read = ofxparse.OfxParser.parse(io.BytesIO((HEAD + "".join(entries) + FOOT).encode()), fail_fast=True)
statement = read.account.statement
assert not statement.warnings and not statement.discarded_entries
for posted, one in zip(POSTED, statement.transactions):
    print(f"{posted:28} {one.date} {one.date.tzinfo} mcc={one.mcc!r}")
    assert str(one.date) == POSTED[posted] and one.date.tzinfo is None, "this has changed"
    assert one.mcc is None and "5812" in mcc.codes, "this has changed"
hotel = statement.transactions[-1]
print(hotel.__dict__, statement.currency, sum(one.amount for one in statement.transactions))
assert hotel.amount == decimal.Decimal("-10.00") and "eur" not in str(hotel.__dict__).lower(), "this has changed"
assert hotel.mcc == "" and statement.currency == "usd"
print(mcc.codes["5812"])
PY
echo "as described"
