ALTER TABLE research.record_days ADD COLUMN carried JSONB;

COMMENT ON COLUMN research.record_days.carried IS 'how the account stands after this day, for the next one; null within a run, and where flat';
