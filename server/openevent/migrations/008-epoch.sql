-- What is added to transaction ids to make positions of events. A database that was copied into another PostgreSQL finds a counter of
-- transactions there that began anew; the shift then carries its positions on. One row. See docs/decisions/0017-proof.md.
create table event_epoch (
  one boolean primary key default true check (one),
  shift bigint not null
);
insert into event_epoch (shift) values (0);
