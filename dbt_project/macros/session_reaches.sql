{#
    How far a changed session reaches, for each model that is incremental by session, or a view whose tests are bounded in the
    same way: model, source, tables whose calendar it follows, sessions back, sessions forward, and whether the gate (H6)
    carries the change further. A new last day reaches nobody forward. What compares lists is also reached through the gate;
    what is made of a session's own files alone must not be.
#}
{% macro session_reaches() -%}
    {%- set base = 20 + var('base_tolerance_sessions') -%}
    {%- set movers = base + var('counter_round_trip_sessions') -%}
    {%- set lists = ['holdings', 'northbound'] -%}
    {%- set hk, idx, summary = 'hkex_southbound', 'idx_brokers', ['stock_summary'] -%}
    {%- set lookback = var('idx_lookback_sessions') -%}
    {#- An outcome counts from the close of the next session: 20 sessions and that one. -#}
    {%- set outcome = 21 -%}
    {{ return([
        ('hk__daily_holdings', hk, lists, 0, 0, true),
        ('int_hk__presence_changes', hk, lists, 0, 0, true),
        ('hk__movers', hk, lists, 0, movers, true),
        ('hk__unusual_changes', hk, lists, 0, movers + var('unusual_sessions'), true),
        ('hk__participants_daily', hk, ['participants'], 0, 0, false),
        ('hk__concentration', hk, ['participants'], 0, 0, false),
        ('hk__participant_changes', hk, ['participants'], 0, var('base_tolerance_sessions') + 1 + var('previous_change_sessions'), false),
        ('int_idx__prices', idx, summary, 0, 0, false),
        ('int_idx__members', idx, summary, 0, 0, false),
        ('int_idx__events', idx, summary, 0, lookback, false),
        ('int_idx__detector', idx, summary, 0, 19, false),
        ('int_idx__returns', idx, summary, outcome, lookback, false),
        ('idx__daily_prices', idx, summary, 0, lookback, false),
        ('idx__broker_daily_flow', idx, summary, 0, 0, false),
        ('idx__detector', idx, summary, 0, 19, false),
        ('idx__foreign_flow', idx, summary, 0, lookback, false),
        ('idx__sides_concentration', idx, summary, 0, 0, false),
        ('idx__reconciliation', idx, summary, 0, 0, false),
        ('idx__broker_league', idx, summary, 0, 0, false),
        ('idx__unusual_flow', idx, summary, 0, var('unusual_sessions'), false),
        ('idx__market_totals', idx, summary, 0, lookback, false),
        ('idx__signals', idx, summary, outcome, 20 + lookback, false),
    ]) }}
{%- endmacro %}
