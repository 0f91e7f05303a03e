"""The operator's programs as a run starts them: each with an environment that holds no secret."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from convsync_cli.settings import Settings
from convsync_cli.sync.model.credential import FromEnv, held_by
from convsync_cli.sync.model.hook import Hook

# What a program needs to be found and to find its way. All else may be a secret: a crontab's
# variables are credentials more often than not.
_INHERITED = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LANGUAGE"),
        *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"),
        *("CONVSYNC_CONFIG", "CONVSYNC_DATABASE"),
    }
)


def hooks(settings: Settings, environ: Mapping[str, str]) -> dict[str, Hook]:
    """The hook of each workspace that has one, with what it inherits of ``environ``."""
    secret = set(_credential_names(settings))
    inherited = {
        name: value
        for name, value in environ.items()
        if (name in _INHERITED or name.startswith("LC_")) and name not in secret
    }
    return {
        each.name: replace(each.hook, environment=inherited, max_attempts=settings.max_attempts)
        for each in settings.workspaces
        if each.hook is not None
    }


def _credential_names(settings: Settings) -> Iterator[str]:
    """The variables that the configuration names as credentials."""
    every = [named for each in settings.accounts for _, named in held_by(each.options)]
    for credential in (*every, settings.ping_url):
        if isinstance(credential, FromEnv):
            yield credential.name
