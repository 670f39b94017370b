CREATE TABLE market.fetched_days (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    day DATE NOT NULL,
    bars INTEGER NOT NULL,
    fetched_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_fetched_days PRIMARY KEY (exchange, symbol, timeframe, day)
);

COMMENT ON TABLE market.fetched_days IS 'UTC days that the exchange was asked for; a backfill skips those that were over by then';

COMMENT ON COLUMN market.fetched_days.bars IS 'bars stored afterwards';

COMMENT ON COLUMN market.fetched_days.fetched_at IS 'when the exchange was asked';
