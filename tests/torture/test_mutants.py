"""The deliberate faults still fit the source; whether they are noticed, ``mutants.py`` tells."""

import re

import pytest

from tests.torture.mutants import ROOT, mutated
from tests.torture.mutations import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_can_still_be_put_in(mutant: Mutant) -> None:
    source = (ROOT / mutant.file).read_text()
    faulty = mutated(mutant, source)
    assert faulty != source
    compile(faulty, mutant.file, "exec")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_test_that_must_notice_is_there(mutant: Mutant) -> None:
    file, *_, name = mutant.test.split("::")
    assert re.search(rf"def {name}\(", (ROOT / file).read_text())


def test_there_are_a_dozen_and_each_is_another() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 12
