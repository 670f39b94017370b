ALTER TABLE trading.risk_limits ADD COLUMN owner TEXT DEFAULT '' NOT NULL;

ALTER TABLE trading.risk_limits ADD COLUMN reason TEXT DEFAULT '' NOT NULL;

ALTER TABLE trading.risk_limits ADD COLUMN approved_by TEXT;

ALTER TABLE trading.risk_limits ADD COLUMN expires_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE trading.risk_limits ADD COLUMN fallback NUMERIC;

ALTER TABLE trading.risk_limits ADD CONSTRAINT ck_risk_limits_four_eyes CHECK (approved_by is null or lower(btrim(approved_by)) <> lower(btrim(owner)));

UPDATE trading.risk_limits SET owner = updated_by;

COMMENT ON COLUMN trading.risk_limits.owner IS 'who answers for it: who set or proposed it';

COMMENT ON COLUMN trading.risk_limits.approved_by IS 'the second person, of a limit that was loosened; null for one that was tightened';

COMMENT ON COLUMN trading.risk_limits.expires_at IS 'from then on the fallback holds; null: never';

COMMENT ON COLUMN trading.risk_limits.fallback IS 'value before it; null: there was no limit';

ALTER TABLE trading.strategy_quotas ADD COLUMN owner TEXT DEFAULT '' NOT NULL;

ALTER TABLE trading.strategy_quotas ADD COLUMN reason TEXT DEFAULT '' NOT NULL;

ALTER TABLE trading.strategy_quotas ADD COLUMN approved_by TEXT;

ALTER TABLE trading.strategy_quotas ADD COLUMN expires_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE trading.strategy_quotas ADD COLUMN fallback NUMERIC;

ALTER TABLE trading.strategy_quotas ADD CONSTRAINT ck_strategy_quotas_four_eyes CHECK (approved_by is null or lower(btrim(approved_by)) <> lower(btrim(owner)));

UPDATE trading.strategy_quotas SET owner = updated_by;

COMMENT ON COLUMN trading.strategy_quotas.owner IS 'who answers for it: who set or proposed it';

COMMENT ON COLUMN trading.strategy_quotas.approved_by IS 'the second person, of a limit that was loosened; null for one that was tightened';

COMMENT ON COLUMN trading.strategy_quotas.expires_at IS 'from then on the fallback holds; null: never';

COMMENT ON COLUMN trading.strategy_quotas.fallback IS 'value before it; null: there was no limit';
