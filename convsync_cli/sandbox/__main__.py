"""``python -m convsync_cli.sandbox``."""

from convsync_cli.sandbox.control import main

raise SystemExit(main())
