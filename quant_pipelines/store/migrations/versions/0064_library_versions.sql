ALTER TABLE research.search_rounds ADD COLUMN libraries TEXT[] NOT NULL DEFAULT '{}';
ALTER TABLE research.search_rounds ALTER COLUMN libraries DROP DEFAULT;
ALTER TABLE research.search_units ADD COLUMN busy_since TIMESTAMP WITH TIME ZONE;

COMMENT ON COLUMN research.search_rounds.libraries IS 'name and version of what is computed with';
COMMENT ON COLUMN research.search_rounds.schema_revision IS 'workers of another release are refused: none of the four may differ';
COMMENT ON COLUMN research.search_units.busy_since IS 'so long each worker has found another process at it';
