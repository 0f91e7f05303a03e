"""`enqueue-all --plan`: what it would cost, of each account; nothing is enqueued or asked."""

from tests.commands.operator import Operator

ACCOUNT = [
    "account", "provider", "rate", "paused", "leads", "unread_leads", "messages", "full", "changed",
]  # fmt: skip
PLAN = ("enqueue-all", "--plan", "--json")


def test_it_plans_every_account_and_enqueues_nothing(operator: Operator) -> None:
    told = operator.runs(*PLAN).ended(0).json
    assert list(told) == ["accounts", "full", "changed"]
    assert all(list(each) == ACCOUNT for each in told["accounts"])
    names = [each["account"] for each in told["accounts"]]
    assert names == ["acme/sms", "acme/email", "globex/sms", "globex/email"]
    assert list(told["full"]) == ["requests", "minutes", "bottleneck", "finish_at"]
    assert told["full"]["requests"] == sum(each["full"]["requests"] for each in told["accounts"])
    assert (operator.states(), operator.asked()) == ({}, 0)


def test_the_full_way_is_about_what_a_run_then_asks(synced: Operator) -> None:
    """What the plan says after a first run is what a second one needs."""
    planned = synced.runs(*PLAN).ended(0).json["full"]["requests"]
    synced.tampers("UPDATE jobs SET requested_at = '2026-01-01T00:00:00.000Z'")
    synced.runs("enqueue-all").ended(0)
    asked = synced.runs("run", "--max-seconds", "50", "--json").ended(0).json["requests"]
    assert 0.6 * asked <= planned <= 1.4 * asked


def test_a_feed_that_was_read_costs_one_request(synced: Operator) -> None:
    """Where every lead was tried; those that wait for their own jobs are not the feed's."""
    for channel, provider in (("sms", "gohighlevel"), ("email", "emailbison")):
        synced.tampers(
            "INSERT INTO feeds (workspace, channel, provider, watermark) VALUES (?, ?, ?, 'mark')",
            "acme", channel, provider,
        )  # fmt: skip
    synced.tampers("UPDATE lead_syncs SET outcome = 'failed' WHERE outcome IS NULL")
    told = synced.runs(*PLAN, "-w", "acme").ended(0).json
    assert [each["changed"]["requests"] for each in told["accounts"]] == [1, 1]
    assert not any(each["changed"]["first_walk"] for each in told["accounts"])


def test_a_slow_rate_makes_the_bottleneck(operator: Operator) -> None:
    text = operator.config.read_text().replace('rate = "10000/1s"', 'rate = "1/60s"', 1)
    operator.config.write_text(text)
    told = operator.runs(*PLAN).ended(0).json
    assert told["full"]["bottleneck"] == "acme/sms"
    first = told["accounts"][0]["full"]
    assert first["requests"] <= first["minutes"] + 1 <= 1.05 * first["requests"] + 1


def test_a_paused_account_is_marked(operator: Operator) -> None:
    operator.runs("accounts", "pause", "acme/sms").ended(0)
    told = operator.runs(*PLAN, "-w", "acme").ended(0).json
    assert [each["paused"] for each in told["accounts"]] == [True, False]
    assert "paused: operator" in operator.runs("enqueue-all", "--plan").out


def test_people_are_told_the_finish_and_no_lead_is_named(operator: Operator) -> None:
    out = operator.runs("enqueue-all", "--plan").ended(0).out
    assert "every lead (`enqueue-all`): " in out
    assert "what changed (`enqueue-all --changed`): " in out
    assert "@" not in out


def test_it_is_about_all_leads(operator: Operator) -> None:
    operator.runs("enqueue-all", "--plan", "--limit", "5").ended(2)
    operator.runs("enqueue-all", "--plan", "--not-synced-for", "1h").ended(2)


def test_without_leads_there_is_little_to_do(beginner: Operator) -> None:
    told = beginner.runs(*PLAN).ended(0).json
    assert (told["full"]["requests"], told["full"]["bottleneck"]) == (0, None)
