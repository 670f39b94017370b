ALTER TABLE trading.deployments ADD COLUMN challenges BIGINT;

ALTER TABLE trading.deployments ADD CONSTRAINT fk_deployments_challenges_deployments FOREIGN KEY(challenges) REFERENCES trading.deployments (id);

COMMENT ON COLUMN trading.deployments.challenges IS 'incumbent whose place it is tried for; null for what trades its unit';

DROP INDEX trading.uq_deployments_traded;

CREATE UNIQUE INDEX uq_deployments_traded ON trading.deployments (strategy, exchange, symbol, timeframe)
    WHERE stage in ('paper', 'shadow', 'canary', 'live') and challenges is null;

CREATE UNIQUE INDEX uq_deployments_challenger ON trading.deployments (challenges)
    WHERE stage in ('paper', 'shadow', 'canary', 'live') and challenges is not null;

CREATE TABLE trading.challenges (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    incumbent_id BIGINT NOT NULL,
    first_id BIGINT NOT NULL,
    canary_id BIGINT,
    kind TEXT NOT NULL,
    capital NUMERIC NOT NULL,
    checks JSONB NOT NULL,
    bands JSONB,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    outcome TEXT,
    reason TEXT,
    numbers JSONB,
    CONSTRAINT pk_challenges PRIMARY KEY (id),
    CONSTRAINT uq_challenges_first_id UNIQUE (first_id),
    CONSTRAINT uq_challenges_canary_id UNIQUE (canary_id),
    CONSTRAINT ck_challenges_kind CHECK (kind in ('parameters', 'version')),
    CONSTRAINT ck_challenges_outcome CHECK (outcome in ('replaced', 'rolled_back')),
    CONSTRAINT ck_challenges_end CHECK ((ended_at is null) = (outcome is null)),
    CONSTRAINT fk_challenges_incumbent_id_deployments FOREIGN KEY(incumbent_id) REFERENCES trading.deployments (id),
    CONSTRAINT fk_challenges_first_id_deployments FOREIGN KEY(first_id) REFERENCES trading.deployments (id),
    CONSTRAINT fk_challenges_canary_id_deployments FOREIGN KEY(canary_id) REFERENCES trading.deployments (id)
);

CREATE INDEX ix_challenges_incumbent_id ON trading.challenges (incumbent_id);

COMMENT ON TABLE trading.challenges IS 'Challengers of what trades, from the verdict to the end';

COMMENT ON COLUMN trading.challenges.first_id IS 'challenger on paper';

COMMENT ON COLUMN trading.challenges.canary_id IS 'challenger at the venue';

COMMENT ON COLUMN trading.challenges.kind IS 'parameters (of the same version) or version';

COMMENT ON COLUMN trading.challenges.capital IS 'quote: what the incumbent had, and gets back';

COMMENT ON COLUMN trading.challenges.checks IS 'risk validation: name and fault, empty where it passed';

COMMENT ON COLUMN trading.challenges.bands IS 'fixed before it started; null where its record promises none';

COMMENT ON COLUMN trading.challenges.numbers IS 'what the end was decided on';
