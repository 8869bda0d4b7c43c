-- The built-in Kafka listener. See docs/decisions/0009-kafka-listener.md for the offsets.

-- The processes that listen. One keeps its number for as long as its address stays.
create table kafka_broker (
  node_id integer generated always as identity primary key,
  host text not null,
  port integer not null,
  owner text not null,
  lease_until timestamptz not null
);
create unique index kafka_broker_address on kafka_broker (host, port);

-- One row: how far the log has its offsets, and which process gives them and coordinates the groups.
create table kafka_index (
  one boolean primary key default true check (one),
  -- Partitions of every topic. Never changes: an object must stay in its partition.
  partitions integer not null,
  position bigint not null,
  row_id bigint not null,
  owner text,
  node_id integer,
  lease_until timestamptz,
  -- Grows with every owner; an owner of an earlier epoch can no longer write.
  epoch bigint not null default 0
);
insert into kafka_index (partitions, position, row_id) values (8, 0, 0);

-- The next offset of each partition. A workspace of -1 stands for the topic of all events, 0 for that of the tenant's own.
create table kafka_counter (
  tenant_id bigint not null,
  workspace_id bigint not null,
  partition integer not null,
  next_offset bigint not null,
  primary key (tenant_id, workspace_id, partition)
);

-- The offsets of each event: in the topic of all events, and in that of its workspace. The partition is the same in both.
create table kafka_record (
  tenant_id bigint not null,
  workspace_id bigint not null,
  partition integer not null,
  all_offset bigint not null,
  workspace_offset bigint not null,
  position bigint not null,
  id bigint not null,
  occurred_at timestamptz not null
) partition by range (occurred_at);
create index kafka_record_all on kafka_record (tenant_id, partition, all_offset);
create index kafka_record_workspace on kafka_record (tenant_id, workspace_id, partition, workspace_offset);

-- Events that are in the log already get offsets too, so there must be room for their days.
do $$
declare
  child record;
begin
  for child in
    select c.relname as name, pg_get_expr(c.relpartbound, c.oid) as bound from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'event'::regclass
  loop
    execute format('create table %I partition of kafka_record %s', replace(child.name, 'event_', 'kafka_record_'), child.bound);
  end loop;
end $$;

create table kafka_user (
  id bigint generated always as identity (start with 1001) primary key,
  tenant_id bigint not null,
  name text not null,
  -- What the client sends as user name; unique on this server.
  login text not null,
  -- Workspaces whose events the user gets; null for all.
  workspaces bigint[],
  tenant_events boolean not null,
  -- CloudEvents types; empty means all.
  types text[] not null,
  -- Sealed for `kafka-user:<id>`.
  password text not null,
  -- What SCRAM checks against, as JSON, sealed for `kafka-user:<id>:scram`.
  verifiers text not null,
  created_by bigint not null,
  created_at timestamptz not null,
  modified_at timestamptz not null
);
create unique index kafka_user_name on kafka_user (tenant_id, name);
create unique index kafka_user_login on kafka_user (login);

-- Consumer groups are the user's own: two users with groups of the same name do not meet.
create table kafka_group (
  user_id bigint not null references kafka_user on delete cascade,
  group_id text not null,
  protocol_type text not null,
  -- As the coordinator knows it; it writes the first member down before it lets it in.
  state text not null check (state in ('Empty', 'PreparingRebalance', 'CompletingRebalance', 'Stable')),
  members integer not null,
  -- The coordinator's epoch; a state of an earlier one has ended with it.
  epoch bigint not null,
  created_at timestamptz not null,
  modified_at timestamptz not null,
  primary key (user_id, group_id)
);

create table kafka_group_offset (
  user_id bigint not null,
  group_id text not null,
  workspace_id bigint not null,
  partition integer not null,
  committed_offset bigint not null,
  metadata text not null,
  committed_at timestamptz not null,
  primary key (user_id, group_id, workspace_id, partition),
  foreign key (user_id, group_id) references kafka_group on delete cascade
);
