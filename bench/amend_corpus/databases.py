"""Make the small databases that the corpora ask about: DDL and rows, the same ones each time.

    clinic
    doctor 8: id; name =person; supervisor_id >doctor?; hired_on =date 2005..2022

is a table of eight doctors. A column is `id`, a reference (`>table`, `?` for some without; a reference to its own table
is always to an earlier row), or drawn: `=person`, `=pick a|b`, `=list a|b` (one after the other), `=int 1..9`,
`=real 1..9`, `=date 2005..2022` (a day), `=moment 2005..2022` (a day and a time), `=after column 1..9` (days later),
`=later column 20..300` (minutes later). A `?` at the end leaves a third of the values out. Lines that begin with `!`
are statements that run last.

Invariant: no database depends on another, so one can be changed without changing the others.
"""

from __future__ import annotations

import random
import re
from datetime import date, datetime, timedelta

PEOPLE = (
    "Ada Brandt|Bruno Keller|Carla Mendes|Dmitri Volkov|Elena Rossi|Farid Haddad|Greta Lind|Hugo Marsh|Ines Duarte"
    "|Jonas Weber|Katya Orlova|Liam Byrne|Mira Patel|Nils Berg|Olga Petrova|Pavel Novak|Quentin Moreau|Rosa Jimenez"
    "|Selma Aydin|Tomas Horvat|Uma Reddy|Victor Salas|Wanda Kowalska|Xavier Blanc|Yara Nasser|Zoltan Kiss|Anton Frei"
    "|Bella Conti|Cyril Adams|Dora Fischer|Emil Hansen|Flora Gray|Gavin Shaw|Hana Sato|Igor Popov|Julia Stein"
    "|Karl Ekman|Lucia Ferri|Marco Bauer|Nora Quinn"
).split("|")
_TABLE = re.compile(r"(\w+) (\d+): (.+)")
_COLUMN = re.compile(r"(\w+)(?: (>\w+|=\w+)(?: (.+?))?)?(\?)?\Z")

SPECS = """
clinic
doctor 8: id; name =person; specialty =pick Cardiology|Surgery|Paediatrics; supervisor_id >doctor?; hired_on =date 2005..2022
patient 14: id; first_name =list Alma|Boris|Chloe|Dario|Edith|Fritz; middle_name =pick Lee|Ray|May?; last_name =list Novak|Bell|Ortiz|Kim|Rao; born =date 1940..2015
visit 40: id; patient_id >patient; doctor_id >doctor; visit_date =date 2018..2023; fee =int 30..300; prescriptions =int 0..4; referral =pick Online|Phone|Doctor
!DELETE FROM visit WHERE patient_id IN (3, 9)

rowing
club 7: id; name =list Oarsmen|Blue Blades|River Kings|Tidewater|Lakeside|Sculls United|Mist; town =pick Henley|Ghent|Lucerne; founded =date 1860..1990
rower 20: id; name =person; club_id >club; birth_date =date 1975..2004; weight =int 55..105
race 45: id; rower_id >rower; race_date =date 2017..2023; distance =pick 500|1000|2000; seconds =int 95..480; place =int 1..9
!DELETE FROM race WHERE rower_id IN (4, 11)

bakery
category 4: id; name =list Bread|Cakes|Pastry|Savoury
product 14: id; name =list Rye Loaf|Baguette|Sourdough|Lemon Tart|Sachertorte|Cheesecake|Croissant|Eclair|Danish|Quiche|Pretzel|Focaccia|Brioche|Strudel; category_id >category; price =real 1..30; launched =date 2010..2023
sale 60: id; product_id >product; sold_on =date 2020..2023; quantity =int 1..40; paid =pick Cash|Card|Voucher
!DELETE FROM sale WHERE product_id IN (5, 12)

library
member 12: id; name =person; joined =date 2009..2022; email =pick reader@mail.org|books@home.net?
book 16: id; title =list Ember|The Quiet Sea|Glass Orchard|Northbound|Paper Moons|Salt|The Last Ferry|Hollow Hill|Winter Wheat|Copper Road|Atlas of Rain|Small Hours|Red Lantern|The Ninth Wave|Harbour|Stone Fruit; genre =pick Novel|Poetry|Travel|Crime; published =date 1950..2022; pages =int 90..700; copies =int 1..9
loan 45: id; book_id >book; member_id >member; borrowed =date 2019..2023; due =after borrowed 14..28; returned =after borrowed 2..40?
!DELETE FROM loan WHERE member_id = 7 OR book_id IN (2, 9)

airline
country 6: id; name =list Austria|Portugal|Norway|Japan|Kenya|Peru; dialling_prefix =list 1|5|3|2|6|4
airport 9: id; name =list Alder Field|Bay Gate|Cedar Hill|Delta Point|East Moor|Fjord|Garden|Harbour|Inland; country_id >country; runways =int 1..4
passenger 12: id; name =person; loyalty_code =int 1..12
flight 18: id; flight_number =list QX1|QX2|QX3|QX4|QX5|QX6|QX7|QX8|QX9|QX10|QX11|QX12|QX13|QX14|QX15|QX16|QX17|QX18; origin_id >airport; departs =moment 2022..2023; arrives =later departs 55..700
flight_booking 50: id; flight_id >flight; passenger_id >passenger; seats =int 1..4
!DELETE FROM flight_booking WHERE passenger_id = 5 OR flight_id = 8

theatre
venue 4: id; name =list Globe|Odeon|Palace|Studio; city =pick Bath|York; capacity =int 80..400
play 9: id; title =list The Storm|Three Doors|Masks|Old Salt|Winter Guests|Iron|Lullaby|Ash|Cloud Nine; author =person; premiere =date 1980..2022
performance 40: id; play_id >play; venue_id >venue; starts =moment 2022..2023; ends =later starts 80..200; tickets =int 20..390; takings =int 300..9000
!DELETE FROM performance WHERE play_id = 6

bank
customer 14: id; first_name =list Alma|Boris|Chloe|Dario|Edith|Fritz; middle_name =pick Lee|Ray?; last_name =list Novak|Bell|Ortiz|Kim|Rao; city =pick Turin|Porto|Graz; birthday =date 1950..2003
card 22: id; customer_id >customer; type =pick Credit|Debit|Prepaid; issued =date 2015..2023
account 20: id; customer_id >customer; balance =int 10..9000; opened =date 2012..2023; closed_on =after opened 60..900?
customer_complaint 24: id; customer_id >customer; filed =date 2021..2023; severity =int 1..5
!DELETE FROM card WHERE customer_id IN (2, 8)
!DELETE FROM customer_complaint WHERE customer_id IN (1, 6)

agency
office 9: id; city =pick Leeds|Bristol|Cardiff; kind =pick staff|storage; opened =date 1990..2021; desks =int 4..60
staff 24: id; name =person; office_id >office; boss_id >staff?; title =pick Clerk|Analyst|Lead; salary =int 21000..90000; hired =date 2001..2022; left_on =after hired 100..900?
training 30: id; staff_id >staff; topic =pick Safety|Excel|Ethics; held =date 2018..2023; hours =int 1..12
!UPDATE office SET kind = 'staff' WHERE id IN (1, 4, 7)
!UPDATE staff SET boss_id = id WHERE id IN (1, 2, 7)
!DELETE FROM training WHERE staff_id IN (3, 8, 15)

charts
artist 8: id; name =list Velvet Fox|Nimbus|The Lamps|Aurora K|Dust|Mondo|Pale Kite|Sons of Ivy; country =pick Iceland|Ireland|Iran; formed =int 1975..2015
song 16: id; title =list Low Tide|Neon|Paper Sun|Drift|Ghost Line|Marigold|Static|Halo|Orbit|Rust|Tremor|Violet|Wander|Zephyr|Echo|Fable; artist_id >artist; released =date 2010..2023; plays =int 1000..90000
chart_entry 50: id; song_id >song; chart_week =date 2021..2023; position =int 1..40; weeks =int 1..20
!DELETE FROM chart_entry WHERE song_id IN (4, 13)

subscriptions
plan 4: id; name =list Basic|Plus|Pro|Student; monthly_price =real 3..40
subscriber 14: id; name =person; country =pick Niger|Nigeria|Chile; signed_up =date 2016..2022
subscription 30: id; subscriber_id >subscriber; plan_id >plan; start_date =date 2018..2022; end_date =after start_date 30..900?; active =pick yes|no
!UPDATE subscription SET active = 'yes' WHERE end_date IS NULL OR id % 3 = 0
!DELETE FROM subscription WHERE subscriber_id IN (4, 10)

projects
department 5: id; name =list Design|Finance|Legal|Research|Support; budget =int 100..900
employee 22: id; name =person; department_id >department; manager_id >employee?; salary =int 30..99; birth_date =date 1958..2001
project 10: id; name =list Apollo|Beacon|Comet|Dynamo|Everest|Falcon|Gemini|Helios|Iris|Juno; start_date =date 2015..2021; end_date =after start_date 90..1500?; department_id >department; budget =int 10..400
leave_request 30: id; employee_id >employee; from_date =date 2021..2023; to_date =after from_date 1..20; reason =pick Holiday|Sickness|Study
assignment 36: id; employee_id >employee; project_id >project; hours =int 5..300; role =pick Lead|Tester|Writer
!DELETE FROM assignment WHERE employee_id IN (5, 9) OR project_id = 4
!DELETE FROM leave_request WHERE employee_id IN (2, 13)

chess
player 16: id; name =person; rating =int 1500..2800; birth_date =date 1950..2008; country =pick Slovakia|Slovenia|Cuba
tournament 5: id; name =list Winter Open|City Cup|Grand Rapid|Summer Blitz|Masters; city =pick Bled|Kosice|Havana; held =date 2015..2023; rounds =int 5..11
game 50: id; tournament_id >tournament; white_id >player; black_id >player; played =date 2015..2023; moves =int 18..120; result =pick White|Black|Draw

school
teacher 7: id; name =person; subject =pick Maths|History|Music; mentor_id >teacher?; hired =int 1990..2022
pupil 18: id; name =person; class =pick 5A|5B|6A; birth_date =date 2008..2014; teacher_id >teacher
test 48: id; pupil_id >pupil; teacher_id >teacher; subject =pick Maths|History|Music; taken_at =moment 2022..2023; points =int 3..40; max_points =pick 40|50
!DELETE FROM test WHERE pupil_id IN (6, 12)

haulage
truck 6: id; plate =list TK-1|TK-2|TK-3|TK-4|TK-5|TK-6; pallets =int 10..34; built =date 2004..2021
driver 9: id; name =person; truck_id >truck; licensed =date 1985..2020
shipment 40: id; driver_id >driver; destination =pick Budapest|Vienna|Prague|Graz; sent =date 2021..2023; delivered =after sent 1..20?; boxes =int 5..90; weight =int 100..4000
!DELETE FROM shipment WHERE driver_id = 5

zoo
keeper 8: id; name =person; head_keeper_id >keeper?; started =date 1999..2022
animal 18: id; name =list Kito|Luna|Max|Nala|Otto|Pip|Rex|Suri|Tank|Uno|Vera|Wolf|Yuki|Zara|Bo|Coco|Dax|Eos; species =pick Lion|Lynx|Otter|Lemur; born =date 2003..2022; keeper_id >keeper; mother_id >animal?; kilograms =int 2..190
feeding 50: id; animal_id >animal; fed_at =moment 2023..2023; food =pick Meat|Fish|Fruit; portions =int 1..6
!DELETE FROM feeding WHERE animal_id IN (7, 14)

winery
region 4: id; name =list Douro|Mosel|Rioja|Wachau; country =pick Portugal|Germany|Spain
vineyard 8: id; name =list Alto|Berg|Corva|Dolce|Erde|Fonte|Gold|Hang; region_id >region; planted =int 1920..2005; hectares =real 2..60
wine 18: id; name =list Amber|Bianco|Crown|Dusk|Eclat|Flint|Grace|Hush|Ivory|Jade|Kestrel|Lyre|Muse|Nacre|Onyx|Pearl|Quill|Rosso; vineyard_id >vineyard; vintage =int 2005..2022; bottles =int 200..9000; price =real 5..120
tasting 40: id; wine_id >wine; tasted =date 2018..2023; score =int 70..99; judge =person
!DELETE FROM tasting WHERE wine_id IN (3, 10)

telecom
tariff 4: id; name =list Lite|Family|Max|Night; monthly_fee =int 5..50
caller 12: id; name =person; tariff_id >tariff; joined =date 2011..2022; age =int 17..88
call 60: id; caller_id >caller; started =moment 2023..2023; ended =later started 2..200; kind =pick Voice|Video|Emergency; megabytes =int 1..900
!DELETE FROM call WHERE caller_id IN (6, 9)
!CREATE TABLE country (country_code INTEGER PRIMARY KEY, name TEXT)
!INSERT INTO country VALUES (43, 'Austria'), (61, 'Australia'), (56, 'Chile'), (33, 'France')
!ALTER TABLE caller ADD COLUMN country_code INTEGER REFERENCES country(country_code)
!UPDATE caller SET country_code = CASE id % 3 WHEN 0 THEN 43 WHEN 1 THEN 56 ELSE 33 END

museum
artist 9: id; name =person; nationality =pick Dutch|Danish|Polish; birth_year =int 1820..1985; teacher_id >artist?
artwork 26: id; title =list Dawn|River|Chair|Storm|Orchard|Gate|Figure|Boats|Cliff|Mirror|Bridge|Lamp|Dancer|Field|Window|Market|Horse|Shore|Tower|Mask|Fire|Snow|Garden|Wheel|Letter|Stairs; artist_id >artist; year_made =int 1840..2015; acquired =date 1950..2022; value =int 1..900
exhibit_loan 28: id; artwork_id >artwork; borrower =pick Oslo|Turin|Basel; sent_on =date 2015..2022; returned_on =after sent_on 30..500?; fee =int 5..90
!DELETE FROM exhibit_loan WHERE artwork_id IN (2, 5, 11)

football
stadium 5: id; name =list North Park|Dock Ground|The Bowl|Mill Lane|Arena; seats =int 4000..60000; opened =date 1900..2019
team 8: id; name =list Rovers|Albion|Dynamo|Athletic|Wanderers|Harriers|Rangers|City; stadium_id >stadium; established =int 1880..1990; titles =int 0..12
footballer 26: id; name =person; team_id >team; birth_date =date 1985..2006; position =pick Keeper|Defender|Striker; goals =int 0..40
fixture 40: id; team_id >team; played_on =date 2018..2023; goals_for =int 0..6; goals_against =int 0..6; attendance =int 900..50000

elections
district 7: id; name =list Ashby|Brook|Calder|Dale|Elm|Forth|Glen; voters =int 4000..90000
candidate 14: id; name =person; party =pick Green|Civic|Union; birth_date =date 1945..1995; district_id >district
poll_result 42: id; candidate_id >candidate; year =pick 2014|2018|2022; votes =int 100..30000
!DELETE FROM poll_result WHERE candidate_id IN (3, 8)

hotel
guest 14: id; name =person; nationality =pick Austrian|Australian|Iraqi; born =date 1940..2003; vip_level =int 1..3
room 9: id; room_number =list 101|102|103|201|202|203|301|302|303; kind =pick Single|Double|Suite; nightly_rate =real 40..400
stay 44: id; guest_id >guest; room_id >room; check_in =date 2020..2023; check_out =after check_in 1..15?; guests =int 1..4
!DELETE FROM stay WHERE guest_id IN (5, 9) OR room_id = 6

farm
field 7: id; name =list Upper|Lower|Mill|Oak|Pond|Ridge|South; hectares =real 1..30
crop 6: id; name =list Barley|Beet|Hops|Maize|Oats|Wheat; sown_month =int 1..12
harvest 44: id; field_id >field; crop_id >crop; harvested =date 2015..2023; tonnes =real 1..80; crates =int 0..400; workers =int 2..14
!DELETE FROM harvest WHERE field_id = 5 OR crop_id = 3

software
developer 14: id; name =person; lead_id >developer?; joined =date 2012..2022; team =pick Core|Web|Data
repository 6: id; name =list anvil|breeze|cinder|delta|ember|flint; created =date 2010..2021; stars =int 1..900
issue 48: id; repository_id >repository; developer_id >developer?; opened =date 2020..2023; closed =after opened 1..200?; status =pick open|closed|null?; points =int 1..13
code_review 40: id; issue_id >issue; developer_id >developer; reviewed =date 2021..2023; comments =int 0..20
!DELETE FROM code_review WHERE developer_id IN (6, 11)

gym
trainer 7: id; name =person; senior_id >trainer?; certified =date 2005..2021
gym_member 15: id; name =person; joined =date 2015..2022; birth_date =date 1950..2005; fee_paid =pick yes|no
session 36: id; trainer_id >trainer; kind =pick Yoga|Spin|Boxing; begins =moment 2022..2023; finishes =later begins 30..120; places =int 8..25
attendance 70: id; session_id >session; member_id >gym_member; minutes =int 10..110
!DELETE FROM attendance WHERE member_id IN (2, 9)

companies
company 10: id; name =list Acton|Bexley|Corvus|Delphi|Emcor|Fulton|Gravis|Hexa|Ionix|Jotun; years_in_business =list 12|45|7|88|31|19|103|54|3|66; headquarters =pick Delft|Ulm|Como; employees =int 20..9000; day_rate =int 200..900
gadget 24: id; name =list A1|A2|B1|B2|C1|C2|D1|D2|E1|E2|F1|F2|G1|G2|H1|H2|I1|I2|J1|J2|K1|K2|L1|L2; company_id >company; category =pick Phone|Camera|Watch; price =real 20..900; released =date 2012..2023
deal 30: id; company_id >company; signed =date 2016..2023; value =int 10..990; partner_id >company?
!DELETE FROM deal WHERE company_id IN (3, 6)

observatory
telescope 6: id; name =list Argus|Borealis|Cygnus|Draco|Eridanus|Fornax; site =pick Chile|Hawaii|Canaries; first_light =date 1960..2018; mirror =real 0..9
astronomer 10: id; name =person; advisor_id >astronomer?; born =date 1935..1995
observation 40: id; telescope_id >telescope; astronomer_id >astronomer; started =moment 2021..2023; ended =later started 30..600; target =pick Vega|Deneb|Rigel; exposures =int 1..60
!DELETE FROM observation WHERE astronomer_id IN (4, 8)

newspaper
editor 7: id; name =person; chief_id >editor?; appointed =date 2000..2022
reporter 14: id; name =person; editor_id >editor; desk =pick Sports|Politics|Culture; salary =int 20..80
article 50: id; reporter_id >reporter; headline =pick Storm warning|New bridge|Budget vote|Cup final; published =date 2019..2023; words =int 150..3000; corrections =int 0..4
!DELETE FROM article WHERE reporter_id IN (4, 12)

ferry
port 6: id; name =list Calm Bay|Dover Rock|Elba Quay|Foyle|Gull Point|Haven; island =pick yes|no
vessel 7: id; name =list Pelican|Tern|Osprey|Heron|Gannet|Egret|Swift; home_port_id >port; launched =date 1970..2018; capacity =int 40..900
crossing 44: id; vessel_id >vessel; port_id >port; left_at =moment 2022..2023; reached_at =later left_at 25..480; passengers =int 3..800; cars =int 0..120
!DELETE FROM crossing WHERE vessel_id = 4

festival
stage 4: id; name =list Main|Lake|Forest|Tent; capacity =int 300..9000
band 12: id; name =list Arc|Bloom|Coda|Dune|Ember|Flux|Gale|Haze|Ink|Jolt|Kin|Lark; formed_on =date 1985..2019; members =int 1..9; genre =pick Rock|Folk|Jazz
gig 30: id; band_id >band; stage_id >stage; starts_at =moment 2019..2023; stops_at =later starts_at 25..120; fee =int 100..9000; encores =int 0..3
volunteer 16: id; name =person; team_leader_id >volunteer?; shifts =int 0..9; born =date 1950..2006
!DELETE FROM gig WHERE band_id IN (5, 11)
!UPDATE volunteer SET team_leader_id = id WHERE id IN (1, 4)
"""


def names() -> list[str]:
    """The databases' names."""
    return [text.splitlines()[0] for text in SPECS.strip().split("\n\n")]


def scripts() -> dict[str, str]:
    """Each database's name and the statements that make it."""
    return {name: _script(name, lines) for name, *lines in map(str.splitlines, SPECS.strip().split("\n\n"))}


def _script(database: str, lines: list[str]) -> str:
    rng = random.Random(database)
    made, last = list[str](), list[str]()
    sizes = {match[1]: int(match[2]) for line in lines if (match := _TABLE.match(line))}
    for line in lines:
        if line.startswith("!"):
            last.append(f"{line[1:]};")
            continue
        match = _TABLE.match(line)
        assert match is not None, line
        columns = [_column(text) for text in match[3].split("; ")]
        declared = ", ".join(f"{name} {_declared(kind)}" for name, kind, _, _ in columns)
        made.append(f"CREATE TABLE {match[1]} ({declared});")
        rows, people = [], rng.sample(PEOPLE, len(PEOPLE))
        for n in range(1, int(match[2]) + 1):
            row: dict[str, object] = {}
            for name, kind, argument, some in columns:
                value = _value(kind, argument, n, row, rng, people, sizes, match[1])
                row[name] = None if some and rng.random() < 1 / 3 else value
            rows.append(f"({', '.join(map(_literal, row.values()))})")
        made.append(f"INSERT INTO {match[1]} VALUES {', '.join(rows)};")
    return "\n".join([*made, *last])


def _column(text: str) -> tuple[str, str, str, bool]:
    """A column's name, its kind, what the kind is told, and whether some are left out."""
    match = _COLUMN.match(text)
    assert match is not None, text
    return match[1], match[2] or "id", match[3] or "", bool(match[4])


def _declared(kind: str) -> str:
    if kind == "id":
        return "INTEGER PRIMARY KEY"
    if kind.startswith(">"):
        return f"INTEGER REFERENCES {kind[1:]}(id)"
    return {"=int": "INTEGER", "=real": "REAL", "=date": "DATE", "=after": "DATE"}.get(
        kind, "DATETIME" if kind in ("=moment", "=later") else "TEXT"
    )


def _value(
    kind: str,
    argument: str,
    n: int,
    row: dict[str, object],
    rng: random.Random,
    people: list[str],
    sizes: dict[str, int],
    table: str,
) -> object:
    if kind == "id":
        return n
    if kind == ">" + table:
        return rng.randint(1, n - 1) if n > 1 else None
    if kind.startswith(">"):
        return rng.randint(1, sizes[kind[1:]])
    if kind == "=person":
        return people[(n - 1) % len(people)]
    if kind in ("=pick", "=list"):
        words = argument.split("|")
        word = rng.choice(words) if kind == "=pick" else words[(n - 1) % len(words)]
        return int(word) if word.isdigit() else word
    if kind in ("=after", "=later"):
        column, bounds = argument.split()
        low, high = map(int, bounds.split(".."))
        start = datetime.fromisoformat(str(row[column]))
        if kind == "=after":
            return str((start + timedelta(days=rng.randint(low, high))).date())
        return str(start + timedelta(minutes=rng.randint(low, high)))
    low, high = map(int, argument.split(".."))
    if kind == "=int":
        return rng.randint(low, high)
    if kind == "=real":
        return round(rng.uniform(low, high), 2)
    day = date(low, 1, 1) + timedelta(days=rng.randrange((date(high, 12, 31) - date(low, 1, 1)).days))
    return str(day) if kind == "=date" else f"{day} {rng.randrange(6, 22):02}:{rng.randrange(60):02}:00"


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, (int, float)) else "'" + str(value).replace("'", "''") + "'"
