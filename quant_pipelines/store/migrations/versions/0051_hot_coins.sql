CREATE TABLE market.circulating_supplies (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    supply DOUBLE PRECISION NOT NULL,
    source TEXT NOT NULL,
    recorded_by TEXT NOT NULL,
    CONSTRAINT pk_circulating_supplies PRIMARY KEY (exchange, symbol, recorded_at),
    CONSTRAINT ck_circulating_supplies_supply CHECK (supply > 0 and supply < 'infinity')
);

COMMENT ON TABLE market.circulating_supplies IS 'Coins in circulation as people record them; a coin without a row has no market cap';

COMMENT ON COLUMN market.circulating_supplies.recorded_at IS 'since when it is known here';

COMMENT ON COLUMN market.circulating_supplies.supply IS 'coins in circulation, base units of the contract';

COMMENT ON COLUMN market.circulating_supplies.source IS 'where the number is from, in words';

CREATE TABLE market.hot_exclusions (
    scored_at TIMESTAMP WITH TIME ZONE NOT NULL,
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    filter TEXT NOT NULL,
    sentence TEXT NOT NULL,
    CONSTRAINT pk_hot_exclusions PRIMARY KEY (scored_at, exchange, symbol, filter)
);

COMMENT ON TABLE market.hot_exclusions IS 'Symbols of the universe that a filter left out of a scan';

COMMENT ON COLUMN market.hot_exclusions.sentence IS 'what was seen, and what was expected';

CREATE TABLE market.hot_weights (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    exchange TEXT NOT NULL,
    factor TEXT NOT NULL,
    weight DOUBLE PRECISION NOT NULL,
    cause TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_hot_weights PRIMARY KEY (id),
    CONSTRAINT ck_hot_weights_cause CHECK (cause in ('person', 'measured')),
    CONSTRAINT ck_hot_weights_weight CHECK (weight between 0 and 1000)
);

CREATE INDEX ix_hot_weights_exchange_factor_id ON market.hot_weights (exchange, factor, id);

COMMENT ON TABLE market.hot_weights IS 'Weights of the hot score: of each factor the newest row is in force; rows stay as they are';

COMMENT ON COLUMN market.hot_weights.cause IS 'person, or measured (moved by its usefulness, within bounds around a person''s)';

COMMENT ON COLUMN market.hot_weights.reason IS 'one sentence';

CREATE TABLE market.hot_usefulness (
    exchange TEXT NOT NULL,
    measured_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ranking TEXT NOT NULL,
    target TEXT NOT NULL,
    horizon_hours INTEGER NOT NULL,
    hours INTEGER NOT NULL,
    blocks INTEGER NOT NULL,
    coefficient DOUBLE PRECISION,
    low DOUBLE PRECISION,
    high DOUBLE PRECISION,
    shuffled_low DOUBLE PRECISION,
    shuffled_high DOUBLE PRECISION,
    p_value DOUBLE PRECISION,
    claim TEXT NOT NULL,
    CONSTRAINT pk_hot_usefulness PRIMARY KEY (exchange, measured_at, ranking, target, horizon_hours),
    CONSTRAINT ck_hot_usefulness_target CHECK (target in ('return', 'size')),
    CONSTRAINT ck_hot_usefulness_claim CHECK (claim in ('useful', 'misleading', 'none', 'too_few'))
);

COMMENT ON TABLE market.hot_usefulness IS 'How rankings of past hours went with what came after them; rows stay as they are';

COMMENT ON COLUMN market.hot_usefulness.ranking IS 'score, or the name of a factor';

COMMENT ON COLUMN market.hot_usefulness.target IS 'return, or size (without the sign)';

COMMENT ON COLUMN market.hot_usefulness.hours IS 'scans whose returns are known';

COMMENT ON COLUMN market.hot_usefulness.blocks IS 'stretches of time that hardly share a return';

COMMENT ON COLUMN market.hot_usefulness.coefficient IS 'mean rank correlation; null without any';

COMMENT ON COLUMN market.hot_usefulness.low IS 'of its interval; null where there are too few blocks';

COMMENT ON COLUMN market.hot_usefulness.shuffled_low IS '2.5th percentile of shuffled rankings; null where not shuffled';

COMMENT ON COLUMN market.hot_usefulness.p_value IS 'share of shuffled rankings that are as far from 0';

COMMENT ON COLUMN market.hot_usefulness.claim IS 'useful, misleading, none, or too_few blocks for any';

CREATE TABLE market.whitelist_exits (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    left_at TIMESTAMP WITH TIME ZONE NOT NULL,
    left_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    CONSTRAINT pk_whitelist_exits PRIMARY KEY (exchange, symbol, left_at)
);

COMMENT ON TABLE market.whitelist_exits IS 'Symbols that a person took off the whitelist, once nothing traded them any more';

ALTER TABLE market.whitelist
    ADD COLUMN leaving_since TIMESTAMP WITH TIME ZONE,
    ADD COLUMN leaving_by TEXT,
    ADD COLUMN leaving_reason TEXT,
    ADD CONSTRAINT ck_whitelist_leaving CHECK (num_nulls(leaving_since, leaving_by, leaving_reason) in (0, 3));

COMMENT ON COLUMN market.whitelist.leaving_since IS 'when a person took it off; it goes once it is flat';

COMMENT ON TABLE market.hotlist IS 'Hot scores of what the filters leave of the universe, as of each scan; they never change';

CREATE FUNCTION market.keep_hot_scores() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (new.score, new.rank, new.factors, new.flags) IS DISTINCT FROM (old.score, old.rank, old.factors, old.flags)
        OR (old.labels <> '{}' AND new.labels <> old.labels) THEN
        RAISE EXCEPTION USING MESSAGE = 'a hot score stays as it was told: another one of ' || old.symbol || ' is refused',
            ERRCODE = 'check_violation', CONSTRAINT = 'hot_scores_stay';
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER hot_scores_stay BEFORE UPDATE ON market.hotlist
    FOR EACH ROW EXECUTE FUNCTION market.keep_hot_scores();
