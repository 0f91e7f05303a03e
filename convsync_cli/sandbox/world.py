"""The seeded world: workspaces, the people in them, and what they said; it can grow.

The same seed gives the same world, byte for byte. What is said later carries the real time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random

from convsync_cli.sandbox import (
    exports,
    instantly_shapes,
    people,
    smartlead_threads,
    truth,
    twilio_shapes,
)
from convsync_cli.sandbox.rows import Conversation, Entry, Expected, Person, Reply
from convsync_cli.sandbox.seeding import Seeder
from convsync_cli.sandbox.workspace import Said, Workspace

UNTIL = datetime(2026, 1, 15, 12, tzinfo=UTC)
"""Nothing in a freshly seeded world is younger."""

TRUTHS: Mapping[str, Callable[[Workspace], Iterable[Expected]]] = {
    "sms": truth.expected_sms,
    "gohighlevel": truth.expected_sms,
    "twilio": twilio_shapes.expected,
    "email": truth.expected_email,
    "emailbison": truth.expected_email,
    "instantly": instantly_shapes.expected,
    "smartlead": smartlead_threads.expected,
}
"""What a perfect sync of a channel holds, by each provider that serves it here."""

_CHATTER = ("Any news?", "Sounds good 👍", "Let us talk on Friday.", "Please remove me.", "Merci !")


@dataclass(slots=True)
class World:
    """All workspaces, by name."""

    workspaces: dict[str, Workspace]
    latest: datetime
    _chance: Random
    _numbers: Iterator[str]

    @classmethod
    def seeded(
        cls,
        seed: int = 1,
        leads_per_workspace: int = 50,
        workspaces: Sequence[str] = ("acme", "globex"),
        until: datetime = UNTIL,
        talk: int = 1,
    ) -> "World":
        """Make the world that belongs to a seed; everybody says ``talk`` times as much as usual."""
        numbers = people.numbers()
        made = {}
        for index, name in enumerate(workspaces):
            workspace = _empty(seed, index, name)
            chance = Random(f"{seed}/{name}")
            Seeder(workspace, chance, until, numbers, talk).fill(leads_per_workspace)
            made[name] = workspace
        return cls(made, until, Random(f"{seed}/chatter"), numbers)

    def workspace(self, name: str) -> Workspace:
        """One workspace; KeyError where there is none of the name."""
        return self.workspaces[name]

    def expected(self, workspace: str, channel: str) -> Iterable[Expected]:
        """What a perfect sync holds of a channel (``sms``, ``email``): every message once.

        A provider's name instead of the channel gives the same by that provider's rows.
        """
        view = self.workspaces[workspace]
        with view.lock:
            return tuple(TRUTHS[channel](view))

    def gohighlevel_csv(self, workspace: str) -> bytes:
        """The contacts as GoHighLevel exports them."""
        return exports.gohighlevel_csv(self.workspaces[workspace])

    def emailbison_csv(self, workspace: str) -> bytes:
        """The leads as EmailBison exports them."""
        return exports.emailbison_csv(self.workspaces[workspace])

    def say(
        self, workspace: str, lead_key: str, channel: str, direction: str, text: str
    ) -> Expected:
        """Add a message that is younger than all others.

        Raises:
            ValueError: the lead is unknown to the channel's provider.
        """
        view = self.workspaces[workspace]
        with view.lock:
            person = view.people[lead_key]
            self.latest = max(_now(), self.latest + timedelta(milliseconds=1))
            if channel == "sms":
                return _text(view, person, direction, text, self.latest)
            return _mail(view, person, direction, text, self.latest)

    def chatter(self, count: int) -> list[Said]:
        """Let random leads say something, for a world that is alive."""
        speakers = [
            (name, key, channel)
            for name, view in self.workspaces.items()
            for key, person in view.people.items()
            for channel, known in (("sms", person.contact), ("email", person.bison))
            if known is not None
        ]
        said = []
        for _ in range(count):
            name, key, channel = self._chance.choice(speakers)
            direction = self._chance.choice(("inbound", "inbound", "outbound"))
            text = self._chance.choice(_CHATTER)
            said.append(Said(name, self.say(name, key, channel, direction, text)))
        return said

    def meet(self, workspace: str) -> Person:
        """Add a lead that both providers know and no export made before has."""
        view = self.workspaces[workspace]
        with view.lock:
            number = len(view.people) + 1
            person = Person(
                f"{workspace}-{number:05d}",
                "Nova",
                f"Newcomer{number}",
                "Newcomers",
                "",
                (f"nova.newcomer{number}@example.com",),
                tuple(islice(self._numbers, 1)),
                f"ctc{view.letters}{number:013d}",
                900 + number,
                (),
                self.latest,
            )
            view.add_person(person)
            return person


def _empty(seed: int, index: int, name: str) -> Workspace:
    letters = chr(ord("A") + index % 26) * 4
    secret = f"{Random(f'{seed}/{name}/token').getrandbits(96):024x}"
    return Workspace(
        name,
        letters,
        f"loc{letters}{index + 1:013d}",
        f"pit-{secret}",
        7 + index,
        f"{index + 3}|{secret[::-1]}",
    )


def _text(view: Workspace, person: Person, direction: str, text: str, at: datetime) -> Expected:
    if person.contact is None:
        raise ValueError(f"{person.key} is unknown to GoHighLevel")
    if person.contact not in view.conversations_of:
        view.add_conversation(Conversation(view.new_id("cnv"), person, person.contact, at))
    conversation = view.conversations_of[person.contact][0]
    entry = Entry(
        view.new_id("msg"),
        conversation.id,
        person.contact,
        "TYPE_SMS",
        direction,
        at,
        text,
        "delivered",
    )
    view.add_entry(entry)
    return truth.sms(person.key, entry)


def _mail(view: Workspace, person: Person, direction: str, text: str, at: datetime) -> Expected:
    if person.bison is None:
        raise ValueError(f"{person.key} is unknown to EmailBison")
    mailbox = view.mailboxes[0]
    us, them = (mailbox.name, mailbox.address), (person.name, person.emails[0])
    inbound = direction == "inbound"
    writer, reader = (them, us) if inbound else (us, them)
    number = view.replies[-1].id + 1 if view.replies else 1
    row = Reply(
        number,
        person.key,
        person.bison if inbound else None,
        "Inbox" if inbound else "Sent",
        "Tracked Reply" if inbound else "Outgoing Email",
        "Re: news",
        text,
        None,
        text,
        at,
        at,
        writer[0],
        writer[1],
        reader[1],
        mailbox,
        f"<say-{view.letters.lower()}-{number}@mail.example.com>",
        campaign_id=view.campaigns[0].id if inbound else None,
    )
    view.add_reply(row)
    return truth.reply(person.key, row)


def _now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
