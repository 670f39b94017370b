-- First schema: market, research, trading and ops.

CREATE SCHEMA IF NOT EXISTS market;
CREATE SCHEMA IF NOT EXISTS research;
CREATE SCHEMA IF NOT EXISTS trading;
CREATE SCHEMA IF NOT EXISTS ops;

CREATE TABLE market.instruments (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
    tick_size NUMERIC NOT NULL,
    lot_size NUMERIC NOT NULL,
    min_notional NUMERIC NOT NULL,
    maker_fee NUMERIC NOT NULL,
    taker_fee NUMERIC NOT NULL,
    max_leverage INTEGER NOT NULL,
    funding_interval_hours INTEGER NOT NULL,
    CONSTRAINT pk_instruments PRIMARY KEY (exchange, symbol, valid_from)
);

COMMENT ON TABLE market.instruments IS 'Contract specifications as of a date; a new row only when something changed';

CREATE TABLE market.bars (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    ts TIMESTAMP WITH TIME ZONE NOT NULL,
    open DOUBLE PRECISION NOT NULL,
    high DOUBLE PRECISION NOT NULL,
    low DOUBLE PRECISION NOT NULL,
    close DOUBLE PRECISION NOT NULL,
    volume DOUBLE PRECISION NOT NULL,
    quote_volume DOUBLE PRECISION NOT NULL,
    trades BIGINT NOT NULL,
    available_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_bars PRIMARY KEY (exchange, symbol, timeframe, ts)
)
 PARTITION BY RANGE (ts);

COMMENT ON TABLE market.bars IS 'Closed bars, labelled by their open time; partitioned by month';

CREATE TABLE market.funding_rates (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    ts TIMESTAMP WITH TIME ZONE NOT NULL,
    rate DOUBLE PRECISION NOT NULL,
    mark_price DOUBLE PRECISION,
    available_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_funding_rates PRIMARY KEY (exchange, symbol, ts)
);

COMMENT ON TABLE market.funding_rates IS 'Funding paid at ts (floored to its slot): fraction of notional, positive when longs pay';

CREATE TABLE market.open_interest (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    ts TIMESTAMP WITH TIME ZONE NOT NULL,
    open_interest DOUBLE PRECISION NOT NULL,
    available_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_open_interest PRIMARY KEY (exchange, symbol, ts)
);

COMMENT ON TABLE market.open_interest IS 'Open contracts in base units';

CREATE TABLE market.data_findings (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    day DATE NOT NULL,
    check_name TEXT NOT NULL,
    severity TEXT NOT NULL,
    count INTEGER NOT NULL,
    detail JSONB NOT NULL,
    found_at TIMESTAMP WITH TIME ZONE NOT NULL,
    resolved_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_data_findings PRIMARY KEY (id),
    CONSTRAINT uq_data_findings_exchange_symbol_timeframe_day_check_name UNIQUE (exchange, symbol, timeframe, day, check_name)
);

COMMENT ON TABLE market.data_findings IS 'Faults that the quality checks found; resolved_at is null while a fault stands';

COMMENT ON COLUMN market.data_findings.severity IS 'warning or block';

CREATE TABLE market.hotlist (
    scored_at TIMESTAMP WITH TIME ZONE NOT NULL,
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    rank INTEGER NOT NULL,
    factors JSONB NOT NULL,
    flags JSONB NOT NULL,
    labels JSONB NOT NULL,
    CONSTRAINT pk_hotlist PRIMARY KEY (scored_at, exchange, symbol)
);

COMMENT ON TABLE market.hotlist IS 'Hot scores of the whole universe, kept as of each scan';

COMMENT ON COLUMN market.hotlist.factors IS 'factor name -> raw value, robust z, weight, contribution';

COMMENT ON COLUMN market.hotlist.flags IS 'missing factors and other remarks';

COMMENT ON COLUMN market.hotlist.labels IS 'risk labels: volatility band, safe leverage, market mood';

CREATE TABLE market.universe (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    added_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_universe PRIMARY KEY (exchange, symbol)
);

COMMENT ON TABLE market.universe IS 'Symbols that are scanned and scored';

CREATE TABLE market.whitelist (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    added_at TIMESTAMP WITH TIME ZONE NOT NULL,
    added_by TEXT NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_whitelist PRIMARY KEY (exchange, symbol)
);

COMMENT ON TABLE market.whitelist IS 'Symbols that are optimized and traded';

CREATE TABLE ops.audit_logs (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail JSONB NOT NULL,
    previous_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT pk_audit_logs PRIMARY KEY (id),
    CONSTRAINT uq_audit_logs_hash UNIQUE (hash)
);

COMMENT ON TABLE ops.audit_logs IS 'Hash chain: each row''s hash covers its contents and the hash before it';

COMMENT ON COLUMN ops.audit_logs.subject IS 'what it was done to, such as deployment:3';

CREATE TABLE ops.heartbeats (
    service TEXT NOT NULL,
    state TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    detail JSONB NOT NULL,
    CONSTRAINT pk_heartbeats PRIMARY KEY (service)
);

COMMENT ON TABLE ops.heartbeats IS 'Latest sign of life of each service';

COMMENT ON COLUMN ops.heartbeats.state IS 'ACTIVE, REDUCING, HALTED for the runner; healthy or a complaint elsewhere';

CREATE TABLE ops.alerts (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    severity TEXT NOT NULL,
    source TEXT NOT NULL,
    message TEXT NOT NULL,
    detail JSONB NOT NULL,
    resolved_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_alerts PRIMARY KEY (id)
);

COMMENT ON TABLE ops.alerts IS 'What a person should look at';

CREATE TABLE research.strategies (
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_strategies PRIMARY KEY (name)
);

COMMENT ON TABLE research.strategies IS 'Strategy families';

CREATE TABLE research.strategy_versions (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    strategy TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    kernel_digest TEXT NOT NULL,
    source TEXT NOT NULL,
    parameters JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_strategy_versions PRIMARY KEY (id),
    CONSTRAINT uq_strategy_versions_strategy_content_hash_kernel_digest UNIQUE (strategy, content_hash, kernel_digest)
);

COMMENT ON TABLE research.strategy_versions IS 'Contents of a strategy''s file, as judged and as traded';

COMMENT ON COLUMN research.strategy_versions.content_hash IS 'hash of the plugin''s source';

COMMENT ON COLUMN research.strategy_versions.kernel_digest IS 'digest of the compiled sources it was judged with';

COMMENT ON COLUMN research.strategy_versions.source IS 'the plugin''s source, so that an open position can keep its version';

COMMENT ON COLUMN research.strategy_versions.parameters IS 'declared search space: name -> kind, default, low, high';

CREATE TABLE trading.accounts (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    name TEXT NOT NULL,
    venue TEXT NOT NULL,
    currency TEXT NOT NULL,
    capital NUMERIC NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_accounts PRIMARY KEY (id),
    CONSTRAINT uq_accounts_name UNIQUE (name)
);

COMMENT ON TABLE trading.accounts IS 'Accounts that the runner books to; the paper account needs no keys';

COMMENT ON COLUMN trading.accounts.venue IS 'paper, or the ccxt id of the exchange';

CREATE TABLE trading.risk_limits (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    value NUMERIC NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_by TEXT NOT NULL,
    CONSTRAINT pk_risk_limits PRIMARY KEY (scope, name)
);

COMMENT ON TABLE trading.risk_limits IS 'Limits in force; seeded from the settings once, then changed by operators';

COMMENT ON COLUMN trading.risk_limits.scope IS 'account, or deployment:<id>';

CREATE TABLE trading.epochs (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    writer TEXT NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_epochs PRIMARY KEY (id)
);

COMMENT ON TABLE trading.epochs IS 'Writers of the trading books in order; the highest id is the only one allowed to write';

COMMENT ON COLUMN trading.epochs.writer IS 'host and process of the writer';

CREATE TABLE trading.orders (
    client_order_id TEXT NOT NULL,
    venue_order_id TEXT,
    status TEXT NOT NULL,
    filled_quantity NUMERIC DEFAULT 0 NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_orders PRIMARY KEY (client_order_id),
    CONSTRAINT ck_orders_status CHECK (status in ('INITIALIZED', 'DENIED', 'SUBMITTED', 'UNKNOWN', 'ACCEPTED', 'TRIGGERED', 'PARTIALLY_FILLED', 'PENDING_UPDATE', 'PENDING_CANCEL', 'FILLED', 'CANCELED', 'REJECTED', 'EXPIRED'))
);

COMMENT ON TABLE trading.orders IS 'State of every order; never goes back';

COMMENT ON COLUMN trading.orders.reason IS 'why it was denied, canceled or rejected';

CREATE TABLE research.optimizer_tasks (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    task_key TEXT NOT NULL,
    strategy_version_id BIGINT NOT NULL,
    strategy TEXT NOT NULL,
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    searcher TEXT NOT NULL,
    objective TEXT NOT NULL,
    seed BIGINT NOT NULL,
    window_start TIMESTAMP WITH TIME ZONE NOT NULL,
    window_end TIMESTAMP WITH TIME ZONE NOT NULL,
    settings JSONB NOT NULL,
    trigger TEXT NOT NULL,
    status TEXT NOT NULL,
    error TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_optimizer_tasks PRIMARY KEY (id),
    CONSTRAINT ck_optimizer_tasks_status CHECK (status in ('pending', 'running', 'done', 'failed')),
    CONSTRAINT uq_optimizer_tasks_task_key UNIQUE (task_key),
    CONSTRAINT fk_optimizer_tasks_strategy_version_id_strategy_versions FOREIGN KEY(strategy_version_id) REFERENCES research.strategy_versions (id)
);

COMMENT ON TABLE research.optimizer_tasks IS 'One walk-forward of one strategy on one symbol and timeframe';

COMMENT ON COLUMN research.optimizer_tasks.task_key IS 'digest of everything that decides the result: same key, same work';

COMMENT ON COLUMN research.optimizer_tasks.trigger IS 'why it was started: first start, daily, operator, command line';

CREATE TABLE research.folds (
    task_id BIGINT NOT NULL,
    fold INTEGER NOT NULL,
    train_start TIMESTAMP WITH TIME ZONE NOT NULL,
    train_end TIMESTAMP WITH TIME ZONE NOT NULL,
    test_start TIMESTAMP WITH TIME ZONE NOT NULL,
    test_end TIMESTAMP WITH TIME ZONE NOT NULL,
    parameters JSONB NOT NULL,
    train_metrics JSONB NOT NULL,
    test_metrics JSONB NOT NULL,
    result JSONB NOT NULL,
    CONSTRAINT pk_folds PRIMARY KEY (task_id, fold),
    CONSTRAINT fk_folds_task_id_optimizer_tasks FOREIGN KEY(task_id) REFERENCES research.optimizer_tasks (id) ON DELETE CASCADE
);

COMMENT ON TABLE research.folds IS 'Finished folds; a task that was interrupted goes on behind the last one';

COMMENT ON COLUMN research.folds.parameters IS 'best in-sample parameters';

COMMENT ON COLUMN research.folds.result IS 'out-of-sample daily returns and trades, for stitching after a restart';

CREATE TABLE research.trials (
    task_id BIGINT NOT NULL,
    fold INTEGER NOT NULL,
    trial INTEGER NOT NULL,
    parameters JSONB NOT NULL,
    objective DOUBLE PRECISION,
    CONSTRAINT pk_trials PRIMARY KEY (task_id, fold, trial),
    CONSTRAINT fk_trials_task_id_optimizer_tasks FOREIGN KEY(task_id) REFERENCES research.optimizer_tasks (id) ON DELETE CASCADE
);

COMMENT ON TABLE research.trials IS 'Every parameter set that was tried in-sample';

CREATE TABLE research.out_of_sample_returns (
    task_id BIGINT NOT NULL,
    day DATE NOT NULL,
    fold INTEGER NOT NULL,
    daily_return DOUBLE PRECISION NOT NULL,
    equity DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_out_of_sample_returns PRIMARY KEY (task_id, day),
    CONSTRAINT fk_out_of_sample_returns_task_id_optimizer_tasks FOREIGN KEY(task_id) REFERENCES research.optimizer_tasks (id) ON DELETE CASCADE
);

COMMENT ON TABLE research.out_of_sample_returns IS 'Stitched out-of-sample equity, one row a UTC day, starting at 1';

CREATE TABLE research.verdicts (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    task_id BIGINT NOT NULL,
    strategy_version_id BIGINT NOT NULL,
    strategy TEXT NOT NULL,
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    parameters JSONB NOT NULL,
    in_sample JSONB NOT NULL,
    out_of_sample JSONB NOT NULL,
    gates JSONB NOT NULL,
    paper_passed BOOLEAN NOT NULL,
    capital_passed BOOLEAN NOT NULL,
    decision TEXT NOT NULL,
    reasons JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_verdicts PRIMARY KEY (id),
    CONSTRAINT ck_verdicts_decision CHECK (decision in ('candidate', 'admitted', 'rejected')),
    CONSTRAINT uq_verdicts_task_id UNIQUE (task_id),
    CONSTRAINT fk_verdicts_task_id_optimizer_tasks FOREIGN KEY(task_id) REFERENCES research.optimizer_tasks (id) ON DELETE CASCADE,
    CONSTRAINT fk_verdicts_strategy_version_id_strategy_versions FOREIGN KEY(strategy_version_id) REFERENCES research.strategy_versions (id)
);

COMMENT ON TABLE research.verdicts IS 'What a walk-forward proved, gate by gate';

COMMENT ON COLUMN research.verdicts.parameters IS 'final fit on the newest window: what would be deployed';

COMMENT ON COLUMN research.verdicts.gates IS 'list of name, value, threshold, passed, gate (paper or capital), detail';

COMMENT ON COLUMN research.verdicts.decision IS 'candidate until the paper screen has decided: then admitted or rejected';

COMMENT ON COLUMN research.verdicts.reasons IS 'one sentence for each gate that failed';

CREATE TABLE trading.deployments (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    account_id BIGINT NOT NULL,
    strategy_version_id BIGINT NOT NULL,
    verdict_id BIGINT,
    strategy TEXT NOT NULL,
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    execution_timeframe TEXT NOT NULL,
    parameters JSONB NOT NULL,
    settings JSONB NOT NULL,
    stage TEXT NOT NULL,
    capital NUMERIC NOT NULL,
    history_start TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    stage_changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_deployments PRIMARY KEY (id),
    CONSTRAINT ck_deployments_stage CHECK (stage in ('candidate', 'paper', 'shadow', 'canary', 'live', 'cooling', 'retired', 'rejected', 'rolled_back')),
    CONSTRAINT fk_deployments_account_id_accounts FOREIGN KEY(account_id) REFERENCES trading.accounts (id),
    CONSTRAINT fk_deployments_strategy_version_id_strategy_versions FOREIGN KEY(strategy_version_id) REFERENCES research.strategy_versions (id),
    CONSTRAINT fk_deployments_verdict_id_verdicts FOREIGN KEY(verdict_id) REFERENCES research.verdicts (id)
);

CREATE UNIQUE INDEX uq_deployments_traded ON trading.deployments (strategy, exchange, symbol, timeframe) WHERE stage in ('paper', 'shadow', 'canary', 'live');

COMMENT ON TABLE trading.deployments IS 'Strategy version x instrument x capital: what the runner trades';

COMMENT ON COLUMN trading.deployments.timeframe IS 'the strategy''s bars';

COMMENT ON COLUMN trading.deployments.execution_timeframe IS 'the bars on which fills and stops are decided';

COMMENT ON COLUMN trading.deployments.settings IS 'costs, sizing and limits in force for this deployment';

COMMENT ON COLUMN trading.deployments.history_start IS 'first bar the strategy sees: fixed, so that a restart decides the same';

CREATE TABLE trading.signals (
    deployment_id BIGINT NOT NULL,
    bar_close TIMESTAMP WITH TIME ZONE NOT NULL,
    target DOUBLE PRECISION NOT NULL,
    price DOUBLE PRECISION NOT NULL,
    decision JSONB NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_signals PRIMARY KEY (deployment_id, bar_close),
    CONSTRAINT fk_signals_deployment_id_deployments FOREIGN KEY(deployment_id) REFERENCES trading.deployments (id)
);

COMMENT ON TABLE trading.signals IS 'Every decision, also the ones without an order';

COMMENT ON COLUMN trading.signals.bar_close IS 'close time of the bar that was decided on';

COMMENT ON COLUMN trading.signals.decision IS 'each step: target, size, risk verdict, order or why none';

CREATE TABLE trading.intents (
    client_order_id TEXT NOT NULL,
    deployment_id BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity NUMERIC NOT NULL,
    order_type TEXT NOT NULL,
    purpose TEXT NOT NULL,
    bar_close TIMESTAMP WITH TIME ZONE NOT NULL,
    committed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_intents PRIMARY KEY (client_order_id),
    CONSTRAINT ck_intents_side CHECK (side in ('buy', 'sell')),
    CONSTRAINT ck_intents_quantity CHECK (quantity > 0),
    CONSTRAINT uq_intents_deployment_id_bar_close_purpose UNIQUE (deployment_id, bar_close, purpose),
    CONSTRAINT fk_intents_deployment_id_deployments FOREIGN KEY(deployment_id) REFERENCES trading.deployments (id),
    CONSTRAINT fk_intents_epoch_epochs FOREIGN KEY(epoch) REFERENCES trading.epochs (id)
);

COMMENT ON TABLE trading.intents IS 'What the runner meant to do, committed before it was done';

COMMENT ON COLUMN trading.intents.purpose IS 'target, stop or flatten';

COMMENT ON COLUMN trading.intents.committed_at IS 'stamped before the order is handed to the broker';

CREATE TABLE trading.fills (
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,
    trade_id TEXT NOT NULL,
    client_order_id TEXT,
    deployment_id BIGINT NOT NULL,
    side TEXT NOT NULL,
    quantity NUMERIC NOT NULL,
    price NUMERIC NOT NULL,
    fee NUMERIC NOT NULL,
    reason TEXT NOT NULL,
    ts TIMESTAMP WITH TIME ZONE NOT NULL,
    booked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_fills PRIMARY KEY (venue, symbol, trade_id),
    CONSTRAINT ck_fills_side CHECK (side in ('buy', 'sell')),
    CONSTRAINT ck_fills_quantity CHECK (quantity > 0),
    CONSTRAINT fk_fills_deployment_id_deployments FOREIGN KEY(deployment_id) REFERENCES trading.deployments (id)
);

COMMENT ON TABLE trading.fills IS 'Fills, booked once';

COMMENT ON COLUMN trading.fills.client_order_id IS 'null for a fill without an intent: a stop of the paper venue';

COMMENT ON COLUMN trading.fills.reason IS 'target, hard_stop, liquidation, flatten';

COMMENT ON COLUMN trading.fills.ts IS 'time of the bar or trade that filled it';

CREATE TABLE trading.income (
    deployment_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    ts TIMESTAMP WITH TIME ZONE NOT NULL,
    amount NUMERIC NOT NULL,
    CONSTRAINT pk_income PRIMARY KEY (deployment_id, kind, ts),
    CONSTRAINT fk_income_deployment_id_deployments FOREIGN KEY(deployment_id) REFERENCES trading.deployments (id)
);

COMMENT ON TABLE trading.income IS 'Cash changes that are not fills';

COMMENT ON COLUMN trading.income.kind IS 'funding';

COMMENT ON COLUMN trading.income.amount IS 'quote; positive when received';

CREATE TABLE trading.positions (
    deployment_id BIGINT NOT NULL,
    symbol TEXT NOT NULL,
    quantity NUMERIC NOT NULL,
    entry_price NUMERIC NOT NULL,
    realized_pnl NUMERIC NOT NULL,
    stop_price NUMERIC,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_positions PRIMARY KEY (deployment_id, symbol),
    CONSTRAINT fk_positions_deployment_id_deployments FOREIGN KEY(deployment_id) REFERENCES trading.deployments (id)
);

COMMENT ON TABLE trading.positions IS 'Position of each virtual book; always the sum of its fills';

COMMENT ON COLUMN trading.positions.quantity IS 'base, signed';

COMMENT ON COLUMN trading.positions.realized_pnl IS 'quote, before fees and funding';

CREATE TABLE trading.checkpoints (
    deployment_id BIGINT NOT NULL,
    bar_close TIMESTAMP WITH TIME ZONE NOT NULL,
    state JSONB NOT NULL,
    epoch BIGINT NOT NULL,
    saved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_checkpoints PRIMARY KEY (deployment_id),
    CONSTRAINT fk_checkpoints_deployment_id_deployments FOREIGN KEY(deployment_id) REFERENCES trading.deployments (id),
    CONSTRAINT fk_checkpoints_epoch_epochs FOREIGN KEY(epoch) REFERENCES trading.epochs (id)
);

COMMENT ON TABLE trading.checkpoints IS 'State from which a restart goes on, written in the transaction that books the bar';

COMMENT ON COLUMN trading.checkpoints.bar_close IS 'close of the last execution bar that was booked';

COMMENT ON COLUMN trading.checkpoints.state IS 'the broker''s state, floats to the last digit';

CREATE TABLE trading.equity (
    deployment_id BIGINT NOT NULL,
    ts TIMESTAMP WITH TIME ZONE NOT NULL,
    cash DOUBLE PRECISION NOT NULL,
    position DOUBLE PRECISION NOT NULL,
    price DOUBLE PRECISION NOT NULL,
    equity DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_equity PRIMARY KEY (deployment_id, ts),
    CONSTRAINT fk_equity_deployment_id_deployments FOREIGN KEY(deployment_id) REFERENCES trading.deployments (id)
);

COMMENT ON TABLE trading.equity IS 'Equity of each deployment at every execution bar''s close';

COMMENT ON COLUMN trading.equity.ts IS 'close of the execution bar';

CREATE TABLE trading.performance_metrics (
    deployment_id BIGINT NOT NULL,
    scored_at TIMESTAMP WITH TIME ZONE NOT NULL,
    days INTEGER NOT NULL,
    metrics JSONB NOT NULL,
    CONSTRAINT pk_performance_metrics PRIMARY KEY (deployment_id, scored_at),
    CONSTRAINT fk_performance_metrics_deployment_id_deployments FOREIGN KEY(deployment_id) REFERENCES trading.deployments (id)
);

COMMENT ON TABLE trading.performance_metrics IS 'Scorecards';
