{#
    Settings of the Indonesian marts: a macro for each, so that a misspelt name stops the parser. Each says its range, why it
    has this value, and what happens if it moves. The codes are those of docs/formulas.md.
#}

{# B17, B12. How far the marts look back for a share's row before, and for the length of a streak. Range 20 to 250 sessions.
   A suspended share keeps its rows, so a longer gap is a broken collection or a return to the exchange.
   Smaller: streaks are cut earlier. Larger: a revised session reaches further. #}
{% macro idx_lookback_sessions() %}{{ return(60) }}{% endmacro %}

{# B2. Share by which the value of a broker table may differ from the exchange's. Range 0 to 0.01. Recorded tables that agree
   to the lot are off by less. Smaller: such tables are a mismatch. Larger: values of other trades could agree.
   The check values_match_exchange of the source has the same default, value_tolerance. #}
{% macro idx_value_tolerance() %}{{ return(0.0001) }}{% endmacro %}

{# B12. Change of the listed shares from which it may be a split. Range 0.02 to 0.5. Bonus issues of one for ten are 0.1.
   Smaller: rights issues are measured too. Larger: bonus issues are missed. #}
{% macro idx_split_min() %}{{ return(0.1) }}{% endmacro %}

{# B12. How well the fall of the reference price must agree with the growth of the listed shares. Range 0.01 to 0.1. Prices
   are rounded to ticks, at most 2 % of a price above 50 rupiah. Smaller: splits of cheap shares are missed. Larger: rights
   issues could count as splits. #}
{% macro idx_split_tolerance() %}{{ return(0.05) }}{% endmacro %}

{# B15. Churn: net at most this share of the broker's own gross lots. Range 0.01 to 0.5. Larger: brokers that take a side
   count as churning. #}
{% macro idx_churn_net() %}{{ return(0.10) }}{% endmacro %}

{# B15. Churn: at least this share of the stock's gross lots. Range 0.01 to 0.5. Smaller: market makers of small size count. #}
{% macro idx_churn_share() %}{{ return(0.05) }}{% endmacro %}

{# B19. Sessions before the judged one. Range 20 to 250. A quarter: a longer memory keeps an old volatility regime. #}
{% macro idx_unusual_sessions() %}{{ return(60) }}{% endmacro %}

{# B19. Smallest net value, in rupiah, that can alert. Range 1e8 to 1e11. One billion is some ten times the median row.
   Smaller: many more candidates are compared, and small stocks alert for sums that move nothing. #}
{% macro idx_unusual_floor_idr() %}{{ return(1000000000) }}{% endmacro %}

{# B19. Floor of the MAD in rupiah. Range 1e6 to 1e9. Values are published in steps of 100 million from a billion on: half a
   step. Without a floor a broker that hardly ever trades the share gives an infinite score. #}
{% macro idx_mad_floor_idr() %}{{ return(50000000) }}{% endmacro %}

{# B19. Fewer observations, and no score is given. Range 5 to 60. 20 is a month. Smaller: scores of rare pairs are noise. #}
{% macro idx_min_observations() %}{{ return(20) }}{% endmacro %}

{# B19. Score from which a flow is unusual. Range 2 to 10. Smaller: many more alerts (heavy tails). #}
{% macro idx_unusual_z() %}{{ return(3) }}{% endmacro %}

{# Presets of pressure: share of the window's sessions that must have a broker table of the share. Range 0.5 to 1. A sum over
   half a window is no pressure of the window; shares that trade on few days give none. Smaller: signals at the start of a
   history, or of shares that hardly trade. #}
{% macro idx_signal_sessions() %}{{ return(0.8) }}{% endmacro %}

{# Preset foreign_streak: sessions of net foreign buying in a row. Range 3 to 20. Smaller: many more signals. #}
{% macro idx_signal_streak() %}{{ return(5) }}{% endmacro %}

{# Preset distribution_into_strength: rise of the price over 20 sessions, in percent. Range 2 to 20. Smaller: drift counts as
   strength. #}
{% macro idx_signal_strength_pct() %}{{ return(5) }}{% endmacro %}

{# B22. Factor of the listed shares from which, with another name, a code means another company. Range 1.1 to 3. Smaller: a
   company that lists new shares on the day of its new name is split in two. Larger: a successor of similar size is taken for
   the company before it. #}
{% macro idx_identity_jump() %}{{ return(1.25) }}{% endmacro %}

{# B22. Collected lists without the code after which another name alone makes another company. Range 10 to 60 sessions. A
   suspended share keeps its row, so a month without one is a delisting. Smaller: a faulty list splits a company. #}
{% macro idx_identity_gap_sessions() %}{{ return(20) }}{% endmacro %}
