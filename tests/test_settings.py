"""The configuration: what it may say, and how it answers when it says something else."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from tempfile import TemporaryDirectory
from typing import get_type_hints

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convsync_cli import settings
from convsync_cli.countries import COUNTRIES
from convsync_cli.settings import Settings
from convsync_cli.sync import providers
from convsync_cli.sync.errors import ConfigError
from convsync_cli.sync.limits import Rate
from convsync_cli.sync.model.account import Account
from convsync_cli.sync.model.credential import (
    Credential,
    FromCommand,
    FromEnv,
    FromFile,
    Literal,
    OAuth,
)
from convsync_cli.sync.model.hook import Hook
from convsync_cli.sync.model.message import Channel
from convsync_cli.toml_lines import line_of

CANARY = "pit-5ec2e7c0-ffee-4bad-babe-0123456789ab"
ENVIRON = {"HOME": "/home/ann"}
SMS = """\
[workspaces.acme]
region = "us"
[workspaces.acme.sms]
provider = "gohighlevel"
location_id = "locAAAA0000000000001"
token = { env = "ACME_GHL_TOKEN" }
"""
EMAIL = """\
[workspaces.acme]
region = "DE"
[workspaces.acme.email]
provider = "emailbison"
base_url = "https://send.example.com"
token = { env = "ACME_EB_TOKEN" }
"""


class Folder:
    """A folder in which a configuration is written and then loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path / "config.toml"

    def load(self, text: str | bytes, environ: Mapping[str, str] = ENVIRON) -> Settings:
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return settings.load(str(self.file), environ)

    def account(self, text: str, environ: Mapping[str, str] = ENVIRON) -> Account:
        (account,) = self.load(text, environ).accounts
        return account

    def error(self, text: str | bytes, environ: Mapping[str, str] = ENVIRON) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            _ = self.load(text, environ).accounts
        assert CANARY not in caught.value.message + caught.value.hint
        assert caught.value.hint
        return caught.value


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


# What a configuration says


def test_an_empty_file_gives_the_defaults(folder: Folder) -> None:
    told = folder.load("")
    assert told == Settings(
        path=str(folder.file),
        database="/home/ann/.local/share/convsync/convsync.db",
        dedupe_window=300.0,
        concurrency=8,
        job_timeout=60.0,
        max_attempts=3,
        workspaces=(),
        read_ping_url=told.read_ping_url,
    )


def test_the_file_sets_every_top_level_key(folder: Folder) -> None:
    loaded = folder.load(
        'database = "/var/x.db"\ndedupe_window = "1m"\nconcurrency = 32\n'
        'job_timeout = "90s"\nmax_attempts = 20\n'
    )
    assert loaded.database == "/var/x.db"
    assert (loaded.dedupe_window, loaded.job_timeout) == (60.0, 90.0)
    assert (loaded.concurrency, loaded.max_attempts) == (32, 20)


def test_a_workspace_has_a_name_a_region_and_its_accounts(folder: Folder) -> None:
    (acme,) = folder.load(SMS).workspaces
    assert (acme.name, acme.region) == ("acme", "US")
    assert acme.providers == {"sms": "gohighlevel"}
    assert [account.name for account in acme.accounts] == ["acme/sms"]


def test_an_account_has_the_providers_defaults(folder: Folder) -> None:
    account = folder.account(SMS)
    assert account.base_url == "https://services.leadconnectorhq.com"
    assert account.rate == Rate(90, 10)
    assert account.options.location_id == "locAAAA0000000000001"
    assert account.options.token == FromEnv("ACME_GHL_TOKEN")


def test_an_account_is_found_by_its_channel(folder: Folder) -> None:
    (acme,) = folder.load(EMAIL).workspaces
    assert acme.account(Channel.EMAIL) == acme.accounts[0]
    assert acme.account("sms") is None


def test_a_workspace_is_found_by_its_name(folder: Folder) -> None:
    loaded = folder.load(SMS)
    assert loaded.workspace("acme") == loaded.workspaces[0]
    assert loaded.workspace("zenith") is None


def test_a_workspace_may_have_no_account_yet(folder: Folder) -> None:
    assert folder.load('[workspaces.acme]\nregion = "US"\n').accounts == ()


def test_the_channels_known_here_are_those_of_the_model() -> None:
    assert list(settings.CHANNELS) == list(Channel)


@pytest.mark.parametrize("name", [module.name for module in iter_modules(providers.__path__)])
def test_every_provider_asks_only_for_what_a_configuration_can_hold(name: str) -> None:
    module = import_module(f"{providers.__name__}.{name}")
    types = get_type_hints(module.Settings)
    held = (str, str | None, Credential, Credential | None, OAuth | None)
    assert all(types[field.name] in held for field in fields(module.Settings))
    assert not {field.name for field in fields(module.Settings)} & {"provider", "base_url", "rate"}


# Where it is


def test_the_argument_goes_before_the_environment(folder: Folder) -> None:
    folder.file.write_text("")
    environ = {**ENVIRON, "CONVSYNC_CONFIG": "/nowhere.toml"}
    assert settings.load(str(folder.file), environ).path == str(folder.file)


def test_the_environment_goes_before_the_xdg_folder(folder: Folder) -> None:
    folder.file.write_text("")
    environ = {"CONVSYNC_CONFIG": str(folder.file), "XDG_CONFIG_HOME": "/nowhere", "HOME": "/x"}
    assert settings.load(None, environ).path == str(folder.file)


@pytest.mark.parametrize(("variable", "below"), [("XDG_CONFIG_HOME", ""), ("HOME", ".config")])
def test_the_file_is_looked_for_in_the_xdg_folder(
    tmp_path: Path, variable: str, below: str
) -> None:
    file = tmp_path / below / "convsync" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("")
    assert settings.load(None, {"HOME": "/nowhere", variable: str(tmp_path)}).path == str(file)


def test_a_relative_xdg_folder_is_ignored(folder: Folder) -> None:
    loaded = folder.load("", {**ENVIRON, "XDG_DATA_HOME": "data"})
    assert loaded.database == "/home/ann/.local/share/convsync/convsync.db"


def test_without_home_the_users_own_folder_is_taken(folder: Folder) -> None:
    import pwd

    home = pwd.getpwuid(os.getuid()).pw_dir
    assert folder.load("", {}).database == f"{home}/.local/share/convsync/convsync.db"


def test_a_tilde_is_the_home_folder(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('database = "~/convsync.db"')
    loaded = settings.load("~/c.toml", {"HOME": str(tmp_path)})
    assert loaded.database == f"{tmp_path}/convsync.db"


def test_a_relative_database_is_beside_the_file(folder: Folder) -> None:
    assert folder.load('database = "data/c.db"').database == f"{folder.path}/data/c.db"


def test_a_database_url_stays_as_it_is(folder: Folder) -> None:
    assert folder.load('database = "sqlite:///c.db"').database == "sqlite:///c.db"


def test_the_flag_goes_before_the_environment_and_the_file(folder: Folder) -> None:
    folder.file.write_text('database = "file.db"')
    environ = {**ENVIRON, "CONVSYNC_DATABASE": "environ.db"}
    assert settings.load(str(folder.file), environ, database="flag.db").database == "flag.db"
    assert settings.load(str(folder.file), environ).database == "environ.db"


def test_the_environment_goes_before_the_file_for_every_top_level_key(folder: Folder) -> None:
    environ = {
        **ENVIRON,
        "CONVSYNC_DEDUPE_WINDOW": "2m",
        "CONVSYNC_CONCURRENCY": "2",
        "CONVSYNC_JOB_TIMEOUT": "20s",
        "CONVSYNC_MAX_ATTEMPTS": "2",
    }
    loaded = folder.load('dedupe_window = "1m"\nconcurrency = 1\nmax_attempts = 1', environ)
    assert (loaded.dedupe_window, loaded.job_timeout) == (120.0, 20.0)
    assert (loaded.concurrency, loaded.max_attempts) == (2, 2)


def test_an_empty_variable_counts_as_not_set(folder: Folder) -> None:
    assert folder.load("", {**ENVIRON, "CONVSYNC_CONCURRENCY": ""}).concurrency == 8


@pytest.mark.parametrize("text", ["0", "129", "many", "8.5", "-1", "\u0663"])
def test_a_wrong_variable_is_named(folder: Folder, text: str) -> None:
    error = folder.error("", {**ENVIRON, "CONVSYNC_CONCURRENCY": text})
    assert error.message.startswith("$CONVSYNC_CONCURRENCY must be ")


# Files that cannot be read


def test_a_missing_file_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no configuration file at .*/none\.toml") as caught:
        settings.load(str(tmp_path / "none.toml"), ENVIRON)
    assert "convsync init" in caught.value.hint


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        settings.load(str(tmp_path), ENVIRON)


def test_a_file_that_may_not_be_read_says_so(folder: Folder) -> None:
    folder.file.write_text("")
    folder.file.chmod(0)
    if os.access(folder.file, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        settings.load(str(folder.file), ENVIRON)


def test_a_file_that_cannot_be_opened_says_so(folder: Folder) -> None:
    folder.file.symlink_to(folder.file)
    with pytest.raises(ConfigError, match="cannot be read: Too many levels"):
        settings.load(str(folder.file), ENVIRON)


def test_a_path_that_is_none_says_so() -> None:
    with pytest.raises(ConfigError, match="cannot be a path"):
        settings.load("a\0b", ENVIRON)


def test_a_byte_order_mark_is_forgiven(folder: Folder) -> None:
    assert folder.load(b"\xef\xbb\xbfconcurrency = 5").concurrency == 5


def test_other_encodings_are_refused_with_the_line(folder: Folder) -> None:
    assert ", line 2: the file is not UTF-8" in folder.error(b"#\nx = '\xff'").message


def test_a_huge_file_is_refused(folder: Folder) -> None:
    assert "larger than 1 MiB" in folder.error(b"#" * 10_000_000).message


def test_deep_nesting_is_refused(folder: Folder) -> None:
    assert "nested too deeply" in folder.error("x = " + "[" * 100_000).message


def test_an_endless_number_is_refused(folder: Folder) -> None:
    assert "too long" in folder.error("x = " + "9" * 5000).message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"\ntoken = {CANARY}", 2),
        (f'\n\ntoken = "{CANARY}', 3),
        (f'"{CANARY}"', 1),
        (f"{CANARY} = 1\n{CANARY} = 2", 2),
        (f'["{CANARY}"]\n["{CANARY}"]', 2),
        (f'a = {{ "{CANARY}" = 1, "{CANARY}" = 2 }}', 1),
        (f"a = {{ {CANARY} }}", 1),
        ("a = [\n1,\n", 2),
    ],
)
def test_a_syntax_error_tells_its_line_and_quotes_nothing(
    folder: Folder, text: str, line: int
) -> None:
    assert f"{folder.file}, line {line}: not valid TOML" in folder.error(text).message


# Keys and values that are wrong


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ('\ndedup_window = "5m"', "line 2: dedup_window", '"dedupe_window"'),
        ("[workspace.acme]", "line 1: workspace", '"workspaces"'),
        (SMS.replace("region", "regoin"), "line 2: workspaces.acme.regoin", '"region"'),
        (SMS.replace(".sms]", ".sns]"), "line 3: workspaces.acme.sns", '"sms"'),
        (SMS.replace("token", "tokn"), "line 6: workspaces.acme.sms.tokn", '"token"'),
        ("xyz = 1", "line 1: xyz", "known here: database, "),
    ],
)
def test_an_unknown_key_names_its_place_and_the_nearest_known_one(
    folder: Folder, text: str, place: str, hint: str
) -> None:
    error = folder.error(text)
    assert error.message == f"{folder.file}, {place} is not a known key"
    assert hint in error.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("database = 5", "database must be text in quotes, but is a number"),
        ('database = ""', "database is empty"),
        ('concurrency = "8"', "concurrency must be a whole number, but is text"),
        ("concurrency = 8.0", "a number with a fraction"),
        ("concurrency = true", "concurrency must be a whole number, but is true or false"),
        ("max_attempts = []", "max_attempts must be a whole number, but is a list"),
        ("job_timeout = 60", "job_timeout must be a duration, but is a number"),
        ("job_timeout = 10:00:00", "job_timeout must be a duration, but is a date or time"),
        ("workspaces = 1", "workspaces must be a table, but is a number"),
        ("workspaces.acme = 1", "workspaces.acme must be a table, but is a number"),
        ("[[workspaces]]", "workspaces must be a table, but is a list"),
    ],
)
def test_a_wrong_type_says_what_is_wanted_and_what_is_there(
    folder: Folder, text: str, said: str
) -> None:
    error = folder.error(text)
    assert f"{folder.file}, line 1: " in error.message
    assert said in error.message


@pytest.mark.parametrize(
    ("key", "inside", "outside"),
    [
        ("dedupe_window", ['"30s"', '"30m"'], ['"29s"', '"31m"', '"1h"']),
        ("job_timeout", ['"5s"', '"1800s"'], ['"4s"', '"0s"', '"1801s"']),
        ("concurrency", ["1", "128"], ["0", "129", "-1"]),
        ("max_attempts", ["1", "20"], ["0", "21", "1" + "0" * 400]),
    ],
)
def test_a_number_has_its_limits(
    folder: Folder, key: str, inside: list[str], outside: list[str]
) -> None:
    for value in inside:
        folder.load(f"{key} = {value}")
    for value in outside:
        assert f"{key} must be between " in folder.error(f"{key} = {value}").message


@pytest.mark.parametrize(
    "text", ["90", "5 m", "m", "", "5d", "-5m", "1.5m", "5ms", "\u0665m", "5M"]
)
def test_a_malformed_duration_says_how_to_write_one(folder: Folder, text: str) -> None:
    error = folder.error(f'dedupe_window = "{text}"')
    assert "dedupe_window must be a duration" in error.message
    assert '"90s"' in error.hint


@pytest.mark.parametrize("name", ["a", "A-b_c.d", "7", "x" * 63])
def test_a_workspace_name_may_be(folder: Folder, name: str) -> None:
    (workspace,) = folder.load(f'[workspaces."{name}"]\nregion = "US"').workspaces
    assert workspace.name == name


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "a/b", "ä", "x" * 64, "a\\n"])
def test_a_workspace_name_may_not_be(folder: Folder, name: str) -> None:
    error = folder.error(f'[workspaces."{name}"]\nregion = "US"')
    assert "is not a valid workspace name" in error.message


def test_every_country_whose_numbers_can_be_read_may_be_a_region() -> None:
    assert phonenumbers.SUPPORTED_REGIONS <= COUNTRIES


@pytest.mark.parametrize("region", ["usa", "u", "1a", "U S", "ÄÖ", "UK", "EU", "ZZ"])
def test_a_region_is_a_country(folder: Folder, region: str) -> None:
    error = folder.error(f'[workspaces.acme]\nregion = "{region}"')
    assert "line 2: workspaces.acme.region must be a country code" in error.message


def test_a_missing_key_names_the_table_where_it_is_missing(folder: Folder) -> None:
    error = folder.error(SMS.replace("location_id", "#"))
    assert "line 3: workspaces.acme.sms.location_id is missing" in error.message
    assert "token is missing" in folder.error(SMS.replace("token", "#")).message


def test_a_workspace_without_a_region_takes_only_numbers_with_their_country(folder: Folder) -> None:
    (workspace,) = folder.load("[workspaces.acme]").workspaces
    assert workspace.region is None


# Accounts


@pytest.mark.parametrize("provider", ["gohighlvel", "_x", "os", "../x", "a.b", "__init__", CANARY])
def test_an_unknown_provider_is_refused_before_anything_is_imported(
    folder: Folder, provider: str
) -> None:
    error = folder.error(SMS.replace("gohighlevel", provider))
    assert "line 4: workspaces.acme.sms.provider is not a known provider" in error.message
    assert "gohighlevel" in error.hint


def test_a_provider_of_another_channel_is_refused(folder: Folder) -> None:
    error = folder.error(SMS.replace("gohighlevel", "emailbison"))
    assert "provider is not a provider of sms" in error.message
    assert error.hint == "move it to [workspaces.acme.email]"


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://Send.Example.com/", "https://send.example.com"),
        ("https://send.example.com:8443", "https://send.example.com:8443"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_a_base_url_is_an_origin(folder: Folder, written: str, origin: str) -> None:
    text = EMAIL.replace("https://send.example.com", written)
    assert folder.account(text).base_url == origin


@pytest.mark.parametrize(
    "written",
    [
        "http://send.example.com",
        "http://127.0.0.1.example.com",
        "http://127.1",
        "https://",
        "https://host/api",
        "https://host//",
        "https://host?",
        "https://host#",
        f"https://user:{CANARY}@host",
        f"https://host?key={CANARY}",
        "https://host:0",
        "https://host:65536",
        "https://host:",
        "https://ho st",
        "https://host\\\\@evil",
        "https://host\\n",
        "https://[::::]",
        "ftp://host",
        "send.example.com",
    ],
)
def test_a_base_url_is_nothing_but_an_origin(folder: Folder, written: str) -> None:
    error = folder.error(EMAIL.replace("https://send.example.com", written))
    assert "line 5: workspaces.acme.email.base_url must be" in error.message


def test_a_provider_without_a_host_of_its_own_needs_a_base_url(folder: Folder) -> None:
    error = folder.error(EMAIL.replace("base_url", "#"))
    assert "workspaces.acme.email.base_url is missing" in error.message


TWILIO = f"""\
[workspaces.acme.sms]
provider = "twilio"
account_sid = "AC{32 * "0"}"
"""
API_KEY = f'api_key_sid = "SK{32 * "1"}"\napi_key_secret = {{ env = "SECRET" }}\n'


def test_a_credential_that_may_be_missing_is_read_where_it_is_there(folder: Folder) -> None:
    options = folder.account(TWILIO + 'auth_token = { env = "TOKEN" }\n').options
    assert (options.auth_token, options.api_key_secret) == (FromEnv("TOKEN"), None)
    options = folder.account(TWILIO + API_KEY).options
    assert (options.auth_token, options.api_key_secret) == (None, FromEnv("SECRET"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (TWILIO, "workspaces.acme.sms.auth_token is missing"),
        (TWILIO + API_KEY + 'auth_token = { env = "TOKEN" }\n', "auth_token cannot be combined"),
        (TWILIO.replace("AC0", "XX0") + API_KEY, "line 3: .*account_sid is not a valid id"),
    ],
)
def test_what_a_provider_cannot_use_is_said_with_its_place(
    folder: Folder, text: str, problem: str
) -> None:
    error = folder.error(text)
    assert re.search(problem, error.message)
    assert error.hint.startswith("write ")


def test_a_rate_may_be_set(folder: Folder) -> None:
    assert folder.account(SMS + 'rate = "5/2s"').rate == Rate(5, 2)


@pytest.mark.parametrize("rate", ['"5"', '"x/2s"', '"0/2s"', '"5/0s"', '"5/nans"', "5", '""'])
def test_a_malformed_rate_says_how_to_write_one(folder: Folder, rate: str) -> None:
    error = folder.error(f"{SMS}rate = {rate}")
    assert "line 7: workspaces.acme.sms.rate" in error.message
    assert '"90/10s"' in error.hint


def test_a_wrong_account_is_an_error_only_where_accounts_are_asked_for(folder: Folder) -> None:
    (acme,) = folder.load(SMS.replace("location_id", "location")).workspaces
    for _ in range(2):
        with pytest.raises(ConfigError):
            _ = acme.accounts


# An app's credential beside a token

APP = 'oauth = { client_id = { env = "I" }, client_secret = { env = "S" }, token_file = "t.json" }'
OAUTH = SMS.replace('token = { env = "ACME_GHL_TOKEN" }', APP)


def test_an_app_has_a_credential_of_its_own_and_a_file_for_its_tokens(folder: Folder) -> None:
    options = folder.account(OAUTH).options
    assert options.token is None
    assert options.oauth == OAuth(FromEnv("I"), FromEnv("S"), folder.path / "t.json")


def test_the_token_file_may_be_in_the_home_folder_and_not_among_protected_ones(
    folder: Folder,
) -> None:
    environ = ENVIRON | {"CREDENTIALS_DIRECTORY": "/run/credentials/x"}  # nothing is written there
    assert folder.account(OAUTH, environ).options.oauth.token_file == folder.path / "t.json"
    home = folder.account(OAUTH.replace("t.json", "~/t.json"))
    assert home.options.oauth.token_file == Path("/home/ann/t.json")


def test_a_token_and_an_app_are_either_or(folder: Folder) -> None:
    both = folder.error(SMS + APP)
    assert "line 7: workspaces.acme.sms.oauth cannot be combined with token" in both.message
    neither = folder.error(SMS.replace("token =", "#"))
    assert "token is missing" in neither.message
    assert "oauth = {" in neither.hint


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("token_file", "token_fil", "oauth.token_fil is not a known key"),
        (', token_file = "t.json"', "", "oauth.token_file is missing"),
        ('client_secret = { env = "S" }, ', "", "oauth.client_secret is missing"),
        ('{ env = "S" }', f'"{CANARY}"', "oauth.client_secret holds a credential"),
        (APP, f'oauth = "{CANARY}"', "oauth must be a table"),
        ("t.json", "", "oauth.token_file is empty"),
        ('"t.json"', "7", "oauth.token_file must be text"),
    ],
)
def test_an_apps_table_is_checked_key_by_key(
    folder: Folder, old: str, new: str, problem: str
) -> None:
    folder.file.touch(0o644)
    error = folder.error(OAUTH.replace(old, new))
    assert f"line 6: workspaces.acme.sms.{problem}" in error.message


# Credentials


def token(folder: Folder, value: str, environ: Mapping[str, str] = ENVIRON) -> Credential:
    text = SMS.replace('{ env = "ACME_GHL_TOKEN" }', value)
    found: Credential = folder.account(text, environ).options.token
    return found


def test_a_credential_may_be_a_reference(folder: Folder) -> None:
    assert token(folder, '{ env = "T" }') == FromEnv("T")
    assert token(folder, '{ file = "/run/t" }') == FromFile(Path("/run/t"))
    assert token(folder, '{ command = ["pass", "show"] }') == FromCommand(("pass", "show"))


def test_a_credential_file_is_beside_the_configuration(folder: Folder) -> None:
    assert token(folder, '{ file = "t" }') == FromFile(folder.path / "t")
    assert token(folder, '{ file = "~/t" }') == FromFile(Path("/home/ann/t"))


def test_a_credential_file_is_in_the_credentials_directory_where_that_is_set(
    folder: Folder,
) -> None:
    environ = {**ENVIRON, "CREDENTIALS_DIRECTORY": "/run/credentials/x"}
    assert token(folder, '{ file = "t" }', environ) == FromFile(Path("/run/credentials/x/t"))
    assert token(folder, '{ file = "/run/t" }', environ) == FromFile(Path("/run/t"))


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_literal_credential_may_stand_in_a_private_file(folder: Folder, mode: int) -> None:
    folder.file.touch()
    folder.file.chmod(mode)
    if os.access(folder.file, os.W_OK):
        found = token(folder, f'"{CANARY}"')
        assert found == Literal(CANARY)
        assert CANARY not in repr(found)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601])
def test_a_literal_credential_in_a_file_that_others_may_open_is_refused(
    folder: Folder, mode: int
) -> None:
    folder.file.touch()
    folder.file.chmod(mode)
    error = folder.error(SMS.replace('{ env = "ACME_GHL_TOKEN" }', f'"{CANARY}"'))
    assert "line 6: workspaces.acme.sms.token holds a credential" in error.message
    assert f"chmod 600 {folder.file}" in error.hint


@pytest.mark.parametrize(
    "value",
    [
        "12345678",
        "true",
        f'["{CANARY}"]',
        "{}",
        f'{{ "{CANARY}" = 1 }}',
        '{ secret = "short" }',
        f'{{ env = "A", file = "{CANARY}" }}',
        f'{{ env = "{CANARY}" }}',
        f'{{ env = ["{CANARY}"] }}',
        '{ env = "" }',
        "{ file = 5 }",
        '{ file = "" }',
        '{ file = "a\\u0000b" }',
        f'{{ command = "pass show {CANARY}" }}',
        "{ command = [] }",
        '{ command = [""] }',
        f'{{ command = ["pass", ["{CANARY}"]] }}',
        '{ command = ["pass", "a\\u0000"] }',
    ],
)
def test_anything_else_is_no_credential_and_is_not_quoted(folder: Folder, value: str) -> None:
    error = folder.error(SMS.replace('{ env = "ACME_GHL_TOKEN" }', value))
    assert "line 6: workspaces.acme.sms.token" in error.message
    assert "12345678" not in error.message
    assert "short" not in error.message


def test_an_empty_literal_is_refused(folder: Folder) -> None:
    folder.file.touch()
    folder.file.chmod(0o600)
    assert (
        "token is empty" in folder.error(SMS.replace('{ env = "ACME_GHL_TOKEN" }', '" "')).message
    )


# The line of a key


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a.b.c = 1", 1),
        ("\n[a]\nb.c = 1", 3),
        ("[a.b]\n\nc = 1", 3),
        ("[ a . 'b' ] # c = 1\n\"c\" = 1", 2),
        ("[a]\nx = '''\n[a.b]\nc = 1\n'''\n[a.b]\nc = 1", 7),
        ('[a]\nx = """\n\\"""\n[a.b]\nc = 1\n""""\n[a.b]\nc = 1', 8),
        ('[a]\nx = [\n["a"], # ]\n"c = 1",\n]\nb.c = 1', 6),
        ("[a]\nb = { x = 1, c = 1 }", 2),
        ("a.b.x = 1", 1),
        ("#\n[a.d]\n[a]", 3),
        ("[a.b.x]\nc = 1\r\n[a.b]\r\nc = 1", 4),
        ("[z]\nc = 1", None),
    ],
)
def test_the_line_of_a_key_is_found(text: str, line: int | None) -> None:
    assert line_of(text, ("a", "b", "c")) == line


# Whatever the file holds

NOISE = st.text(st.sampled_from("ab=.[]{}\"'#\\\n ,1e-:\0é\r") | st.characters(codec="utf-8"))
LINES = st.sampled_from([*SMS.splitlines(), *EMAIL.splitlines(), 'database = "x"'])
KEYS = st.sampled_from(
    ["token", "provider", "base_url", "rate", "region", "database", "concurrency", "token.env"]
)
VALUES = st.sampled_from(
    [
        "{}",
        "{{ env = {} }}",
        '"{}"',
        "'{}",
        '["{}"]',
        '{{ command = "{}" }}',
        '"""{}',
        "5 {}",
        "{}=1",
    ]
).map(lambda form: form.format(CANARY))
PLANTED = st.builds("{} = {}".format, KEYS, VALUES) | NOISE.map(lambda noise: noise + CANARY)


@given(st.lists(LINES | PLANTED | NOISE, max_size=12), st.sampled_from([0o600, 0o644]))
def test_any_text_gives_settings_or_an_error_without_its_secrets(
    lines: list[str], mode: int
) -> None:
    with TemporaryDirectory() as path:
        folder = Folder(Path(path))
        folder.file.touch()
        folder.file.chmod(mode)
        try:
            _ = folder.load("\n".join(lines)).accounts
        except ConfigError as error:
            assert CANARY not in error.message + error.hint
            assert "\n" not in error.message


@given(st.integers(0, len(SMS + EMAIL)), NOISE, st.integers(0, 9))
def test_a_damaged_configuration_gives_settings_or_an_error(
    position: int, noise: str, lost: int
) -> None:
    text = SMS + EMAIL.replace("acme", "zenith")
    with TemporaryDirectory() as path:
        try:
            _ = Folder(Path(path)).load(text[:position] + noise + text[position + lost :]).accounts
        except ConfigError as error:
            assert error.message


# What it costs


HOOK = '[workspaces.acme.inbound_hook]\ncommand = ["crm", "--score"]\n'


def hook_of(folder: Folder, text: str) -> Hook:
    (workspace,) = folder.load(text).workspaces
    assert workspace.hook is not None
    return workspace.hook


def test_a_workspace_may_have_a_hook(folder: Folder) -> None:
    assert hook_of(folder, HOOK) == Hook(("crm", "--score"), 30.0)
    assert hook_of(folder, HOOK + 'timeout = "45s"').timeout_s == 45
    (workspace,) = folder.load(SMS).workspaces
    assert workspace.hook is None


def test_a_hook_that_is_named_by_a_relative_path_is_beside_the_file(folder: Folder) -> None:
    assert (
        hook_of(folder, HOOK.replace("crm", "./bin/crm")).command[0] == f"{folder.path}/./bin/crm"
    )
    assert hook_of(folder, HOOK.replace("crm", "~/crm")).command[0] == "/home/ann/crm"
    assert hook_of(folder, HOOK.replace("crm", "/bin/crm")).command[0] == "/bin/crm"


def test_a_hook_ends_before_its_job(folder: Folder) -> None:
    assert hook_of(folder, 'job_timeout = "10s"\n' + HOOK).timeout_s == 9
    error = folder.error('job_timeout = "10s"\n' + HOOK + 'timeout = "10s"')
    assert "line 4: workspaces.acme.inbound_hook.timeout must be between 1s and 9s" in error.message


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "inbound_hook.command is missing"),
        ('command = "crm --score"', "command must be a list, but is text"),
        ("command = []", "command must be a program and its arguments"),
        ('command = ["crm", 1]', "command must be a program and its arguments"),
        ('command = ["crm"]\ntimout = "3s"', "timout is not a known key"),
        ('command = ["crm"]\ntimeout = 3', "timeout must be a duration, but is a number"),
    ],
)
def test_a_wrong_hook_says_what_is_wrong(folder: Folder, written: str, said: str) -> None:
    error = folder.error(f"[workspaces.acme.inbound_hook]\n{written}")
    assert said in error.message


def test_loading_imports_no_provider_and_nothing_heavy(folder: Folder) -> None:
    folder.file.write_text(SMS)
    script = (
        "import sys; from convsync_cli import settings; "
        f"settings.load({str(folder.file)!r}, {{'HOME': '/'}}); print(*sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
    modules = set(shown.decode().split())
    assert "convsync_cli.settings" in modules
    assert not modules & {
        "convsync_cli.account_tables",
        "convsync_cli.sync.providers.gohighlevel",
        "convsync_cli.sync.model.message",
        "convsync_cli.toml_lines",
        "difflib",
        "subprocess",
        "asyncio",
        "ssl",
        "httpx",
        "rich",
        "email",
        "pydantic",
    }


# The monitor


def ping_url(folder: Folder, value: str) -> Credential | None:
    return folder.load(f"[monitoring]\nping_url = {value}\n").ping_url


def test_without_a_monitor_there_is_no_address(folder: Folder) -> None:
    assert folder.load("").ping_url is None
    assert folder.load("[monitoring]\n").ping_url is None


def test_a_monitor_s_address_is_a_credential(folder: Folder) -> None:
    assert ping_url(folder, '{ env = "PING" }') == FromEnv("PING")
    with pytest.raises(ConfigError) as caught:  # the file may be read by others
        ping_url(folder, f'"https://hc.example/{CANARY}"')
    assert CANARY not in caught.value.message + caught.value.hint
    folder.file.chmod(0o600)
    address = ping_url(folder, f'"https://hc.example/{CANARY}"')
    assert address == Literal(f"https://hc.example/{CANARY}")
    assert CANARY not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://hc.example/x",
        "https://user@hc.example/x",
        "https:hc.example",
        "https://hc.example:99999/x",
        "https://hc.example\\\\@evil/x",
        "file:///etc/passwd",
        "hc.example/x",
    ],
)
def test_a_monitor_is_asked_by_https_or_not_at_all(folder: Folder, url: str) -> None:
    folder.file.write_text("")
    folder.file.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        ping_url(folder, f'"{url}"')
    assert "monitoring.ping_url" in caught.value.message
    assert url not in caught.value.message


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]"])
def test_a_monitor_on_this_machine_needs_no_https(folder: Folder, host: str) -> None:
    folder.file.write_text("")
    folder.file.chmod(0o600)
    assert ping_url(folder, f'"http://{host}/x?y=1"')


def test_a_monitor_has_no_other_key(folder: Folder) -> None:
    with pytest.raises(ConfigError) as caught:
        folder.load("[monitoring]\nping = 1\n")
    assert "ping_url" in caught.value.hint
