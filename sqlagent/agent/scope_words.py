"""List the words that say nothing about a database, and those that may stand for one another in its names.

Invariant: everything is looked up by stem (`word_forms.stem`). The first list holds words that questions of many
different databases have and their schemas do not; the second is a small thesaurus of what databases are about.
"""

from __future__ import annotations

from sqlagent.base import word_forms

_SAID_ANYWHERE = """
    above across actually again ago alike alive all along alphabetic alphabetical alphabetically already
    also among amongst amount annual anyone anything appear appeared around ascending asked assigned
    associated available back based become been began begin being belong belonging below best better big
    bigger biggest both bought bring calculate called came carry cheap cheapest check choose close
    closest combined come common compare compute contain contained containing content correlated
    correspond corresponding could currently data database day deal deals decreasing descending describe
    described describing detail determine didn't difference display distinct doesn't dollar dollars
    don't done earlier earliest else entire entry enumerate equal equally euro euros ever everybody
    everyone everything exactly exceed exceeding except excluding exist expensive fact fall few fewer
    fewest field first five following found four frequency frequent frequently full furthest gave give
    given go gone good got great greater greatest group grouped hasn't haven't held here high higher
    highest history hold holding host hosted hour hours how however id identifier ids include included
    including increasing indicate info information instance instead interest interested interests
    involved item keep kept kg kilogram kilometer kilometers kind km know known large larger largest
    last later latest least left less letter lie lies limit list listed live living located long longer longest
    look low lower lowest made main make making male many match matching maximal maximum maybe mean
    mentioned meter meters middle mile miles minimal minimum minus minute minutes month most mostly move
    much multiple name named need never new newest next nobody nothing now number obtain offer offered
    often ok okay old older oldest one one's ones operate order ordered organized overall own owned part
    particular past people per percent percentage percentages person phrase pick place please plus
    popular portion possible present presented previous print prior provide provided put question ran
    range rank rate reach really receive received recent recently record regarding registered related
    remaining report reported reside resides residing respective respectively result retrieve return row
    run same second seconds select separate set several share shared short shortest show showing sign
    similar single size small smaller smallest someone something sort sorted specific specified spend
    spent square start started starting still string substring table take taken tall tell ten text
    thanks their thing things third three time times today together too top total twice two type unique
    use used using value varied various want way week weeks well went whole whose within without word
    work worst would year years yes yet young younger youngest zero
    annually average bestselling breakdown bucks buying buys daily evolution growth hourly income monthly ordering
    percentual profit purchase purchased purchasing quarter quarterly queries query ranking recap resultant resulting
    revenue sale sales sell seller selling sells sold spending statistics stats stuff summary tally trend turnover
    weekly yearly
    according achieve achieved affected against alongside applied april attend august became cause caused chose
    collected committed compared complete completed completely consecutive considered december detailed due end ended
    equivalent estimated exceeded featured featuring february finish finished friday gained handle handled happen
    happened happening heaviest highly identify indicated inside involve january july june labeled lasted led lightest
    listing majority march mention monday needed november obtained occur occurred october outside pair
    participate participated particularly placed posted precise proportion ranging ratio reached recorded represent
    represented representing said saturday saw see seen selected september serve served serving shown sunday thursday
    took tracked tuesday undergo undergone wednesday whereby worked working write
    busiest coldest deepest fastest finest hottest late loudest nicest poorest quickest richest safest slowest soonest
    strongest warmest weakest widest
    asc avg concat denote denoted desc divide divided false max min multiplied multiply null
    six seven eight nine eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty
    fifty sixty seventy eighty ninety hundred hundreds thousand thousands million millions billion billions dozen dozens
    fourth fifth sixth seventh eighth ninth tenth
    grow grew grown increase increased decrease decreased rise rose fall fell drop dropped decline compare
    refer referred referring sql strftime substr subtract subtracted sum true
"""
GENERIC = frozenset(map(word_forms.stem, _SAID_ANYWHERE.split())) | word_forms.STOP
"""Words that are said of any database: they neither speak for nor against one."""

_KEPT = """
    account active actor actual address advisor affiliation age aid air aircraft airport album altitude appearance
    appointment area arrival artist asset assist athlete attendance attribute author authority award away balance
    ball bike birth birthdate birthday birthplace block bonus book booking brand broadcast bronze budget builder
    building business capacity capital captain car career carrier case cast catalog catalogue category cell census
    ceremony champion championship channel character circuit citation city claim class classification client club
    coach code college color comment company competition composer condition conference constituency contact
    continent control cost country county course cover credit crowd cup currency customer death debut decision
    delivery density department departure depth description destination diameter director discount distance district
    division document draft driver duration election elevation email employee engine enrollment episode event
    expense family feature fee film final finalist fleet floor food fuel game gender genre goal gold government
    grade grandparent guest headquarter heat height hire holiday home hometown horse hospital hotel house household
    illness image incumbent industry installation institution insurance international interview inventory invoice
    issue job journal keyword label lake lane language lap latitude launch lawyer leader league length level licence
    license loan location login longitude loser loss mail major manager manufacturer margin market mascot meal
    measure medal media median medicine member message method mileage model money mother mountain movie municipality
    museum music musician nation nationality network nickname nomination nominee note occupation office officer
    official opponent organization origin outcome owner package page painting parent park parking party passenger
    password patient payment peak performance performer pet phone photo pilot planet plant platform player playoff
    podium poem population position post postcode power president pressure price prize product production professor
    program programme project prominence province publication publisher quality quantity race rating reason recipe
    referee region religion rent rental representative restaurant retirement review rider river road role room round
    route salary school score scorer sea season seat segment sequence series service sex ship shop silver singer
    sister song soundtrack speaker special species speed sponsor sport stadium staff stage star station store street
    student studio style subject successor suffix supplier support surface system tax teacher team telephone
    television temperature territory theater theme ticket tie title torque tournament town track train transaction
    transfer treatment truck tuition uniform union university vacancy vehicle vendor venue version victory video
    viewer visitor volume vote wage warehouse warranty water weapon weather website weight wheel width wife window
    winner woman writer zip zone
"""
THINGS = frozenset(map(word_forms.stem, _KEPT.split()))
"""What databases are often there to hold: a question about one that the schema lacks is about something else."""

_SAME = """
    duration length time minute second millisecond runtime
    shipment ship shipped delivery deliver delivered
    stock inventory quantity
    invoice bill receipt
    spouse wife husband married marital
    mileage mpg gallon
    eatery restaurant cafe
    incident crime accident case
    crew cast member staff
    senator representative legislator congressman
    salary wage pay paid payment earn earning income compensation
    cost price expensive cheap fee charge amount spend
    staff employee worker personnel employ hire hired work
    teacher instructor professor lecturer faculty teach taught
    customer client buyer purchaser shopper
    student pupil learner enrolled
    movie film
    song track music tune
    singer musician artist performer vocalist
    author writer wrote written
    country nation nationality
    city town municipality
    address live reside street home
    location place where situated based
    date when day time born founded weekday
    year when age old
    age old young born birth
    birthday birthdate birth born dob
    height tall
    weight heavy
    phone telephone mobile number contact
    gender sex female male man woman boy girl
    name called title
    population people inhabitant resident
    area big large size
    plane aircraft airplane
    car vehicle automobile
    ship boat vessel
    shop store market
    company firm business enterprise corporation manufacturer
    boss manager supervisor head leader
    department division
    major discipline
    income revenue earning
    income earning received credit amount
    expense spend spent spending payment paid pay cost debit amount
    pilot aviator
    driver chauffeur
    test exam examination
    parent mother father
    salesperson seller vendor supplier
    trip journey tour
    creator maker inventor
    drink beverage
    capacity seat
    competition contest race match event
    studio company
    premise building
    paper publication article
    tournament competition
    nickname alias
    order purchase
    price discount
    discount rate
    school college university
    course class subject lecture
    match game
    player athlete
    team club side
    win won winner victory result
    sale sold sell revenue order purchase
    bought buy purchase order
    friend friendship
    doctor physician medic
    patient sick
    illness disease
    medicine drug
    email mail
    picture photo image
    language spoken speak
    position role job title occupation
    mark grade score result
    rating stars rate
    abroad foreign
    album record
    kilometre kilometer km mile metre meter distance length far mileage
    kg kilogram gram lb pound tonne weight mass heavy load
    kwh wh watt energy electricity consumption usage power
    litre liter ml gallon volume consumption fuel
    euro eur dollar usd gbp chf pound amount money price cost revenue
    celsius fahrenheit temperature
    kmh kph mph knot speed
    byte kb mb gb size
    genre style kind type category
    flight fly flew airline
    airport
    museum visitor visit
    concert show
    stadium venue arena
"""
SYNONYMS: dict[str, frozenset[str]] = {}
"""Stem → the stems of the words that may be meant by it, its own included."""
for _line in _SAME.strip().splitlines():
    _stems = frozenset(map(word_forms.stem, _line.split()))
    for _stem in _stems:
        SYNONYMS[_stem] = SYNONYMS.get(_stem, frozenset()) | _stems
