"""Disks that are full or read-only: a small tmpfs where it may be mounted, limits where not."""

import contextlib
import resource
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


def no_file_beyond(size: int) -> Callable[[], None]:
    """For the start of a child: it can write no file beyond so many bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A file system of its own, of some kilobytes, at ``path``."""

    path: Path

    @property
    def _filler(self) -> Path:
        return self.path / "filler"

    def fills_up(self, left: int) -> None:
        """Leave ``left`` bytes free."""
        self.has_room()
        with self._filler.open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(b"x" * 4096):
                pass
        with self._filler.open("r+b") as filler:
            filler.truncate(max(0, self._filler.stat().st_size - left))

    def has_room(self) -> None:
        """Give the space back."""
        self._filler.unlink(missing_ok=True)

    def is_read_only(self, yes: bool) -> None:
        """Let nobody write, or everybody."""
        _mount("-o", f"remount,{'ro' if yes else 'rw'}", str(self.path))


@contextlib.contextmanager
def small_disk(path: Path, kilobytes: int = 8_192) -> Iterator[SmallDisk]:
    """Mount one; the test is skipped where that is not allowed."""
    path.mkdir(parents=True)
    if _mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(path)):
        pytest.skip("may not mount a file system here; the limits on files are tested all the same")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", str(path)], capture_output=True, check=True)


def _mount(*arguments: str) -> int:
    try:
        return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode
    except FileNotFoundError:
        return 1
