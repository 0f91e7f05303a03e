"""Every simulated provider: a row here is all that one needs to be served."""

from collections.abc import Mapping

from convsync_cli.sandbox import emailbison, gohighlevel, instantly, smartlead, twilio
from convsync_cli.sandbox.emailbison import EmailBison
from convsync_cli.sandbox.exchange import Response
from convsync_cli.sandbox.gohighlevel import GoHighLevel
from convsync_cli.sandbox.limits import Verdict
from convsync_cli.sandbox.oauth import OAuth
from convsync_cli.sandbox.simulator import Simulator, by_token
from convsync_cli.sandbox.smartlead import Smartlead


def table(
    known: GoHighLevel, bison: EmailBison, granted: OAuth, most_rows: Mapping[str, int]
) -> dict[str, Simulator]:
    """The simulators by name; ``most_rows`` is the largest page where it is less than live.

    GoHighLevel takes the tokens as well that were ``granted``.
    """
    every = (
        Simulator(
            "gohighlevel",
            lambda workspace, request: (
                request.token == workspace.gohighlevel_token
                or granted.workspace_of(request.token) == workspace.name
            ),
            known.answer,
            gohighlevel.error,
            gohighlevel.error(401, "Invalid JWT"),
            _gohighlevel_refusal,
            gohighlevel.widened,
            _gohighlevel_told,
        ),
        Simulator(
            "emailbison",
            by_token(lambda workspace: workspace.emailbison_token),
            bison.answer,
            emailbison.error,
            emailbison.error(401, "Unauthenticated."),
            _emailbison_refusal,
            emailbison.widened,
        ),
        Simulator(
            "smartlead",
            lambda workspace, request: request.get("api_key") == smartlead.key_of(workspace),
            Smartlead().answer,
            smartlead.error,
            smartlead.error(401, "Invalid API key"),
            _smartlead_refusal,
            smartlead.widened,
        ),
        twilio.simulator(most_rows.get("twilio", twilio.LARGEST_PAGE)),
        instantly.simulator(most_rows.get("instantly", instantly.LARGEST_PAGE)),
    )
    return {each.name: each for each in every}


def _gohighlevel_told(response: Response, verdict: Verdict) -> Response:
    for name, value in gohighlevel.rate_headers(verdict).items():
        response = response.header(name, value)
    return response


def _gohighlevel_refusal(verdict: Verdict) -> Response:
    """Seconds in a header; none when the day is used up."""
    response = _gohighlevel_told(gohighlevel.error(429, "Too Many Requests"), verdict)
    if not verdict.daily_left:
        return response
    return response.header("Retry-After", int(verdict.wait) + 1)


def _emailbison_refusal(verdict: Verdict) -> Response:
    return Response(429, {"error": "rate_limited", "retry_after": int(verdict.wait) + 1})


def _smartlead_refusal(verdict: Verdict) -> Response:
    """Seconds in a header and in the body."""
    seconds = int(verdict.wait) + 1
    said = {"code": "RATE_LIMIT_EXCEEDED", "message": "slow down", "retry_after": seconds}
    return Response(429, {"error": said}).header("Retry-After", seconds)
