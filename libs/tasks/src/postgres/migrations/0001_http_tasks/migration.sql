-- What our tasks need on top of graphile-worker's tables (0.17), which its own migrations have made in this schema.

-- It shuts everybody but the owner out by row security. Who may enqueue and who may run is decided by grants.
ALTER TABLE _private_jobs DISABLE ROW LEVEL SECURITY;
ALTER TABLE _private_job_queues DISABLE ROW LEVEL SECURITY;
ALTER TABLE _private_tasks DISABLE ROW LEVEL SECURITY;
ALTER TABLE _private_known_crontabs DISABLE ROW LEVEL SECURITY;

-- Runners that live. graphile-worker lets go of a dead worker's jobs after four hours; with this it takes seconds.
CREATE TABLE runner (
  id text PRIMARY KEY,
  seen_at timestamptz NOT NULL DEFAULT now()
);

-- Half of min * 2^attempt to the whole of it, held to max: the same as backoffMs() in backoff.ts.
CREATE FUNCTION backoff(attempt int, ms_min float8, ms_max float8) RETURNS interval LANGUAGE sql VOLATILE
RETURN greatest(ms_min, least(ms_max, ms_min * 2.0 ^ least(attempt, 60)) * (0.5 + random() / 2)) * interval '1 millisecond';

-- A failed attempt is planned anew in the very statement that records it. graphile-worker's own wait is e^attempt
-- seconds whatever the task says, and a failed task would keep its name for ever.
CREATE FUNCTION plan_retry() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF NEW.last_error = 'interrupted' THEN
    -- The runner stopped before the answer: it may not have been made, so it does not count.
    NEW.attempts := OLD.attempts - 1;
    NEW.run_at := OLD.run_at;
    NEW.last_error := OLD.last_error;
  ELSIF NEW.attempts >= NEW.max_attempts THEN
    NEW.key := NULL;
    NEW.updated_at := now();
  ELSE
    NEW.run_at := now() + backoff(NEW.attempts, (NEW.payload #>> '{backoffMs,min}')::float8, (NEW.payload #>> '{backoffMs,max}')::float8);
  END IF;
  RETURN NEW;
END $$;

-- Unlocking moves run_at only where an attempt failed; a job that is given back keeps it.
CREATE TRIGGER plan_retry BEFORE UPDATE ON _private_jobs FOR EACH ROW
  WHEN (OLD.locked_by IS NOT NULL AND NEW.locked_by IS NULL AND NEW.run_at IS DISTINCT FROM OLD.run_at)
  EXECUTE FUNCTION plan_retry();

-- False when a task of that key is queued or running. Unlike add_job it burns no numbers of the (32-bit) task ids, writes
-- nothing when the task exists, and notifies only where runners may be idle: a NOTIFY takes a lock that all commits of
-- the server share, and each one wakes every runner.
CREATE FUNCTION enqueue(queue text, task json, at timestamptz, attempts_max int, task_key text) RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  queue_id int;
  idle boolean;
BEGIN
  SELECT id INTO queue_id FROM _private_tasks WHERE identifier = queue;
  IF NOT FOUND THEN
    INSERT INTO _private_tasks (identifier) VALUES (queue) ON CONFLICT DO NOTHING;
    SELECT id INTO queue_id FROM _private_tasks WHERE identifier = queue;
  END IF;
  -- Among the oldest only: to look through a long backlog of another queue would cost more than the needless NOTIFY.
  idle := at <= now() AND NOT EXISTS (
    SELECT FROM (SELECT task_id FROM _private_jobs WHERE is_available AND run_at <= now() ORDER BY priority, run_at LIMIT 100) oldest
    WHERE oldest.task_id = queue_id);
  INSERT INTO _private_jobs (task_id, payload, run_at, max_attempts, key)
    VALUES (queue_id, task, at, attempts_max, task_key) ON CONFLICT (key) DO NOTHING;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF idle THEN
    -- To all: those that come next in this moment notify nobody.
    NOTIFY "jobs:insert", '{"count":1000}';
  END IF;
  RETURN true;
END $$;
