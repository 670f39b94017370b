CREATE TABLE research.search_rounds (
    id TEXT NOT NULL CONSTRAINT pk_search_rounds PRIMARY KEY,
    product_version TEXT NOT NULL,
    kernel_digest TEXT NOT NULL,
    schema_revision TEXT NOT NULL,
    worker_megabytes INTEGER NOT NULL,
    job_minutes DOUBLE PRECISION NOT NULL,
    lease_seconds DOUBLE PRECISION NOT NULL,
    begin_until TIMESTAMP WITH TIME ZONE NOT NULL,
    asked_until TIMESTAMP WITH TIME ZONE NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL
);

CREATE TABLE research.search_units (
    round_id TEXT NOT NULL
        CONSTRAINT fk_search_units_round_id_search_rounds REFERENCES research.search_rounds (id) ON DELETE CASCADE,
    unit_key TEXT NOT NULL,
    job_key TEXT NOT NULL,
    number INTEGER NOT NULL,
    part INTEGER,
    work JSONB NOT NULL,
    status TEXT NOT NULL CONSTRAINT ck_search_units_status CHECK (status in ('waiting', 'leased', 'done')),
    worker TEXT,
    leased_until TIMESTAMP WITH TIME ZONE,
    leases INTEGER NOT NULL,
    begun_at TIMESTAMP WITH TIME ZONE,
    answer TEXT,
    CONSTRAINT pk_search_units PRIMARY KEY (round_id, unit_key)
);

COMMENT ON TABLE research.search_rounds IS 'Searches that were asked for together';
COMMENT ON COLUMN research.search_rounds.id IS 'drawn, so that no other database has the same';
COMMENT ON COLUMN research.search_rounds.schema_revision IS 'workers of another release are refused: none of the three may differ';
COMMENT ON COLUMN research.search_rounds.begin_until IS 'later no unit is begun';
COMMENT ON COLUMN research.search_rounds.asked_until IS 'nor is one once nobody waits for it: whoever asked beats on';
COMMENT ON COLUMN research.search_rounds.lease_seconds IS 'of a lease that is not beaten';
COMMENT ON TABLE research.search_units IS 'Pieces of work that workers lease; what they find is stored under the keys of research';
COMMENT ON COLUMN research.search_units.unit_key IS 'digest of what decides its result: same key, same work';
COMMENT ON COLUMN research.search_units.job_key IS 'units of one walk-forward have one';
COMMENT ON COLUMN research.search_units.number IS 'they are begun in this order';
COMMENT ON COLUMN research.search_units.part IS 'share of the folds to fit; null: the whole, at last';
COMMENT ON COLUMN research.search_units.work IS 'job, the version of the text to judge, and how many parts there are';
COMMENT ON COLUMN research.search_units.worker IS 'who holds the lease, or held it last';
COMMENT ON COLUMN research.search_units.leased_until IS 'unless the worker beats on';
COMMENT ON COLUMN research.search_units.answer IS 'JSON document; NaN may stand in it';
