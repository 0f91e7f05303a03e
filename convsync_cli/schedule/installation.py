"""One installation as a scheduler must know it: nothing may depend on a login's environment."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from convsync_cli import users
from convsync_cli.settings import Settings
from convsync_cli.sync.errors import ConfigError
from convsync_cli.sync.model.credential import (
    Credential,
    FromCommand,
    FromEnv,
    FromFile,
    OAuth,
    held_by,
)

STANDARD_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
_KEYS = ("DEDUPE_WINDOW", "CONCURRENCY", "JOB_TIMEOUT", "MAX_ATTEMPTS")


@dataclass(frozen=True, slots=True)
class Installation:
    """What every scheduled command needs; all paths are absolute.

    ``program`` is how convsync is started. ``user`` owns the database. ``settings`` are the
    variables that are in force beside the configuration. ``variables`` names those that hold
    credentials, never their values; ``files`` are the credentials that lie in files, and
    ``token_files`` those that are renewed. ``hooks`` are the programs that the operator lets run.
    """

    program: tuple[str, ...]
    config: str
    database: str
    user: str
    path: tuple[str, ...] = STANDARD_PATH
    settings: tuple[tuple[str, str], ...] = ()
    variables: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    token_files: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """The folder of the database."""
        return os.path.dirname(self.database)

    @property
    def written(self) -> tuple[str, ...]:
        """The only folders that are written to."""
        return tuple(dict.fromkeys((self.folder, *map(os.path.dirname, self.token_files))))

    @property
    def environment_file(self) -> str:
        """Where the variables that hold credentials are to be written, as ``NAME='value'``."""
        return os.path.join(os.path.dirname(self.config), "convsync.env")

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a scheduler sets for every command; no secret among them."""
        return {
            "PATH": ":".join(self.path),
            "CONVSYNC_CONFIG": self.config,
            "CONVSYNC_DATABASE": self.database,
            **dict(self.settings),
        }


def this_installation(settings: Settings, environ: Mapping[str, str]) -> Installation:
    """The installation that is running, with the configuration and database it works on.

    Raises:
        ConfigError: a path holds a character that no scheduler's file can hold.
    """
    every = tuple(credential for _, credential in named_credentials(settings))
    database = os.path.abspath(settings.database.removeprefix("sqlite://"))
    program = _program()
    hooks = _hooks(settings, environ)
    found = Installation(
        program=program,
        config=settings.path,
        database=database,
        user=_owner(database),
        path=_path(program[0], every, hooks, environ),
        settings=tuple(
            (f"CONVSYNC_{key}", value) for key in _KEYS if (value := environ.get(f"CONVSYNC_{key}"))
        ),
        variables=tuple(dict.fromkeys(each.name for each in every if isinstance(each, FromEnv))),
        files=tuple(str(each.path) for each in every if isinstance(each, FromFile)),
        token_files=tuple(_token_files(settings)),
        hooks=hooks,
    )
    named = (found.environment_file, *found.written)
    for text in (*found.program, *found.environment.values(), *named):
        if not text.isprintable():
            raise ConfigError(
                "a path of this installation holds a line end or another control character",
                "rename it: no crontab and no unit can name it",
            )
    return found


def named_credentials(settings: Settings) -> Iterator[tuple[str, Credential]]:
    """Every credential that the configuration refers to, and what it is for."""
    for account in settings.accounts:
        for _, credential in held_by(account.options):
            yield f"account {account.name}", credential
    if settings.ping_url is not None:
        yield "ping_url", settings.ping_url


def _token_files(settings: Settings) -> Iterator[str]:
    """Where the tokens of apps are kept and renewed."""
    for account in settings.accounts:
        for each in fields(account.options):
            if isinstance(value := getattr(account.options, each.name), OAuth):
                yield str(value.token_file)


def _hooks(settings: Settings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The operator's programs by their whole path, as far as they are found."""
    programs = [each.hook.command[0] for each in settings.workspaces if each.hook is not None]
    found = (shutil.which(each, path=environ.get("PATH")) for each in programs)
    return tuple(filter(None, found))


def _program() -> tuple[str, ...]:
    """How this very program is started, whatever the PATH."""
    started = os.path.abspath(sys.argv[0])
    if os.path.basename(started) != "__main__.py" and os.access(started, os.X_OK):
        return (started,)  # not its target: pipx and others upgrade behind a stable link
    return (sys.executable, "-m", "convsync_cli")


def _owner(database: str) -> str:
    try:
        return users.name_of(os.stat(database).st_uid)
    except OSError:
        return users.current()


def _path(
    program: str,
    every: tuple[Credential, ...],
    hooks: tuple[str, ...],
    environ: Mapping[str, str],
) -> tuple[str, ...]:
    """The folders of convsync, of what tells credentials, of hooks, and of the system."""
    commands = [each.argv[0] for each in every if isinstance(each, FromCommand)]
    found = (shutil.which(each, path=environ.get("PATH")) for each in commands)
    others = (*filter(None, found), *hooks)
    folders = map(os.path.dirname, (program, *others))
    return tuple(dict.fromkeys((*folders, *STANDARD_PATH)))
