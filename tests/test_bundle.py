"""A support bundle's redaction: what is not known to be harmless is not shown."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convsync_cli.bundle import HIDDEN, anonymous, redacted
from tests.docs import configuration

SECRET = "pit-0123456789abcdef"
WORDS = st.sampled_from(
    ["database", "workspaces", "sms", "email", "token", "provider", "rate", "region", "base_url",
     "location_id", "env", "file", "command", "dedupe_window", "monitoring", "ping_url",
     "inbound_hook", "oauth", "client_secret", "discover", "timeout", "workspace_id", "hooks"]
)  # fmt: skip
SECRETS = st.just(SECRET) | st.just([SECRET]) | st.just({"env": SECRET}) | st.just({SECRET: 1})


@given(st.recursive(SECRETS, lambda inner: st.dictionaries(WORDS | st.just(SECRET), inner)))
def test_a_secret_is_found_nowhere_wherever_it_stood(configuration: Any) -> None:
    if isinstance(configuration, dict):
        assert SECRET not in json.dumps(redacted(configuration))


def test_the_structure_and_what_is_harmless_stay() -> None:
    told = redacted(
        {
            "database": "/home/jane/convsync.db",
            "job_timeout": "60s",
            "max_attempts": 3,
            "monitoring": {"ping_url": "https://example.com/secret"},
            "workspaces": {
                "client": {
                    "region": "US",
                    "sms": {
                        "provider": "gohighlevel",
                        "location_id": "loc1",
                        "token": {"env": "NAME"},
                        "rate": "90/10s",
                        "tokne": "x",
                    },
                    "email": {"discover": False, "oauth": {"client_id": {"file": "a"}, "x": "y"}},
                    "inbound_hook": {"command": ["/home/jane/hook", "a"], "timeout": "20s"},
                }
            },
        }
    )
    assert told == {
        "database": HIDDEN,
        "job_timeout": "60s",
        "max_attempts": "3",
        "monitoring": {"ping_url": HIDDEN},
        "workspaces": {
            "workspace 1": {
                "region": "US",
                "sms": {
                    "provider": "gohighlevel",
                    "location_id": HIDDEN,
                    "token": f"env {HIDDEN}",
                    "rate": "90/10s",
                    HIDDEN: "1 other keys",
                },
                "email": {
                    "discover": "False",
                    "oauth": {"client_id": f"file {HIDDEN}", HIDDEN: "1 other keys"},
                },
                "inbound_hook": {"command": HIDDEN, "timeout": "20s"},
            }
        },
    }


@pytest.mark.parametrize("key", sorted(configuration.keys()))
def test_every_key_of_ours_is_named(key: str) -> None:
    assert set(redacted({key: "x"})) - {"workspaces"} == {key} - {"workspaces"}


def test_clients_and_the_user_are_not_named_and_keys_stay() -> None:
    told = {"email": ["account email/sms: /home/jane/x", 1, None], "due": 2}
    assert anonymous(told, ["email", "2"], "/home/jane") == {
        "email": ["account workspace 1/sms: ~/x", 1, None],
        "due": 2,
    }
    assert anonymous("emails and e-mail", ["email"], "/") == "emails and e-mail"
