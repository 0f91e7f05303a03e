"""Pictures of the program for the README: what it draws on a terminal, as SVG, legible anywhere.

``script/screenshots`` writes them. They show the sandbox's people, all of them invented, and load
nothing: a browser uses a fixed-width font that it has.
"""

import io
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from convsync_cli.sandbox.world import World
from tests.commands.operator import Operator, on_duty, take_in_leads
from tests.commands.terminal import shown
from tests.docs.pages import DOCS

IMAGES = DOCS / "images"
COLUMNS = 96
MESSAGES = 6  # of the conversation that is shown
LEADS = 120
PICTURES = ("status", "show")

THEME = TerminalTheme(
    (22, 27, 34),
    (230, 237, 243),
    [
        (72, 79, 88), (255, 123, 114), (63, 185, 80), (210, 153, 34),
        (88, 166, 255), (188, 140, 255), (57, 197, 207), (177, 186, 196),
    ],
    [
        (110, 118, 129), (255, 161, 152), (86, 211, 100), (227, 179, 65),
        (121, 192, 255), (210, 168, 255), (86, 212, 221), (255, 255, 255),
    ],
)  # fmt: skip

# Rich's own format loads its font from elsewhere, which a picture in a page may not.
FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "SF Mono", Menlo, Consolas, \
"DejaVu Sans Mono", monospace; font-size: {char_height}px; line-height: {line_height}px; \
font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-family: system-ui, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def picture(name: str, command: str, written: str) -> str:
    """What a command wrote to a terminal, below the command, as SVG."""
    console = Console(
        record=True,
        width=COLUMNS,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
    )
    console.print(Text.assemble(("$ ", "dim"), (f"convsync {command}", "bold")))
    console.print(Text.from_ansi(written.replace("\r", "").rstrip("\n")), soft_wrap=True)
    console.print()  # or the last line would be cut at its feet
    return console.export_svg(
        title=f"convsync {name}", theme=THEME, code_format=FORMAT, unique_id=f"convsync-{name}"
    )


def somebody(world: World) -> str:
    """The email of a lead that speaks on both channels, best in letters that every font has."""
    said: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for channel in ("sms", "email"):
        for message in world.expected("acme", channel):
            said[message.lead_key].append((channel, message.text))
    both = [key for key, told in said.items() if {each for each, _ in told} == {"sms", "email"}]
    chosen = min(both, key=lambda key: (_odd(said[key]), abs(len(said[key]) - MESSAGES)))
    return world.workspace("acme").people[chosen].emails[0]


def _odd(said: list[tuple[str, str]]) -> int:
    return sum(letter > "\u024f" for _, text in said for letter in text)


def prepare(operator: Operator) -> None:
    """Have an ordinary day: all read but what belongs to an account whose token was revoked."""
    take_in_leads(operator)
    operator.suffers("unauthorized", provider="emailbison", workspace="globex")
    operator.runs("enqueue-all").ended(0)
    operator.runs("run", "--max-seconds", "50").ended(0)


def drawn(operator: Operator) -> dict[str, str]:
    """Each picture by its name."""
    commands = {"status": ("status",), "show": ("show", somebody(operator.world))}
    return {
        name: picture(name, " ".join(command), shown(operator, *command, columns=COLUMNS).written)
        for name, command in commands.items()
    }


def main() -> int:
    """Write the pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, on_duty(Path(folder), LEADS) as operator:
        prepare(operator)
        for name, svg in drawn(operator).items():
            (IMAGES / f"{name}.svg").write_text(svg, encoding="utf-8")
            print(f"made: {name}.svg", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
