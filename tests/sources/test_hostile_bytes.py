"""Whatever happens to an answer's bytes, a parser gives rows that keep the schema or a failure of a kind, never another error."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sources.hkex_southbound.builders import SOURCE as HKEX
from tests.sources.hkex_southbound.builders import HoldingsHtml, ParticipantsHtml
from tests.sources.hostile import MUTATIONS, mutated, outcome
from tests.sources.idx_brokers.builders import SAMPLES, broker, envelope, sheet, stock, traded
from tests.sources.idx_brokers.builders import SOURCE as IDX

HTML, JSON = "text/html; charset=utf-8", "application/json; charset=utf-8"
DAY = date(2021, 1, 19)
MEMBERS = [{"Code": code, "Name": "MIRAE", "License": "Perantara Pedagang Efek"} for code in ("YP", "AK", "CC")]
TABLES = {
    "stock_summary": (IDX, "all", JSON, envelope([traded("AAAA", 500), stock("BBBB"), traded("CCCC", 7)])),
    "stock_summary, bare": (IDX, "all", JSON, json.dumps([traded("AAAA", 500), stock("BBBB")]).encode()),
    "broker_summary_market": (IDX, "all", JSON, envelope([broker("YP", 500), broker("AK", 300)])),
    "members": (IDX, "all", JSON, envelope(MEMBERS)),
    "broker_trades": (IDX, "TEST/all/all", HTML, sheet({"YP": 30, "AK": 20}, {"CC": 50}).body()),
    "holdings": (HKEX, "hk/en", HTML, HoldingsHtml().body()),
    "holdings, zh": (HKEX, "hk/zh", HTML, HoldingsHtml(language="zh", layout="browser").body()),
    "northbound": (HKEX, "sh/en", HTML, HoldingsHtml(market="sh", layout="plain").body()),
    "participants": (HKEX, "00700", HTML, ParticipantsHtml().body()),
    "participants, zh": (HKEX, "00700", HTML, ParticipantsHtml(language="zh", layout="browser").body()),
}
RECORDED = {
    "stock_summary": (IDX, "all", JSON, "GetStockSummary_2021-01-19.json"),
    "broker_summary_market": (IDX, "all", JSON, "broker-summary_market-wide_2021-01/broker-summary-2021-01-19.json"),
    "members": (IDX, "all", JSON, "nichsedge_brokerSearch.json"),
    "broker_trades": (IDX, "BBCA/all/all", HTML, "ipot_BBCA_20221010_brokersummary_browser-dom.html"),
    "holdings": (HKEX, "hk/zh", HTML, "../hkexnews/mutualmarket_c_t-hk_20190125_zh-Hant_server.html"),
    "participants": (HKEX, "00700", HTML, "../hkexnews/searchsdw_00700_20251108_result_browser-dom.html"),
}
EVERY_PARSER = pytest.mark.parametrize("name", TABLES)


@EVERY_PARSER
def test_every_mutation_of_an_answer_ends_in_rows_or_in_a_failure_of_a_kind(name: str) -> None:
    source, unit, kind, body = TABLES[name]
    table = source.table(name.partition(",")[0])
    assert outcome(table, unit, body, content_type=kind, day=DAY) == "rows"
    found: Counter[str] = Counter()
    for place, mutation in enumerate(MUTATIONS):
        for seed in range(25):
            changed = mutation(body, random.Random(1000 * place + seed)) or b" "
            found[outcome(table, unit, changed, content_type=kind, day=DAY)] += 1
    assert found["rows"] > 0
    assert found.total() > found["rows"], "no mutation was noticed"


@pytest.mark.slow
@EVERY_PARSER
@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**64 - 1))
def test_many_mutations_of_an_answer_end_in_rows_or_in_a_failure_of_a_kind(name: str, seed: int) -> None:
    source, unit, kind, body = TABLES[name]
    changed = mutated(body, random.Random(seed))
    assert outcome(source.table(name.partition(",")[0]), unit, changed, content_type=kind, day=DAY)


@pytest.mark.slow
@EVERY_PARSER
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_bytes_of_any_kind_end_in_a_failure_of_a_kind(name: str, body: bytes) -> None:
    source, unit, kind, whole = TABLES[name]
    table = source.table(name.partition(",")[0])
    for content_type in (kind, "", "text/html; charset=big5"):
        assert outcome(table, unit, body, content_type=content_type, day=DAY)
        assert outcome(table, unit, whole[: len(body)] + body, content_type=content_type, day=DAY)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDED)
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**64 - 1))
def test_mutations_of_recorded_answers_end_in_rows_or_in_a_failure_of_a_kind(name: str, seed: int) -> None:
    source, unit, kind, file = RECORDED[name]
    path = SAMPLES / file
    if not path.exists():
        pytest.skip(f"the recorded answer {file} is not beside the repository")
    changed = mutated(path.read_bytes(), random.Random(seed))
    assert outcome(source.table(name), unit, changed, content_type=kind, day=DAY)
