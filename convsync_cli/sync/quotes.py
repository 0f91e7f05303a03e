"""Where the new part of a mail ends and its quoted history begins; for display only.

House rule: when unsure, everything is new. Marked quotes (">") must run to the end of the mail, so
that an answer between or below them is never hidden; unmarked ones, which HTML mail has, are taken
to. Every line is looked at once, with a bounded look ahead: reply-quote libraries hang on hostile
mail.
"""

import re
from collections.abc import Iterator

_LOOKED_AT = 500_000  # characters; a quote that begins later is left as new
_LONGEST = 300  # characters of a line that are looked at
_AHEAD = 8  # lines that an introduction may take

# "On Mon, 5 Jan 2026 at 10:00, Rep <rep@example.com> wrote:", which mail programs wrap.
_VERBS = {
    "On": "wrote",  # English
    "Am": "schrieb",  # German
    "Le": "a écrit",  # French
    "El": "escribió",  # Spanish
    "Em": "escreveu",  # Portuguese
    "A": "escreveu",
    "No dia": "escreveu",
    "Op": "schreef",  # Dutch
    "Il": "ha scritto",  # Italian
}
_INTRODUCTION = re.compile(
    "|".join(rf"(?:{on}\b.*\b{verb}\b.{{0,100}}:)" for on, verb in _VERBS.items())
    + r"|\d{4}-\d\d-\d\d \d\d?:\d\d .*<[^<>@ ]+@[^<>@ ]+>:"
)
_WHEN_OR_WHO = re.compile(r"\d:\d\d|@|\b20\d\d\b")

_SEPARATOR = re.compile(
    r"-{2,} ?(?:Original Message|Original Appointment|Ursprüngliche Nachricht"
    r"|Message d['\u2019]origine|Message original|Mensaje original|Mensagem original"
    r"|Oorspronkelijk bericht|Messaggio originale) ?-{2,}",
    re.IGNORECASE,
)
_FROM = re.compile(r"[*_]?(?:From|Von|De|Van|Da)[*_]? ?:[*_]? ?\S")
_SENT = re.compile(
    r"[*_]?(?:Sent|Date|Gesendet|Datum|Envoyé|Envoyé le|Enviado|Enviado el|Enviada em|Fecha|Data"
    r"|Verzonden|Inviato)[*_]? ?:",
)
_TO = re.compile(
    r"[*_]?(?:To|Subject|An|Betreff|À|Objet|Para|Asunto|Assunto|Aan|Onderwerp|A|Oggetto)[*_]? ?:",
)
_FORWARDED = re.compile(
    r"-{2,} ?(?:Forwarded|Weitergeleitete|Message transféré|Mensaje reenviado|Mensagem encaminhada"
    r"|Doorgestuurd|Messaggio inoltrato)\b|Begin forwarded message:",
    re.IGNORECASE,
)
_RULE = re.compile(r"[_-]{8,}$")

Line = tuple[int, str]  # where it begins, and its beginning without white space around


def unquoted(text: str) -> tuple[str, str]:
    """Split a mail into its new part and the history it quotes; the two make up ``text``.

    Knows "On … wrote:" and Outlook's "From: … Sent: …" in seven languages, "-----Original
    Message-----" and a last block of "> " lines. The history is empty where there is none, where
    an answer may stand inside it, where nothing would be left as new, and in forwarded mail.
    """
    lines = list(_lines(text[:_LOOKED_AT]))
    tail = _quoted_tail(lines) if len(text) <= _LOOKED_AT else len(lines)
    for i, (_, line) in enumerate(lines):
        if _FORWARDED.match(line):
            break
        if _begins_quote(lines, i, tail):
            cut = lines[_with_rule(lines, i)][0]
            return (text[:cut], text[cut:]) if text[:cut].strip() else (text, "")
    return text, ""


def _lines(text: str) -> Iterator[Line]:
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield start, text[start : min(end, start + _LONGEST)].strip()
        start = end + 1


def _quoted_tail(lines: list[Line]) -> int:
    """Find from which line on there are only quoted and empty ones."""
    i = len(lines)
    while i and (not lines[i - 1][1] or lines[i - 1][1].startswith(">")):
        i -= 1
    return i


def _begins_quote(lines: list[Line], i: int, tail: int) -> bool:
    line = lines[i][1]
    if i >= tail:
        return line.startswith(">")
    if _SEPARATOR.match(line):
        return True
    if _FROM.match(line):
        return _is_header(line for _, line in lines[i + 1 : i + _AHEAD])
    after = _after_introduction(lines, i)
    return after is not None and _runs_to_the_end(lines, after, tail)


def _is_header(lines: Iterator[str]) -> bool:
    block = list(lines)
    return any(map(_SENT.match, block)) and any(map(_TO.match, block))


def _after_introduction(lines: list[Line], i: int) -> int | None:
    """Give the line after an introduction that begins at ``i``; None where none does."""
    if not lines[i][1].startswith((*_VERBS, "20")):
        return None
    words = ""
    for j in range(i, min(i + 4, len(lines))):
        words = f"{words} {lines[j][1]}".strip()
        if words.endswith(":"):
            found = _INTRODUCTION.fullmatch(words) and _WHEN_OR_WHO.search(words)
            return j + 1 if found else None
    return None


def _runs_to_the_end(lines: list[Line], i: int, tail: int) -> bool:
    """Tell whether all from line ``i`` is quote: marked to the end, or not marked at all."""
    while i < len(lines) and not lines[i][1]:
        i += 1
    return i < len(lines) and (i >= tail or not lines[i][1].startswith(">"))


def _with_rule(lines: list[Line], i: int) -> int:
    """Take a ruled line above the quote into it."""
    above = i - 1
    while above > 0 and not lines[above][1]:
        above -= 1
    return above if above >= 0 and _RULE.match(lines[above][1]) else i
