"""A connection of its own for every account, or a sentence about why there is none."""

from dataclasses import replace

import pytest

from convsync_cli.sync import wire
from convsync_cli.sync.api import Auth
from convsync_cli.sync.errors import ConfigError
from tests.sync.workbench import account

HTTPS = replace(account("acme", "sms-fake"), base_url="https://api.example.com")
PASSWORD = "hunter2-hunter2"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SSL_CERT_FILE", "/nowhere/roots.pem"),
        ("HTTPS_PROXY", f"gopher://user:{PASSWORD}@proxy.example.com"),
        ("HTTPS_PROXY", f"http://user:{PASSWORD}@proxy:port:8080"),
    ],
)
def test_an_environment_that_cannot_be_used_is_said_without_its_secrets(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    wire._tls.cache_clear()
    with pytest.raises(ConfigError) as raised:
        wire.open_wire(HTTPS, Auth({}), {})
    told = f"{raised.value.message} {raised.value.hint}"
    assert name in told
    assert PASSWORD not in told
