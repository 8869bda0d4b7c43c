-- Runs take slots of their resource group, and may need a data source.

alter table task_run
  -- Id of the group; null means the default one, which has the slots of the processes.
  add column resource_group text,
  add column datasource text,
  -- What the code put out for others to read: { "<name>": "<text>" }.
  add column variables jsonb;
create index task_run_group on task_run (resource_group) where state = 'Running' and resource_group is not null;

alter table task_run drop constraint task_run_outcome_check;
alter table task_run add constraint task_run_outcome_check check (outcome in ('Success', 'Failure', 'TimedOut', 'Stopped', 'Lost', 'PutBack', 'Withdrawn'));
