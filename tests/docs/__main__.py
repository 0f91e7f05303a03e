"""Make the generated parts of all pages anew: ``script/docs``."""

import json
import sys
import tempfile
from pathlib import Path

from tests.commands.operator import Operator, on_duty, take_in_leads
from tests.docs import commands, configuration, examples
from tests.docs.pages import Maker, filled, pages


def makers(operator: Operator) -> dict[str, Maker]:
    """Who makes which part."""
    return {
        "commands": lambda _, __: commands.reference(),
        "command-table": lambda page, _: commands.table(page),
        "keys": lambda names, _: configuration.table(names),
        "providers": lambda _, __: configuration.all_providers(),
        "provider": lambda name, _: configuration.provider(name),
        "costs": lambda name, _: configuration.costs(name),
        "json": lambda arguments, before: examples.example(operator, arguments, before),
    }


def prepare(operator: Operator) -> None:
    """Have leads and conversations, as the examples show them."""
    take_in_leads(operator)
    (operator.folder / "contacts.csv").write_bytes(operator.world.gohighlevel_csv("acme"))
    lead = operator.person("pictures").emails[0]
    said = {"lead": lead, "channel": "email", "direction": "inbound", "body": "Next year, please."}
    (operator.folder / "messages.jsonl").write_text(f"{json.dumps(said)}\n{{\n", encoding="utf-8")
    operator.runs("enqueue-all").ended(0)
    operator.runs("run", "--max-seconds", "50").ended(0)


def main() -> int:
    """Write every page that has changed, and say which."""
    with tempfile.TemporaryDirectory() as folder, on_duty(Path(folder)) as operator:
        prepare(operator)
        for page in pages():
            text = page.read_text(encoding="utf-8")
            made = filled(text, makers(operator))
            if made != text:
                page.write_text(made, encoding="utf-8")
                print(f"made anew: {page.name}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
