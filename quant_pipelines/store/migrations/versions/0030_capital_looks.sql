-- Days of before stay without them: of such records only the first null is tested.
ALTER TABLE research.record_days
    ADD COLUMN exposure DOUBLE PRECISION,
    ADD COLUMN holding_return DOUBLE PRECISION;

COMMENT ON COLUMN research.record_days.exposure IS 'signed notional over equity, mean over the day''s bars; null where it is not known';

COMMENT ON COLUMN research.record_days.holding_return IS 'what a long unit of notional earned on this day after funding; null where it is not known';

CREATE TABLE research.capital_looks (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    exchange TEXT NOT NULL,
    year INTEGER NOT NULL,
    look_day DATE NOT NULL,
    first_day DATE NOT NULL,
    n_days INTEGER NOT NULL,
    terms JSONB NOT NULL,
    family_size INTEGER NOT NULL,
    pools INTEGER NOT NULL,
    block INTEGER NOT NULL,
    symbol_block INTEGER NOT NULL,
    alpha_spent DOUBLE PRECISION NOT NULL,
    critical DOUBLE PRECISION,
    spa_p DOUBLE PRECISION NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_capital_looks PRIMARY KEY (id),
    CONSTRAINT uq_capital_looks_exchange_year_n_days UNIQUE (exchange, year, n_days),
    CONSTRAINT uq_capital_looks_exchange_look_day UNIQUE (exchange, look_day),
    CONSTRAINT ck_capital_looks_days CHECK (
        n_days = look_day - first_day + 1 and n_days > 0 and year = extract(year from look_day)
    )
);

COMMENT ON TABLE research.capital_looks IS 'Looks of the capital decision; a row never changes and never goes';

COMMENT ON COLUMN research.capital_looks.year IS 'calendar year, UTC, whose error it spends';

COMMENT ON COLUMN research.capital_looks.look_day IS 'last UTC day that it saw';

COMMENT ON COLUMN research.capital_looks.first_day IS 'first day of its matrix, fixed by the year''s first look';

COMMENT ON COLUMN research.capital_looks.terms IS 'alpha, spending, paths and the rest, fixed by the year''s first look';

COMMENT ON COLUMN research.capital_looks.family_size IS 'records that were asked';

COMMENT ON COLUMN research.capital_looks.block IS 'days of a resampled block of the pools, fixed by the year''s first look';

COMMENT ON COLUMN research.capital_looks.symbol_block IS 'the same of the members inside the pools';

COMMENT ON COLUMN research.capital_looks.alpha_spent IS 'error that was spent by then, of the year''s';

COMMENT ON COLUMN research.capital_looks.critical IS 'lowest critical value of a pool; null where nothing may be spent yet or nobody is tested';

COMMENT ON COLUMN research.capital_looks.spa_p IS 'Hansen''s p value of the best of all members';

CREATE TABLE research.capital_results (
    look_id BIGINT NOT NULL,
    record_id BIGINT NOT NULL,
    strategy TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    symbol TEXT NOT NULL,
    pool TEXT NOT NULL,
    member_id BIGINT NOT NULL,
    first_day DATE NOT NULL,
    is_beyond_tested BOOLEAN NOT NULL,
    passed BOOLEAN NOT NULL,
    pool_passed BOOLEAN NOT NULL,
    decision TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    statistic DOUBLE PRECISION,
    critical DOUBLE PRECISION,
    more_days INTEGER,
    fewest_more_days INTEGER,
    most_more_days INTEGER,
    sharpe DOUBLE PRECISION,
    sharpe_low DOUBLE PRECISION,
    sharpe_high DOUBLE PRECISION,
    CONSTRAINT pk_capital_results PRIMARY KEY (look_id, record_id),
    CONSTRAINT fk_capital_results_look_id_capital_looks FOREIGN KEY (look_id) REFERENCES research.capital_looks (id),
    CONSTRAINT fk_capital_results_record_id_records FOREIGN KEY (record_id) REFERENCES research.records (id),
    CONSTRAINT ck_capital_results_decision CHECK (decision in ('passed', 'refused', 'undecided')),
    CONSTRAINT ck_capital_results_passed CHECK (passed = (decision = 'passed'))
);

CREATE INDEX ix_capital_results_record_id ON research.capital_results (record_id);

COMMENT ON TABLE research.capital_results IS 'What a look said of a record; a row never changes and never goes';

COMMENT ON COLUMN research.capital_results.pool IS 'strategy, timeframe and version whose records are asked together first';

COMMENT ON COLUMN research.capital_results.member_id IS 'lowest record of those that are one member with it: itself, or near-twins';

COMMENT ON COLUMN research.capital_results.first_day IS 'first day of the record that counts in this year';

COMMENT ON COLUMN research.capital_results.is_beyond_tested IS 'whether it was also asked if it beats holding its own average exposure';

COMMENT ON COLUMN research.capital_results.statistic IS 'mean over its standard error; null where it was not tested';

-- What was looked at has spent its error: no statement changes it afterwards.
CREATE FUNCTION research.refuse_another_look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = 'looks never change: ' || lower(tg_op) || ' is refused',
        ERRCODE = 'check_violation', CONSTRAINT = 'capital_looks_stay';
END $$;

CREATE TRIGGER capital_looks_stay BEFORE UPDATE OR DELETE ON research.capital_looks
    FOR EACH ROW EXECUTE FUNCTION research.refuse_another_look();

CREATE TRIGGER capital_looks_all_stay BEFORE TRUNCATE ON research.capital_looks
    FOR EACH STATEMENT EXECUTE FUNCTION research.refuse_another_look();

CREATE TRIGGER capital_results_stay BEFORE UPDATE OR DELETE ON research.capital_results
    FOR EACH ROW EXECUTE FUNCTION research.refuse_another_look();

CREATE TRIGGER capital_results_all_stay BEFORE TRUNCATE ON research.capital_results
    FOR EACH STATEMENT EXECUTE FUNCTION research.refuse_another_look();
