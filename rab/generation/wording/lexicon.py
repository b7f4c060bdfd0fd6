"""Words that no statement may use, and the characters it may be made of.

RAB reports resemblance and counts. It never says what an animal means, feels or is, and never that something is
proven. The lists are closed and English, as the templates are; names of cited items are taken out before the search, so
a Happy Wren may be counted and a human label "alarm call" quoted. What a model may change in a template's sentence is a
closed list too: see `rab.generation.checks.paraphrase`.
"""

import re
import unicodedata

_FORBIDDEN = {
    "intent or meaning": r"say|says|saying|said|mean|means|meant|meaning|warn|warns|warned|warning|want|wants|wanted"
    r"|tell|tells|telling|told|ask|asks|asking|greet|greets|greeting|beg|begs|begging|threaten|threatens|invite|invites"
    r"|intend|intends|intent|intention|express|expresses|communicate|communicates|talk|talks|answers|replies|speaks",
    "emotion": r"happy|happiness|sad|sadness|angry|anger|afraid|fear|fears|fearful|anxious|anxiety|joy|joyful|distress"
    r"|distressed|excited|excitement|lonely|calm|aggressive|aggression|danger|dangerous|alarm|alarmed|alarming",
    "certainty": r"confirm|confirms|confirmed|confirming|prove|proves|proved|proven|proof|significant|significantly"
    r"|certain|certainly|definite|definitely|undoubtedly|surely|obviously|clearly|truly",
    "probability": r"probability|probable|probably|likely|likelihood|chance|confidence|confident",
    "identity": r"identified|identifies|belongs to the species|species is|must be|turns out to be",
    "trend": r"trend|trends|increase|increases|increased|increasing|decrease|decreases|decreased|decreasing|decline"
    r"|declines|declined|declining",
}
_PATTERNS = {family: re.compile(rf"\b(?:{words})\b") for family, words in _FORBIDDEN.items()}

_OVERREACH = {
    "presence or absence": r"breeds?|breeding|bred|nests?|nesting|roosts?|resident|migrants?|migrat\w*|inhabit\w*"
    r"|occurs?|occurring|occurrence|present|presence|absent|absence|extinct|territor\w*|occup\w*|live|lives|living",
    "abundance or status": r"abundan\w*|populations?|numerous|rare|rarely|scarce|common|commonly|commoner|dominant"
    r"|dominates?|endangered|threatened|vulnerable|protected|invasive|native|endemic|conservation",
    "health or condition": r"health\w*|unhealthy|sick|ill|injured|wounded|stress\w*|hungry|starving|hurt|dying|dead",
    "individual, sex or age": r"individual\w*|same bird|same animal|male|males|female|females|juvenile\w*|adult\w*"
    r"|young|chicks?|fledgl\w*|pair|pairs|mates?|mating|mother|father|parents?|sex|age|aged|old",
    "behaviour": r"behavio\w*|courtship|courting|singing|sings?|hunting|foraging|feeding|calling to|respond\w*"
    r"|answer\w*|duets?|contact calls?|flight calls?|begging|songs?",
    "cause": r"because|caus\w*|due to|owing to|therefore|thus|hence|leads? to|led to|results? in|explain\w*|so that",
    "comparison": r"better|best|worse|worst|stronger|strongest|weaker|weakest|greater|greatest|superior|far more"
    r"|exceeds?|outnumbers?|identical|equal|exactly|undeniabl\w*|beyond doubt|doubtless|of course|evidently",
    "quantity": r"all|every|everything|each|both|any|most|mostly|majority|minority|several|many|few|fewer|couple"
    r"|lots?|plenty|much|more|less|least|nearly|almost|roughly|around|approximately|about|only|always|never|often"
    r"|sometimes|usually|seldom|none|some|first|second|third|fourth|fifth|quarter|quarters|tenths?|nth",
}
"""Words of claims that RAB never makes of its own accord. A template may use one in its place (`more onsets`, `which
does not show absence`); a model may not add one."""
_OVERREACHING = {family: re.compile(rf"\b(?:{words})\b") for family, words in _OVERREACH.items()}

_SENTENCE_WORDS = re.compile(
    r"(?<![\w-])(?:no|not|none|never|nor|neither|is|are|was|were|be|been|has|have|had|does|did|can|cannot|could|might|must"
    r"|shall|should|would|that|this|these|those|which|who|whose|it|its|he|she|they|we|you|your|here|there|now|then"
    r"|if|but|or|because|however|moreover|also|against|in|on|at|by|from|with|as|to|for|than|so|ignore|previous|assistant"
    r"|system|user|write|answer|please|definite|actually|really|very|always|breeds?|breeding|nests?|nesting|present"
    r"|absent|presence|absence|extinct|healthy|sick|injured|dying|tentatively|provisionally|apparently|unverified"
    r"|suggests?|appears?|seems?|resembles?|listeners?|statement|signal|effort|detections?|caveats?|abstention"
    r"|^the|every|all|raw|whether|segments?|recordings?)(?![\w'’-])"
)

MASK = "￼"
"""What stands in a text in place of a name that has been checked: the object replacement character."""

_COPULA = re.compile(rf"\b(?:is|are|was|were|be|been|being|am|it's|'s)\b[^.;:]{{0,24}}?{MASK}")
_NAMING = re.compile(rf"\b(?:is|are|was|were)\s+(?:also\s+|tentatively\s+)?(?:named|labelled)\b[^.;:]{{0,24}}?{MASK}")

_NUMBER_WORDS = re.compile(
    r"\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    r"|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?"
    r"|billions?|dozens?|half|halves|twice|thrice|double|doubled|triple|tripled|once|percent"
    r"|per cent|[a-z]+-?(?:fold|teenth|tieth)|hundredths?|thousandths?)\b"
)

_STRANGE = re.compile(rf"[^A-Za-z0-9 .,;:?()/%'’“”+−–{MASK}-]")


def folded(text: str) -> str:
    """Return `text` as the search sees it: compatibility forms, invisible characters and case folded away."""
    if text.isascii():
        return text.casefold()
    compatible = unicodedata.normalize("NFKC", text)
    return "".join(c for c in compatible if c.isascii() or unicodedata.category(c) != "Cf").casefold()


def forbidden(masked: str) -> str | None:
    """Return the family of the first forbidden word of a text whose names are masked; None without one."""
    text = folded(masked)
    for family, pattern in _PATTERNS.items():
        if pattern.search(text):
            return family
    if _COPULA.search(_NAMING.sub(" ", text)):
        return "identity"
    return None


def overreach(masked: str, template: str) -> str | None:
    """Return the family of the first word of a claim that the template does not make; None without one."""
    text, own = folded(masked), folded(template)
    for family, pattern in _OVERREACHING.items():
        if set(pattern.findall(text)) - set(pattern.findall(own)):
            return family
    return None


def of_a_sentence(name: str) -> bool:
    """Return whether a name holds a word that belongs to a sentence rather than to a name, as in `Owl that is`."""
    return _SENTENCE_WORDS.search(folded(name)) is not None


def number_word(masked: str) -> str | None:
    """Return the first number written in words, such as `three`; None without one."""
    found = _NUMBER_WORDS.search(folded(masked))
    return found.group() if found else None


def counts(name: str) -> bool:
    """Return whether a name holds a number in words by itself: `Two hundred wolves` does, `Two-barred Warbler` not."""
    return any(folded(name)[found.end() : found.end() + 1] != "-" for found in _NUMBER_WORDS.finditer(folded(name)))


def strange_character(masked: str) -> str | None:
    """Return the first character that no template uses, such as a look-alike letter; None without one."""
    found = _STRANGE.search(masked)
    return found.group() if found else None
