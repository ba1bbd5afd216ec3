"""Questions of the screener: the stocks of a preset on a session, and the returns after earlier signals.

Money is in whole rupiah, percentages in percent. A rate counts only cases whose outcome is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from dashboards.areas.idx.queries.market import board
from dashboards.ui.build_cache import CachedBuild

ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A signal of the marts in the words of the page; `short` stands in tables."""

    title: str
    short: str
    meaning: str


PRESETS = {
    "big_accumulation": Preset(
        title="Big accumulation",
        short="Big Acc",
        meaning="Over 5 sessions the five largest net buyers took far more than the five largest net sellers gave.",
    ),
    "stealth_accumulation": Preset(
        title="Stealth accumulation",
        short="Stealth",
        meaning="Accumulation over 20 sessions while the price did not rise.",
    ),
    "distribution_into_strength": Preset(
        title="Distribution into strength",
        short="Into strength",
        meaning="Distribution over 20 sessions while the price rose; a fall is expected after it.",
    ),
    "foreign_streak": Preset(
        title="Net Foreign Buy Streak",
        short="Streak",
        meaning="Foreign investors bought on balance five sessions in a row or more.",
    ),
    "unusual_flow": Preset(
        title="Unusual flow",
        short="Unusual",
        meaning="A broker's net buying is far outside its own last 60 sessions in the stock.",
    ),
}
"""By the marts' name of the signal."""


def stocks(build: CachedBuild, *, session: date, preset: str) -> pl.DataFrame:
    """Return the stocks of a session that a preset finds (`ALL`: every stock), largest value first.

    Columns: ticker_code, name, close_idr, change_pct, value_idr, label_1, label_5, label_20, net_foreign_value_idr,
    streak (sessions, negative for selling), flow_5_idr, flow_20_idr, ma10_idr, ma20_idr, signals (in short, with
    the broker of an unusual flow).
    """
    frame = build.query(
        """
        with labels as (
            select ticker_code, max(top5_label) filter (where window_sessions = 1) as label_1,
                   max(top5_label) filter (where window_sessions = 5) as label_5,
                   max(top5_label) filter (where window_sessions = 20) as label_20
            from idx__detector where session_date = ? and board = ? group by ticker_code
        ), fired as (
            select ticker_code, list(distinct signal order by signal) as signals
            from idx__signals where session_date = ? group by ticker_code
        )
, unusual as (
            select ticker_code, arg_max(broker_code, abs(robust_z)) as broker_code,
                   arg_max(robust_z, abs(robust_z)) as robust_z
            from idx__unusual_flow where session_date = ? and board = ? group by ticker_code
        )
        select p.ticker_code, p.company_name as name, p.close_idr, p.change_pct, p.value_idr,
               l.label_1, l.label_5, l.label_20, f.net_foreign_value_idr, f.streak_sessions as streak,
               f.flow_5_idr, f.flow_20_idr, f.ma10_idr, f.ma20_idr, coalesce(s.signals, []) as signal_keys,
               u.broker_code || printf(' z %+.1f', u.robust_z) as unusual_broker
        from idx__daily_prices p
        left join labels l using (ticker_code)
        left join idx__foreign_flow f on f.session_date = ? and f.ticker_code = p.ticker_code
        left join fired s on s.ticker_code = p.ticker_code
        left join unusual u on u.ticker_code = p.ticker_code
        where p.session_date = ? order by p.value_idr desc, p.ticker_code
        """,
        [session, board(build), session, session, board(build), session, session],
    )
    chosen = frame if preset == ALL else frame.filter(pl.col("signal_keys").list.contains(preset))
    titles = {key: known.short for key, known in PRESETS.items()}
    named = pl.col("signal_keys").list.eval(pl.element().replace(titles)).list.join(", ")
    word = PRESETS["unusual_flow"].short
    with_broker = pl.concat_str(pl.lit(f"{word} "), pl.col("unusual_broker").fill_null(""))
    return chosen.with_columns(named.str.replace(word, with_broker, literal=True).alias("signals")).drop(
        "signal_keys", "unusual_broker"
    )


def found(build: CachedBuild, *, session: date) -> dict[str, int]:
    """Return how many stocks each signal finds on a session, by signal."""
    frame = build.query(
        "select signal, count(distinct ticker_code) as stocks from idx__signals where session_date = ? group by signal",
        [session],
    )
    return dict(frame.iter_rows())


def rates(build: CachedBuild) -> pl.DataFrame:
    """Return the outcomes of each signal's cases, by signal and horizon.

    Columns: signal, horizon_sessions, expects (up or down), cases, open_cases, hit_rate_pct, base_rate_pct, edge_pp,
    median_excess_pct, first_session, last_session.
    """
    return build.query(
        """
        select signal, horizon_sessions, expects, cases, open_cases, hit_rate_pct, base_rate_pct, edge_pp,
               median_excess_pct, first_session, last_session
        from idx__signal_base_rates order by signal, horizon_sessions
        """
    )
