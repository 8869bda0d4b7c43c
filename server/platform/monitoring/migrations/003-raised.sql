-- Instances up to this one have been given the baseline's priority; later ones of the same day have yet to be.
alter table baseline_status add column raised_to bigint not null default 0;
