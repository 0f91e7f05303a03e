"""Seed EmailBison: campaign emails, replies, mail by hand, bounces, and warm-up noise."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from convsync_cli.sandbox import phrases
from convsync_cli.sandbox.rows import Campaign, Mailbox, Person, Reply, Send
from convsync_cli.sandbox.seeding_sms import moments
from convsync_cli.sandbox.workspace import Workspace

FIRST_ID = 4001
"""Replies and campaign emails are numbered from here both, since their ids may meet."""

_SHAPES = ("both", "both", "text", "html", "blank text", "quoted")


class MailSeeder:
    """Writes the mail of all leads; ``ingest`` then numbers the inbox by time."""

    def __init__(
        self,
        workspace: Workspace,
        chance: Random,
        since: datetime,
        until: datetime,
        talk: int,
    ) -> None:
        self._workspace = workspace
        self._chance = chance
        self._since = since
        self._until = until
        self._talks = talk
        self._replies: list[Reply] = []
        self._parents: dict[str, str] = {}
        self._mails = 0
        self._send_ids = self._shuffled_ids()

    def live(self, person: Person, role: str) -> None:
        """Write to a lead, and let it answer, as its role says."""
        if person.bison is None or role in ("silent", "sms only"):
            return
        sends = self._campaign(person, role)
        first = next((send for send in sends if send.status == "sent"), None)
        if first is None:
            return
        if role == "long mail":
            self._thread(person, first, 46 + self._chance.randrange(10), role)
        elif role == "bounced":
            self._bounce(person, first)
        elif role != "ordinary" or self._chance.random() < 0.7:
            self._thread(person, first, self._chance.randint(2, 6) * self._talks, role)

    def _campaign(self, person: Person, role: str) -> list[Send]:
        campaign = self._chance.choice(self._workspace.campaigns)
        mailbox = self._chance.choice(self._workspace.mailboxes)
        subject = self._chance.choice(phrases.SUBJECTS).format(company=person.company)
        begun = self._times(1, self._since)[0]
        sends = []
        for step in range(1, self._chance.randint(1, 3) + 1):
            at = begun + timedelta(days=3 * (step - 1), milliseconds=self._chance.randrange(999))
            send = self._send(person, campaign, mailbox, step, subject, at, role)
            self._workspace.add_send(send)
            sends.append(send)
        return sends

    def _send(
        self,
        person: Person,
        campaign: Campaign,
        mailbox: Mailbox,
        step: int,
        subject: str,
        at: datetime,
        role: str,
    ) -> Send:
        assert person.bison is not None
        status = "sent" if at < self._until else "scheduled"
        if role == "bounced" and step > 1:
            status = "bounced"
        text = phrases.STEPS[step - 1].format(first=person.first, company=person.company)
        return Send(
            next(self._send_ids),
            person.key,
            person.bison,
            campaign,
            step,
            mailbox,
            subject if step == 1 else f"Re: {subject}",
            phrases.campaign_html(text),
            text,
            status,
            at - timedelta(minutes=2),
            at if status == "sent" else None,
            self._message_id() if status == "sent" else None,
        )

    def _thread(self, person: Person, send: Send, count: int, role: str) -> None:
        """Replies and our answers by hand, after the first mail of a campaign."""
        assert send.sent_at is not None
        parent = send.message_id
        for number, at in enumerate(self._times(count, send.sent_at)):
            inbound = number % 2 == 0
            reply = self._reply(person, send, number, at, inbound, role)
            self._replies.append(reply)
            if parent is not None:
                self._parents[reply.message_id] = parent
            parent = reply.message_id
        if role == "visible twice":
            self._replies.append(self._as_row(person, send))
        if role == "two mailboxes":
            self._receive_again()

    def _reply(
        self, person: Person, send: Send, number: int, at: datetime, inbound: bool, role: str
    ) -> Reply:
        words, shape = self._words(number, inbound, role)
        body = phrases.body(words, shape)
        away = inbound and (words == phrases.AWAY)
        untracked = not inbound and number % 4 != 3
        us, them = (send.mailbox.name, send.mailbox.address), (person.name, person.emails[0])
        writer, reader = (them, us) if inbound else (us, them)
        return Reply(
            0,
            person.key,
            None if untracked else person.bison,
            ("Spam" if number % 14 == 6 else "Inbox") if inbound else "Sent",
            "Tracked Reply" if inbound else "Outgoing Email",
            None
            if role == "bodiless" and number == 2
            else f"Re: {send.subject.removeprefix('Re: ')}",
            body.text,
            body.html,
            body.visible,
            at,
            at + timedelta(seconds=self._chance.choice((5, 30, 90, 9000))),
            writer[0],
            writer[1],
            reader[1],
            send.mailbox,
            self._message_id(),
            campaign_id=None if untracked else send.campaign.id,
            send_id=None if untracked else send.id,
            automated=away,
            interested=inbound and self._chance.random() < 0.2,
            read=self._chance.random() < 0.5,
            attachments=("offer.pdf",) if number % 5 == 1 else (),
            cc=("cc@example.net",) if number % 6 == 2 else (),
        )

    def _words(self, number: int, inbound: bool, role: str) -> tuple[str, str]:
        if role == "bodiless":
            return phrases.MAIL_IN[0], "nothing" if number % 2 == 0 else "blank text"
        if role == "html only":
            return self._chance.choice(phrases.MAIL_IN), "html"
        if inbound and (role == "away" or self._chance.random() < 0.06):
            return phrases.AWAY, "text"
        texts = phrases.MAIL_IN if inbound else phrases.MAIL_OUT
        return self._chance.choice(texts), self._chance.choice(_SHAPES)

    def _as_row(self, person: Person, send: Send) -> Reply:
        """The sent campaign email once more, as EmailBison's inbox shows it."""
        assert send.sent_at is not None
        assert send.message_id is not None
        return Reply(
            0,
            person.key,
            person.bison,
            "Sent",
            "Outgoing Email",
            send.subject,
            send.visible,
            send.body,
            send.visible,
            send.sent_at,
            send.sent_at + timedelta(seconds=4),
            send.mailbox.name,
            send.mailbox.address,
            person.emails[0],
            send.mailbox,
            send.message_id,
            campaign_id=send.campaign.id,
            send_id=send.id,
        )

    def _receive_again(self) -> None:
        """The lead's last mail went to a second mailbox of ours as well."""
        first = next(reply for reply in reversed(self._replies) if reply.folder == "Inbox")
        boxes = self._workspace.mailboxes
        other = boxes[(boxes.index(first.mailbox) + 1) % len(boxes)]
        later = first.ingested + timedelta(seconds=40)
        self._replies.append(
            replace(first, mailbox=other, to_address=other.address, ingested=later)
        )

    def _bounce(self, person: Person, send: Send) -> None:
        assert send.sent_at is not None
        text = phrases.BOUNCE.format(address=person.emails[0])
        at = send.sent_at + timedelta(seconds=9)
        self._replies.append(
            Reply(
                0,
                person.key,
                person.bison,
                "Bounced",
                "Bounced",
                "Delivery Status Notification (Failure)",
                text,
                None,
                text,
                at,
                at + timedelta(seconds=20),
                "Mail Delivery Subsystem",
                "mailer-daemon@example.net",
                send.mailbox.address,
                send.mailbox,
                self._message_id(),
                campaign_id=send.campaign.id,
                send_id=send.id,
                automated=True,
            )
        )

    def warm_up(self, count: int) -> None:
        """Mail between our mailboxes and a warm-up network: of no lead, and a lot of it."""
        for number, at in enumerate(self._times(count, self._since)):
            mailbox = self._workspace.mailboxes[number % len(self._workspace.mailboxes)]
            stranger = ("Warm Friend", f"warm{number % 97}@warm-up.example.net")
            us = (mailbox.name, mailbox.address)
            inbound = number % 2 == 0
            writer, reader = (stranger, us) if inbound else (us, stranger)
            self._replies.append(
                Reply(
                    0,
                    None,
                    None,
                    "Inbox" if inbound else "Sent",
                    "Untracked Reply" if inbound else "Outgoing Email",
                    phrases.WARM_UP[1],
                    phrases.WARM_UP[0],
                    None,
                    phrases.WARM_UP[0],
                    at,
                    at + timedelta(seconds=15),
                    writer[0],
                    writer[1],
                    reader[1],
                    mailbox,
                    self._message_id(),
                )
            )

    def ingest(self) -> None:
        """Number the inbox in the order in which EmailBison took the mail in."""
        ids: dict[str, int] = {}
        ordered = sorted(self._replies, key=lambda reply: (reply.ingested, reply.message_id))
        for number, reply in enumerate(ordered, FIRST_ID):
            parent = ids.get(self._parents.get(reply.message_id, ""))
            ids.setdefault(reply.message_id, number)
            self._workspace.add_reply(replace(reply, id=number, parent_id=parent))

    def _shuffled_ids(self) -> Iterator[int]:
        """Ids in the order of planning, which is not the order of sending."""
        start = FIRST_ID
        while True:
            block = list(range(start, start + 50))
            self._chance.shuffle(block)
            yield from block
            start += 50

    def _message_id(self) -> str:
        self._mails += 1
        return f"<m-{self._workspace.letters.lower()}-{self._mails}@mail.example.com>"

    def _times(self, count: int, start: datetime) -> list[datetime]:
        return moments(self._chance, count, start, self._until)
