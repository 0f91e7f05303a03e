"""Where files are by default (XDG base directories), also for a cron job without ``$HOME``."""

import os
from collections.abc import Mapping

from convsync_cli.sync.errors import ConfigError


def config_path(environ: Mapping[str, str]) -> str:
    """The configuration file: ``$CONVSYNC_CONFIG``, else in the XDG config folder.

    Raises:
        ConfigError: there is no home folder to look in.
    """
    if named := environ.get("CONVSYNC_CONFIG"):
        return expanded(named, environ)
    return os.path.join(_xdg(environ, "XDG_CONFIG_HOME", ".config"), "convsync", "config.toml")


def database_path(environ: Mapping[str, str]) -> str:
    """The database where nothing else is said: in the XDG data folder.

    Raises:
        ConfigError: there is no home folder to put it in.
    """
    return os.path.join(_xdg(environ, "XDG_DATA_HOME", ".local/share"), "convsync", "convsync.db")


def expanded(path: str, environ: Mapping[str, str]) -> str:
    """The path with a ``~`` or ``~user`` at its start replaced by that home folder.

    Raises:
        ConfigError: it begins with ``~``, and there is no home folder.
    """
    if path == "~" or path.startswith("~/"):
        return _home(environ) + path[1:]
    return os.path.expanduser(path)


def _xdg(environ: Mapping[str, str], variable: str, default: str) -> str:
    folder = environ.get(variable, "")
    # The XDG specification: a relative path is invalid and to be ignored.
    return folder if os.path.isabs(folder) else os.path.join(_home(environ), default)


def _home(environ: Mapping[str, str]) -> str:
    if home := environ.get("HOME"):
        return home
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:  # a container that runs under a number without a name
        raise ConfigError(
            "there is no home folder", "set $HOME, or use --config and --db"
        ) from None
