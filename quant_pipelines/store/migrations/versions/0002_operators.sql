CREATE TABLE research.optimization_requests (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    kind TEXT NOT NULL,
    deployment_id BIGINT,
    strategy TEXT,
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT,
    evidence JSONB NOT NULL,
    status TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_optimization_requests PRIMARY KEY (id),
    CONSTRAINT ck_optimization_requests_kind CHECK (kind in ('performance', 'whitelist')),
    CONSTRAINT ck_optimization_requests_status CHECK (status in ('open', 'done', 'failed'))
);

CREATE UNIQUE INDEX uq_optimization_requests_open_symbol ON research.optimization_requests (exchange, symbol) WHERE status = 'open' and kind = 'whitelist';

CREATE UNIQUE INDEX uq_optimization_requests_open_deployment ON research.optimization_requests (deployment_id) WHERE status = 'open';

COMMENT ON TABLE research.optimization_requests IS 'Optimizations that something asked for; a sensor runs them';

COMMENT ON COLUMN research.optimization_requests.kind IS 'performance (a trigger fired) or whitelist (a symbol was approved)';

COMMENT ON COLUMN research.optimization_requests.deployment_id IS 'whose trigger fired';

COMMENT ON COLUMN research.optimization_requests.strategy IS 'null asks for every strategy';

COMMENT ON COLUMN research.optimization_requests.timeframe IS 'null asks for every timeframe';

COMMENT ON COLUMN research.optimization_requests.evidence IS 'what was measured, and which thresholds it crossed';

CREATE TABLE trading.trigger_states (
    deployment_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    value DOUBLE PRECISION,
    threshold DOUBLE PRECISION NOT NULL,
    is_active BOOLEAN NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    measured_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_trigger_states PRIMARY KEY (deployment_id, name),
    CONSTRAINT fk_trigger_states_deployment_id_deployments FOREIGN KEY(deployment_id) REFERENCES trading.deployments (id)
);

COMMENT ON TABLE trading.trigger_states IS 'Performance triggers of each deployment as of the last look';

COMMENT ON COLUMN trading.trigger_states.value IS 'null while too little is known';

COMMENT ON COLUMN trading.trigger_states.since IS 'when it became active, or calm';

CREATE TABLE ops.approvals (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    subject TEXT NOT NULL,
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    proposer TEXT NOT NULL,
    operator TEXT,
    decision TEXT NOT NULL,
    reason TEXT NOT NULL,
    evidence JSONB NOT NULL,
    proposed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_approvals PRIMARY KEY (id),
    CONSTRAINT ck_approvals_four_eyes CHECK (operator is null or lower(btrim(operator)) <> lower(btrim(proposer))),
    CONSTRAINT ck_approvals_decision CHECK (decision in ('open', 'approved', 'void')),
    CONSTRAINT ck_approvals_approved_by CHECK (decision <> 'approved' or operator is not null)
);

CREATE UNIQUE INDEX uq_approvals_open ON ops.approvals (subject, target) WHERE decision = 'open';

COMMENT ON TABLE ops.approvals IS 'Steps that need two different people';

COMMENT ON COLUMN ops.approvals.subject IS 'what is to be changed, such as deployment:3';

COMMENT ON COLUMN ops.approvals.source IS 'stage when the step was proposed';

COMMENT ON COLUMN ops.approvals.target IS 'stage that the step leads to';

COMMENT ON COLUMN ops.approvals.proposer IS 'the first pair of eyes';

COMMENT ON COLUMN ops.approvals.operator IS 'the second one; null while it is missing';

COMMENT ON COLUMN ops.approvals.decision IS 'open, approved or void (the stage changed in another way)';
