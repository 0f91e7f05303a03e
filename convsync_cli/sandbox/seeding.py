"""Fill a workspace with leads and their conversations, the same for the same seed.

The first leads of every hundred are cast: each plays one of the cases that break a sync, so that
also a small world has all of them. The others live an ordinary, random life.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from convsync_cli.sandbox import people
from convsync_cli.sandbox.rows import Campaign, Mailbox, Person
from convsync_cli.sandbox.seeding_mail import MailSeeder
from convsync_cli.sandbox.seeding_sms import SmsSeeder
from convsync_cli.sandbox.workspace import Workspace

CAST = (
    "long sms",
    "long mail",
    "sms only",
    "mail only",
    "silent",
    "unknown",
    "several conversations",
    "hostile",
    "two mailboxes",
    "visible twice",
    "undated",
    "pictures",
    "bodiless",
    "html only",
    "bounced",
    "away",
    "all kinds",
    "empty conversation",
    "no sms among rows",
    "same instant",
)
SPAN = timedelta(days=90)
_WARM_UP_PER_LEAD = 2


class Seeder:
    """Fills one workspace; leads first, then the rows whose ids follow from their times."""

    def __init__(
        self,
        workspace: Workspace,
        chance: Random,
        until: datetime,
        numbers: Iterator[str],
        talk: int = 1,
    ) -> None:
        self._workspace = workspace
        self._chance = chance
        self._until = until
        self._numbers = numbers
        self._sms = SmsSeeder(workspace, chance, until, talk)
        self._mail = MailSeeder(workspace, chance, until - SPAN, until, talk)

    def fill(self, leads: int) -> None:
        """Give the workspace its leads, conversations and inbox."""
        self._staff()
        for number in range(1, leads + 1):
            place = (number - 1) % 100
            role = CAST[place] if place < len(CAST) else "ordinary"
            person = self._person(number, role)
            self._workspace.add_person(person)
            self._sms.live(person, role)
            self._mail.live(person, role)
        self._mail.warm_up(leads * _WARM_UP_PER_LEAD)
        self._mail.ingest()

    def _staff(self) -> None:
        names = ("Rep One", "Rep Two", "Rep Three")
        domain = f"{self._workspace.name}-outreach.example.com"
        self._workspace.mailboxes = tuple(
            Mailbox(25 + n, name, f"{name.split()[1].lower()}@{domain}")
            for n, name in enumerate(names)
        )
        states = ("active", "active", "paused", "completed")
        self._workspace.campaigns = tuple(
            Campaign(12 + n, f"Campaign {n + 1}", state, self._until - SPAN - timedelta(days=n))
            for n, state in enumerate(states)
        )

    def _person(self, number: int, role: str) -> Person:
        chance, letters = self._chance, self._workspace.letters
        first, last = chance.choice(people.FIRST), chance.choice(people.LAST)
        mail = people.mail_name(first, last, number)
        emails = [f"{mail}@{chance.choice(('example.com', 'example.org', 'example.net'))}"]
        if number % 9 == 0:
            emails.append(f"{mail}+work@example.org")
        phones = [next(self._numbers, "") for _ in range(2 if number % 11 == 0 else 1)]
        ordinary = role == "ordinary"
        at_gohighlevel = role not in ("mail only", "unknown") and not (
            ordinary and number % 17 == 0
        )
        at_emailbison = role not in ("sms only", "unknown") and not (ordinary and number % 19 == 0)
        return Person(
            key=f"{self._workspace.name}-{number:05d}",
            first=f"{first}\x1b[2J\x07" if role == "hostile" else first,
            last="" if number % 31 == 0 else last,
            company=people.company(chance),
            title=chance.choice(people.TITLE),
            emails=tuple(emails),
            phones=tuple(phone for phone in phones if phone),
            contact=f"ctc{letters}{number:013d}" if at_gohighlevel else None,
            bison=900 + number if at_emailbison else None,
            tags=tuple(sorted(chance.sample(people.TAGS, number % 3))),
            created=self._until - SPAN - timedelta(minutes=7 * number),
        )
