"""What people type into a search: words and "quoted phrases"; nothing they type is an error.

``meet*`` finds words that begin so. All else is literal: AND, NEAR, -, :, ( and ^ mean themselves.

House rule: what cannot be told apart by spaces is looked for everywhere. Chinese, Japanese, Thai
and their like write whole sentences without a space, and emoji are no words at all; an index of
words would find only the beginning of a run of them, and call the rest nothing.
"""

import re
import unicodedata

from convsync_cli.sync.model.reading import Phrase

MOST_PHRASES = 50

_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»\uff02", '"'))
_PARTS = re.compile(r'"([^"]+)"(\*?)|([^\s"]+)')
_WITHOUT_SPACES = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Tibetan, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Japanese kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "]"
)
_VARIANTS = "\ufe0e\ufe0f"  # "as text" and "as a picture": some write them, some do not


def parse(text: str) -> tuple[Phrase, ...]:
    """Give the phrases that a text asks for, none where it holds nothing that can be looked for."""
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")
    parts = (
        _phrase(*found.groups(default="")) for found in _PARTS.finditer(text.translate(_QUOTES))
    )
    return tuple(dict.fromkeys(phrase for phrase in parts if phrase is not None))


def _phrase(quoted: str, star: str, word: str) -> Phrase | None:
    begins = bool(star) or word.endswith("*")
    text = " ".join((quoted or word.rstrip("*")).split())
    categories = {unicodedata.category(character) for character in text}
    if any(category[0] in "LN" for category in categories):
        return Phrase(text, begins, inside=bool(_WITHOUT_SPACES.search(text)))
    return Phrase(text.strip(_VARIANTS), inside=True) if "So" in categories else None
