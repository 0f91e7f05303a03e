"""The workspace's mail as news of the people that it is from or to."""

from functools import partial

from convsync_cli.sync.model.feed import FeedPage, News
from convsync_cli.sync.providers.instantly.rows import contact, is_planned, messages, party
from convsync_cli.sync.shape import Json, objects, text


def of_mail(found: list[object]) -> FeedPage:
    """A page's news, by person; Instantly vouches for those that it calls leads."""
    about: dict[str, list[Json]] = {}
    for row in objects(found):
        address = None if is_planned(row) else party(row)
        if address is not None:
            about.setdefault(address, []).append(row)
    news = tuple(
        News(
            contact(told, address),
            read=partial(messages, told),
            vouched=any(text(row.get("lead")) for row in told),
        )
        for address, told in about.items()
    )
    return FeedPage(news, left_out=len(found) - sum(map(len, about.values())))
