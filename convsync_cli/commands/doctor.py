"""`doctor`: look at everything, and say how to mend it."""

from collections.abc import Iterator
from dataclasses import asdict

import typer

from convsync_cli import bootstrap
from convsync_cli.bootstrap import Services
from convsync_cli.commands.options import Json, Quiet
from convsync_cli.console import Console
from convsync_cli.sync.errors import ConvsyncError, CredentialUnavailable, Unauthorized
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.finding import Finding, Level

CHECK_S = 20.0
_MARKS = {Level.OK: "ok", Level.WARNING: "warning", Level.PROBLEM: "PROBLEM"}

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def command(context: typer.Context, as_json: Json = False, quiet: Quiet = False) -> int:
    """Check configuration, database and credentials. One cheap request goes to each account.

    Example: convsync doctor
    """
    given = bootstrap.services(context.obj)
    findings = [
        Finding(Level.OK, "configuration", f"{given.settings.path} can be used"),
        *given.store.examine(),
        *(_account(given, account) for account in given.settings.accounts),
    ]
    console = Console(as_json, quiet)
    console.document({"findings": [asdict(each) for each in findings]})
    for line in _lines(findings):
        console.say(line)
    return _code(findings)


def _lines(findings: list[Finding]) -> Iterator[str]:
    for each in findings:
        yield f"{_MARKS[each.level]:8} {each.subject}: {each.message}"
        if each.remedy:
            yield f"{'':8} -> {each.remedy}"


def _account(given: Services, account: Account) -> Finding:
    subject = f"account {account.name}"
    try:
        bootstrap.check(given, account, CHECK_S)
    except (CredentialUnavailable, Unauthorized) as problem:
        hint = problem.hint or f"mend the token, then `convsync accounts resume {account.name}`"
        return Finding(Level.PROBLEM, subject, problem.message, hint)
    except ConvsyncError as problem:
        return Finding(
            Level.WARNING, subject, f"could not be checked: {problem.message}", problem.hint
        )
    return Finding(Level.OK, subject, "the credential works")


def _code(findings: list[Finding]) -> int:
    """12 where a credential is the problem, 3 where anything else is, 0 otherwise."""
    problems = [each for each in findings if each.level is Level.PROBLEM]
    if any(each.subject.startswith("account ") for each in problems):
        return 12
    return 3 if problems else 0
