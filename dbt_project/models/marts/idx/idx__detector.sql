{%- set measures = ['top1', 'top3', 'top5', 'top10', 'avg5', 'avg'] -%}
with detector as (
    select
        *,
        sum5_lots / 5 as avg5_lots,
        sum15_lots / 15 as avg_lots,
        net_value_idr / nullif(100 * net_lots, 0) as average_idr
    from {{ ref('int_idx__detector').include(database=false) }}
),

bounds as (
    {{ detector_bounds() }}
),

measured as (
    select
        detector.*,
        {%- for measure in measures %}
        100 * {{ measure }}_lots / nullif(net_lots, 0) as {{ measure }}_pct
        {{- ',' if not loop.last }}
        {%- endfor %}
    from detector
),

final as (
    select
        measured.session_date,
        measured.ticker_code,
        measured.board,
        measured.window_sessions,
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
        measured.avg_lots,
        {%- for measure in measures %}
        measured.{{ measure }}_pct,
        100 * measured.{{ measure }}_lots * measured.average_idr as {{ measure }}_amount_idr,
        {{ pressure_label('measured.' ~ measure ~ '_pct') }} as {{ measure }}_label,
        {%- endfor %}
        100 * measured.top15_lots / nullif(measured.volume_lots, 0) as chip_pct,
        measured.is_censored,
        measured.has_rounded_lots
    from measured
    cross join bounds
)

select * from final
