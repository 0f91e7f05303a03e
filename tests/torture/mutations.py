"""Deliberate faults: what is changed where, and the test that must not let it pass.

A fault is a few textual replacements in one file of ``convsync_cli/sync``; what is replaced must be
there exactly once, so that a fault cannot quietly stop being one.
"""

from dataclasses import dataclass

_SQLITE = "engines/sqlite/"
_QUEUE = _SQLITE + "queue.py"
_INTAKE = _SQLITE + "intake.py"
_CONTRACT = "tests/contracts/test_queue.py::"
_SAVE = (
    "            work.progress.add(await work.call(_save, work, lead, link, page, walk, sync))\n"
)
_SAVED = '            reached("page.saved")\n'


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault: ``changes`` are pairs of before and after in ``file``; ``test`` must fail."""

    name: str
    file: str
    changes: tuple[tuple[str, str], ...]
    test: str


def _mutant(name: str, file: str, test: str, *changes: tuple[str, str]) -> Mutant:
    return Mutant(name, f"convsync_cli/sync/{file}", changes, test)


MUTANTS = (
    _mutant(
        "the index of live jobs has no WHERE",
        _SQLITE + "schema.py",
        _CONTRACT + "TestTheWindow::test_it_is_measured_from_the_asking_and_not_from_the_end",
        (
            "INDEX jobs_live ON jobs (dedupe_key) WHERE state IN ('pending', 'running')",
            "INDEX jobs_live ON jobs (dedupe_key)",
        ),
    ),
    _mutant(
        "settles without the token",
        _QUEUE,
        _CONTRACT + "TestSettle::test_a_stale_token_settles_nothing",
        (
            "WHERE id = :job AND token = :token AND state = 'running'",
            "WHERE id = :job AND (token = :token OR 1) AND state = 'running'",
        ),
    ),
    _mutant(
        "settles what is no longer running",
        _QUEUE,
        _CONTRACT + "TestSettle::test_a_job_that_was_rescued_is_no_longer_the_zombies",
        (
            "WHERE id = :job AND token = :token AND state = 'running'",
            "WHERE id = :job AND token = :token",
        ),
    ),
    _mutant(
        "transactions begin deferred",
        _SQLITE + "connection.py",
        "tests/torture/test_races.py::test_who_reads_first_in_a_transaction_can_write_in_it",
        ('return "BEGIN IMMEDIATE"', 'return "BEGIN DEFERRED"'),
    ),
    _mutant(
        "the window is a bucket",
        _INTAKE,
        _CONTRACT + "TestTheWindow::test_it_slides_and_has_no_edge_to_slip_through",
        (
            '"since": to_text(terms.now - window),',
            '"since": to_text(datetime.fromtimestamp(terms.now.timestamp()'
            " // (terms.window_s or 1) * (terms.window_s or 1), terms.now.tzinfo)),",
        ),
        ("import json\n", "import json\nfrom datetime import datetime\n"),
    ),
    _mutant(
        "an attempt counts when it fails, not when it is claimed",
        _QUEUE,
        "tests/torture/test_poison.py::test_a_job_that_kills_its_process_ends_as_failed",
        ("attempts = attempts + 1, token = token + 1", "attempts = attempts, token = token + 1"),
        ("0, attempts - :free),", "0, attempts + 1 - :free),"),
    ),
    _mutant(
        "a claim does not change the token",
        _QUEUE,
        _CONTRACT + "TestSettle::test_a_stale_token_settles_nothing",
        ("attempts = attempts + 1, token = token + 1", "attempts = attempts + 1, token = token"),
    ),
    _mutant(
        "a lease ends before its job's own deadline",
        "claiming.py",
        "tests/torture/test_zombies.py::test_a_lease_outlives_its_jobs_own_deadline",
        ("LEASE_MARGIN_S = 30.0", "LEASE_MARGIN_S = -1.0"),
    ),
    _mutant(
        "the cursor is saved apart from its page",
        "jobs/conversation_sync.py",
        "tests/torture/test_kill.py::test_a_run_killed_behind_any_page_leaves_no_gap",
        (
            _SAVE + _SAVED,
            "            bare = Page((), page.cursor, page.left_out, page.contact)\n"
            "            await work.call(_save, work, lead, link, bare, walk, sync)\n"
            + _SAVED
            + _SAVE,
        ),
    ),
    _mutant(
        "promotion gives the attempts back",
        _INTAKE,
        _CONTRACT + "TestPromotion::test_promotion_gives_no_attempt_back",
        ("SET priority = min(priority, :priority),", "SET attempts = 0, priority = :priority,"),
    ),
    _mutant(
        "rescue forgets the limit of attempts",
        _QUEUE,
        "tests/torture/test_poison.py::test_a_job_that_kills_its_process_ends_as_failed",
        (
            "state = iif(attempts >= max_attempts AND NOT rerun, 'failed', 'pending')",
            "state = 'pending'",
        ),
        (
            "finished_at = iif(attempts >= max_attempts AND NOT rerun, :now, NULL),",
            "finished_at = NULL,",
        ),
    ),
    _mutant(
        "rescue takes the jobs of the living",
        "runner.py",
        "tests/torture/test_races.py::test_eight_runners_beside_each_other_do_every_job_once",
        ("orphaned=lock.alone", "orphaned=True"),
    ),
    _mutant(
        "a rerun is forgotten when the job is settled",
        _QUEUE,
        "tests/torture/test_races.py"
        "::test_a_message_that_arrives_while_its_lead_is_read_is_fetched_by_one_more_run",
        ("state = iif(:ends AND rerun, 'pending', :state),", "state = :state,"),
        (
            "finished_at = iif(:ends AND NOT rerun, :now, NULL),",
            "finished_at = iif(:ends, :now, NULL),",
        ),
    ),
    _mutant(
        "a release burns the attempt",
        "attempt.py",
        "tests/torture/test_budget.py::test_a_signal_ends_a_run_within_two_seconds",
        (
            'RELEASED = Settlement("released", JobState.PENDING, free=True)',
            'RELEASED = Settlement("released", JobState.PENDING, free=False)',
        ),
    ),
    _mutant(
        "every process limits its own requests only",
        _SQLITE + "accounts.py",
        "tests/torture/test_limits.py"
        "::test_two_runs_and_a_command_together_keep_the_limit_in_every_window",
        (
            "Bucket(account.rate, state.next_at).take(now.timestamp())",
            "Bucket(account.rate, self.__dict__.get(account.name, 0.0)).take(now.timestamp())\n"
            "            self.__dict__[account.name] = bucket.next_at",
        ),
    ),
    _mutant(
        "a 429 pauses all accounts",
        _SQLITE + "accounts.py",
        "tests/torture/test_limits.py"
        "::test_a_429_pauses_its_account_for_the_time_asked_and_no_other",
        (
            'f"{_SELECT} WHERE workspace = ? AND channel = ?"',
            'f"{_SELECT} WHERE ? != ? ORDER BY reason IS NULL"',
        ),
    ),
    _mutant(
        "the daily limit is taken for a short one",
        "retryafter.py",
        "tests/torture/test_limits.py"
        "::test_a_429_pauses_its_account_for_the_time_asked_and_no_other",
        ('.strip() == "0":', '.strip() == "none":'),
    ),
    _mutant(
        "of two candidates the first is healed",
        "merge.py",
        "tests/sync/test_merge.py::TestHealing::test_two_candidates_heal_neither",
        (
            "                  if len(found) == 1 and wanted[found[0]] == 1]",
            "                  if found]",
        ),
    ),
    _mutant(
        "a channel counts as synced although a page failed",
        "jobs/conversation_sync.py",
        "tests/torture/test_limits.py"
        "::test_a_429_pauses_its_account_for_the_time_asked_and_no_other",
        (
            "            outcome=WalkEnd.FAILED,\n",
            "            outcome=WalkEnd.FAILED, synced_at=work.clock.now(),\n",
        ),
    ),
    _mutant(
        "a refused credential burns the attempts of its jobs",
        "failure.py",
        "tests/torture/test_accounts.py::test_a_revoked_token_stops_its_account_and_nothing_else",
        (
            'return Snooze(now + STANDING, "paused", str(error))',
            'return Retry("paused", str(error))',
        ),
    ),
    _mutant(
        "the watermark moves with the first page",
        "jobs/delta_sync.py",
        "tests/sync/jobs/test_delta_sync.py::test_the_mark_moves_with_the_last_page_only",
        ("        if page.cursor is not None:\n", "        if page.watermark is not None:\n"),
        ('page.watermark or ""', 'page.watermark or page.cursor or ""'),
    ),
    _mutant(
        "first walks make leads for each other side by side",
        "jobs/delta_sync.py",
        "tests/sync/jobs/test_delta_sync.py::test_one_first_walk_waits_for_the_other",
        ("if first and await work.call(sync.has_to_wait):", "if False:"),
    ),
    _mutant(
        "a message that is read again rings again",
        "arrivals.py",
        "tests/sync/test_arrivals.py::test_a_message_rings_once_however_often_it_is_read",
        ("store.archive.arrivals(newest)", "store.archive.arrivals(0)"),
    ),
    _mutant(
        "a resolver that hangs is waited for",
        "loop.py",
        "tests/torture/test_budget.py::test_a_run_ends_in_time_whatever_the_server_does",
        ("        runner.get_loop().set_default_executor(_DaemonThreads())\n", ""),
    ),
    _mutant(
        "who killed its process runs beside others again",
        "claiming.py",
        "tests/torture/test_poison.py::test_a_poisonous_job_harms_no_other",
        ("self._alone = claim.suspect", "self._alone = False"),
        ("if claim.suspect and (busy or claims):", "if False:"),
    ),
    _mutant(
        "callers hear of their result before the commit",
        "commits.py",
        "tests/sync/test_commits.py::test_a_commit_that_fails_answers_every_caller_with_the_error",
        (
            "                    return [self._run(call) for call in batch]",
            "                    results = [self._run(call) for call in batch]\n"
            "                    for call, (result, error) in zip(batch, results, strict=True):\n"
            "                        _answer(call.future, result, error)\n"
            "                    return results",
        ),
        (
            "    if not future.set_running_or_notify_cancel():",
            "    if future.done() or not future.set_running_or_notify_cancel():",
        ),
    ),
    _mutant(
        "a cancelled request leaves its client to the next one",
        "clients.py",
        "tests/sync/test_clients.py::test_wherever_a_request_is_cancelled_the_next_one_is_answered",
        ("            self._made.remove(client)\n            await client.aclose()\n", ""),
    ),
    _mutant(
        "leads that only wait are the first again",
        "attempt.py",
        "tests/sync/test_attempt.py"
        "::test_a_lead_that_its_provider_only_kept_waiting_lets_the_others_go_first",
        ("return replace(release, run_at=work.clock.now())", "return release"),
    ),
    _mutant(
        "a request is sent beside as many as there are",
        "http.py",
        "tests/sync/test_http.py::test_no_more_requests_are_under_way_than_the_provider_takes",
        ("        async with self.wire.slots:\n", "        if True:\n"),
    ),
    _mutant(
        "a database of two names has two run locks",
        _SQLITE + "runlock.py",
        "tests/sync/engines/sqlite/test_runlock.py::test_a_database_of_two_names_has_one_place",
        ("os.path.realpath(path)", "path"),
    ),
)
