{#
    The detector (B4 to B11), once: the marts and the table macros of the published build are rendered from these. Sums come
    first, division last. Lots are lots of 100 shares.
#}

{#
    Aggregates over one row a broker, with its net lots and net value over the window or range (B4, B5). Net value decides the
    side and the rank; where values are equal, or a value is 0, the lots do, so that every build ranks alike and the lots of both
    sides are equal (B2).
#}
{% macro ranked_sums() -%}
{%- set rank = 'row(net_value_idr, net_lots)' -%}
{%- set buys = 'net_value_idr > 0 or (net_value_idr = 0 and net_lots > 0)' -%}
{%- set sells = 'net_value_idr < 0 or (net_value_idr = 0 and net_lots < 0)' -%}
count(*) filter (where {{ buys }}) as buyers,
        count(*) filter (where {{ sells }}) as sellers,
        coalesce(sum(net_lots) filter (where {{ buys }}), 0) as net_lots,
        coalesce(-sum(net_lots) filter (where {{ sells }}), 0) as net_sell_lots,
        sum(greatest(net_value_idr, 0)) as net_value_idr,
        coalesce(arg_max(net_lots, {{ rank }}, 15) filter (where {{ buys }}), []) as largest_buys,
        coalesce(arg_min(net_lots, {{ rank }}, 15) filter (where {{ sells }}), []) as largest_sells
{%- endmacro %}

{# A_1 to A_15 (B6) as a list, from the lists that `ranked_sums` gives. #}
{% macro pressures() -%}
[
        {%- for n in range(1, 16) %}
            coalesce(list_sum(largest_buys[:{{ n }}]), 0) + coalesce(list_sum(largest_sells[:{{ n }}]), 0)
            {{- ',' if not loop.last }}
        {%- endfor %}
        ]
{%- endmacro %}

{# The columns that idx__detector is computed from (B5, B6, B9); `pressed` has the columns of `ranked_sums`, and `pressures`. #}
{% macro pressure_columns(pressed) -%}
cast({{ pressed }}.net_lots as bigint) as net_lots,
        cast({{ pressed }}.net_sell_lots as bigint) as net_sell_lots,
        cast({{ pressed }}.net_value_idr as bigint) as net_value_idr,
        {%- for n in [1, 3, 5, 10, 15] %}
        cast({{ pressed }}.pressures[{{ n }}] as bigint) as top{{ n }}_lots,
        {%- endfor %}
        cast(list_sum({{ pressed }}.pressures[:5]) as bigint) as sum5_lots
{%- endmacro %}

{#
    Ratios, amounts and labels (B4 to B11): the CTEs `detector` to `measured`, of rows that `sums`, a table expression, holds
    as int_idx__detector does. They are followed by a select of `detector_columns`.
#}
{% macro detector_measures(sums) -%}
detector as (
    select
        *,
        sum5_lots / 5 as avg5_lots,
        net_value_idr / nullif(100 * net_lots, 0) as average_idr
    from {{ sums }}
),

bounds as (
    {{ detector_bounds() }}
),

measured as (
    select
        detector.*,
        {%- for measure in detector_measure_names() %}
        {{ pressure_pct(measure ~ '_lots', 'net_lots') }} as {{ measure }}_pct
        {{- ',' if not loop.last }}
        {%- endfor %}
    from detector
)
{%- endmacro %}

{# Columns of idx__detector after those that name the row; the query is from `measured` and `bounds`. #}
{% macro detector_columns() -%}
measured.sessions_used,
        measured.buyers,
        measured.sellers,
        measured.buyers - measured.sellers as breadth,
        case
            when measured.buyers < measured.sellers then 'Acc'
            when measured.buyers > measured.sellers then 'Dist'
            else 'Neutral'
        end as broker_accdist,
        measured.volume_lots,
        measured.net_lots,
        measured.net_sell_lots,
        measured.net_value_idr,
        measured.average_idr,
        measured.top1_lots,
        measured.top3_lots,
        measured.top5_lots,
        measured.top10_lots,
        measured.top15_lots,
        measured.avg5_lots,
        {%- for measure in detector_measure_names() %}
        measured.{{ measure }}_pct,
        100 * measured.{{ measure }}_lots * measured.average_idr as {{ measure }}_amount_idr,
        {{ pressure_label('measured.' ~ measure ~ '_pct') }} as {{ measure }}_label,
        {%- endfor %}
        100 * measured.top15_lots / nullif(measured.volume_lots, 0) as chip_pct,
        measured.is_censored,
        measured.has_rounded_lots
{%- endmacro %}

{% macro detector_measure_names() -%}
    {{ return(['top1', 'top3', 'top5', 'top10', 'avg5']) }}
{%- endmacro %}

{# A pressure as a share of the net volume, in percent (B7); null if that is 0. #}
{% macro pressure_pct(pressure_lots, net_lots) -%}
    100 * {{ pressure_lots }} / nullif({{ net_lots }}, 0)
{%- endmacro %}

{# Acc or Dist with its size (B8). `bounds` is in the query: one row of seed detector_bounds, its labels as columns. #}
{% macro pressure_label(pct) -%}
    case
        when abs({{ pct }}) < bounds.small then 'Neutral'
        when {{ pct }} is not null then
            case
                when abs({{ pct }}) >= bounds.big then 'Big'
                when abs({{ pct }}) >= bounds.normal then 'Normal'
                else 'Small'
            end || case when {{ pct }} > 0 then ' Acc' else ' Dist' end
    end
{%- endmacro %}

{# One row of seed detector_bounds, its labels as columns. #}
{% macro detector_bounds() -%}
    select
        max(from_pct) filter (where label = 'Small') as small,
        max(from_pct) filter (where label = 'Normal') as normal,
        max(from_pct) filter (where label = 'Big') as big
    from {{ ref('detector_bounds').include(database=false) }}
{%- endmacro %}
