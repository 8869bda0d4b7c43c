-- Lists of holds by their state, such as those that are open among all that were decided.
create index hold_status on hold (tenant_id, status, id);
