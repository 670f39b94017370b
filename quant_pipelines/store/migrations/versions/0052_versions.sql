CREATE TABLE trading.version_changes (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    deployment_id BIGINT NOT NULL,
    to_deployment_id BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    source TEXT NOT NULL,
    from_version_id BIGINT NOT NULL,
    from_parameters JSONB NOT NULL,
    from_verdict_id BIGINT,
    to_version_id BIGINT NOT NULL,
    to_parameters JSONB NOT NULL,
    to_verdict_id BIGINT,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    CONSTRAINT pk_version_changes PRIMARY KEY (id),
    CONSTRAINT ck_version_changes_source CHECK (source in ('challenge', 'rollback')),
    CONSTRAINT fk_version_changes_deployment_id_deployments FOREIGN KEY(deployment_id) REFERENCES trading.deployments (id),
    CONSTRAINT fk_version_changes_to_deployment_id_deployments FOREIGN KEY(to_deployment_id) REFERENCES trading.deployments (id),
    CONSTRAINT fk_version_changes_from_version_id_strategy_versions FOREIGN KEY(from_version_id) REFERENCES research.strategy_versions (id),
    CONSTRAINT fk_version_changes_from_verdict_id_verdicts FOREIGN KEY(from_verdict_id) REFERENCES research.verdicts (id),
    CONSTRAINT fk_version_changes_to_version_id_strategy_versions FOREIGN KEY(to_version_id) REFERENCES research.strategy_versions (id),
    CONSTRAINT fk_version_changes_to_verdict_id_verdicts FOREIGN KEY(to_verdict_id) REFERENCES research.verdicts (id)
);

CREATE INDEX ix_version_changes_deployment_id ON trading.version_changes (deployment_id);

CREATE INDEX ix_version_changes_to_deployment_id ON trading.version_changes (to_deployment_id);

COMMENT ON TABLE trading.version_changes IS 'Changes of the version or the parameters that trade a unit; rows stay as they are';

COMMENT ON COLUMN trading.version_changes.to_deployment_id IS 'who trades from then on: itself, where its book goes on';

COMMENT ON COLUMN trading.version_changes.source IS 'challenge, or rollback: a person went back to what was traded before';

CREATE TABLE trading.pins (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    deployment_id BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    ended_by TEXT,
    CONSTRAINT pk_pins PRIMARY KEY (id),
    CONSTRAINT ck_pins_end CHECK ((ended_at is null) = (ended_by is null)),
    CONSTRAINT fk_pins_deployment_id_deployments FOREIGN KEY(deployment_id) REFERENCES trading.deployments (id)
);

CREATE UNIQUE INDEX uq_pins_standing ON trading.pins (deployment_id) WHERE ended_at is null;

COMMENT ON TABLE trading.pins IS 'Deployments that keep their version and parameters until somebody lets them go';
