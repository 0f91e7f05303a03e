"""Full text search over the table ``messages_fts``, which triggers keep beside ``messages``.

Ranking reads every message that matches, and a word can stand in most of a million: 2.5 s. Hence
only the newest of them are ranked, which FTS5 hands over in that order without a sort.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from convsync_cli.sync.engines.sqlite.connection import Connection
from convsync_cli.sync.engines.sqlite.reading import MOMENT, by_ids, narrowed
from convsync_cli.sync.model.message import Message
from convsync_cli.sync.model.progress import Stored
from convsync_cli.sync.model.reading import Findings, Hit, MessageFilter, Phrase

MOST_RANKED = 50_000
_TOKENS = 24  # of an excerpt
_BEFORE, _AFTER = 40, 120  # characters of an excerpt, around what stands inside of words
_BEGIN, _END = "\x02", "\x03"  # around what matches; texts that hold these lose them
_SUBJECT_WEIGHT = 4.0  # a subject says what a mail is about

# A match of the index, and every message where there is no word that the index knows.
_INDEXED = (
    f"bm25(messages_fts, {_SUBJECT_WEIGHT}, 1.0)",
    "messages_fts CROSS JOIN messages ON messages.id = messages_fts.rowid",
    "messages_fts MATCH :query",
    "messages_fts.rowid",
)
_EVERY = ("NULL", "messages NOT INDEXED", "true", "messages.id")
_OF_LEADS = ("NULL", "messages INDEXED BY messages_lead", "true", "messages.id")

# One pass over what matches: asked for each message alone, FTS5 would look up the words each time.
_SNIPPETS = f"""
SELECT rowid, snippet(messages_fts, -1, '{_BEGIN}', '{_END}', '…', {_TOKENS}) FROM messages_fts
WHERE messages_fts MATCH :query AND rowid BETWEEN :first AND :last
  AND +rowid IN (SELECT value FROM json_each(:ids))
"""


def search(
    db: Connection, phrases: Sequence[Phrase], wanted: MessageFilter, limit: int
) -> Findings:
    """The messages in which all phrases stand; see ``Archive``."""
    query = " ".join(_quoted(phrase) for phrase in phrases if not phrase.inside)
    inside = [phrase.text for phrase in phrases if phrase.inside]
    rows = db.rows(_statement(query, inside, wanted), _values(query, inside, wanted, limit))
    ids = [id for id, *_ in rows]
    texts = _snippets(db, query, ids) if query else {}
    found = {each.id: each for each in by_ids(db, ids)}
    hits = [_hit(found[id], score, texts.get(id), inside) for id, score, _ in rows if id in found]
    matches = rows[0][2] if rows else 0
    return Findings(tuple(hits), min(matches, MOST_RANKED), matches > MOST_RANKED)


def _statement(query: str, inside: Sequence[str], wanted: MessageFilter) -> str:
    unindexed = _EVERY if wanted.leads is None else _OF_LEADS
    score, source, matching, order = _INDEXED if query else unindexed
    also = "".join(
        f" AND (instr(lower(messages.body), lower(:inside{i}))"
        f" OR instr(lower(messages.subject), lower(:inside{i})))"
        for i in range(len(inside))
    )
    return f"""
    WITH matching AS MATERIALIZED (
        SELECT messages.id AS id, {score} AS score, {MOMENT} AS moment
        FROM {source} WHERE {matching}{narrowed(wanted)[0]}{also}
        ORDER BY {order} DESC LIMIT {MOST_RANKED + 1}
    )
    SELECT id, score, (SELECT count(*) FROM matching) FROM matching
    WHERE id > (SELECT iif(count(*) > {MOST_RANKED}, min(id), -1) FROM matching)
    ORDER BY score, moment DESC, id DESC LIMIT :limit
    """


def _values(query: str, inside: Sequence[str], wanted: MessageFilter, limit: int) -> dict[str, Any]:
    values = {"limit": limit} | ({"query": query} if query else {})
    return values | narrowed(wanted)[1] | {f"inside{i}": text for i, text in enumerate(inside)}


def _quoted(phrase: Phrase) -> str:
    """A phrase in FTS5's own syntax, in which a text in quotes is only words (sqlite.org/fts5)."""
    text = phrase.text.replace('"', '""')
    return f'"{text}"{" *" if phrase.begins else ""}'


def _snippets(db: Connection, query: str, ids: Sequence[int]) -> dict[int, str]:
    if not ids:
        return {}
    wanted = {"query": query, "first": min(ids), "last": max(ids), "ids": json.dumps(ids)}
    return dict(db.rows(_SNIPPETS, wanted))


def _hit(found: Stored, score: float | None, text: str | None, inside: Sequence[str]) -> Hit:
    if text is None:
        text = _around(found.message, inside[0]) if inside else ""
    return Hit(found, None if score is None else -score, tuple(_pieces(_marked(text, inside))))


def _around(message: Message, inside: str) -> str:
    """The part of a message in which something stands first, of its subject if not in its body."""
    texts = (message.body, message.subject or "")
    place, text = next(
        ((place, text) for text in texts if (place := text.lower().find(inside.lower())) >= 0),
        (0, message.body),
    )
    start, end = max(0, place - _BEFORE), place + _AFTER
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"


def _marked(text: str, inside: Sequence[str]) -> str:
    """A text in which also what stands inside of words is marked."""
    if not inside:
        return text
    either = "|".join(map(re.escape, sorted(inside, key=len, reverse=True)))
    marked = re.split(f"({_BEGIN}[^{_END}]*{_END})", text)  # what is marked already, at odd places
    marked[::2] = [
        re.sub(either, rf"{_BEGIN}\g<0>{_END}", part, flags=re.IGNORECASE) for part in marked[::2]
    ]
    return "".join(marked)


def _pieces(marked: str) -> Iterator[tuple[str, bool]]:
    for part in re.split(f"({_BEGIN}[^{_END}]*{_END})", marked):
        if text := part.replace(_BEGIN, "").replace(_END, ""):
            yield text, part.startswith(_BEGIN) and part.endswith(_END)
