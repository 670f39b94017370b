CREATE TABLE research.records (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    record_key TEXT NOT NULL,
    begun_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_records PRIMARY KEY (id),
    CONSTRAINT uq_records_record_key UNIQUE (record_key)
);

COMMENT ON TABLE research.records IS 'What one procedure did out of sample: one text, space, search, calendar and costs on one market';

COMMENT ON COLUMN research.records.record_key IS 'digest of everything that decides a day';

-- Each search of before is a record of its own: its days were computed once, for its own end.
INSERT INTO research.records (record_key, begun_at)
SELECT 'task ' || task_key, created_at FROM research.optimizer_tasks ORDER BY id;

ALTER TABLE research.optimizer_tasks ADD COLUMN record_id BIGINT;

UPDATE research.optimizer_tasks AS task SET record_id = records.id
FROM research.records WHERE records.record_key = 'task ' || task.task_key;

ALTER TABLE research.optimizer_tasks
    ALTER COLUMN record_id SET NOT NULL,
    ADD CONSTRAINT fk_optimizer_tasks_record_id_records FOREIGN KEY (record_id) REFERENCES research.records (id);

CREATE INDEX ix_optimizer_tasks_record_id ON research.optimizer_tasks (record_id);

CREATE TABLE research.record_days (
    record_id BIGINT NOT NULL,
    day DATE NOT NULL,
    fold INTEGER NOT NULL,
    daily_return DOUBLE PRECISION NOT NULL,
    is_warm BOOLEAN NOT NULL,
    cover DOUBLE PRECISION[] NOT NULL,
    trades JSONB NOT NULL,
    computed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_record_days PRIMARY KEY (record_id, day),
    CONSTRAINT fk_record_days_record_id_records FOREIGN KEY (record_id) REFERENCES research.records (id)
);

COMMENT ON TABLE research.record_days IS 'Out-of-sample days; a row never changes and never goes';

COMMENT ON COLUMN research.record_days.is_warm IS 'whether the strategy had enough bars before the fold';

COMMENT ON COLUMN research.record_days.cover IS 'returns of the fixed Sobol points on this day';

COMMENT ON COLUMN research.record_days.trades IS 'round trips that ended on this day';

INSERT INTO research.record_days (record_id, day, fold, daily_return, is_warm, cover, trades, computed_at)
SELECT task.record_id, date '1970-01-01' + (one.ms::bigint / 86400000)::integer, folds.fold, one.value::double precision, true, '{}',
    coalesce((
        SELECT jsonb_agg(trade.value ORDER BY trade.number)
        FROM jsonb_array_elements(folds.result -> 'trades') WITH ORDINALITY AS trade (value, number)
        WHERE least(
            (trade.value ->> 'exit_time')::bigint / 86400000, (folds.result -> 'days' ->> -1)::bigint / 86400000
        ) = one.ms::bigint / 86400000
    ), '[]'),
    task.created_at
FROM research.folds
JOIN research.optimizer_tasks AS task ON task.id = folds.task_id
CROSS JOIN LATERAL unnest(
    ARRAY(SELECT jsonb_array_elements_text(folds.result -> 'days')),
    ARRAY(SELECT jsonb_array_elements_text(folds.result -> 'returns'))
) AS one (ms, value);

INSERT INTO research.record_days (record_id, day, fold, daily_return, is_warm, cover, trades, computed_at)
SELECT task.record_id, old.day, old.fold, old.daily_return, true, '{}', '[]', task.created_at
FROM research.out_of_sample_returns AS old
JOIN research.optimizer_tasks AS task ON task.id = old.task_id
ON CONFLICT DO NOTHING;

DROP TABLE research.out_of_sample_returns;

ALTER TABLE research.folds
    DROP CONSTRAINT fk_folds_task_id_optimizer_tasks,
    DROP COLUMN test_end,
    DROP COLUMN test_metrics,
    ADD COLUMN train_returns DOUBLE PRECISION[];

UPDATE research.folds SET
    task_id = task.record_id,
    train_returns = ARRAY(SELECT jsonb_array_elements_text(folds.result -> 'train_returns')::double precision)
FROM research.optimizer_tasks AS task WHERE task.id = folds.task_id;

ALTER TABLE research.folds DROP COLUMN result, ALTER COLUMN train_returns SET NOT NULL;

ALTER TABLE research.folds RENAME COLUMN task_id TO record_id;

ALTER TABLE research.folds ADD CONSTRAINT fk_folds_record_id_records FOREIGN KEY (record_id) REFERENCES research.records (id);

COMMENT ON TABLE research.folds IS 'What was found in-sample; a fold is fitted once';

COMMENT ON COLUMN research.folds.train_returns IS 'daily returns of the best parameters in the train window';

ALTER TABLE research.trials DROP CONSTRAINT fk_trials_task_id_optimizer_tasks;

UPDATE research.trials SET task_id = task.record_id
FROM research.optimizer_tasks AS task WHERE task.id = trials.task_id;

ALTER TABLE research.trials RENAME COLUMN task_id TO record_id;

ALTER TABLE research.trials ADD CONSTRAINT fk_trials_record_id_records FOREIGN KEY (record_id) REFERENCES research.records (id);

COMMENT ON COLUMN research.verdicts.parameters IS 'found by the newest fold: what would be deployed';

-- What a day was computed with is what a verdict rests on: no statement changes it afterwards.
CREATE FUNCTION research.refuse_another_past() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = 'days of a record never change: ' || lower(tg_op) || ' is refused',
        ERRCODE = 'check_violation', CONSTRAINT = 'record_days_stay';
END $$;

CREATE TRIGGER record_days_stay BEFORE UPDATE OR DELETE ON research.record_days
    FOR EACH ROW EXECUTE FUNCTION research.refuse_another_past();

CREATE TRIGGER record_days_all_stay BEFORE TRUNCATE ON research.record_days
    FOR EACH STATEMENT EXECUTE FUNCTION research.refuse_another_past();
