CREATE TABLE market.regimes (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    ts TIMESTAMP WITH TIME ZONE NOT NULL,
    turbulence DOUBLE PRECISION NOT NULL,
    trend DOUBLE PRECISION NOT NULL,
    available_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_regimes PRIMARY KEY (exchange, symbol, ts),
    CONSTRAINT ck_regimes_probable CHECK (turbulence between 0 and 1 and trend between -1 and 1)
);

COMMENT ON TABLE market.regimes IS 'Regime of each symbol, filtered hour by hour; what was told is never told otherwise afterwards';

COMMENT ON COLUMN market.regimes.ts IS 'end of an hour';

COMMENT ON COLUMN market.regimes.turbulence IS 'probability of the turbulent regime';

COMMENT ON COLUMN market.regimes.trend IS 'probability of rising minus that of falling';
