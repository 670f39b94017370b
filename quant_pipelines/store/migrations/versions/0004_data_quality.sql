CREATE TABLE market.bar_confirmations (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    ts TIMESTAMP WITH TIME ZONE NOT NULL,
    kind TEXT NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_bar_confirmations PRIMARY KEY (exchange, symbol, timeframe, ts),
    CONSTRAINT ck_bar_confirmations_kind CHECK (kind in ('missing', 'as_stored'))
);

COMMENT ON TABLE market.bar_confirmations IS 'What the exchange confirmed when it was asked again: known faults are not reported again';

COMMENT ON COLUMN market.bar_confirmations.kind IS 'missing (the bar never existed) or as_stored (the bar is odd, and true)';

CREATE TABLE market.bar_revisions (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    ts TIMESTAMP WITH TIME ZONE NOT NULL,
    cause TEXT NOT NULL,
    old JSONB NOT NULL,
    new JSONB NOT NULL,
    revised_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_bar_revisions PRIMARY KEY (id),
    CONSTRAINT ck_bar_revisions_cause CHECK (cause in ('venue', 'repair'))
);

CREATE INDEX ix_bar_revisions_exchange_symbol_timeframe_ts ON market.bar_revisions (exchange, symbol, timeframe, ts);

COMMENT ON TABLE market.bar_revisions IS 'Prices and volumes of closed bars that changed, before and after';

COMMENT ON COLUMN market.bar_revisions.ts IS 'open time of the bar';

COMMENT ON COLUMN market.bar_revisions.cause IS 'venue (it answered differently later) or repair (we stored it wrong)';

ALTER TABLE market.data_findings ADD COLUMN attempts INTEGER DEFAULT 0 NOT NULL;

COMMENT ON COLUMN market.data_findings.attempts IS 'repairs that were tried without success';

ALTER TABLE market.data_findings ADD COLUMN resolution TEXT;

COMMENT ON COLUMN market.data_findings.resolution IS 'gone, repaired, never existed, or confirmed';
