CREATE TABLE trading.capital_changes (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    deployment_id BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    capital NUMERIC NOT NULL,
    capital_before NUMERIC NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    source TEXT NOT NULL,
    CONSTRAINT pk_capital_changes PRIMARY KEY (id),
    CONSTRAINT ck_capital_changes_capital CHECK (capital >= 0),
    CONSTRAINT fk_capital_changes_deployment_id_deployments FOREIGN KEY(deployment_id) REFERENCES trading.deployments (id)
);

CREATE INDEX ix_capital_changes_newest ON trading.capital_changes (deployment_id, id);

COMMENT ON TABLE trading.capital_changes IS 'Changes of the capital of deployments; rows stay as they are';

COMMENT ON COLUMN trading.capital_changes.capital IS 'quote, from then on; the newest row holds';

COMMENT ON COLUMN trading.capital_changes.capital_before IS 'quote, until then';

COMMENT ON COLUMN trading.capital_changes.source IS 'allocation, challenger, operator';

COMMENT ON COLUMN trading.deployments.capital IS 'quote, at first; see capital_changes';

COMMENT ON COLUMN trading.income.kind IS 'funding; insurance: what a liquidation cost besides; transfer: capital, no profit';

-- Who had what, and when, is what a replay pays in: no statement changes it afterwards.
CREATE FUNCTION trading.refuse_change_of_capital() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = 'changes of capital stay as they are: ' || lower(tg_op) || ' is refused',
        ERRCODE = 'check_violation', CONSTRAINT = 'capital_changes_stay';
END $$;

CREATE TRIGGER capital_changes_stay BEFORE UPDATE OR DELETE ON trading.capital_changes
    FOR EACH ROW EXECUTE FUNCTION trading.refuse_change_of_capital();

CREATE TRIGGER capital_changes_all_stay BEFORE TRUNCATE ON trading.capital_changes
    FOR EACH STATEMENT EXECUTE FUNCTION trading.refuse_change_of_capital();
