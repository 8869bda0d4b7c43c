-- Deadlines are found by looking at what is due, not by a job for each.
create index hold_check_deadline on hold_check (deadline_at) where state = 'WAITING';
create index hold_approval_deadline on hold_approval (deadline_at) where state = 'PENDING';
delete from job where kind in ('hold-deadline', 'hold-approval-deadline');
