"""The rules of the staged tables: what a good row is, and where a bad one goes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import dataframely as dy
import polars as pl
import pytest

from fin_assets.core.contract.staging import RULE, split_by_rules
from fin_assets.sources.hkex_southbound.schema import Holdings, Participants

HOLDING: dict[str, Any] = {
    "session_date": date(2024, 9, 2),
    "market": "hk",
    "stock_code": "00700",
    "stock_name": "BETA LIMITED",
    "name_language": "en",
    "other_name": None,
    "a_share_code": None,
    "shareholding_shares": 1_000,
    "pct_of_issued": 0.5,
    "observed_at": datetime(2024, 9, 3, tzinfo=UTC),
}
PARTICIPANT: dict[str, Any] = {
    "session_date": date(2024, 9, 2),
    "stock_code": "00700",
    "line_no": 1,
    "participant_id": "C00019",
    "participant_name": "THE FIRST BANK",
    "participant_kind": "custodian",
    "is_consenting": False,
    "address": "",
    "shareholding_shares": 600,
    "pct_of_issued": 6.0,
    "issued_shares": 10_000,
    "total_shares": 1_000,
    "total_participants": 3,
    "intermediaries_shares": 800,
    "consenting_shares": 150,
    "non_consenting_shares": 50,
    "observed_at": datetime(2024, 9, 3, tzinfo=UTC),
}


def frame(schema: type[dy.Schema], *rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=pl.Schema(schema))


def test_good_rows_pass_and_nothing_is_refused() -> None:
    for schema, row in ((Holdings, HOLDING), (Participants, PARTICIPANT)):
        good, refused = split_by_rules(frame(schema, row), schema)
        assert good.height == 1
        assert refused.is_empty()
        assert refused.columns == [*schema.column_names(), RULE]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"market": "us"}, "market|check__one_of"),
        ({"stock_code": "700"}, "stock_code|regex"),
        ({"stock_name": ""}, "stock_name|min_length"),
        ({"name_language": "fr"}, "name_language|check__one_of"),
        ({"a_share_code": "6005"}, "a_share_code|regex"),
        ({"shareholding_shares": -1}, "shareholding_shares|min"),
        ({"shareholding_shares": None}, "shareholding_shares|nullability"),
        ({"pct_of_issued": -0.01}, "pct_of_issued|min"),
        ({"observed_at": None}, "observed_at|nullability"),
    ],
)
def test_a_bad_holding_is_refused_under_the_name_of_its_rule(change: dict[str, Any], rule: str) -> None:
    good, refused = split_by_rules(frame(Holdings, HOLDING | {"stock_code": "00005"}, HOLDING | change), Holdings)
    assert good["stock_code"].to_list() == ["00005"]
    assert refused[RULE].to_list() == [rule]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"participant_id": "C19"}, "participant_id|regex"),
        ({"participant_kind": "bank"}, "participant_kind|check__one_of"),
        ({"line_no": 0}, "line_no|min"),
        ({"is_consenting": True, "shareholding_shares": -1}, "investor_not_negative"),
        ({"total_shares": 999}, "summary_adds_up"),
        ({"issued_shares": 0}, "issued_shares|min"),
    ],
)
def test_a_bad_participant_is_refused_under_the_names_of_its_rules(change: dict[str, Any], rule: str) -> None:
    _, refused = split_by_rules(frame(Participants, PARTICIPANT | change), Participants)
    assert sorted(refused[RULE].to_list()[0].split(", ")) == sorted(rule.split(", "))


def test_a_stale_issued_figure_around_a_split_refuses_no_row() -> None:
    for schema, row in ((Holdings, HOLDING), (Participants, PARTICIPANT | {"shareholding_shares": 10_001})):
        good, _ = split_by_rules(frame(schema, row | {"pct_of_issued": 147.3}), schema)
        assert good.height == 1


def test_an_intermediary_in_rectification_may_be_below_zero() -> None:
    good, _ = split_by_rules(frame(Participants, PARTICIPANT | {"shareholding_shares": -600}), Participants)
    assert good.height == 1


def test_issued_shares_that_are_not_printed_refuse_nothing() -> None:
    good, _ = split_by_rules(frame(Participants, PARTICIPANT | {"issued_shares": None}), Participants)
    assert good.height == 1


def test_rows_of_one_grain_are_all_refused_because_none_is_known_to_be_right() -> None:
    good, refused = split_by_rules(frame(Holdings, HOLDING, HOLDING | {"shareholding_shares": 2_000}), Holdings)
    assert good.is_empty()
    assert refused[RULE].to_list() == ["primary_key"] * 2


def test_a_participant_with_an_id_has_one_row_and_investors_without_id_many() -> None:
    nobody = PARTICIPANT | {"participant_id": None, "participant_kind": "investor", "is_consenting": True}
    rows = [PARTICIPANT, PARTICIPANT | {"line_no": 2}, nobody | {"line_no": 3}, nobody | {"line_no": 4}]
    good, refused = split_by_rules(frame(Participants, *rows), Participants)
    assert good["line_no"].to_list() == [3, 4]
    assert refused[RULE].to_list() == ["participant_once_a_stock"] * 2


def test_every_column_says_what_it_is() -> None:
    for schema in (Holdings, Participants):
        undescribed = [name for name, column in schema.columns().items() if not column.description]
        assert undescribed == []
