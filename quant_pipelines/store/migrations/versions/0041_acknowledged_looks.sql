CREATE TABLE research.acknowledged_looks (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    exchange TEXT NOT NULL,
    look_day DATE NOT NULL,
    alpha_spent DOUBLE PRECISION NOT NULL,
    record_ids BIGINT[] NOT NULL,
    difference TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_acknowledged_looks PRIMARY KEY (id),
    CONSTRAINT uq_acknowledged_looks_exchange_look_day UNIQUE (exchange, look_day)
);

COMMENT ON TABLE research.acknowledged_looks IS 'Replays that did not give what is stored, and who goes on in spite of it; a row never changes and never goes';

COMMENT ON COLUMN research.acknowledged_looks.look_day IS 'newest look then: it and those before are replayed no more';

COMMENT ON COLUMN research.acknowledged_looks.alpha_spent IS 'error that was spent by then, of the year''s: the larger of what is stored and replayed';

COMMENT ON COLUMN research.acknowledged_looks.record_ids IS 'records of which another answer is stored: neither their days nor their passes up to the look count any more';

COMMENT ON COLUMN research.acknowledged_looks.difference IS 'first difference, in words';

CREATE TRIGGER acknowledged_looks_stay BEFORE UPDATE OR DELETE ON research.acknowledged_looks
    FOR EACH ROW EXECUTE FUNCTION research.refuse_another_look();

CREATE TRIGGER acknowledged_looks_all_stay BEFORE TRUNCATE ON research.acknowledged_looks
    FOR EACH STATEMENT EXECUTE FUNCTION research.refuse_another_look();

-- A study that was interrupted goes on: what its splits have found is kept one by one.
ALTER TABLE research.combinatorial_studies ALTER COLUMN result DROP NOT NULL;

COMMENT ON COLUMN research.combinatorial_studies.result IS 'figures, daily returns of each path, and what each split found; null until all splits have run';

CREATE TABLE research.combinatorial_splits (
    study_id BIGINT NOT NULL,
    number INTEGER NOT NULL,
    parameters JSONB,
    trials INTEGER NOT NULL,
    purge_days INTEGER NOT NULL,
    returns JSONB NOT NULL,
    CONSTRAINT pk_combinatorial_splits PRIMARY KEY (study_id, number),
    CONSTRAINT fk_combinatorial_splits_study_id_combinatorial_studies FOREIGN KEY (study_id) REFERENCES research.combinatorial_studies (id)
);

COMMENT ON TABLE research.combinatorial_splits IS 'What a split of a combinatorial study found, as soon as it has run';

COMMENT ON COLUMN research.combinatorial_splits.number IS 'in the order of the splits, from 0';

COMMENT ON COLUMN research.combinatorial_splits.parameters IS 'best on its train days; null where none could be ranked';

COMMENT ON COLUMN research.combinatorial_splits.returns IS 'daily returns in each tested group, fractions';
