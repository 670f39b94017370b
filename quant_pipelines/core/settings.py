"""Frozen settings values, handed down from the composition roots.

Every value carries its description and unit; ``quant_pipelines.settings`` fills them from file,
environment and flags. Nothing below the roots reads a file or an environment variable.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from quant_pipelines.core.alert_settings import AlertSettings, WatchdogSettings
from quant_pipelines.core.allocation_settings import AllocationSettings
from quant_pipelines.core.backup_settings import BackupSettings
from quant_pipelines.core.gateway_settings import GatewaySettings
from quant_pipelines.core.hotlist_settings import HotListSettings
from quant_pipelines.core.retention_settings import RetentionSettings
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.core.search_settings import OptimizationSettings
from quant_pipelines.core.setting_fields import limit_setting, name_setting, setting
from quant_pipelines.core.telegram_settings import TelegramSettings
from quant_pipelines.core.telemetry_settings import LogSettings, MetricsSettings
from quant_pipelines.core.vault_settings import VaultSettings

DEFAULT_SYMBOLS = tuple(
    f"{base}/USDT:USDT" for base in ("BTC", "ETH", "SOL", "BNB", "XRP", "ADA", "DOGE", "AVAX", "LINK", "LTC")
)


@dataclass(frozen=True, slots=True)
class ExchangeSettings:
    """Where market data come from."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    id: str = name_setting("binanceusdm", "ccxt id of the exchange", "exchange")
    base_url: str | None = setting(None, "address of a simulated venue; unset talks to the exchange itself")
    ca_file: str = setting(
        "", "PEM file of the authority that signs a simulated venue's https address; empty: the usual ones"
    )
    max_concurrent_requests: int = setting(4, "requests in flight at once", low=1, high=64)
    others: tuple[str, ...] = name_setting(
        (),
        "exchanges whose closes are compared with ours: binance (spot), okx, bybit, gate, bitget",
        "exchange",
    )
    egress: str = setting(
        "", "name that everybody behind one internet address shares, for request limits; empty: this host's"
    )


@dataclass(frozen=True, slots=True)
class MarketSettings:
    """What is ingested and scored."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    universe: tuple[str, ...] = name_setting(DEFAULT_SYMBOLS, "symbols that are scanned and scored", "symbol")
    whitelist: tuple[str, ...] = name_setting(
        DEFAULT_SYMBOLS[:6], "symbols that are optimized and traded; seeds the table once", "symbol"
    )
    history_days: int = setting(91, "days of 1-minute history that the first start ingests", low=1, high=3650)
    mark_timeframe: str = setting(
        "1h",
        "grid on which mark and index prices are ingested",
        choices=("1m", "5m", "15m", "1h", "4h", "1d"),
    )
    trade_symbols: tuple[str, ...] = name_setting(
        (), "symbols whose public trades are sampled into the database", "symbol"
    )
    book_symbols: tuple[str, ...] = name_setting(
        (), "symbols whose order book is sampled into the database", "symbol"
    )
    book_depth: int = setting(20, "levels a side of a sampled order book", low=1, high=1000)
    source_tolerance: float = setting(
        0.01, "closes of other exchanges may differ by this fraction before it is a finding", low=0, high=1
    )
    keep_samples_days: int = setting(
        0, "days of sampled trades and books that are kept, in whole months; 0 keeps all", low=0, high=36_500
    )
    keep_bars_days: int = setting(
        0,
        "days of bars that are kept, in whole months, and never fewer than are in use; 0 keeps all",
        low=0,
        high=36_500,
    )


@dataclass(frozen=True, slots=True)
class CostSettings:
    """What trading costs."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    fee_bps: float = setting(5.0, "taker fee in basis points of notional", low=-10, high=1000)
    slippage_bps: float = setting(
        1.0, "slippage of a market order in basis points of price", low=0, high=1000
    )
    maker_fee_bps: float = setting(2.0, "maker fee in basis points of notional", low=-10, high=1000)
    spread_bps: float = setting(
        0.0, "spread in basis points of price; a market order pays half of it", low=0, high=1000
    )
    impact_bps: float = setting(
        0.0,
        "slippage in basis points of an order as large as the last bar's volume; grows with the root",
        low=0,
        high=10_000,
    )
    impact_cap_bps: float = setting(
        1000.0,
        "most of that slippage, in basis points; what a forced exit pays at no volume",
        low=0,
        high=8000,
    )


@dataclass(frozen=True, slots=True)
class ExecutionSettings:
    """How orders fill in backtests, searches and paper, and what margin stands behind a position there."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    participation: float = setting(
        0.0,
        "largest share of the last bar's volume that fills within one bar; 0 has no cap, or the whole "
        "volume where an impact is charged",
        low=0,
        high=1,
    )
    latency_ms: int = setting(
        0,
        "time between a close and the fill; whole execution bars of it are waited for",
        low=0,
        high=86_400_000,
    )
    maintenance_rate: float = setting(
        0.0, "maintenance margin as a fraction of notional; 0 liquidates nothing", low=0, high=1
    )
    leverage: float = setting(
        0.0, "isolated margin is the entry notional over this; 0 is cross margin", low=0, high=1000
    )
    working_type: str = setting("last", "price that stops test", choices=("last", "mark"))


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Thresholds of the two gates."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    paper_min_trades: int = setting(30, "paper screen: fewest out-of-sample trades", low=1, high=1_000_000)
    paper_min_return: float = setting(
        0.0, "paper screen: out-of-sample return after costs must exceed this fraction"
    )
    paper_min_efficiency: float = setting(
        0.3, "paper screen: out-of-sample over in-sample annualized return must reach this"
    )
    paper_min_known_funding: float = setting(
        0.95,
        "paper screen: smallest share of the time held out of sample whose funding is known",
        low=0,
        high=1,
    )
    capital_max_pbo: float = setting(
        0.2,
        "capital gate: probability of backtest overfitting above which a search is refused whose best also "
        "loses in more than half of the splits",
        low=0,
        high=1,
    )
    capital_stress_gap: float = setting(
        0.25,
        "capital gate: move of the price against the largest position that no stop catches, a fraction; the "
        "profit out of sample must pay for three. Many a coin falls so far in a day of every year",
        low=0.01,
        high=1,
    )
    capital_min_unseen_days: int = setting(
        21,
        "capital gate: fewest out-of-sample days after the text was first seen; by default those in paper "
        "and shadow",
        low=0,
        high=36_500,
    )


@dataclass(frozen=True, slots=True)
class RiskSettings:
    """Limits that every order must pass; they seed the table once."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    max_position_fraction: float = limit_setting(
        1.0, "largest position notional as a fraction of the book's equity", high=100
    )
    max_leverage: float = limit_setting(2.0, "gross notional over equity", high=125)
    max_daily_loss_fraction: float = limit_setting(
        0.05,
        "loss since 00:00 UTC, as a fraction of the equity then, that stops new exposure for the day",
        high=1,
    )
    max_data_age_seconds: float = limit_setting(90.0, "older market data stop new exposure", low=1)


@dataclass(frozen=True, slots=True)
class TriggerSettings:
    """When a deployment's own performance asks for a new optimization."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    window_days: int = setting(30, "complete UTC days that are looked at", low=5, high=3650)
    min_days: int = setting(7, "fewer complete days prove nothing", low=3, high=3650)
    min_sharpe: float = setting(0.0, "fires below: annualized Sharpe ratio")
    max_drawdown: float = setting(0.10, "fires above: largest fall from a high, as a fraction", low=0, high=1)
    max_days_without_high: int = setting(14, "fires above: days since the last equity high", low=1, high=3650)
    quantile: float = setting(0.05, "quantile of the daily returns that is watched", low=0, high=0.5)
    min_quantile_return: float = setting(
        -0.03, "fires below: the daily return at that quantile", low=-1, high=1
    )
    bootstrap_quantile: float = setting(
        0.05,
        "fires below: share of the deployment's own out-of-sample bootstrap that did worse",
        low=0,
        high=0.5,
    )
    max_volatility_ratio: float = setting(
        2.0,
        "fires above: standard deviation of the newest 20 days over that of the out-of-sample days",
        low=1,
        high=100,
    )
    max_correlation: float = setting(
        0.7, "fires above: correlation of two deployments' days, which then share one weight", low=0, high=1
    )
    correlation_days: int = setting(60, "days that two deployments must share for it", low=20, high=3650)
    hysteresis: float = setting(
        0.2,
        "a trigger calms down only back from its threshold by this fraction of it",
        low=0,
        high=10,
    )
    cooldown_days: int = setting(3, "days between two requests of one deployment", low=0, high=3650)


@dataclass(frozen=True, slots=True)
class LadderSettings:
    """What a deployment must show before its next stage, and when the worst one rests."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    paper_min_days: int = setting(14, "days in paper before shadow", low=1, high=3650)
    shadow_min_days: int = setting(7, "days in shadow before canary", low=1, high=3650)
    canary_capital_fraction: float = setting(
        0.10, "share of a deployment's capital that its canary trades at the venue", low=0.0001, high=1
    )
    canary_min_days: int = setting(14, "days in canary before live", low=1, high=3650)
    canary_max_days: int = setting(
        60, "days after which a challenger's canary that has not ended waits for a person", low=1, high=3650
    )
    taken_back_days: int = setting(
        180, "days for which parameters that were taken back do not challenge again", low=1, high=36_500
    )
    canary_min_fills: int = setting(
        30, "fills of a challenger's canary before it may take all of the capital", low=1, high=100_000
    )
    canary_shortfall_bps: float = setting(
        15.0,
        "most that a challenger's fills may cost on average against their arrival prices",
        low=0,
        high=1000,
    )
    canary_worst_fill_bps: float = setting(
        200.0, "a challenger with a fill that costs more goes back", low=1, high=10_000
    )
    canary_position_fraction: float = setting(
        1.5,
        "largest position of a canary, as a fraction of the capital that it began with",
        low=0.0001,
        high=125,
    )
    canary_orders_per_day: int = setting(
        100,
        "most orders that a canary decides in a UTC day; a challenger whose record trades more is refused",
        low=1,
        high=1_000_000,
    )
    canary_reject_rate: float = setting(
        0.02, "most of a challenger's orders that a venue may refuse", low=0, high=1
    )
    canary_loss_fraction: float = setting(
        0.05, "part of its own capital after whose loss a challenger goes back", low=0.0001, high=1
    )
    live_loss_deviations: float = setting(
        1.5,
        "annual standard deviations of its record that a book at a venue may fall from its highest level",
        low=0.01,
        high=100,
    )
    live_loss_fraction: float = setting(0.4, "largest such fall, whatever its record", low=0.0001, high=1)
    canary_error: float = setting(
        0.05, "probability that a bound takes a faultless challenger back, each of them", low=0.0001, high=0.5
    )
    challenger_people: int = setting(
        2, "different operators who approve a challenger's canary, and its whole capital", low=0, high=2
    )
    challenger_keeps_book: bool = setting(
        False,
        "whether new parameters of the same text go on in the incumbent's book, which keeps what it holds; "
        "else the challenger's own book takes the place and the incumbent's is closed",
    )
    data_days: int = setting(
        7, "newest days whose data must be without a finding that blocks", low=1, high=3650
    )
    regime_min_days: int = setting(
        20,
        "days of its record that ended in the regime of volatility that its market is in, before canary and "
        "live; 0 asks for none, and so does a regime that is not known",
        low=0,
        high=3650,
    )
    evidence_max_days: int = setting(
        21,
        "days after the last one that a look saw of a record on which its capital decision still counts; by "
        "default one weekly look may be missed",
        low=12,
        high=3650,
    )
    cull_window_days: int = setting(
        120, "complete days that the ranking of the deployments looks at", low=5, high=3650
    )
    cull_min_days: int = setting(
        30, "a deployment with fewer complete days is never culled", low=5, high=3650
    )
    cull_confidence: float = setting(
        0.996,
        "confidence, at each daily look, that the worst deployment's Sharpe ratio is below zero; the "
        "default keeps the looks of a year within 5 % for a true one of 1 (docs/calibration.md)",
        low=0.5,
        high=0.9999,
    )
    cull_rest_days: int = setting(
        30, "days that a culled deployment rests before it goes back to paper by itself", low=1, high=3650
    )


@dataclass(frozen=True, slots=True)
class PortfolioSettings:
    """Paper money and how it is shared."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    paper_capital: float = setting(200_000.0, "quote currency of the paper account", low=0.01, high=10**12)
    deployment_capital: float = setting(
        10_000.0, "quote currency that one deployment trades", low=0.01, high=10**12
    )
    max_deployments: int = setting(
        20,
        "deployments in paper at the same time; a strategy on a symbol that has none yet comes first",
        low=1,
        high=10_000,
    )
    rebalance_band: float = setting(
        0.10, "a position is re-sized only when the quantity is off by more than this fraction", low=0, high=1
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the composition roots hand down."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    database_url: str = setting("", "PostgreSQL URL; empty starts the embedded server")
    redis_url: str = setting(
        "", "Redis URL (redis://host:port/database); empty does without: memory and PostgreSQL stand in"
    )
    strategies_folder: str = setting(
        "", "folder of strategy files; empty means ./strategies, else the installed ones"
    )
    exchange: ExchangeSettings = setting(ExchangeSettings(), "the exchange")
    market: MarketSettings = setting(MarketSettings(), "market data")
    hotlist: HotListSettings = setting(HotListSettings(), "hot-coin score")
    costs: CostSettings = setting(CostSettings(), "trading costs")
    execution: ExecutionSettings = setting(ExecutionSettings(), "execution")
    optimization: OptimizationSettings = setting(OptimizationSettings(), "optimization")
    gates: GateSettings = setting(GateSettings(), "gates")
    risk: RiskSettings = setting(RiskSettings(), "risk limits")
    triggers: TriggerSettings = setting(TriggerSettings(), "performance triggers")
    ladder: LadderSettings = setting(LadderSettings(), "promotion and culling")
    portfolio: PortfolioSettings = setting(PortfolioSettings(), "capital")
    allocation: AllocationSettings = setting(AllocationSettings(), "how the daily plan shares out capital")
    runner: RunnerSettings = setting(RunnerSettings(), "live runner")
    alerts: AlertSettings = setting(AlertSettings(), "who is told")
    watchdog: WatchdogSettings = setting(WatchdogSettings(), "what may not fall silent")
    gateway: GatewaySettings = setting(GatewaySettings(), "API and console")
    telegram: TelegramSettings = setting(TelegramSettings(), "commands from Telegram")
    vault: VaultSettings = setting(VaultSettings(), "secrets that a Vault holds")
    backup: BackupSettings = setting(BackupSettings(), "backups that the stack makes by itself")
    retention: RetentionSettings = setting(RetentionSettings(), "how long rows stay that are no record")
    metrics: MetricsSettings = setting(MetricsSettings(), "what processes measure of themselves")
    logs: LogSettings = setting(LogSettings(), "what processes write")
