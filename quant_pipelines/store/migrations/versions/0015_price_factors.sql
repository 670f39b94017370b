CREATE TABLE market.price_factors (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    ts TIMESTAMP WITH TIME ZONE NOT NULL,
    factor DOUBLE PRECISION NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_by TEXT NOT NULL,
    CONSTRAINT pk_price_factors PRIMARY KEY (exchange, symbol, ts),
    CONSTRAINT ck_price_factors_factor CHECK (factor > 0 and factor < 'infinity')
);

COMMENT ON TABLE market.price_factors IS 'Redenominations and splits: from ts on a price is factor times that of the same coin before';

COMMENT ON COLUMN market.price_factors.ts IS 'open time of the first bar of the new scale';

ALTER TABLE market.data_findings ADD COLUMN accepted_at TIMESTAMP WITH TIME ZONE;

COMMENT ON COLUMN market.data_findings.accepted_at IS 'when a person said that the values are right: it blocks no more';
