CREATE TABLE trading.allocation_plans (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    account_id BIGINT NOT NULL,
    day DATE NOT NULL,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    rule TEXT,
    reason TEXT NOT NULL,
    equity NUMERIC,
    volatility DOUBLE PRECISION,
    scale DOUBLE PRECISION,
    shrinkage DOUBLE PRECISION,
    settings JSONB NOT NULL,
    actor TEXT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    undoes BIGINT,
    CONSTRAINT pk_allocation_plans PRIMARY KEY (id),
    CONSTRAINT ck_allocation_plans_kind CHECK (kind in ('daily', 'asked', 'undo')),
    CONSTRAINT ck_allocation_plans_outcome CHECK (outcome in ('proposed', 'applied', 'refused')),
    CONSTRAINT ck_allocation_plans_rule CHECK (rule in ('no_deployments', 'account_halted', 'no_equity', 'account_below_one_lot', 'weights_sum_to_nothing')),
    CONSTRAINT ck_allocation_plans_refused CHECK ((outcome = 'refused') = (rule is not null)),
    CONSTRAINT ck_allocation_plans_undo CHECK ((kind = 'undo') = (undoes is not null)),
    CONSTRAINT fk_allocation_plans_account_id_accounts FOREIGN KEY(account_id) REFERENCES trading.accounts (id),
    CONSTRAINT uq_allocation_plans_undoes UNIQUE (undoes),
    CONSTRAINT fk_allocation_plans_undoes_allocation_plans FOREIGN KEY(undoes) REFERENCES trading.allocation_plans (id)
);

COMMENT ON TABLE trading.allocation_plans IS 'Plans of the allocation, one account each; rows stay as they are';

COMMENT ON COLUMN trading.allocation_plans.day IS 'UTC day that it is for';

COMMENT ON COLUMN trading.allocation_plans.kind IS 'daily, asked (by a person), undo (of another plan)';

COMMENT ON COLUMN trading.allocation_plans.outcome IS 'proposed: a person must ask for it; applied; refused: nothing was changed';

COMMENT ON COLUMN trading.allocation_plans.rule IS 'why it is refused; null where it is not';

COMMENT ON COLUMN trading.allocation_plans.reason IS 'one sentence';

COMMENT ON COLUMN trading.allocation_plans.equity IS 'of the account, quote; null where it is not known';

COMMENT ON COLUMN trading.allocation_plans.volatility IS 'of all targets together, a fraction a year; null without any';

COMMENT ON COLUMN trading.allocation_plans.scale IS 'factor on the risk shares';

COMMENT ON COLUMN trading.allocation_plans.shrinkage IS 'how far correlations were drawn to none; null where none are known';

COMMENT ON COLUMN trading.allocation_plans.settings IS 'bounds in force';

COMMENT ON COLUMN trading.allocation_plans.undoes IS 'plan that was taken back by it';

CREATE TABLE trading.allocation_rows (
    plan_id BIGINT NOT NULL,
    deployment_id BIGINT NOT NULL,
    stage TEXT NOT NULL,
    actual DOUBLE PRECISION NOT NULL,
    target DOUBLE PRECISION NOT NULL,
    weight DOUBLE PRECISION NOT NULL,
    capital_before NUMERIC NOT NULL,
    capital NUMERIC NOT NULL,
    bound TEXT,
    reason TEXT NOT NULL,
    detail JSONB NOT NULL,
    CONSTRAINT pk_allocation_rows PRIMARY KEY (plan_id, deployment_id),
    CONSTRAINT ck_allocation_rows_bound CHECK (bound in ('risk', 'kelly', 'max_weight', 'max_gross', 'max_net', 'max_symbol', 'max_exchange', 'mirror', 'no_volatility', 'below_one_lot', 'held_back')),
    CONSTRAINT ck_allocation_rows_capital CHECK (capital >= 0),
    CONSTRAINT fk_allocation_rows_plan_id_allocation_plans FOREIGN KEY(plan_id) REFERENCES trading.allocation_plans (id),
    CONSTRAINT fk_allocation_rows_deployment_id_deployments FOREIGN KEY(deployment_id) REFERENCES trading.deployments (id)
);

COMMENT ON TABLE trading.allocation_rows IS 'What a plan says of each deployment: target against actual, with the reason';

COMMENT ON COLUMN trading.allocation_rows.stage IS 'when it was planned';

COMMENT ON COLUMN trading.allocation_rows.actual IS 'notional at full target over the account''s equity';

COMMENT ON COLUMN trading.allocation_rows.target IS 'the same as it should be';

COMMENT ON COLUMN trading.allocation_rows.weight IS 'the same on the way there: up in steps, down at once';

COMMENT ON COLUMN trading.allocation_rows.capital_before IS 'quote';

COMMENT ON COLUMN trading.allocation_rows.capital IS 'quote, by this plan';

COMMENT ON COLUMN trading.allocation_rows.bound IS 'what decided the target; null of an undo';

COMMENT ON COLUMN trading.allocation_rows.reason IS 'one sentence';

COMMENT ON COLUMN trading.allocation_rows.detail IS 'idea, share of the risk, tilts, and what the record says';

-- What was planned, and why, is what an undo and a replay go by: no statement changes it afterwards.
CREATE FUNCTION trading.refuse_change_of_plans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = 'plans of the allocation stay as they are: ' || lower(tg_op) || ' is refused',
        ERRCODE = 'check_violation', CONSTRAINT = 'allocation_plans_stay';
END $$;

CREATE TRIGGER allocation_plans_stay BEFORE UPDATE OR DELETE ON trading.allocation_plans
    FOR EACH ROW EXECUTE FUNCTION trading.refuse_change_of_plans();

CREATE TRIGGER allocation_plans_all_stay BEFORE TRUNCATE ON trading.allocation_plans
    FOR EACH STATEMENT EXECUTE FUNCTION trading.refuse_change_of_plans();

CREATE TRIGGER allocation_rows_stay BEFORE UPDATE OR DELETE ON trading.allocation_rows
    FOR EACH ROW EXECUTE FUNCTION trading.refuse_change_of_plans();

CREATE TRIGGER allocation_rows_all_stay BEFORE TRUNCATE ON trading.allocation_rows
    FOR EACH STATEMENT EXECUTE FUNCTION trading.refuse_change_of_plans();
