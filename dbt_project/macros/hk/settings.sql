{#
    Settings of the Hong Kong marts: a macro for each, so that a misspelt name stops the parser. Each says its range, why it
    has this value, and what happens if it moves. The codes are those of docs/formulas.md.
#}

{# H2. How much older than the reference a base may be. Range 0 to 20 sessions. The longest closure between two lists, Lunar
   New Year, is no session at all, so 10 missing lists in a row are a broken collection, not a holiday. Smaller: a few
   missing lists leave stocks without a change. Larger: a change over two weeks more is shown as one of the window. #}
{% macro hk_base_tolerance_sessions() %}{{ return(10) }}{% endmacro %}

{# H7. Absence from which a code that comes back is "returning". Range 5 to 250 sessions. 20 is a month. Smaller: a short
   gap in the list makes returns. Larger: stocks that come back after months count as new. #}
{% macro hk_returning_after_sessions() %}{{ return(20) }}{% endmacro %}

{# H7. Two holdings are in a ratio "within rounding" up to this relative difference. Range 0 to 0.005. Odd lots are cut to
   whole shares: 1 share in 1,000. Smaller: small holdings miss their ratio. Larger: trading passes for rounding. #}
{% macro hk_counter_rounding() %}{{ return(0.001) }}{% endmacro %}

{# H7. The same with trading between the two lists, accepted only with more evidence (same name, temporary code). Range
   0.005 to 0.1. Measured: 1.0 % (2017-08-14) and 0.9 % (2017-08-28). The listed ratios lie at least 20 % apart.
   Smaller: busy stocks are reported as sold and bought. Larger: unrelated stocks of one name family could be linked. #}
{% macro hk_counter_trading_tolerance() %}{{ return(0.05) }}{% endmacro %}

{# H7. A counter counts as emptied (filled) when at most this share of the larger holding is left (was there). Range 0 to
   0.5. Parallel trading leaves residues: 0.02 % in 2017-06, up to 1.3 % in 2017-09. Smaller: counters with a residue are
   missed. Larger: large sales are compared with every large purchase. #}
{% macro hk_counter_residue() %}{{ return(0.20) }}{% endmacro %}

{# H7. For this long after a counter change, what comes and goes under its codes is residue of parallel trading. Range 15 to
   60 sessions. Parallel trading lasts about three weeks; measured until the last residue left: 15 sessions, twice.
   Smaller: residues are reported as removals. Larger: a true return soon after a change is hidden. #}
{% macro hk_counter_parallel_sessions() %}{{ return(30) }}{% endmacro %}

{# H3. A round trip through a temporary counter that ends within this many sessions gives an adjustment factor. Range 15 to
   90. Measured: 10 sessions, twice; the exchange's timetable is 10 to 11 business days. Smaller: a late return is no round
   trip, and the split shows as a change. Larger: a revised session reaches further. #}
{% macro hk_counter_round_trip_sessions() %}{{ return(60) }}{% endmacro %}

{# H9. Range 0.01 to 5 percentage points. 0.25 is the value of the reference for CCASS data. Smaller: more changes are big. #}
{% macro hk_big_change_pp() %}{{ return(0.25) }}{% endmacro %}

{# H9. How far back the previous change is looked for. Range 10 to 250 sessions. 60 is a quarter. Smaller: fewer rows name a
   previous change. Larger: a revised session reaches further. #}
{% macro hk_previous_change_sessions() %}{{ return(60) }}{% endmacro %}

{# H10. Sessions before the judged one. Range 20 to 250. A quarter: a longer memory keeps an old volatility regime.
   Smaller: the spread is estimated from few changes. #}
{% macro hk_unusual_sessions() %}{{ return(60) }}{% endmacro %}

{# H10. Floor of the MAD. Range 0.001 to 0.05 percentage points. Published percentages have two decimals, so 0.005 is half of
   their step; without a floor a stock that never moves gives an infinite score for the first step. Larger: small stocks
   never alert. #}
{% macro hk_mad_floor_pp() %}{{ return(0.005) }}{% endmacro %}

{# H10. Fewer observations, and no score is given. Range 5 to 60. 20 is a month. Smaller: scores of new stocks are noise. #}
{% macro hk_min_observations() %}{{ return(20) }}{% endmacro %}

{# H10. Score from which a change is unusual. Range 2 to 10. Smaller: many more alerts (heavy tails). #}
{% macro hk_unusual_z() %}{{ return(3) }}{% endmacro %}

{# H12. Factor of the implied issued shares from which, with another name, a code means another company. Range 1.1 to 3. A
   general mandate allows 20 % new shares a year, so a company that changes its name as it places shares stays below 1.25.
   Smaller: such a company is split in two. Larger: a successor of similar size is taken for the company before it. #}
{% macro hk_identity_jump() %}{{ return(1.25) }}{% endmacro %}

{# H12. Lists without the code after which another name alone makes another company. Range 10 to 250 sessions. 20 is a month,
   as of a return (H7). Smaller: a short suspension with a change of name splits a company. Larger: an unknown percentage hides
   a reused code. #}
{% macro hk_identity_gap_sessions() %}{{ return(20) }}{% endmacro %}
