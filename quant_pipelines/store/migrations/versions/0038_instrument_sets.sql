ALTER TABLE trading.deployments ADD COLUMN set_id BIGINT;

ALTER TABLE trading.deployments ALTER COLUMN stage DROP NOT NULL;

ALTER TABLE trading.deployments ADD CONSTRAINT fk_deployments_set_id_deployments FOREIGN KEY (set_id) REFERENCES trading.deployments (id);

ALTER TABLE trading.deployments ADD CONSTRAINT ck_deployments_leg CHECK ((set_id is null) = (stage is not null));

CREATE INDEX ix_deployments_set_id ON trading.deployments (set_id);

COMMENT ON COLUMN trading.deployments.set_id IS 'of a leg: the set that it is traded in; null for what is traded alone, and for a set';

COMMENT ON COLUMN trading.deployments.stage IS 'null for a leg: it is that of its set';

COMMENT ON COLUMN trading.deployments.symbol IS 'ccxt form; of a set: those of its legs in their order, joined by +';
