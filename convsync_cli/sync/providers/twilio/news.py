"""The account's messages as news of the people that they may be about."""

from collections.abc import Mapping
from functools import partial

from convsync_cli.sync import addresses
from convsync_cli.sync.model.feed import FeedPage, News
from convsync_cli.sync.model.lead import Contact
from convsync_cli.sync.providers.twilio.rows import is_sms, messages, theirs
from convsync_cli.sync.shape import Json


def of_messages(found: list[object]) -> FeedPage:
    """Some rows, by the people they may be about; who is a lead is not Twilio's to say."""
    about: dict[str, list[Json]] = {}
    left_out = 0
    for row in found:
        numbers = theirs(row) if isinstance(row, Mapping) and is_sms(row) else ()
        left_out += not numbers
        for number in numbers:
            about.setdefault(number, []).append(row)  # type: ignore[arg-type]  # has numbers
    news = tuple(
        News(Contact(addresses=(addresses.phone(number, None),)), partial(messages, told))
        for number, told in about.items()
    )
    return FeedPage(news, left_out=left_out)
