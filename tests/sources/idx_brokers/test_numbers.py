from __future__ import annotations

import csv
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fin_assets.core.contract.failures import Drift
from fin_assets.sources.idx_brokers.numbers import SUFFIXES, is_blank, price, text_number
from tests.sources.idx_brokers.builders import sample

READ = {
    "254.4 B": (254_400_000_000, 100_000_000),
    "64.6 B": (64_600_000_000, 100_000_000),
    "1.7B": (1_700_000_000, 100_000_000),
    "847.9M": (847_900_000, 100_000),
    "1.1 M": (1_100_000, 100_000),
    "2 T": (2_000_000_000_000, 1_000_000_000_000),
    "12.34 K": (12_340, 10),
    "308,724 ": (308_724, 1),
    "-4.8 B": (-4_800_000_000, 100_000_000),
    "\u22124.8 B": (-4_800_000_000, 100_000_000),
    "+6": (6, 1),
    "0 ": (0, 1),
    "18,920,673,800": (18_920_673_800, 1),
    "420.00": (420, 1),
}


@pytest.mark.parametrize(("text", "expected"), READ.items())
def test_a_number_and_its_rounding_are_read_from_its_text(text, expected):
    found = text_number(text)
    assert (found.value, found.step) == expected
    assert found.text == text.strip()
    assert found.low <= found.value <= found.high
    assert (found.low == found.high) == (found.step == 1)


@pytest.mark.parametrize(
    "text", ["", "-", "n/a", "1,5", "12,34", "1.2.3", "427.36", "5 X", "5 b", "1e6", "--5", "٣", "9,999,999.9 T"]
)
def test_what_is_no_whole_number_in_a_known_form_is_drift(text):
    with pytest.raises(Drift, match="row 7"):
        text_number(text, where="row 7")


def test_averages_keep_their_decimals():
    assert price("8,241 ") == Decimal(8241)
    assert price("427.36") == Decimal("427.36")
    assert str(price("420.00")) == "420.00"
    for text in ("-5", "1.234", "", "abc"):
        with pytest.raises(Drift):
            price(text)


def test_blank_cells_are_no_numbers():
    assert all(is_blank(text) for text in ("", "  ", "\xa0", "-"))
    assert not is_blank("0")


@given(st.integers(min_value=-(2**62), max_value=2**62))
def test_a_number_printed_in_full_comes_back_exactly(value):
    for text in (f"{value:,} ", str(value)):
        found = text_number(text)
        assert (found.value, found.step) == (value, 1)


@given(
    st.integers(min_value=0, max_value=10**6),
    st.text("0123456789", max_size=3),
    st.sampled_from(sorted(SUFFIXES.items())),
    st.booleans(),
)
def test_an_abbreviation_is_exact_in_decimals_and_never_in_floats(whole, fraction, suffix, negative):
    letter, power = suffix
    if len(fraction) > power:
        return
    text = f"{'-' if negative else ''}{whole}{'.' + fraction if fraction else ''} {letter}"
    found = text_number(text)
    exact = Decimal(f"{whole}.{fraction or 0}") * 10**power
    assert found.value == (-exact if negative else exact)
    assert found.step == 10 ** (power - len(fraction))


@given(st.integers(min_value=0, max_value=10**13), st.sampled_from([("M", 6), ("B", 9)]), st.booleans())
def test_the_truth_lies_in_the_range_of_a_text_whether_it_was_rounded_or_cut_off(truth, unit, rounded):
    letter, power = unit
    tenth = 10 ** (power - 1)
    tenths = (truth + tenth // 2) // tenth if rounded else truth // tenth
    found = text_number(f"{tenths // 10:,}.{tenths % 10} {letter}")
    assert found.low <= truth <= found.high


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_drift(text):
    with suppress(Drift):
        found = text_number(text)
        assert found.step >= 1
        assert set(text) & set("0123456789")


def test_the_forms_of_the_net_export_are_read():
    with sample("broker_net_summary_PWON_undated_2021.csv").open() as file:
        lines = [line for line in csv.reader(file) if len(line) > 8 and line[4].isdigit()]
    assert len(lines) == 45
    for line in lines:
        for code, lots, value, average in (line[:4], line[5:9]):
            if code:
                bought, money = text_number(lots), text_number(value)
                assert bought.step == money.step == 1
                # An odd lot is printed as none and yet has a value.
                assert bought.value * money.value > 0 or bought.value == 0
                assert price(average) > 0
