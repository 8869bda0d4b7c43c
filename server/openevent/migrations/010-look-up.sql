-- Tries that came to nothing are looked for among all that did; they are few.
create index delivery_attempt_unsuccessful on delivery_attempt (subscription_id, started_at) where outcome <> 'succeeded';

-- A table of one row. Unless it is told, the planner takes it for thousands, and every read of the log for an expensive one.
analyze event_epoch;
