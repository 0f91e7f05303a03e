"""The sandbox keeps connections alive and records what arrives."""

import http.client
import os
from concurrent.futures import ThreadPoolExecutor

from convsync_cli.sandbox.server import Sandbox
from convsync_cli.sandbox.workspace import Workspace

from .client import Client


def test_every_request_is_recorded_with_its_answer(
    sandbox: Sandbox, ghl: Client, acme: Workspace
) -> None:
    ghl.get("/conversations/search", {"locationId": acme.location_id, "limit": 5})
    ghl.get("/contacts/short")
    ghl.get("/contacts/short", headers={})
    first, second, third = sandbox.requests
    assert (first.provider, first.workspace, first.method) == ("gohighlevel", "acme", "GET")
    assert (first.path, first.status) == ("/conversations/search", 200)
    assert first.query == (("locationId", acme.location_id), ("limit", "5"))
    assert (second.status, second.workspace) == (400, "acme")
    assert (third.status, third.workspace, third.authorized) == (401, None, False)
    assert first.at <= second.at <= third.at


def test_one_connection_carries_many_requests(sandbox: Sandbox, bison: Client) -> None:
    connection = http.client.HTTPConnection(bison.url.removeprefix("http://"), timeout=10)
    connection.request("GET", "/api/users", headers=bison.headers)
    connection.getresponse().read()
    used = connection.sock
    for _ in range(20):
        connection.request("GET", "/api/users", headers=bison.headers)
        assert connection.getresponse().read()
    assert connection.sock is used
    connection.close()


def test_many_connections_are_served_at_once(sandbox: Sandbox, bison: Client) -> None:
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: bison.get("/api/replies").status, range(100)))
    assert statuses == [200] * 100
    assert len(sandbox.requests) == 100


def test_the_providers_have_an_origin_each(sandbox: Sandbox) -> None:
    urls = {sandbox.gohighlevel_url, sandbox.emailbison_url, sandbox.elsewhere_url}
    assert len(urls) == 3


def test_a_path_is_unquoted_before_it_is_looked_up(bison: Client, acme: Workspace) -> None:
    email = next(iter(acme.bison_emails))
    assert bison.get(f"/api/leads/{email.replace('@', '%40')}").status == 200


def test_a_workspace_is_reached_by_its_token_only(sandbox: Sandbox, bison: Client) -> None:
    token = sandbox.world.workspace("globex").emailbison_token
    answer = bison.get("/api/users", headers={"Authorization": f"Bearer {token}"})
    assert answer.json["data"]["team"]["name"] == "globex"


def test_it_imports_nothing_of_convsync_outside_itself() -> None:
    import convsync_cli.sandbox

    (folder,) = convsync_cli.sandbox.__path__
    for name in os.listdir(folder):
        if name.endswith(".py"):
            with open(os.path.join(folder, name), encoding="utf-8") as source:
                ours = [
                    line for line in source if line.startswith(("from convsync", "import conv"))
                ]
            assert all(line.startswith("from convsync_cli.sandbox") for line in ours), name
