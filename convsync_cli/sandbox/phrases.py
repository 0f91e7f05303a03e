"""What people write: plain, foreign, hostile; and mail bodies with everything mail brings."""

from dataclasses import dataclass
from html import escape

HIDDEN = "hidden-from-readers"
"""Stands in every style, script and comment of a body: a reader never sees it."""

SMS_OUT = (
    "Hi {first}, quick question about {company}?",
    "Would Tuesday at 10 work for a short call?",
    "Just following up 🙂 any thoughts?",
    "Here is the link: https://example.com/book?a=1&b=2",
    "No worries, talk next week 👍🏽",
    "¿Le viene bien el jueves?",
    "Reply STOP to opt out",
)
SMS_IN = (
    "Yes, Tuesday works",
    "Who is this?",
    "Sounds good 👨‍👩‍👧‍👦🎉",
    "مرحبا، يرجى الاتصال بي غدا",
    "שלום, אפשר לדבר מחר?",
    "STOP",
    "お電話ください",
    "ok",
    "Not interested <b>thanks</b> & bye",
    "Call me at (202) 555-0100\nafter 5pm",
)
TERMINAL = "\x1b[31mred alert\x1b[0m\x07 \x1b]0;title\x07done"
"""An SMS that would repaint a terminal which prints it as it is."""

SUBJECTS = ("quick question", "{company} and us", "an idea for {company}", "Frage zu {company} 🚀")
STEPS = (
    "Hi {first}, I saw what {company} does and had an idea.",
    "Hi {first}, just bumping this up. Is it worth a look?",
    "Hi {first}, last one from me. Shall I close your file?",
)
MAIL_IN = (
    "Sure, send details.",
    "We are happy with our current vendor, thank you.",
    "Please call my colleague, she decides about this.",
    "Merci, c'est noté. À bientôt !",
    "كيف يمكننا البدء؟",
    "Can you do 20 % less?  Then we talk.",
)
MAIL_OUT = (
    "Thanks for the quick answer. Details are attached.",
    "Great, I have put you down for Thursday.",
    "Understood, I will check back next quarter.",
)
AWAY = "I am out of the office until Monday with no access to email."
BOUNCE = "Delivery to the following recipient failed permanently: {address}"
WARM_UP = ("Lovely weather for sailing wk-7731", "Re: the quarterly sandwich report wk-7731")

QUOTED = "On Mon, Jan 5, 2026 at 9:00 AM Rep <rep@example.com> wrote:\n> Hi,\n> is it?"

_STYLE = f"<style>.{HIDDEN} {{ color: red }}</style>"
_SCRIPT = f"<script>var x = '{HIDDEN}';</script>"


@dataclass(frozen=True, slots=True)
class Body:
    """A mail body: as text, as HTML, either of them missing, and what a reader sees of it."""

    text: str | None
    html: str | None
    visible: str


def html(text: str) -> str:
    """A whole HTML mail that shows ``text`` and hides more."""
    return (
        f"<html><head><title>{HIDDEN}</title>{_STYLE}</head><body><!-- {HIDDEN} -->"
        f'<div dir="auto"><p>{_markup(text)}</p></div>{_SCRIPT}</body></html>'
    )


def campaign_html(text: str) -> str:
    """The rendered HTML of a campaign step."""
    return f"<div><p>{_markup(text)}</p></div>"


def body(text: str, shape: str) -> Body:
    """A body that says ``text`` in one of the shapes in which mail arrives."""
    match shape:
        case "text":
            return Body(text, None, text)
        case "html":
            return Body(None, html(text), text)
        case "blank text":
            return Body("", html(text), text)
        case "nothing":
            return Body(None, None, "")
        case "quoted":
            said = f"{text}\n\n{QUOTED}"
            return Body(said, None, said)
        case _:
            return Body(text, html(text), text)


def _markup(text: str) -> str:
    return escape(text, quote=False).replace("\n", "<br>")
