ALTER TABLE trading.deployments ADD COLUMN rests_until TIMESTAMP WITH TIME ZONE;

COMMENT ON COLUMN trading.deployments.rests_until IS 'when a culled one goes back to paper by itself';

ALTER TABLE trading.deployments ADD CONSTRAINT ck_deployments_rests CHECK (rests_until is null or stage = 'cooling');
