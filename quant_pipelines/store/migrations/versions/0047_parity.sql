CREATE TABLE trading.parity_days (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    deployment_id BIGINT NOT NULL,
    day DATE NOT NULL,
    kernel_digest TEXT NOT NULL,
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL,
    actual NUMERIC,
    replayed NUMERIC,
    rest NUMERIC,
    allowed NUMERIC,
    n_fills INTEGER NOT NULL,
    n_replayed INTEGER NOT NULL,
    to_the_bit BOOLEAN NOT NULL,
    another JSONB NOT NULL,
    compared_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_parity_days PRIMARY KEY (id),
    CONSTRAINT fk_parity_days_deployment_id_deployments FOREIGN KEY (deployment_id) REFERENCES trading.deployments (id)
);

-- What could not be replayed may be later; any other verdict stands.
CREATE UNIQUE INDEX uq_parity_days_day ON trading.parity_days (deployment_id, day, kernel_digest, (verdict = 'not replayed'));

COMMENT ON TABLE trading.parity_days IS 'Each day of a deployment beside its replay; a row never changes and never goes';

COMMENT ON COLUMN trading.parity_days.day IS 'UTC';

COMMENT ON COLUMN trading.parity_days.kernel_digest IS 'of the compiled sources that replayed it';

COMMENT ON COLUMN trading.parity_days.verdict IS 'equal, explained, unexplained, decided otherwise, not replayed, not replayable';

COMMENT ON COLUMN trading.parity_days.reason IS 'why it was not replayed, or what is wrong; empty when nothing is';

COMMENT ON COLUMN trading.parity_days.actual IS 'what fills and payments brought by the end of the day, quote';

COMMENT ON COLUMN trading.parity_days.replayed IS 'the same of the replay';

COMMENT ON COLUMN trading.parity_days.rest IS 'what no cause explains, quote';

COMMENT ON COLUMN trading.parity_days.allowed IS 'most of the rest that is no fault, quote';

COMMENT ON COLUMN trading.parity_days.to_the_bit IS 'whether the equity of each bar was the replay''s';

COMMENT ON COLUMN trading.parity_days.another IS 'decisions that came out otherwise: close, runner, replay';

CREATE TABLE trading.parity_causes (
    parity_day_id BIGINT NOT NULL,
    cause TEXT NOT NULL,
    amount NUMERIC NOT NULL,
    CONSTRAINT pk_parity_causes PRIMARY KEY (parity_day_id, cause),
    CONSTRAINT fk_parity_causes_parity_day_id_parity_days FOREIGN KEY (parity_day_id) REFERENCES trading.parity_days (id)
);

COMMENT ON TABLE trading.parity_causes IS 'What explains the difference of a day; with the rest they sum to it exactly';

COMMENT ON COLUMN trading.parity_causes.amount IS 'what the runner earned more by it, quote';

-- What was found about a day stopped or demoted a deployment: no statement changes it afterwards.
CREATE FUNCTION trading.refuse_another_comparison() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = 'compared days never change: ' || lower(tg_op) || ' is refused',
        ERRCODE = 'check_violation', CONSTRAINT = 'parity_days_stay';
END $$;

CREATE TRIGGER parity_days_stay BEFORE UPDATE OR DELETE ON trading.parity_days
    FOR EACH ROW EXECUTE FUNCTION trading.refuse_another_comparison();

CREATE TRIGGER parity_days_all_stay BEFORE TRUNCATE ON trading.parity_days
    FOR EACH STATEMENT EXECUTE FUNCTION trading.refuse_another_comparison();

CREATE TRIGGER parity_causes_stay BEFORE UPDATE OR DELETE ON trading.parity_causes
    FOR EACH ROW EXECUTE FUNCTION trading.refuse_another_comparison();

CREATE TRIGGER parity_causes_all_stay BEFORE TRUNCATE ON trading.parity_causes
    FOR EACH STATEMENT EXECUTE FUNCTION trading.refuse_another_comparison();
