"""Numbers in the text format of Prometheus, version 0.0.4."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sample:
    """One number and the labels that tell it from its siblings."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Metric:
    """A family of samples; ``kind`` is gauge or counter, ``help`` names the unit."""

    name: str
    kind: str
    help: str
    samples: tuple[Sample, ...]


def render(metrics: Iterable[Metric]) -> str:
    """The whole text; a family without samples is left out, since nothing is known of it."""
    return "".join(_family(metric) for metric in metrics if metric.samples)


def _family(metric: Metric) -> str:
    help_text = metric.help.replace("\\", r"\\").replace("\n", r"\n")
    lines = [f"# HELP {metric.name} {help_text}", f"# TYPE {metric.name} {metric.kind}"]
    lines += [f"{metric.name}{_labels(each.labels)} {each.value!r}" for each in metric.samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
