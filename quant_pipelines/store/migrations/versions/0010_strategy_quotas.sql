CREATE TABLE trading.strategy_quotas (
    strategy TEXT NOT NULL,
    name TEXT NOT NULL,
    value NUMERIC NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_by TEXT NOT NULL,
    CONSTRAINT pk_strategy_quotas PRIMARY KEY (strategy, name)
);

COMMENT ON TABLE trading.strategy_quotas IS 'Limits of every deployment of a strategy, each on its own; the tightest of all limits wins';

COMMENT ON COLUMN trading.strategy_quotas.name IS 'as in risk_limits';
