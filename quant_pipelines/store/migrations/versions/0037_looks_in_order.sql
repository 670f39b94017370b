ALTER TABLE research.capital_looks ADD COLUMN decision_digest TEXT;

COMMENT ON COLUMN research.capital_looks.decision_digest IS 'of the sources and libraries that decided; null of looks that were taken before it was kept';

ALTER TABLE research.capital_results ADD COLUMN last_day DATE;

COMMENT ON COLUMN research.capital_results.last_day IS 'last of its days that the look saw; null where it reached the day of the look';

-- What a year has spent depends on its looks so far: an older one that came later would have to change them.
CREATE FUNCTION research.refuse_an_older_look() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    newest DATE;
BEGIN
    SELECT max(look_day) INTO newest FROM research.capital_looks WHERE exchange = NEW.exchange;
    IF NEW.look_day < newest THEN
        RAISE EXCEPTION USING
            MESSAGE = 'the look of ' || NEW.look_day || ' is older than the newest one, of ' || newest,
            ERRCODE = 'check_violation', CONSTRAINT = 'capital_looks_in_order';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER capital_looks_in_order BEFORE INSERT ON research.capital_looks
    FOR EACH ROW EXECUTE FUNCTION research.refuse_an_older_look();
