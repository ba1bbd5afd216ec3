"""What stands on the page of an Indonesian stock, made of frames: tiles, labels, notes and tables. No widgets, no queries."""

from __future__ import annotations

import polars as pl
from markupsafe import Markup

from dashboards.areas.idx import measures, words
from dashboards.areas.idx.money import rupiah, signed_rupiah, whole
from dashboards.ui import formats, session_range
from dashboards.ui.components import Kpi, arrow, chip, joined, tone

DIFFERS = ("mismatch", "no_broker_table", "no_exchange_row")
"""States of a list that contradict the exchange; a cut list alone does not."""
BOUND = "bounded"
"""State of a list of the cash or the negotiated board that exceeds nothing."""


def price_change_pct(prices: pl.DataFrame, found: session_range.Range) -> float | None:
    """Return the change from the close before the range to its last one, adjusted; None without both. In percent."""
    known = prices.drop_nulls("close_idr")
    inside = known.filter(pl.col("session_date") >= found.start)
    before = known.filter(pl.col("session_date") < found.start)
    if not inside.height:
        return None
    base = before["close_idr"][-1] if before.height else inside["previous_idr"][0]
    return 100 * (inside["close_idr"][-1] / base - 1) if base else None


def side(brokers: pl.DataFrame, *, which: str, sides: str) -> pl.DataFrame:
    """Return one side of the broker table, largest value first.

    Args:
        brokers: as `queries.stock.brokers` gives them.
        which: buy or sell.
        sides: `net` puts every broker on one side, by its net value (B4); `gross` has all that it bought or sold.

    Returns:
        broker_code, broker_name, broker_type, value_idr, lots, average_idr (of all it bought or sold, B3), share_pct
        (of the side's value).
    """
    sign = 1 if which == "buy" else -1
    if sides == "net":
        value_sign, lots_sign = sign * pl.col("net_value_idr"), sign * pl.col("net_lots")
        rows = brokers.filter((value_sign > 0) | ((value_sign == 0) & (lots_sign > 0)))
        value, lots = sign * pl.col("net_value_idr"), sign * pl.col("net_lots")
    else:
        rows = brokers.filter(pl.col(f"{which}_lots") > 0)
        value, lots = pl.col(f"{which}_value_idr"), pl.col(f"{which}_lots")
    return (
        rows.select(
            "broker_code",
            "broker_name",
            "broker_type",
            value.alias("value_idr"),
            lots.alias("lots"),
            pl.col(f"{which}_average_idr").alias("average_idr"),
        )
        .with_columns((100 * pl.col("value_idr") / pl.col("value_idr").sum()).alias("share_pct"))
        .sort("value_idr", "broker_code", descending=[True, False], nulls_last=True)
    )


def fit_table(brokers: pl.DataFrame, fits: pl.DataFrame) -> pl.DataFrame:
    """Return the brokers of a range with their share of its value and how their lots went with the price."""
    both = pl.col("buy_value_idr").fill_null(0) + pl.col("sell_value_idr").fill_null(0)
    with_price = pl.when(pl.col("direction") > 0).then(pl.lit("with the price"))
    return (
        brokers.join(fits, on="broker_code", how="left")
        .with_columns(
            (100 * both / both.sum()).alias("share_pct"),
            with_price.when(pl.col("direction") < 0).then(pl.lit("against it")).alias("moves"),
        )
        .sort("share_pct", "broker_code", descending=[True, False])
    )


def stock_kpis(
    prices: pl.DataFrame,
    found: session_range.Range,
    seen: measures.Detector,
    lists: pl.DataFrame,
    *,
    change: float | None,
) -> list[Kpi]:
    """Return the tiles of a stock over a range."""
    inside = prices.filter(pl.col("session_date") >= found.start)
    last = inside.row(-1, named=True)
    foreign, stated = inside["net_foreign_value_idr"].drop_nulls(), inside["page_net_foreign_value_idr"].drop_nulls()
    net_foreign = float(foreign.sum()) if foreign.len() else None
    value = int(inside["value_idr"].sum())
    top = seen.top(measures.READING_TOP)
    acc = (top.label or "").endswith("Acc")
    return [
        Kpi(
            key="price",
            label="Price, Rp",
            value=formats.integer(last["last_idr"]),
            hint=f"{arrow(change)}{formats.signed_percent(change)} over the range",
            tone=tone(change),
        ),
        Kpi(key="value", label="Value, Rp", value=rupiah(value), hint=whole(value)),
        Kpi(
            key="foreign",
            label=f"{arrow(net_foreign)}Net Foreign, Rp",
            value=signed_rupiah(net_foreign),
            hint=words.foreign_hint(float(stated.sum()) if stated.len() else None),
            tone=tone(net_foreign),
        ),
        Kpi(
            key="top",
            label="Top 5 Acc/Dist",
            value=top.label or formats.MISSING,
            hint=f"{formats.signed_percent(top.percent)} of the net volume",
            tone="" if top.label in (None, "Neutral") else "up" if acc else "down",
        ),
        Kpi(
            key="sides",
            label="Buyers / sellers",
            value=f"{seen.buyers} / {seen.sellers}",
            hint="brokers, by net value",
            bar=((seen.buyers, "--fin-up"), (seen.sellers, "--fin-down")),
        ),
        Kpi(
            key="coverage",
            label="Coverage of lists",
            value=formats.percent(None if is_bound(lists) else words.coverage_pct(lists)),
            hint="not stated per board" if is_bound(lists) else "of the exchange's lots",
        ),
    ]


def is_bound(lists: pl.DataFrame) -> bool:
    """Return whether lists are of the cash or the negotiated board, of which the exchange states only the sum."""
    return bool((lists["state"] == BOUND).any())


def state_chips(prices: pl.DataFrame, found: session_range.Range) -> list[Markup]:
    """Return on how many sessions of a range a stock was not traded, and why; nothing if it was on all."""
    states = prices.filter(pl.col("session_date") >= found.start)["trading_state"]
    titles = {"suspended": "Suspended", "no_trade": "Listed, not traded"}
    return [
        chip(title, strong=f"{days} of {states.len()} session{'s' if states.len() > 1 else ''}", dot="closed")
        for state, title in titles.items()
        if (days := int((states == state).sum()))
    ]


def list_chips(lists: pl.DataFrame, *, board: str | None = None) -> list[Markup]:
    """Return what the lists of a range are worth: reconciled with the exchange or not, whole or cut.

    Args:
        lists: a row for each session with trades, as `queries.stock.lists` gives them.
        board: name of the one board that they are of; None for the one that all pages show. Days on which nobody trades
            there are no gap.
    """
    of_board = [chip("Board", strong=board)] if board else []
    if not lists.height:
        return [*of_board, chip("Broker lists", strong="none in this range", dot="closed" if board else "missing")]
    good = lists["is_reconciled"].sum()
    differing = lists.filter(pl.col("state").is_in(DIFFERS)).height
    cut = lists.filter(pl.col("state") == "cut_list").height
    chips = [
        *of_board,
        chip(
            "Within the exchange's volume" if is_bound(lists) else "Reconciled with the exchange",
            strong=f"{good} of {lists.height} session{'s' if lists.height > 1 else ''}",
            dot="incomplete" if differing else "stale" if cut else "complete",
            title="the exchange states the volume of the cash and the negotiated board together only"
            if is_bound(lists)
            else "lots bought and sold on the list equal the exchange's volume",
        ),
    ]
    if differing:
        chips.append(chip("Differ", strong=f"{differing} of {lists.height}", dot="incomplete"))
    if cut:
        chips.append(chip("Lists that may be cut", strong=f"{cut} of {lists.height}", dot="stale"))
    return chips


_NOTE = Markup('<p class="muted" style="font-size:12px;margin-top:6px">{}</p>')
_EVENT = Markup('<li><span class="num muted">{}</span> {}</li>')


def cut_note(lists: pl.DataFrame) -> Markup:
    """Return what cut and differing lists mean, with the numbers; nothing if all lists are whole and agree."""
    cut = lists.filter(pl.col("state") == "cut_list")
    differing = lists.filter(pl.col("state").is_in(DIFFERS))
    lines = []
    if cut.height:
        lines.append(
            f"On {cut.height} of {lists.height} sessions the page may show the ten largest of each side only: smaller "
            f"brokers are not seen, and the lists cover {formats.percent_1(words.coverage_pct(lists))} of the lots."
        )
    if differing.height:
        row = differing.sort("session_date").row(-1, named=True)
        seen = (
            "there is no broker list"
            if row["visible_buy_lots"] is None
            else f"the list has {formats.integer(row['visible_buy_lots'])} lot bought and "
            f"{formats.integer(row['visible_sell_lots'])} sold"
        )
        lines.append(
            f"Not reconciled: {', '.join(str(day) for day in differing['session_date'].tail(4))}. On "
            f"{row['session_date']} {seen}, the exchange counted {formats.integer(row['exchange_lots'])}."
        )
    return joined(_NOTE.format(line) for line in lines)


def events_markup(events: pl.DataFrame) -> Markup:
    """Return what befell the listing: names, splits, suspension; empty markup for a stock without any."""
    lines = joined(_EVENT.format(row["session_date"], row["what"]) for row in events.head(6).iter_rows(named=True))
    return Markup('<ul class="events">{}</ul>').format(lines) if lines else lines
