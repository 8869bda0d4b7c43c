-- The relay to an Apache Kafka cluster. See docs/decisions/0018-kafka-cluster.md.

-- One row: how far the log has been written to the cluster and acknowledged, which process does it, and how that goes.
create table kafka_relay (
  one boolean primary key default true check (one),
  position bigint not null,
  row_id bigint not null,
  -- The tenant whose topics have the plain names; that of the first event written.
  tenant_id bigint,
  owner text,
  lease_until timestamptz,
  -- Grows with every owner; an owner of an earlier epoch can no longer move the place.
  epoch bigint not null default 0,
  connected boolean not null default false,
  -- What went wrong last, and when. Stays after it has been overcome.
  last_error text,
  last_error_at timestamptz,
  relayed_at timestamptz
);
insert into kafka_relay (position, row_id) values (0, 0);

-- Kafka users as they were last brought to the cluster, so that deleted ones can be taken from it.
create table kafka_relay_user (
  login text primary key,
  -- What was brought: of another state the user is brought again.
  state text not null
);
