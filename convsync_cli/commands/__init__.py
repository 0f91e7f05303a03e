"""One file per command: parse, one call, print. Beside them what several share: options, files."""
