"""Installations to write schedules for."""

from pathlib import Path

from convsync_cli.schedule.installation import STANDARD_PATH, Installation

DEFAULT = Installation(
    program=("/usr/local/bin/convsync",),
    config="/etc/convsync/config.toml",
    database="/var/lib/convsync/convsync.db",
    user="convsync",
    path=STANDARD_PATH,
    variables=("ACME_GHL_TOKEN",),
    files=("/run/secrets/acme-emailbison",),
)
"""What docs/configuration.md shows: its example, installed for a user of its own."""

AWKWARD = 'it\'s 100% "q" $HOME `x` \\t & <b> --'


def awkward(folder: Path) -> Installation:
    """One whose paths hold everything that some format takes for its own.

    Its program prints what it was given and two of its variables, a line each.
    """
    place = folder / AWKWARD
    place.mkdir()
    program = place / "conv sync"
    program.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$@"\nprintf "%s\\n" "$CONVSYNC_CONFIG" "$SECRET"\n'
    )
    program.chmod(0o755)
    (place / "convsync.env").write_text("SECRET='s p'\n")
    return Installation(
        program=(str(program),),
        config=str(place / "config.toml"),
        database=str(place / "convsync.db"),
        user="root",
        variables=("SECRET",),
    )
