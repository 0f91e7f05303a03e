"""Seed GoHighLevel conversations: SMS among calls, mail, WhatsApp and activity rows."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

from convsync_cli.sandbox import phrases
from convsync_cli.sandbox.rows import Conversation, Entry, Person
from convsync_cli.sandbox.workspace import Workspace

NOISE = (
    "TYPE_CALL",
    "TYPE_WHATSAPP",
    "TYPE_ACTIVITY_OPPORTUNITY",
    "TYPE_EMAIL",
    "TYPE_ACTIVITY_CONTACT",
)
SMS_VARIANTS = ("TYPE_SMS", "TYPE_CUSTOM_SMS", "TYPE_CAMPAIGN_SMS", "TYPE_RCS")


class SmsSeeder:
    """Gives leads their conversations, according to their role."""

    def __init__(self, workspace: Workspace, chance: Random, until: datetime, talk: int) -> None:
        self._workspace = workspace
        self._chance = chance
        self._until = until
        self._talks = talk
        self._ordinary = 0

    def live(self, person: Person, role: str) -> None:
        """Let a lead talk, or not, as its role says."""
        if person.contact is None or role in ("silent",):
            return
        if role == "ordinary":
            self._ordinary += 1
            if self._ordinary % 23 == 0:
                return
        conversation = self._open(person)
        if role == "several conversations":
            other = self._open(person)
            self._talk(other, self._times(12, conversation.created), role)
        if role != "empty conversation":
            count = {"long sms": 620 + self._chance.randrange(80), "same instant": 45}
            rows = count.get(role, self._chance.randint(3, 18) * self._talks)
            self._talk(conversation, self._times(rows, conversation.created, role), role)

    def _open(self, person: Person) -> Conversation:
        assert person.contact is not None
        created = person.created + timedelta(minutes=self._chance.randrange(60))
        conversation = Conversation(
            self._workspace.new_id("cnv"),
            person,
            person.contact,
            created,
            unread=self._chance.randrange(3),
            starred=self._chance.random() < 0.1,
        )
        self._workspace.add_conversation(conversation)
        return conversation

    def _talk(self, conversation: Conversation, times: Sequence[datetime], role: str) -> None:
        for number, at in enumerate(times):
            self._workspace.add_entry(self._entry(conversation, number, at, role))

    def _entry(self, conversation: Conversation, number: int, at: datetime, role: str) -> Entry:
        kind = self._kind(number, role)
        if kind not in SMS_VARIANTS:
            return self._noise(conversation, kind, at)
        inbound = self._chance.random() < 0.45
        picture = self._chance.random() < 0.04 or (role == "pictures" and number % 2 == 0)
        body = (
            ""
            if picture and number % 4 == 0
            else self._sms(conversation.person, inbound, number, role)
        )
        return Entry(
            self._workspace.new_id("msg"),
            conversation.id,
            conversation.contact,
            kind,
            "inbound" if inbound else "outbound",
            at,
            None if picture and number % 8 == 4 else body,
            "delivered"
            if inbound
            else self._chance.choice(("delivered", "sent", "failed", "read")),
            attachments=(f"https://files.example.com/{number}.jpg",) if picture else (),
            dated=not (role == "undated" and number % 3 == 1),
        )

    def _kind(self, number: int, role: str) -> str:
        if role == "no sms among rows":
            return NOISE[number % len(NOISE)]
        if role == "all kinds":
            return (SMS_VARIANTS + NOISE)[number % (len(SMS_VARIANTS) + len(NOISE))]
        if self._chance.random() < 0.12:
            return self._chance.choice(NOISE)
        return self._chance.choice(SMS_VARIANTS) if self._chance.random() < 0.2 else "TYPE_SMS"

    def _sms(self, person: Person, inbound: bool, number: int, role: str) -> str:
        if role == "hostile" and number == 0:
            return phrases.TERMINAL
        text = self._chance.choice(phrases.SMS_IN if inbound else phrases.SMS_OUT)
        return text.format(first=person.first, company=person.company) if not inbound else text

    def _noise(self, conversation: Conversation, kind: str, at: datetime) -> Entry:
        ident = self._workspace.new_id("msg")
        mails = (
            (ident.replace("msg", "eml"), ident.replace("msg", "emm"))
            if kind == "TYPE_EMAIL"
            else ()
        )
        activity = kind.startswith("TYPE_ACTIVITY")
        return Entry(
            ident,
            conversation.id,
            conversation.contact,
            kind,
            None if activity else self._chance.choice(("inbound", "outbound")),
            at,
            {"TYPE_WHATSAPP": "hello on WhatsApp", "TYPE_EMAIL": ""}.get(kind),
            None if activity else "completed" if kind == "TYPE_CALL" else "delivered",
            mails=mails,
        )

    def _times(self, count: int, start: datetime, role: str = "") -> list[datetime]:
        if role == "same instant":
            return [self._until - timedelta(days=3)] * count
        return moments(self._chance, count, start, self._until)


def moments(chance: Random, count: int, start: datetime, until: datetime) -> list[datetime]:
    """Random moments in order, to the millisecond."""
    span = int((until - start).total_seconds() * 1000)
    offsets = sorted(chance.randrange(1, span) for _ in range(count))
    return [start + timedelta(milliseconds=offset) for offset in offsets]
