"""Whatever people type into a search is words, phrases, or nothing; never an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convsync_cli.sync.model.reading import Phrase
from convsync_cli.sync.searchtext import parse


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("price list", [Phrase("price"), Phrase("list")]),
        ('"price list" now', [Phrase("price list"), Phrase("now")]),
        ("“price list”", [Phrase("price list")]),
        ("meet*", [Phrase("meet", begins=True)]),
        ('"we meet"*', [Phrase("we meet", begins=True)]),
        ("meet meet", [Phrase("meet")]),
        ('5" pipe', [Phrase("5"), Phrase("pipe")]),
        ('"never closed', [Phrase("never"), Phrase("closed")]),
        ("a AND b", [Phrase("a"), Phrase("AND"), Phrase("b")]),
        ("-a (b) c:d ^e NEAR(f)", [Phrase(w) for w in ("-a", "(b)", "c:d", "^e", "NEAR(f)")]),
        ("lead@example.com", [Phrase("lead@example.com")]),
        ("  \t\n ", []),
        ("", []),
        ('!!! * ** "" \'', []),
        ("really ?!", [Phrase("really")]),
        ("a\0b", [Phrase("a"), Phrase("b")]),
        ("\udcff", []),
    ],
)
def test_words_phrases_and_beginnings(text: str, phrases: list[Phrase]) -> None:
    assert list(parse(text)) == phrases


@pytest.mark.parametrize(
    "text", ["世界", "テスト", "ﾃｽﾄ", "ข้อความ", "ຂໍ້", "ខ្មែរ", "မြန်မာ", "iPhone手机"]
)
def test_scripts_without_spaces_are_looked_for_inside(text: str) -> None:
    assert parse(text) == (Phrase(text, inside=True),)


@pytest.mark.parametrize("text", ["안녕하세요", "привет", "שלום", "مرحبا", "naïve", "हिन्दी"])
def test_scripts_with_spaces_are_words(text: str) -> None:
    assert parse(text) == (Phrase(text),)


def test_pictures_are_looked_for_however_they_are_to_be_drawn() -> None:
    assert parse("👍") == (Phrase("👍", inside=True),)
    assert parse("❤️") == parse("❤") == (Phrase("❤", inside=True),)


@given(st.text(st.characters(codec=None)))
def test_any_text_is_read(text: str) -> None:
    for phrase in parse(text):
        assert phrase.text.strip() == phrase.text != ""
        assert phrase.text.encode()
