"""Watches the health of the market data every minute and anchors the audit log; a change asks for a run."""

import dagster as dg

from assets.partitions import days_request
from assets.resources import Platform
from jobs.names import FIRST_START, MARKET_REFRESH
from jobs.pipelines import market_refresh
from jobs.runs import skip_reason, unfinished_run
from quant_pipelines.core.timeframes import day_of
from quant_pipelines.operations.audit_anchors import keep_anchor
from quant_pipelines.operations.health import report_change, watch_market
from quant_pipelines.stack.home import Home


@dg.sensor(
    name="market_health",
    job=market_refresh,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes the health of the market data as a heartbeat; a change of state asks for a refresh",
)
def market_health(
    context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
) -> dg.SensorResult | dg.SkipReason:
    """Write the heartbeat; on a change of state write an alert and request a refresh."""
    health = watch_market(platform.engine, platform.exchange, platform.clock)
    keep_anchor(platform.engine, Home(platform.home).audit_anchors, platform.clock)
    if context.cursor == health.state:
        return dg.SkipReason(f"still {health.state}: {health.reason}")
    if context.cursor is None:
        context.update_cursor(health.state)
        return dg.SkipReason(f"market data are {health.state}: {health.reason}")
    unfinished = unfinished_run(context.instance, (FIRST_START, MARKET_REFRESH))
    if unfinished is not None:
        return skip_reason(unfinished)
    report_change(platform.engine, health, platform.clock)
    now_ms = platform.clock()
    request = days_request(day_of(now_ms), day_of(now_ms), run_key=f"{health.state}-{now_ms}")
    return dg.SensorResult(run_requests=[request], cursor=health.state)
