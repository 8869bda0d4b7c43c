-- What of the studio a run uses beside its own code: { "files": [...], "variables": [...] }, by reference; secrets are never in it.
alter table task_run add column surroundings jsonb;
