CREATE TABLE research.backtests (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    backtest_key TEXT NOT NULL,
    strategy TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    kernel_digest TEXT NOT NULL,
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    parameters JSONB NOT NULL,
    settings JSONB NOT NULL,
    first_day DATE NOT NULL,
    last_day DATE NOT NULL,
    capital DOUBLE PRECISION NOT NULL,
    final_equity DOUBLE PRECISION NOT NULL,
    trades INTEGER NOT NULL,
    metrics JSONB NOT NULL,
    daily_returns DOUBLE PRECISION[] NOT NULL,
    run_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_backtests PRIMARY KEY (id),
    CONSTRAINT uq_backtests_backtest_key UNIQUE (backtest_key)
);

COMMENT ON TABLE research.backtests IS 'Backtests that were run on stored market data';

COMMENT ON COLUMN research.backtests.backtest_key IS 'digest of everything that was asked: same key, same row';

COMMENT ON COLUMN research.backtests.symbol IS 'or the name of an instrument set';

COMMENT ON COLUMN research.backtests.settings IS 'rules, stops, funding and the window that was asked for';

COMMENT ON COLUMN research.backtests.run_at IS 'when it last ran';

ALTER TABLE research.verdicts ADD COLUMN reinstated_at TIMESTAMP WITH TIME ZONE;

COMMENT ON COLUMN research.verdicts.reinstated_at IS 'when a person went back to it; it then stands before the verdicts of until then';
