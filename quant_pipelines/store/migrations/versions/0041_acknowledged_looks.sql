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
    CONSTRAINT uq_acknowledged_looks_exchange UNIQUE (exchange, look_day)
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
