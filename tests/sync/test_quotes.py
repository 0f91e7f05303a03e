"""Quoted history is found in a mail, and no word of what is new is taken for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convsync_cli.sync.quotes import unquoted

NEW = "Sure, Tuesday works.\n\n"
QUOTES = [
    "On Mon, Jan 5, 2026 at 10:00 AM Rep <rep@example.com> wrote:\n\n> Hello\n> there\n",
    "On Mon, Jan 5, 2026 at 10:00\u202fAM Rep <\nrep@example.com> wrote:\n\n> Hello\n>\n\n",
    "On Mon, Jan 5, 2026 at 10:00 AM Rep\n<rep@example.com>\nwrote:\n\nHello there\n",
    "Am 05.01.2026 um 10:00 schrieb Rep <rep@example.com>:\n> Hallo\n",
    "Am Mo., 5. Jan. 2026 um 10:00 Uhr schrieb Rep <rep@example.com>:\n\nHallo\n",
    "Le lun. 5 janv. 2026 à 10:00, Rep <rep@example.com> a écrit :\n> Bonjour\n",
    "El lun, 5 ene 2026 a las 10:00, Rep (<rep@example.com>) escribió:\n> Hola\n",
    "Em seg., 5 de jan. de 2026 às 10:00, Rep <rep@example.com> escreveu:\n> Olá\n",
    "Op ma 5 jan 2026 om 10:00 schreef Rep <rep@example.com>:\n> Hallo\n",
    "2026-01-05 10:00 GMT+01:00 Rep <rep@example.com>:\n> Hello\n",
    "-----Original Message-----\nFrom: Rep\nHello\n",
    "-----Ursprüngliche Nachricht-----\nVon: Rep\nHallo\n",
    "________________________________\nFrom: Rep <rep@example.com>\nSent: Monday, January 5, 2026\n"
    "To: Lead\nSubject: Hello\n\nHello there\n",
    "*From:* Rep\n*Date:* Monday\n*To:* Lead\n\nHello\n",
    "Von: Rep\nGesendet: Montag, 5. Januar 2026 10:00\nAn: Lead\nBetreff: Hallo\n\nHallo\n",
    "De : Rep\nEnvoyé : lundi 5 janvier 2026\nÀ : Lead\nObjet : Bonjour\n\nBonjour\n",
    "De: Rep\nEnviado el: lunes\nPara: Lead\nAsunto: Hola\n\nHola\n",
    "> Hello\n> there",
]


@pytest.mark.parametrize("quote", QUOTES)
def test_the_history_is_split_off(quote: str) -> None:
    assert unquoted(NEW + quote) == (NEW, quote)


@pytest.mark.parametrize("quote", QUOTES)
def test_windows_line_ends_make_no_difference(quote: str) -> None:
    text = (NEW + quote).replace("\n", "\r\n")
    assert unquoted(text) == (NEW.replace("\n", "\r\n"), quote.replace("\n", "\r\n"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Just an answer.\nFrom: the heart\n",
        "On 5 May at 10:00 I said: no.\nOn reflection, yes.\n",
        "See my notes.\nOn pricing he wrote:\nI think we agree.\n",
        "> Hello\n> there\n\nAn answer below the quote.\n",
        "Hi,\nOn Mon, Jan 5, 2026 at 10:00 AM Rep <rep@example.com> wrote:\n> When?\n\nTuesday.\n",
        "Hi\n> one?\nyes\n> two?\nno\n",
        "On Mon, Jan 5, 2026 at 10:00 AM Rep <rep@example.com> wrote:\n\n> Hello\n",
        "On Mon, Jan 5, 2026 at 10:00 AM Rep <rep@example.com> wrote:\n",
        "Please see\n\n---------- Forwarded message ---------\nFrom: A\nDate: Mon\nTo: B\n\nText\n",
    ],
)
def test_when_unsure_everything_is_new(text: str) -> None:
    assert unquoted(text) == (text, "")


_lines = st.sampled_from(
    ["\n", "> q\n", "text\n", "wrote:\n", "On 1 Jan 2026 a@b wrote:\n", "From: x\n", "Sent: y\n",
     "To: z\n", "____________\n", "-----Original Message-----\n", "\r\n", ">", " ", "Am 10:00"]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(st.one_of(_lines, st.text())).map("".join)))
def test_no_character_of_a_mail_is_lost(text: str) -> None:
    new, quoted = unquoted(text)
    assert new + quoted == text
    assert not quoted or new.strip()


@pytest.mark.parametrize(
    "hostile",
    [">", "> \n", "\n", "On ", "On 1 wrote:\n", "On 1 wrote wrote @ \n", "On 1", "From: x\n",
     "From:", "_" * 9 + "\n", "A\n", " ", "20", "-----", "Am 1:11 schrieb "],
)  # fmt: skip
def test_hostile_mail_is_split_at_once(hostile: str) -> None:
    text = "Hi\n" + hostile * (3_000_000 // len(hostile))
    assert "".join(unquoted(text)) == text
