"""The sandbox as a process of its own, which others drive over a third port.

``GET /world``, ``/expected?workspace=&channel=``, ``/csv?provider=&workspace=``, ``/requests``,
``/limits``, ``/faults``; ``POST /faults``, ``/say``, ``/new-messages``, ``/limits``; ``DELETE
/faults``, ``/requests``, ``/limits``.
"""

import json
import os
import signal
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from threading import Event

from convsync_cli.sandbox.exchange import Request, Response
from convsync_cli.sandbox.faults import Fault
from convsync_cli.sandbox.limits import Allowance
from convsync_cli.sandbox.listener import Listener
from convsync_cli.sandbox.mischief import Delivery
from convsync_cli.sandbox.rows import Expected
from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.smartlead import key_of
from convsync_cli.sandbox.world import World

Json = dict[str, object]


class Control:
    """The control API of a running sandbox, on a port of its own."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._listener = Listener(self._answer)
        self.url = self._listener.url

    def close(self) -> None:
        """Close the port; the sandbox goes on."""
        self._listener.close()

    def world(self, request: Request) -> object:
        """Where the sandbox is, and what it holds."""
        sandbox = self._sandbox
        return {
            "pid": os.getpid(),
            "control_url": self.url,
            "gohighlevel_url": sandbox.gohighlevel_url,
            "emailbison_url": sandbox.emailbison_url,
            "smartlead_url": sandbox.smartlead_url,
            "elsewhere_url": sandbox.elsewhere_url,
            "workspaces": {
                name: _summary(sandbox.world, name) for name in sandbox.world.workspaces
            },
        }

    def leads(self, request: Request) -> object:
        """The leads of a workspace, with their ids and addresses."""
        people = self._sandbox.world.workspace(request.get("workspace")).people
        return [asdict(person) for person in people.values()]

    def expected(self, request: Request) -> object:
        """What a perfect sync of a channel holds."""
        world = self._sandbox.world
        return [
            _told(one) for one in world.expected(request.get("workspace"), request.get("channel"))
        ]

    def requests(self, request: Request) -> object:
        """What was asked of the providers, from the ``after``-th on."""
        return [asdict(one) for one in self._sandbox.requests[int(request.get("after", "0")) :]]

    def forget_requests(self, request: Request) -> object:
        """Begin a new record."""
        self._sandbox.requests.clear()
        return {}

    def faults(self, request: Request) -> object:
        """The faults that may still hit."""
        return [asdict(fault) for fault in self._sandbox.faults.in_force()]

    def add_faults(self, request: Request) -> object:
        """Put one fault, or a list of them, in force."""
        told = json.loads(request.body)
        faults = [Fault.from_json(one) for one in (told if isinstance(told, list) else [told])]
        self._sandbox.faults.add(*faults)
        return {"added": len(faults)}

    def clear_faults(self, request: Request) -> object:
        """Let everything go right again."""
        self._sandbox.faults.clear()
        return {}

    def say(self, request: Request) -> object:
        """Add a message: workspace, lead, channel, direction, text."""
        told = _object(request)
        names = ("workspace", "lead", "channel", "direction", "text")
        workspace, lead, channel, direction, text = (str(told[name]) for name in names)
        return _told(self._sandbox.world.say(workspace, lead, channel, direction, text))

    def new_messages(self, request: Request) -> object:
        """Let random leads say ``count`` things."""
        said = self._sandbox.world.chatter(int(str(_object(request).get("count", 10))))
        return [{"workspace": one.workspace} | _told(one.message) for one in said]

    def new_lead(self, request: Request) -> object:
        """Add a lead to a workspace."""
        return asdict(self._sandbox.world.meet(str(_object(request)["workspace"])))

    def limits(self, request: Request) -> object:
        """What every account used, and the worst window of each."""
        return [
            {"provider": provider, "workspace": workspace, "exceeded": usage.exceeded}
            | asdict(usage)
            for (provider, workspace), usage in self._sandbox.limits.usage().items()
        ]

    def set_limits(self, request: Request) -> object:
        """Set ``requests`` in ``seconds`` of a ``provider``, or ``enforced`` for all of them."""
        told, limits = _object(request), self._sandbox.limits
        if "enforced" in told:
            limits.enforced = bool(told["enforced"])
        if "provider" in told:
            allowance = Allowance(int(str(told["requests"])), float(str(told["seconds"])))
            limits.allow(str(told["provider"]), allowance)
        return {}

    def forget_limits(self, request: Request) -> object:
        """Forget what was counted."""
        self._sandbox.limits.reset()
        return {}

    def csv(self, request: Request) -> object:
        """A contact export of a provider."""
        world = self._sandbox.world
        make = (
            world.emailbison_csv
            if request.get("provider") == "emailbison"
            else world.gohighlevel_csv
        )
        return make(request.get("workspace"))

    def _answer(self, request: Request) -> Delivery:
        act = _ROUTES.get((request.method, request.path))
        if act is None:
            return Delivery(Response(404, {"error": f"no {request.method} {request.path}"}))
        try:
            content = act(self, request)
        except (KeyError, ValueError, TypeError) as error:
            return Delivery(Response(400, {"error": f"{type(error).__name__}: {error}"}))
        if isinstance(content, bytes):
            return Delivery(Response(200, body=content, media_type="text/csv"))
        return Delivery(Response(200, body=json.dumps(content, default=_plain).encode()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sandbox until SIGTERM or SIGINT."""
    options = _options(arguments)
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    world = World.seeded(options.seed, options.leads, options.workspaces.split(","))
    with Sandbox(
        world, enforce_limits=not options.no_limits, flat_messages=options.flat_messages
    ) as sandbox:
        control = Control(sandbox)
        _write(options.ready_file, control.world(Request("GET", "/world")))
        ended.wait()
        control.close()
    return 0


def _options(arguments: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(prog="python -m convsync_cli.sandbox", description=main.__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--leads", type=int, default=50, help="leads in each workspace")
    parser.add_argument("--workspaces", default="acme,globex", help="names, separated by commas")
    parser.add_argument("--ready-file", type=Path, help="written when the ports are open")
    parser.add_argument("--no-limits", action="store_true", help="answer no 429 of its own")
    parser.add_argument("--flat-messages", action="store_true", help="the specification's shape")
    return parser.parse_args(arguments)


def _write(path: Path | None, content: object) -> None:
    """Write the ready file in one step, so that nobody reads half of it; print it without one."""
    text = json.dumps(content, indent=1)
    if path is None:
        print(text, flush=True)
        return
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def _summary(world: World, name: str) -> Json:
    view = world.workspace(name)
    return {
        "location_id": view.location_id,
        "gohighlevel_token": view.gohighlevel_token,
        "team_id": view.team_id,
        "emailbison_token": view.emailbison_token,
        "smartlead_key": key_of(view),
        "leads": len(view.people),
        "conversations": len(view.conversations),
        "gohighlevel_rows": len(view.entries),
        "emailbison_replies": len(view.replies),
        "emailbison_sends": len(view.sends),
    }


def _object(request: Request) -> Mapping[str, object]:
    told = json.loads(request.body or b"{}")
    if not isinstance(told, dict):
        raise ValueError("the body must be a JSON object")
    return told


def _told(message: Expected) -> Json:
    return asdict(message)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} is no JSON")


_ROUTES: dict[tuple[str, str], Callable[[Control, Request], object]] = {
    ("GET", "/world"): Control.world,
    ("GET", "/leads"): Control.leads,
    ("GET", "/expected"): Control.expected,
    ("GET", "/csv"): Control.csv,
    ("GET", "/requests"): Control.requests,
    ("DELETE", "/requests"): Control.forget_requests,
    ("GET", "/faults"): Control.faults,
    ("POST", "/faults"): Control.add_faults,
    ("DELETE", "/faults"): Control.clear_faults,
    ("GET", "/limits"): Control.limits,
    ("POST", "/limits"): Control.set_limits,
    ("DELETE", "/limits"): Control.forget_limits,
    ("POST", "/say"): Control.say,
    ("POST", "/new-messages"): Control.new_messages,
    ("POST", "/new-leads"): Control.new_lead,
}
