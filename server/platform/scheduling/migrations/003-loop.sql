-- Rounds of loops, and values that code hands on.

-- What the code of a round may read: { "current", "offset", "loopTimes", "input", "array" }.
alter table dag_run add column loop jsonb;
