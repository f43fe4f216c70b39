"""How are credentials taken out of what is kept: texts, JSON bodies, queries, headers?

Streams, in which a text may be cut over several frames, are in `redact_stream.py`. Whatever comes here was written by strangers:
each pattern is found in time that grows with the text alone. None has a part without a bound that could be tried again from
another place or cut another way, which is why they have possessive quantifiers (`++`) and look behind themselves. What was
redacted once stays as it is when it is redacted again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote_plus

import msgspec

from openai_api.observing.json_text import is_json

API_KEY = "[REDACTED_API_KEY]"
AWS_KEY = "[REDACTED_AWS_KEY]"
REDACTED = "[REDACTED]"
SHORTEST = 8
"""Characters of a value beside a name such as `password`; what is shorter is more often a word."""
ASSURED = 20
"""Characters of a value beside a name that is also used for other things: `token`, of which models tell the probability."""


class Span(NamedTuple):
    """What is to be replaced, from a character to another, by what."""

    start: int
    end: int
    text: str


class Rule(NamedTuple):
    """`hints` are texts in lower case without one of which `pattern` cannot be found, and which cost little to look for. What is
    replaced is the group named `secret`, unless one of the characters `unless` follows."""

    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    replacement: str
    unless: str = ""


_CASELESS = re.IGNORECASE | re.ASCII
_START = r"(?:(?<![A-Za-z0-9])|(?<=\\[bfnrt])|(?<=%[0-9A-Fa-f]{2}))"
"""Where a key may begin: not inside a word, but after a line break that JSON within JSON writes as `\\n`."""
_NAMES = (
    r"(?:api[_-]?key|access[_-]?key|private[_-]?key|(?:access|auth|refresh|session|id)[_-]?token"
    r"|secret(?:[_-]?(?:access[_-]?)?key)?|pass(?:word|wd|phrase)|token|credential)"
)
_VALUE = r"[A-Za-z0-9+/=_.~$!@#%^*-]"
_SHAPES = (
    ("sk-", r"sk-[\w-]{20,}+"),
    ("gsk_", r"gsk_\w{20,}+"),
    ("csk-", r"csk-\w{20,}+"),
    ("xai-", r"xai-\w{20,}+"),
    ("aiza", r"AIza[\w-]{35}"),
    ("aq.", r"AQ\.[\w-]{30,}+"),
    ("ya29.", r"ya29\.[\w.-]{20,}+"),
    ("pplx-", r"pplx-\w{20,}+"),
    ("fw_", r"fw_\w{20,}+"),
    ("hf_", r"hf_\w{20,}+"),
    ("r8_", r"r8_\w{20,}+"),
    ("nvapi-", r"nvapi-[\w-]{20,}+"),
    ("tgp_v1_", r"tgp_v1_[\w-]{20,}+"),
    ("bedrock-api-key-", r"bedrock-api-key-[\w+/=-]{20,}+"),
    ("absk", r"ABSK[\w+/=]{60,}+"),
    ("github_pat_", r"github_pat_\w{20,}+"),
    *((f"gh{kind}_", rf"gh{kind}_\w{{30,}}+") for kind in "oprsu"),
    ("glpat-", r"glpat-[\w-]{20,}+"),
    ("xox", r"xox[abeoprs]-[\w-]{10,}+"),
    ("k_live_", r"[rs]k_live_\w{16,}+"),
    ("k_test_", r"[rs]k_test_\w{16,}+"),
)
"""How the keys begin that vendors give out, and what they look like (letters in any case, as whoever copies them may write)."""

RULES = (
    *(Rule((hint,), re.compile(rf"{_START}(?P<secret>{shape})", _CASELESS), API_KEY) for hint, shape in _SHAPES),
    Rule(("akia", "asia"), re.compile(rf"{_START}(?P<secret>(?:AKIA|ASIA)[A-Z0-9]{{16}})", _CASELESS), AWS_KEY),
    Rule(("bearer",), re.compile(r"bearer\s{1,8}+(?P<secret>[\w.~+/=-]{20,}+)", _CASELESS), REDACTED),
    Rule(
        ("authorization",),
        re.compile(
            r"authorization[\\\"']{0,8}+\s{0,8}+[:=]\s{0,8}+[\\\"']{0,8}+\w{3,16}+\s{1,8}+(?P<secret>[\w.~+/=:-]{6,}+)", _CASELESS
        ),
        REDACTED,
    ),
    Rule(("eyj",), re.compile(r"(?<![\w-])(?P<secret>eyJ[\w-]{10,}+\.eyJ[\w-]{10,}+\.[\w-]{10,}+)", re.ASCII), REDACTED),
    Rule(
        ("private key-----",),
        re.compile(r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----(?P<secret>(?:[\w+/=\s:,]|\\[nr]|-(?!----)){16,}+)", re.ASCII),
        REDACTED,
    ),
    Rule(("://",), re.compile(r"://[^\s/:@]{0,64}+:(?P<secret>[^\s/:@\[\]]{3,256}+)@"), REDACTED),
    Rule(
        ("key", "token", "secret", "pass", "credential"),
        re.compile(
            rf"{_NAMES}[\\\"']{{0,8}}+\s{{0,8}}+[:=]\s{{0,8}}+[\\\"']{{0,8}}+(?P<secret>{_VALUE}{{{SHORTEST},}}+)", _CASELESS
        ),
        REDACTED,
        unless="([",  # a call or an index of a program, no value
    ),
)

_NAMED = re.compile(
    r"(?:x[_-])?(?:authorization(?:[_-]token)?|proxy[_-]authorization|cookie"
    r"|(?:[\w-]{0,40}[_-])?(?:api[_-]?key|access[_-]?key|private[_-]?key|secret|secret[_-]?(?:access[_-]?)?key"
    r"|(?:access|auth|refresh|session|security|bearer)[_-]?token|password|passwd|passphrase))",
    _CASELESS,
)
"""Names of members, parameters and headers whose value is a credential."""
_PERHAPS = re.compile(r"(?:[\w-]{0,40}[_-])?(?:token|credentials?)", _CASELESS)
"""Names whose value is one if it looks like one."""
_SECRET_LIKE = re.compile(r"[\w.~+/=-]+", re.ASCII)
_IN_QUERIES = frozenset({"key", "sig", "signature", "x-amz-signature", "x-amz-credential", "x-goog-signature", "code", "token"})
"""Names of parameters that carry credentials in addresses alone."""
_STRING = r"[^\"\\]*+(?:\\.[^\"\\]*+)*+"
_LITERAL = re.compile(rf'"(?P<text>{_STRING})"(?:(?P<colon>[ \t\r\n]*+:[ \t\r\n]*+)"(?P<value>{_STRING})")?+'.encode())
"""A string of a JSON text; together with the value where it is the name of a member whose value is a string, too."""
_MARK = re.compile(r"\[REDACTED(?:_API_KEY|_AWS_KEY)?\]")
_HINTS = tuple({hint.encode() for rule in RULES for hint in rule.hints} | {b"authorization", b"cookie", b"\\u"})
"""Without any of these in lower case there is nothing to redact in a JSON text."""


def spans(value: str) -> list[Span]:
    """What is to be replaced in a text, in order."""
    found: list[Span] = []
    lower = value.lower()
    for rule in RULES:
        if any(hint in lower for hint in rule.hints):
            for match in rule.pattern.finditer(value):
                start, end = match.span("secret")
                if value[end : end + 1] not in rule.unless or end == len(value):
                    found.append(Span(start, end, rule.replacement))
    return _apart(found) if len(found) > 1 else found


def _apart(found: list[Span]) -> list[Span]:
    """Those that overlap as one, which says the more special of what they say."""
    found.sort()
    apart = [found[0]]
    for span in found[1:]:
        last = apart[-1]
        if span.start < last.end:
            apart[-1] = Span(last.start, max(last.end, span.end), max(last.text, span.text, key=len))
        else:
            apart.append(span)
    return apart


def text(value: str) -> str:
    """The text without credentials; the same object if there are none."""
    found = spans(value)
    return replaced(value, found) if found else value


def replaced(value: str, found: Iterable[Span]) -> str:
    parts: list[str] = []
    end = 0
    for span in found:
        parts += (value[end : span.start], span.text)
        end = span.end
    return "".join((*parts, value[end:]))


def json_body(body: bytes) -> bytes:
    """The JSON text without credentials in its strings; all other bytes stay, and without any it is the same object. What is no
    JSON is searched as a text. To find a recorded body that equals one that was not recorded, redact the latter."""
    if not is_json(body):
        return raw_text(body)
    return strings(body)


def strings(body: bytes) -> bytes:
    """As `json_body`, of what is known to be JSON."""
    lower = body.lower()
    if not any(hint in lower for hint in _HINTS):
        return body
    made = _LITERAL.sub(_literal, body)
    return body if made == body else made


def raw_text(body: bytes) -> bytes:
    """The text without credentials, whatever bytes are in it."""
    value = body.decode("utf-8", "surrogateescape")
    made = text(value)
    return body if made is value else made.encode("utf-8", "surrogateescape")


def query(value: str) -> str:
    """What follows `?` in an address; parameters without credentials stay as they are."""
    return "&".join(map(_parameter, value.split("&")))


def url(value: str) -> str:
    """An address, also its query and what stands before its host."""
    place, mark, asked = value.partition("?")
    return text(place) + mark + query(asked)


def headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers without credentials; those of one name are one, joined as HTTP has it."""
    made: dict[str, str] = {}
    for name, value in pairs:
        shown = REDACTED if _NAMED.fullmatch(name) else text(value)
        made[name] = f"{made[name]}, {shown}" if name in made else shown
    return made


def _parameter(part: str) -> str:
    name, equals, value = part.partition("=")
    told = unquote_plus(value)
    if not told:
        return part
    if _MARK.fullmatch(told):
        return f"{name}{equals}{told}"
    plain = unquote_plus(name).lower()
    if plain in _IN_QUERIES or _NAMED.fullmatch(plain) or _PERHAPS.fullmatch(plain):
        return f"{name}{equals}{REDACTED}"
    shown = text(told)
    return part if shown is told else f"{name}{equals}{shown}"


def _literal(match: re.Match[bytes]) -> bytes:
    name, value = match["text"], match["value"]
    if value is None:
        return match[0] if (shown := _shown(_plain(name))) is None else msgspec.json.encode(shown)
    plain, told = _plain(name), _plain(value)
    said = REDACTED if _is_credential(plain, told) else _shown(told)
    renamed = _shown(plain)
    if said is None and renamed is None:
        return match[0]
    return b"".join(
        (
            b'"%b"' % name if renamed is None else msgspec.json.encode(renamed),
            match["colon"],
            b'"%b"' % value if said is None else msgspec.json.encode(said),
        )
    )


def _plain(literal: bytes) -> str:
    if b"\\" not in literal:
        return literal.decode("utf-8", "surrogateescape")
    told: str = msgspec.json.decode(b'"%b"' % literal, type=str)
    return told


def _shown(value: str) -> str | None:
    """The text without credentials, None if there are none."""
    found = spans(value)
    return replaced(value, found) if found else None


def _is_credential(name: str, value: str) -> bool:
    if not value or _MARK.fullmatch(value):
        return False
    if _NAMED.fullmatch(name):
        return True
    looks = len(value) >= ASSURED and _SECRET_LIKE.fullmatch(value) is not None
    return looks and _PERHAPS.fullmatch(name) is not None and any(map(str.isdigit, value)) and any(map(str.isalpha, value))
