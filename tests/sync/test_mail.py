"""What mails have at every provider: a Message-ID, and a body in one or two forms."""

import pytest

from convsync_cli.sync import mail

HTML = "<p>Yes, Tuesday</p>"


@pytest.mark.parametrize("told", [None, "", " ", "unknown", 5, [], {"id": "<a@example.com>"}])
def test_what_cannot_be_a_message_id_is_missing(told: object) -> None:
    assert mail.message_id(told) is None


def test_a_message_id_is_kept_as_it_is_told() -> None:
    assert mail.message_id(" <a@example.com>\r\n") == "<a@example.com>"


@pytest.mark.parametrize(
    ("html", "plain", "body"),
    [
        (HTML, "Yes", "Yes"),
        (HTML, None, "Yes, Tuesday"),
        (HTML, " \n", "Yes, Tuesday"),
        (None, "Yes", "Yes"),
        (None, " \n", " \n"),
        (None, None, ""),
    ],
)
def test_the_body_is_the_plain_text_or_that_of_the_html(
    html: str | None, plain: str | None, body: str
) -> None:
    assert mail.body(html, plain) == body
