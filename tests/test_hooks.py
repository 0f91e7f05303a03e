"""What an operator's program inherits: enough to work with, and never a credential."""

from pathlib import Path

from convsync_cli import settings
from convsync_cli.hooks import hooks
from convsync_cli.sync.model.hook import Hook

CONFIG = """\
max_attempts = 5
[monitoring]
ping_url = { env = "USER" }
[workspaces.acme.sms]
provider = "gohighlevel"
location_id = "locAAAA0000000000001"
oauth = { client_id = { env = "TZ" }, client_secret = { env = "LC_TIME" }, token_file = "t.json" }
[workspaces.acme.email]
provider = "instantly"
token = { env = "LANG" }
[workspaces.acme.inbound_hook]
command = ["crm", "--score"]
[workspaces.globex]
"""
ENVIRON = {
    "PATH": "/usr/bin",
    "HOME": "/home/ann",
    "LANG": "a credential with a strange name",
    "TZ": "a credential, too",
    "LC_TIME": "a credential, too",
    "USER": "a credential, too",
    "LC_ALL": "C.UTF-8",
    "CONVSYNC_CONFIG": "/etc/convsync.toml",
    "ACME_GHL_TOKEN": "secret",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "CREDENTIALS_DIRECTORY": "/run/credentials",
    "LD_PRELOAD": "/tmp/x.so",
    "PYTHONPATH": "/tmp",
}


def configured(tmp_path: Path) -> dict[str, Hook]:
    (tmp_path / "config.toml").write_text(CONFIG)
    return hooks(settings.load(str(tmp_path / "config.toml"), ENVIRON), ENVIRON)


def test_only_workspaces_with_a_hook_have_one(tmp_path: Path) -> None:
    assert list(configured(tmp_path)) == ["acme"]


def test_it_inherits_what_helps_it_find_its_way_and_no_credential(tmp_path: Path) -> None:
    assert configured(tmp_path)["acme"].environment == {
        "PATH": "/usr/bin",
        "HOME": "/home/ann",
        "LC_ALL": "C.UTF-8",
        "CONVSYNC_CONFIG": "/etc/convsync.toml",
    }


def test_what_it_inherits_is_not_shown(tmp_path: Path) -> None:
    assert "/home/ann" not in repr(configured(tmp_path)["acme"])


def test_it_is_tried_as_often_as_any_job(tmp_path: Path) -> None:
    assert configured(tmp_path)["acme"].max_attempts == 5
