"""`show`: a conversation that people can read, whoever wrote it."""

import re

import pytest
from rich.cells import cell_len

from tests.commands.operator import EXPORT_KEYS, Operator
from tests.commands.terminal import shown

CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def spoken(operator: Operator, role: str) -> int:
    """How many messages the lead that plays a role has."""
    key = operator.person(role).key
    return sum(
        message.lead_key == key
        for channel in ("sms", "email")
        for message in operator.world.expected("acme", channel)
    )


def test_the_document_holds_every_message_under_the_keys_of_an_export(synced: Operator) -> None:
    lead = synced.lead("two mailboxes")
    result = synced.runs("show", lead, "--json").ended(0)
    assert list(result.json) == ["lead", "messages", "channels"]
    messages = result.json["messages"]
    assert len(messages) == spoken(synced, "two mailboxes") > 0
    assert {tuple(message) for message in messages} == {tuple(EXPORT_KEYS)}
    assert {message["lead"] for message in messages} == {lead}
    assert result.stderr == b""


def test_both_channels_are_one_thread_oldest_message_first(synced: Operator) -> None:
    lead = synced.lead("two mailboxes")
    messages = synced.runs("show", lead, "--json").ended(0).json["messages"]
    assert {message["channel"] for message in messages} == {"sms", "email"}
    dated = [message["sent_at"] for message in messages if message["sent_at"]]
    assert dated == sorted(dated)


def test_people_read_a_thread_with_days_directions_and_what_is_complete(synced: Operator) -> None:
    person = synced.person("two mailboxes")
    told = synced.runs("show", person.emails[0]).ended(0).out
    lines = told.splitlines()
    assert lines[0].startswith(person.name)
    assert any(re.fullmatch(r"\w+day, \d\d \w+ 202\d", line) for line in lines)
    entries = [line for line in lines if re.match(r"  (\d\d:\d\d|no date) [<>?] ", line)]
    assert len(entries) == spoken(synced, "two mailboxes")
    assert any(" < " in line and "sms" in line for line in entries)
    assert any(" > we, " in line for line in entries)
    assert re.search(r"^sms: complete as of \d{4}-\d\d-\d\d \d\d:\d\d UTC\.$", told, re.M)
    assert re.search(r"^email: complete as of ", told, re.M)


def test_a_failed_text_that_was_sent_again_is_shown_once(synced: Operator) -> None:
    lead = synced.lead("sms only")
    newest = "SELECT max(id) FROM messages WHERE lead_id = ? AND direction = 'outbound'"
    copied = "channel, provider, direction, body, sender, recipient, thread, attachments"
    synced.tampers(
        "INSERT INTO messages (workspace, lead_id, seen_at, updated_at, external_id, status,"
        f" sent_at, {copied})"
        " SELECT workspace, lead_id, seen_at, updated_at, 'first-try', 'failed',"
        f" strftime('%Y-%m-%dT%H:%M:%fZ', sent_at, '-1 minute'), {copied}"
        f" FROM messages WHERE id = ({newest})",
        lead,
    )
    entry = re.compile(r"^  \d\d:\d\d [<>?] ", re.M)
    told = synced.runs("show", lead).ended(0).out
    assert len(entry.findall(told)) == spoken(synced, "sms only")
    assert "A failed text that was sent again is shown once;" in told
    assert "first-try" in synced.runs("export", "--lead", lead).ended(0).out


def test_a_message_without_a_date_is_shown_without_one(synced: Operator) -> None:
    assert "  no date " in synced.runs("show", synced.lead("undated")).ended(0).out
    messages = synced.runs("show", synced.lead("undated"), "--json").json["messages"]
    assert None in {message["sent_at"] for message in messages}


def test_quoted_history_is_trimmed_unless_it_is_asked_for(synced: Operator) -> None:
    leads = synced.asks("SELECT lead_id FROM messages WHERE body LIKE '%wrote:%' LIMIT 1")
    lead = str(leads[0][0])
    short = synced.runs("show", lead).ended(0).out
    assert "quoted lines (--full)" in short
    full = synced.runs("show", lead, "--full").ended(0).out
    assert "quoted lines (--full)" not in full
    assert "wrote:" in full
    assert len(full) > len(short)


def test_what_was_never_read_is_not_shown_as_nothing(operator: Operator) -> None:
    told = operator.runs("show", operator.lead("silent")).ended(0).out
    assert "sms: never read to its end; the conversation above may be incomplete." in told
    assert "email: never read to its end" in told


def test_a_channel_that_does_not_know_the_lead_says_so(synced: Operator) -> None:
    told = synced.runs("show", synced.lead("sms only")).ended(0).out
    assert "email: the provider does not know this lead." in told


def test_a_read_that_failed_is_told_beside_the_last_good_one(synced: Operator) -> None:
    synced.suffers("status", path="/conversations/*/messages", status=400)
    lead = synced.lead("sms only")
    synced.runs("enqueue", lead, "--force").ended(0)
    synced.runs("run").ended(0)
    told = synced.runs("show", lead).ended(0).out
    assert re.search(
        r"^sms: complete as of .* UTC \(the last try failed: rejected\)\.$", told, re.M
    )


@pytest.mark.parametrize("form", [[], ["--full"], ["--json"]])
def test_control_characters_in_names_and_texts_never_reach_stdout(
    synced: Operator, form: list[str]
) -> None:
    lead = synced.lead("hostile")
    csi = "\x9b31m c1 \x85 \u202ereversed\u2066 \x7f\rover"
    synced.tampers("UPDATE leads SET name = ? WHERE id = ?", f"Mei\x1b[2J\x07{csi}", lead)
    synced.tampers(
        "UPDATE messages SET body = body || ?, subject = ?, status = ? WHERE lead_id = ?",
        f"\x1b]0;title\x07{csi}",
        f"Re: \x1b[31m{csi}",
        "failed",
        lead,
    )
    synced.tampers(
        "UPDATE messages SET attachments = ? WHERE lead_id = ?", '["a/\\u001b[2Jx.jpg"]', lead
    )
    result = synced.runs("show", lead, *form).ended(0)
    assert "red alert" in result.out
    assert CONTROLS.findall(result.out) == []


def test_an_unknown_lead_is_not_found_and_an_ambiguous_one_neither(operator: Operator) -> None:
    result = operator.runs("show", "nobody@example.com", "--json").ended(4)
    assert result.error["code"] == "not_found"
    assert "nobody@example.com" not in result.err
    for name in ("acme", "globex"):
        operator.runs("leads", "add", "-w", name, "--email", "twin@example.com").ended(0)
    twin = operator.runs("show", "twin@example.com", "--json").ended(4)
    assert "acme/L" in twin.error["hint"]
    operator.runs("show", "acme/twin@example.com").ended(0)
    operator.runs("show", "twin@example.com", "-w", "globex").ended(0)


def test_wrong_usage_is_2(operator: Operator) -> None:
    operator.runs("show").ended(2)
    operator.runs("show", "a@example.com", "b@example.com").ended(2)


def test_quiet_says_nothing(synced: Operator) -> None:
    result = synced.runs("show", synced.lead("away"), "--quiet").ended(0)
    assert result.stdout + result.stderr == b""


def test_any_language_will_do(synced: Operator) -> None:
    lead = synced.lead("long mail")
    result = synced.runs("show", lead, env={"LANG": "C", "LC_ALL": "C"}).ended(0)
    assert result.stderr == b""
    narrow = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    synced.runs("show", lead, env=narrow).ended(0).stdout.decode("ascii")
    told = synced.runs("show", lead, "--json", env=narrow).ended(0)
    assert told.json == synced.runs("show", lead, "--json").json


def test_a_reader_who_has_had_enough_is_no_error(synced: Operator) -> None:
    result = synced.pipes(f"convsync show {synced.lead('long sms')} | head -1").ended(0)
    assert result.stderr == b""
    assert result.out.count("\n") == 1


def test_help_shows_an_example(operator: Operator) -> None:
    assert "Example: convsync show" in operator.runs("show", "--help").ended(0).out


def test_filters_leave_what_they_ask_for_and_say_so(synced: Operator) -> None:
    lead = synced.lead("two mailboxes")
    every = synced.runs("show", lead, "--json").ended(0).json["messages"]
    mails = synced.runs("show", lead, "--channel", "email", "--json").ended(0).json["messages"]
    assert mails == [message for message in every if message["channel"] == "email"] != every
    last = synced.runs("show", lead, "--last", "3", "--json").ended(0).json["messages"]
    assert last == every[-3:]
    moment = every[4]["sent_at"]
    late = synced.runs("show", lead, "--since", moment, "--json").ended(0).json["messages"]
    early = synced.runs("show", lead, "--until", moment, "--json").ended(0).json["messages"]
    assert (early, late) == (every[:4], every[4:])
    assert "The options limit" in synced.runs("show", lead, "--last", "3").ended(0).out
    assert "The options limit" not in synced.runs("show", lead).ended(0).out
    nothing = synced.runs("show", lead, "--until", "2001-01-01").ended(0).out
    assert "\nNo message.\nThe options limit" in nothing
    synced.runs("show", lead, "--since", "once").ended(2)


def test_a_failed_first_read_says_why(operator: Operator) -> None:
    operator.suffers("status", path="/conversations/*", status=400)
    lead = operator.lead("sms only")
    operator.runs("enqueue", lead).ended(0)
    operator.runs("run").ended(0)
    told = operator.runs("show", lead, "--json").ended(0).json
    assert told["channels"]["sms"]["synced_at"] is None
    code = told["channels"]["sms"]["error_code"]
    words = operator.runs("show", lead).ended(0).out
    assert f"sms: never read to its end (the last try failed: {code}); the conversation" in words


def test_a_channel_without_address_or_account_is_not_shown_as_nothing(operator: Operator) -> None:
    added = operator.runs("leads", "add", "-w", "acme", "--phone", "+12025550199", "--json")
    lead = added.ended(0).json["lead"]
    told = operator.runs("show", lead).ended(0).out
    assert "email: cannot be followed, the lead has no address for it." in told
    text = operator.config.read_text()
    begin, end = text.index("[workspaces.acme.sms]"), text.index("[workspaces.acme.email]")
    operator.config.write_text(text[:begin] + text[end:])
    told = operator.runs("show", lead).ended(0).out
    assert "sms: never read: the workspace has no account for it." in told


def test_who_wrote_is_told_where_the_name_does_not_say_it(synced: Operator) -> None:
    lead = synced.lead("bounced")
    told = synced.runs("show", lead).ended(0).out
    assert re.search(r"< mail system, email, mailer-daemon@\S+ \[bounced\]", told)
    assert re.search(r"> we, email, \S+@\S+", told)
    own = synced.person("bounced")
    assert re.search(rf"< {own.name}, sms$", told, re.M)


# On a terminal

HARD = (
    "x" * 500
    + " 世界" * 90
    + " 👩‍👩‍👧👍🏽" * 40
    + "\n"
    + "مرحبا بالعالم " * 30
    + "\t|\n\n"
    + "e\u0301" * 200
)


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_no_line_is_wider_than_the_terminal_whatever_is_in_it(
    synced: Operator, columns: int
) -> None:
    lead = synced.lead("hostile")
    synced.tampers(
        "UPDATE messages SET body = ?1, subject = ?1, sender = ?1, attachments = json_array(?1)"
        " WHERE id = (SELECT max(id) FROM messages WHERE lead_id = ?2)",
        HARD,
        lead,
    )
    told = shown(synced, "show", lead, columns=columns)
    assert told.code == 0
    assert [line for line in told.lines if cell_len(line) > columns] == []
    letters = re.sub(r"\s", "", told.text)
    assert "x" * 500 in letters
    assert "世界" * 90 in letters


def test_a_terminal_shows_what_a_pipe_does(synced: Operator) -> None:
    lead = synced.lead("two mailboxes")
    piped = synced.runs("show", lead).ended(0).out
    told = shown(synced, "show", lead, columns=200)
    assert told.coloured
    for line in piped.splitlines():
        if line.startswith("    "):
            assert line.strip()[:80] in told.text
    assert told.text.count(" · sms") + told.text.count(" · email") == len(
        re.findall(r"^  (?:\d\d:\d\d|no date) [<>?]", piped, re.M)
    )
    assert "sms: complete as of" in told.text


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_can_be_refused(synced: Operator, environ: dict[str, str]) -> None:
    told = shown(synced, "show", synced.lead("away"), env=environ)
    assert not told.coloured
    assert "complete as of" in told.text
    assert ("\x1b" in told.written) is ("NO_COLOR" in environ)  # bold is no colour


def test_an_empty_refusal_refuses_nothing(synced: Operator) -> None:
    assert shown(synced, "show", synced.lead("away"), env={"NO_COLOR": ""}).coloured


def pager(operator: Operator, script: str) -> dict[str, str]:
    """An environment with a pager that is a shell script."""
    path = operator.folder / "pager"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return {"PAGER": f"{path} -x"}


def test_a_terminal_has_a_pager(synced: Operator) -> None:
    lead = synced.lead("away")
    environ = pager(synced, 'echo "paged $1 $LESS"; cat')
    told = shown(synced, "show", lead, env=environ)
    assert told.lines[0] == "paged -x FRX"
    assert "complete as of" in told.text
    assert shown(synced, "show", lead, env=environ | {"LESS": "S"}).lines[0] == "paged -x S"


def test_a_pager_that_is_left_early_is_no_error(synced: Operator) -> None:
    environ = pager(synced, "head -n 1")
    told = shown(synced, "show", synced.lead("long sms"), env=environ)
    assert told.code == 0
    assert told.text.strip().startswith(synced.person("long sms").name)
    assert "Traceback" not in told.text


@pytest.mark.parametrize("broken", ["/no/such/pager", "'", "/"])
def test_without_a_pager_that_works_there_is_none(synced: Operator, broken: str) -> None:
    told = shown(synced, "show", synced.lead("away"), env={"PAGER": broken})
    assert told.code == 0
    assert "complete as of" in told.text


def test_ctrl_c_in_the_pager_is_the_pagers(synced: Operator) -> None:
    environ = pager(synced, "trap 'echo caught' INT; cat >kept; echo ready; sleep 2; echo left")
    told = shown(synced, "show", synced.lead("away"), env=environ, sees=b"ready", types=b"\x03")
    assert [line.strip("^C") for line in told.lines] == ["ready", "caught", "left", ""]
    assert told.code == 0


@pytest.mark.parametrize("environ", [{"TERM": "dumb"}, {}])
def test_nobody_else_has_one(synced: Operator, environ: dict[str, str]) -> None:
    paged = pager(synced, "echo paged")
    if environ:
        assert "paged" not in shown(synced, "show", synced.lead("away"), env=paged | environ).text
    else:
        assert "paged" not in synced.runs("show", synced.lead("away"), env=paged).ended(0).out
        assert shown(synced, "show", synced.lead("away"), "-q", env=paged).written == ""
        assert "paged" not in shown(synced, "show", synced.lead("away"), "--json", env=paged).text
