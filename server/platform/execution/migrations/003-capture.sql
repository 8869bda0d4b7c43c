-- Whether what the code puts out last is kept for others to read.
alter table task_run add column capture boolean not null default false;
