"""``python -m convsync_cli``."""

import sys

from convsync_cli.cli import main

if __name__ == "__main__":
    sys.exit(main())
