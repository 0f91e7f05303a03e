"""`enqueue`: what it takes for a lead, what it answers, and how it follows a job."""

import signal

import pytest

from tests.commands.operator import ENQUEUE_KEYS, HEAVY, Operator, differences, eventually

MESSAGES = "/conversations/*/messages"


def empty(**filled: object) -> dict[str, object]:
    """The document of a command that did nothing but what is said."""
    return {key: [] for key in ENQUEUE_KEYS} | filled


def counted(**filled: object) -> dict[str, object]:
    """The same for leads that came from stdin."""
    counts = dict.fromkeys(ENQUEUE_KEYS[:4], 0)
    return counts | {"unknown": [], "ambiguous": []} | filled


def done(operator: Operator, lead: str, state: str = "succeeded", age_s: int = 1) -> None:
    """Let a lead have a job that was asked for ``age_s`` ago and has ended by now."""
    operator.runs("enqueue", lead).ended(0)
    operator.tampers(
        "UPDATE jobs SET state = ?, finished_at = requested_at, requested_at ="
        " strftime('%Y-%m-%dT%H:%M:%fZ', requested_at, ? || ' seconds')",
        state,
        -age_s,
    )


# What it answers


def test_the_document_has_the_promised_keys_in_their_order(operator: Operator) -> None:
    lead = operator.lead("silent")
    result = operator.runs("enqueue", lead, "--json").ended(0)
    assert list(result.json) == ENQUEUE_KEYS
    assert result.json == empty(queued=[{"lead": lead, "job": 1}])
    assert result.stderr == b""


def test_a_lead_is_found_by_everything_that_names_it(operator: Operator) -> None:
    person, lead = operator.person("two mailboxes"), operator.lead("two mailboxes")
    mail, phone = person.emails[0], person.phones[0]
    names = [
        [lead],
        [f"acme/{lead}"],
        [mail],
        [mail.upper()],
        [f"acme/{mail}"],
        [phone],
        [f"({phone[2:5]}) {phone[5:8]}-{phone[8:]}"],
        [f"gohighlevel:{person.contact}"],
        [f"acme/GoHighLevel:{person.contact}"],
        # Both workspaces number their EmailBison leads alike.
        [f"emailbison:{person.bison}", "--workspace", "acme"],
    ]
    operator.runs("enqueue", lead).ended(0)
    again = empty(already_queued=[{"lead": lead, "job": 1, "state": "pending"}])
    for _, result in operator.runs_each(["enqueue", *name, "--json"] for name in names):
        assert result.ended(0).json == again


def test_a_second_enqueue_is_a_normal_answer(operator: Operator) -> None:
    lead = operator.lead("silent")
    operator.runs("enqueue", lead)
    result = operator.runs("enqueue", lead, "--json").ended(0)
    again = {"lead": lead, "job": 1, "state": "pending"}
    assert result.json == empty(already_queued=[again])
    assert result.stderr == b""
    assert operator.states() == {"pending": 1}


def test_a_lead_named_twice_in_one_command_gets_one_job(operator: Operator) -> None:
    lead, mail = operator.lead("silent"), operator.person("silent").emails[0]
    result = operator.runs("enqueue", lead, mail, lead, "--json").ended(0)
    assert result.json["queued"] == [{"lead": lead, "job": 1}]
    assert [each["job"] for each in result.json["already_queued"]] == [1, 1]


def test_people_are_told_in_words(operator: Operator) -> None:
    lead = operator.lead("silent")
    assert f"{lead}  job 1  queued\n" == operator.runs("enqueue", lead).ended(0).out
    assert "already pending" in operator.runs("enqueue", lead).ended(0).out


def test_quiet_prints_nothing_where_all_is_well(operator: Operator) -> None:
    result = operator.runs("enqueue", operator.lead("silent"), "--quiet").ended(0)
    assert result.stdout + result.stderr == b""
    assert operator.states() == {"pending": 1}


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_it_loads_nothing_heavy(operator: Operator, form: list[str]) -> None:
    loaded = operator.loads("enqueue", operator.person("silent").emails[0], *form)
    assert {"typer", "sqlite3"} <= loaded
    assert loaded & HEAVY == set()


def test_help_shows_an_example(operator: Operator) -> None:
    assert "Example: convsync enqueue" in operator.runs("enqueue", "--help").ended(0).out


# Unknown, ambiguous, wrong


def test_an_unknown_lead_is_told_as_it_was_typed_and_the_others_are_queued(
    operator: Operator,
) -> None:
    lead = operator.lead("silent")
    unknown = [
        "nobody@example.com", "+12025559999", "gohighlevel:nobody", "L000000000000000000", "", "🙂",
    ]  # fmt: skip
    result = operator.runs("enqueue", *unknown, lead, "--json").ended(3)
    assert result.json == empty(queued=[{"lead": lead, "job": 1}], unknown=unknown)


def test_an_unknown_lead_is_told_in_words_too(operator: Operator) -> None:
    result = operator.runs("enqueue", "nobody@example.com").ended(3)
    assert "nobody@example.com  unknown" in result.out
    assert "1 of the given leads" in result.err
    assert "nobody@example.com" not in result.err


def test_an_ambiguous_lead_is_answered_with_what_resolves_it(operator: Operator) -> None:
    twins = [
        operator.runs("leads", "add", "-w", name, "--email", "twin@example.com", "--json").json
        for name in ("acme", "globex")
    ]
    result = operator.runs("enqueue", "twin@example.com", "--json").ended(3)
    names = [f"{w}/{twin['lead']}" for w, twin in zip(("acme", "globex"), twins, strict=True)]
    ambiguous = [{"lead": "twin@example.com", "candidates": names}]
    assert result.json == empty(ambiguous=ambiguous)
    assert operator.states() == {}
    for answer in (*names, "acme/twin@example.com"):
        operator.runs("enqueue", answer).ended(0)
    operator.runs("enqueue", "twin@example.com", "--workspace", "globex").ended(0)
    assert operator.states() == {"pending": 2}


def test_a_lead_of_another_workspace_is_unknown(operator: Operator) -> None:
    result = operator.runs("enqueue", operator.lead("silent"), "-w", "globex", "--json").ended(3)
    assert result.json["unknown"] == [operator.lead("silent")]


def test_an_unknown_workspace_is_not_found(operator: Operator) -> None:
    result = operator.runs("enqueue", operator.lead("silent"), "-w", "acne", "--json").ended(4)
    assert result.error["code"] == "not_found"
    assert 'did you mean "acme"?' in result.error["hint"]
    assert result.stdout == b""


def test_wrong_usage_is_2(operator: Operator) -> None:
    wrong = [[], ["-", "x@example.com"], ["x", "--no-such"], ["x", "--wait=-1"]]
    for _, result in operator.runs_each(["enqueue", *each, "--json"] for each in wrong):
        assert result.ended(2).error["code"] == "usage"
        assert result.stdout == b""


# Leads from stdin


def test_leads_from_stdin_are_counted(operator: Operator) -> None:
    leads = [operator.lead(role) for role in ("silent", "sms only", "away")]
    told = "\n".join([*leads, leads[0], "nobody@example.com"]).encode()
    result = operator.runs("enqueue", "-", "--json", stdin=told).ended(3)
    assert list(result.json) == ENQUEUE_KEYS
    assert result.json == counted(queued=3, already_queued=1, unknown=["nobody@example.com"])


@pytest.mark.parametrize("given", [b"", b"\n\r\n \t\n", b"\xef\xbb\xbf", b"\n" * 5000])
def test_an_empty_stdin_is_nothing_to_do(operator: Operator, given: bytes) -> None:
    result = operator.runs("enqueue", "-", "--json", stdin=given).ended(0)
    assert result.json == counted()


def test_a_list_from_windows_is_read(operator: Operator) -> None:
    leads = [operator.lead(role) for role in ("silent", "sms only", "away")]
    told = "\ufeff" + "\r\n".join([leads[0], "", f"  {leads[1]}\t", leads[2]])
    result = operator.runs("enqueue", "-", "--json", stdin=told.encode()).ended(0)
    assert result.json == counted(queued=3)


def test_binary_on_stdin_costs_its_own_lines_only(operator: Operator) -> None:
    lead, noise = operator.lead("silent"), bytes(range(256)).replace(b"\n", b"") * 9
    told = noise + b"\n" + lead.encode() + b"\n\0\xff\xfe\n" + noise
    result = operator.runs("enqueue", "-", "--json", stdin=told).ended(3)
    assert result.json["queued"] == 1
    assert len(result.json["unknown"]) == 3
    assert operator.states() == {"pending": 1}


def test_a_line_of_a_megabyte_is_one_unknown_lead_and_not_kept_whole(operator: Operator) -> None:
    lead = operator.lead("silent").encode()
    told = lead + b"\n" + b"x" * 2**20 + b"\n" + lead + b"\n"
    result = operator.runs("enqueue", "-", "--json", stdin=told).ended(3)
    assert (result.json["queued"], result.json["already_queued"]) == (1, 1)
    (unknown,) = result.json["unknown"]
    assert unknown.startswith("xxx")
    assert len(unknown) <= 1024


def test_five_thousand_lines_are_all_answered_and_the_first_hundred_unknown_listed(
    operator: Operator,
) -> None:
    lead = operator.lead("silent")
    told = "".join(f"nobody{n}@example.com\n{lead}\n" for n in range(2500)).encode()
    result = operator.runs("enqueue", "-", "--json", stdin=told).ended(3)
    assert (result.json["queued"], result.json["already_queued"]) == (1, 2499)
    assert result.json["unknown"] == [f"nobody{n}@example.com" for n in range(100)]


def test_a_stream_is_queued_while_it_still_flows(operator: Operator) -> None:
    started = operator.starts("enqueue", "-", stdin=True)
    assert started.process.stdin
    started.process.stdin.write(f"{operator.lead('silent')}\n".encode() * 2100)
    started.process.stdin.flush()
    assert eventually(operator.states) == {"pending": 1}
    assert started.alive
    started.gets(signal.SIGINT)
    assert started.ends(5).ended(130).stderr == b""
    assert operator.states() == {"pending": 1}


def test_ambiguous_leads_from_stdin_are_listed_with_their_candidates(operator: Operator) -> None:
    for name in ("acme", "globex"):
        operator.runs("leads", "add", "-w", name, "--email", "twin@example.com")
    result = operator.runs("enqueue", "-", "--json", stdin=b"twin@example.com\n").ended(3)
    (ambiguous,) = result.json["ambiguous"]
    assert ambiguous["lead"] == "twin@example.com"
    assert [each.split("/")[0] for each in ambiguous["candidates"]] == ["acme", "globex"]


# The window


def test_a_lead_synced_just_now_is_not_synced_again_unless_forced(operator: Operator) -> None:
    lead = operator.lead("silent")
    done(operator, lead)
    result = operator.runs("enqueue", lead, "--json").ended(0)
    (recent,) = result.json["recent"]
    assert (recent["lead"], recent["job"]) == (lead, 1)
    assert 0 < recent["age_s"] < 60
    assert operator.states() == {"succeeded": 1}
    forced = operator.runs("enqueue", lead, "--force", "--json").ended(0)
    assert forced.json["queued"] == [{"lead": lead, "job": 2}]


@pytest.mark.parametrize(("age_s", "key"), [(290, "recent"), (310, "queued")])
def test_the_window_is_measured_from_when_the_job_was_asked_for(
    operator: Operator, age_s: int, key: str
) -> None:
    lead = operator.lead("silent")
    done(operator, lead, age_s=age_s)
    assert operator.runs("enqueue", lead, "--json").ended(0).json[key]


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_job_that_did_not_succeed_does_not_count_for_the_window(
    operator: Operator, state: str
) -> None:
    lead = operator.lead("silent")
    done(operator, lead, state)
    assert operator.runs("enqueue", lead, "--json").ended(0).json["queued"]


# Promotion and rerun


def test_who_asks_by_hand_goes_before_the_bulk(operator: Operator) -> None:
    operator.runs("enqueue-all").ended(0)
    lead = operator.lead("away")
    result = operator.runs("enqueue", lead, "--json").ended(0)
    ((job,),) = operator.asks("SELECT id FROM jobs WHERE lead_id = ?", lead)
    assert result.json == empty(promoted=[{"lead": lead, "job": job}])
    again = operator.runs("enqueue", lead, "--json").ended(0)
    assert again.json["already_queued"] == [{"lead": lead, "job": job, "state": "pending"}]
    first = operator.asks("SELECT lead_id FROM jobs ORDER BY priority LIMIT 1")
    assert first == [(lead,)]


def test_a_message_that_arrives_while_the_lead_is_read_is_fetched_too(operator: Operator) -> None:
    lead, person = operator.lead("sms only"), operator.person("sms only")
    operator.runs("enqueue", lead).ended(0)
    operator.suffers("latency", path=MESSAGES, seconds=1, times=1)
    run = operator.starts("run", "--max-seconds", "30", "--json")
    eventually(lambda: operator.asked("/messages"))
    operator.world.say("acme", person.key, "sms", "inbound", "just now")
    result = operator.runs("enqueue", lead, "--json").ended(0)
    assert result.json["already_queued"] == [{"lead": lead, "job": 1, "state": "running"}]
    assert run.ends().ended(0).json["reason"] == "drained"
    bodies = [m["body"] for m in operator.runs("export", "--lead", lead).lines]
    assert "just now" in bodies
    assert operator.states() == {"succeeded": 1}
    assert operator.asks("SELECT count(*) FROM attempts") == [(2,)]


def test_bulk_enqueuing_lets_a_running_job_be(operator: Operator) -> None:
    lead = operator.lead("sms only")
    operator.runs("enqueue", lead).ended(0)
    operator.suffers("latency", path=MESSAGES, seconds=1, times=1)
    run = operator.starts("run", "--max-seconds", "30", "--json")
    eventually(lambda: operator.asked("/messages"))
    operator.runs("enqueue-all", "--limit", "1000", "-w", "acme").ended(0)
    rerun = operator.asks("SELECT state, rerun FROM jobs WHERE lead_id = ?", lead)
    assert rerun == [("running", 0)]
    run.gets(signal.SIGTERM)
    run.ends().ended(143)


# --wait


def test_wait_follows_the_job_that_another_process_does(operator: Operator) -> None:
    lead = operator.lead("sms only")
    waiting = operator.starts("enqueue", lead, "--wait", "30", "--json")
    eventually(operator.states)
    operator.runs("run", "--max-seconds", "30").ended(0)
    result = waiting.ends().ended(0)
    assert result.json["queued"] == [{"lead": lead, "job": 1}]
    (waited,) = result.json["waited"]
    assert waited == {
        "lead": lead, "job": 1, "state": "succeeded", "attempts": 1, "error_code": None,
        "error": None,
    }  # fmt: skip
    exported = operator.runs("export", "--lead", lead).lines
    spoken = [m.lead_key for m in operator.world.expected("acme", "sms")]
    assert len(exported) == spoken.count(operator.person("sms only").key)


def test_wait_without_seconds_takes_the_next_word_for_a_lead(operator: Operator) -> None:
    lead = operator.lead("sms only")
    waiting = operator.starts("enqueue", "--wait", lead)
    eventually(operator.states)
    operator.runs("run", "--max-seconds", "30").ended(0)
    assert f"{lead}  job 1  succeeded" in waiting.ends().ended(0).out


def test_behind_two_hyphens_stand_leads_whatever_they_look_like(operator: Operator) -> None:
    told = operator.runs("enqueue", "--json", "--", "--wait", "--force", "-x").ended(3).json
    assert told["unknown"] == ["--wait", "--force", "-x"]
    assert operator.runs("show", "--", "--json").ended(4).err.startswith("convsync: ")


def test_wait_is_13_when_time_is_up_and_still_prints_its_document(operator: Operator) -> None:
    lead = operator.lead("sms only")
    result = operator.runs("enqueue", lead, "--wait", "0.3", "--json").ended(13)
    assert result.json["waited"][0]["state"] == "pending"
    assert 0.3 <= result.seconds < 3
    assert operator.states() == {"pending": 1}


@pytest.mark.parametrize("wait", [("--wait", "0.01m"), ("--wait=0.01m",)])
def test_wait_takes_minutes_too(operator: Operator, wait: tuple[str, ...]) -> None:
    """Or it would wait without end, and take the minutes for a lead."""
    lead = operator.lead("sms only")
    waiting = operator.starts("enqueue", lead, *wait, "--json")
    told = waiting.ends(10).ended(13).json
    assert (told["unknown"], len(told["waited"])) == ([], 1)


@pytest.mark.parametrize("wait", [("--wait", "5min"), ("--wait=5min",), ("--wait", "1d")])
def test_wait_takes_no_other_unit_for_a_lead(operator: Operator, wait: tuple[str, ...]) -> None:
    """It would say nothing, and wait without end."""
    waiting = operator.starts("enqueue", operator.lead("sms only"), *wait, "--json")
    assert waiting.ends(10).ended(2).error["message"] == "--wait is not a duration"
    assert operator.states() == {}


def test_wait_is_12_where_no_run_would_claim_the_job(operator: Operator) -> None:
    """The accounts were refused before: their jobs wait, and have no error of their own."""
    wrong = {"ACME_GHL_TOKEN": "pit-wrong", "ACME_EB_TOKEN": "1|wrong"}
    operator.runs("enqueue", operator.lead("silent")).ended(0)
    operator.runs("run", "--max-seconds", "30", env=wrong).ended(0)
    told = operator.runs("enqueue", operator.lead("sms only"), "--wait", "30", "--json").ended(12)
    assert told.json["waited"][0]["error_code"] is None


def test_wait_is_12_when_the_account_is_refused(operator: Operator) -> None:
    lead = operator.lead("sms only")
    wrong = {"ACME_GHL_TOKEN": "pit-wrong", "ACME_EB_TOKEN": "1|wrong"}
    waiting = operator.starts("enqueue", lead, "--wait", "30", "--json")
    eventually(operator.states)
    operator.runs("run", "--max-seconds", "30", env=wrong).ended(0)
    result = waiting.ends().ended(12)
    assert result.json["waited"][0]["state"] == "pending"
    assert result.json["waited"][0]["attempts"] == 0
    assert result.seconds < 15


def test_wait_is_3_when_the_job_fails(operator: Operator) -> None:
    lead = operator.lead("sms only")
    operator.suffers("status", path=MESSAGES, status=400)
    waiting = operator.starts("enqueue", lead, "--wait", "30", "--json")
    eventually(operator.states)
    operator.runs("run", "--max-seconds", "30").ended(0)
    result = waiting.ends().ended(3)
    assert result.json["waited"][0]["state"] == "failed"
    assert result.json["waited"][0]["error_code"] == "rejected"


def test_wait_has_nothing_to_follow_for_a_lead_synced_just_now(operator: Operator) -> None:
    lead = operator.lead("silent")
    done(operator, lead)
    result = operator.runs("enqueue", lead, "--wait", "30", "--json").ended(0)
    assert result.json["recent"]
    assert result.json["waited"] == []


def test_wait_says_which_leads_are_unknown(operator: Operator) -> None:
    result = operator.runs("enqueue", "nobody@example.com", "--wait", "5").ended(3)
    assert "nobody@example.com  unknown" in result.out
    assert "1 of the given leads" in result.err


def test_a_stream_that_is_waited_for_has_its_counts_as_well(operator: Operator) -> None:
    lead = operator.lead("silent")
    told = operator.runs("enqueue", "-", "--wait", "0", "--json", stdin=f"{lead}\nx\n".encode())
    waited = told.ended(13).json.pop("waited")
    assert [each["lead"] for each in waited] == [lead]
    assert told.json | {"waited": []} == {
        "queued": 1, "promoted": 0, "already_queued": 0, "recent": 0,
        "unknown": ["x"], "ambiguous": [], "waited": [],
    }  # fmt: skip


def test_waiting_ends_at_once_by_a_signal_and_the_job_stays(operator: Operator) -> None:
    waiting = operator.starts("enqueue", operator.lead("silent"), "--wait")
    eventually(operator.states)
    waiting.gets(signal.SIGINT)
    assert waiting.ends(3).ended(130).stderr == b""
    assert operator.states() == {"pending": 1}


def test_everything_that_was_enqueued_by_hand_arrives(operator: Operator) -> None:
    people = operator.world.workspace("acme").people.values()
    mails = [p.emails[0] for p in people if p.contact or p.bison]
    # Those without a usable email in one of the exports are two leads, one for each channel.
    leads = [lead for (lead,) in operator.asks("SELECT id FROM leads WHERE workspace = 'acme'")]
    operator.runs("enqueue", *mails, *leads).ended(0)
    operator.runs("run", "--max-seconds", "50").ended(0)
    assert differences(operator) == []
