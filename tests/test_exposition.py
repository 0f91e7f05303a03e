"""The text format, read by Prometheus' own parser."""

from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families as parsed

from convsync_cli.exposition import Metric, Sample, render

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x85\u2028\u2029"))


@given(TEXTS, st.floats(allow_nan=False))
@example('say "a", {b} = \\ c\nd', 1.0)
def test_a_label_and_a_number_come_out_as_they_went_in(label: str, value: float) -> None:
    text = render([Metric("x", "gauge", "What.", (Sample(value, {"a": label, "b": "c"}),))])
    (family,) = parsed(text)
    assert (family.name, family.type, family.documentation) == ("x", "gauge", "What.")
    (sample,) = family.samples
    assert (sample.labels, sample.value) == ({"a": label, "b": "c"}, value)


def test_help_is_one_line_whatever_it_says() -> None:
    text = render([Metric("x", "gauge", "a\nb\\c", (Sample(1),))])
    assert text.count("\n") == 3
    (family,) = parsed(text)
    assert family.documentation == "a\nb\\c"


def test_a_family_of_which_nothing_is_known_is_left_out() -> None:
    assert render([Metric("x", "gauge", "What.", ())]) == ""
