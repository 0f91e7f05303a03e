"""The world is the same for the same seed, holds every hard case, grows, and knows the truth."""

from convsync_cli.sandbox import phrases
from convsync_cli.sandbox.rows import SMS_KINDS, Expected
from convsync_cli.sandbox.seeding import CAST
from convsync_cli.sandbox.seeding_sms import NOISE
from convsync_cli.sandbox.world import UNTIL, World


def of(world: World, channel: str, role: str) -> list[Expected]:
    key = f"acme-{CAST.index(role) + 1:05d}"
    return [one for one in world.expected("acme", channel) if one.lead_key == key]


def test_the_same_seed_gives_the_same_world_byte_for_byte() -> None:
    one, two = World.seeded(7, 60), World.seeded(7, 60)
    for name in ("acme", "globex"):
        assert one.workspace(name).entries == two.workspace(name).entries
        assert one.workspace(name).replies == two.workspace(name).replies
        assert one.workspace(name).sends == two.workspace(name).sends
        assert one.gohighlevel_csv(name) == two.gohighlevel_csv(name)


def test_another_seed_gives_another_world() -> None:
    one, two = World.seeded(1, 30), World.seeded(2, 30)
    assert one.gohighlevel_csv("acme") != two.gohighlevel_csv("acme")
    assert one.workspace("acme").gohighlevel_token != two.workspace("acme").gohighlevel_token


def test_nobody_shares_an_address_number_or_id() -> None:
    world = World.seeded(1, 500)
    people = [person for view in world.workspaces.values() for person in view.people.values()]
    for values in (
        [phone for person in people for phone in person.phones],
        [person.contact for person in people if person.contact],
    ):
        assert len(values) == len(set(values))
    for view in world.workspaces.values():
        emails = [email for person in view.people.values() for email in person.emails]
        assert len(emails) == len(set(emails))


def test_a_world_of_twenty_leads_has_every_hard_case() -> None:
    world = World.seeded(1, len(CAST))
    assert len(of(world, "sms", "long sms")) > 500
    assert len(of(world, "email", "long mail")) > 40
    assert not of(world, "email", "sms only")
    assert not of(world, "sms", "mail only")
    assert not of(world, "sms", "silent") + of(world, "email", "silent")
    assert any(one.text == phrases.TERMINAL for one in of(world, "sms", "hostile"))
    assert any(one.sent_at is None for one in of(world, "sms", "undated"))
    assert any(one.text == "" for one in of(world, "sms", "pictures"))
    assert any(one.text == "" for one in of(world, "email", "bodiless"))
    assert any(one.text == phrases.AWAY for one in of(world, "email", "away"))
    assert any("failed permanently" in one.text for one in of(world, "email", "bounced"))
    assert not of(world, "sms", "no sms among rows")


def test_all_kinds_of_rows_are_mixed_into_one_conversation() -> None:
    view = World.seeded(1, 100).workspace("acme")
    kinds = {entry.kind for entry in view.entries.values()}
    assert set(NOISE) <= kinds
    assert {"TYPE_SMS", "TYPE_CUSTOM_SMS", "TYPE_CAMPAIGN_SMS", "TYPE_RCS"} <= kinds


def test_a_mail_received_by_two_mailboxes_is_expected_once() -> None:
    world = World.seeded(1, 20)
    doubled = [one for one in of(world, "email", "two mailboxes") if len(one.external_ids) == 2]
    assert [one.direction for one in doubled] == ["inbound"]


def test_a_campaign_mail_that_is_in_the_inbox_too_is_expected_once() -> None:
    world = World.seeded(1, 20)
    (doubled,) = [one for one in of(world, "email", "visible twice") if len(one.external_ids) == 2]
    assert {name.split(":")[0] for name in doubled.external_ids} == {"reply", "sent"}


def test_every_row_that_is_a_message_stands_for_exactly_one_expected_message() -> None:
    world = World.seeded(1, 120)
    view = world.workspace("acme")
    sms = [name for one in world.expected("acme", "sms") for name in one.external_ids]
    assert sorted(sms) == sorted(e.id for e in view.entries.values() if e.kind in SMS_KINDS)
    mail = [name for one in world.expected("acme", "email") for name in one.external_ids]
    replies = [f"reply:{row.id}" for row in view.replies if row.person]
    sends = [f"sent:{row.id}" for row in view.sends if row.status == "sent"]
    assert sorted(mail) == sorted(replies + sends)


def test_conversations_and_the_inbox_are_in_order() -> None:
    view = World.seeded(1, 120).workspace("acme")
    for conversation in view.conversations.values():
        times = [entry.at for entry in conversation.entries]
        assert times == sorted(times)
    assert [row.id for row in view.replies] == sorted(row.id for row in view.replies)
    assert [row.ingested for row in view.replies] == sorted(row.ingested for row in view.replies)


def test_ids_of_replies_and_of_campaign_mails_may_meet() -> None:
    view = World.seeded(1, 40).workspace("acme")
    assert {row.id for row in view.replies} & {row.id for row in view.sends}


def test_nothing_is_younger_than_the_end_of_the_seeded_time() -> None:
    view = World.seeded(1, 60).workspace("acme")
    assert all(entry.at <= UNTIL for entry in view.entries.values())
    assert all(send.sent_at is None or send.sent_at <= UNTIL for send in view.sends)


def test_what_is_said_is_younger_than_everything_and_is_expected() -> None:
    world = World.seeded(1, 30)
    before = world.latest
    for channel in ("sms", "email"):
        for direction in ("inbound", "outbound"):
            said = world.say("acme", "acme-00001", channel, direction, "hello again")
            assert said.sent_at is not None
            assert said.sent_at > before
            assert said in world.expected("acme", channel)
            before = said.sent_at


def test_chatter_is_expected_too() -> None:
    world = World.seeded(1, 30)
    for said in world.chatter(25):
        assert said.message in world.expected(said.workspace, said.message.channel)


def test_somebody_new_can_be_met_and_spoken_to() -> None:
    world = World.seeded(1, 5)
    person = world.meet("acme")
    said = world.say("acme", person.key, "sms", "inbound", "I am new")
    assert said in world.expected("acme", "sms")


def test_what_a_reader_sees_never_holds_what_is_hidden() -> None:
    world = World.seeded(1, 120)
    view = world.workspace("acme")
    assert any(phrases.HIDDEN in (row.html_body or "") for row in view.replies)
    assert not any(phrases.HIDDEN in one.text for one in world.expected("acme", "email"))
