-- Alert rules, the alerts they gave, and the messages that went out for them.

create table alert_rule (
  id bigint generated always as identity (start with 600000001) primary key,
  tenant_id bigint not null,
  workspace_id bigint not null,
  name text not null,
  enabled boolean not null,
  owner_id bigint not null,
  type text not null check (type in ('Finished', 'UnFinished', 'Error', 'CycleUnfinished', 'Timeout', 'InstanceTransferComplete', 'InstanceTransferFluctuate', 'ExhaustedError',
    'InstanceKeyword', 'InstanceErrorCount', 'InstanceErrorPercentage', 'ResourceGroupPercentage', 'ResourceGroupWaitCount')),
  -- What the type needs: { "time", "cycles": [{ "cycle", "time" }], "timeoutSeconds", "reruns", "streamTasks", "count", "percentage", "trend" }.
  settings jsonb not null,
  target_type text not null check (target_type in ('Task', 'Baseline', 'Project', 'BizProcess')),
  target_ids bigint[] not null,
  -- Tasks that are left out where the target is a whole.
  allow_tasks bigint[] not null,
  -- [{ "type", "values", "atAll" }]
  receivers jsonb not null,
  channels text[] not null,
  interval_seconds integer not null,
  maximum integer not null,
  -- HH:mm; nothing is sent from the one to the other.
  silence_start text,
  silence_end text,
  -- What happened before counts for nothing: moment of its creation, or of its last change.
  since timestamptz not null,
  created_by bigint not null,
  created_at timestamptz not null,
  modified_by bigint not null,
  modified_at timestamptz not null
);
create index alert_rule_workspace on alert_rule (tenant_id, workspace_id, id);
create unique index alert_rule_name on alert_rule (workspace_id, name);

-- How far a tenant's log was followed. Whoever writes alerts of a tenant holds this row.
create table alert_reader (
  tenant_id bigint primary key,
  position bigint not null,
  row_id bigint not null
);

create table alert (
  id bigint generated always as identity (start with 610000001) primary key,
  tenant_id bigint not null,
  workspace_id bigint not null,
  source text not null check (source in ('REMIND_ALERT', 'TOPIC_ALERT', 'SLA_ALERT')),
  -- The rule, the topic or the baseline.
  source_id bigint not null,
  -- What happened, in a word that is the same however often it is found.
  occurrence text not null,
  content text not null,
  -- What else is told: { "instances", "nodes", "group", "baseline", "topics" }.
  detail jsonb not null,
  at timestamptz not null,
  -- How often it was sent, and when it is to be sent again if it is still so.
  sent integer not null default 0,
  next_at timestamptz,
  -- It is over; the same may come again as another alert.
  closed_at timestamptz,
  unique (source, source_id, occurrence)
);
create index alert_next on alert (next_at) where next_at is not null;
create index alert_open on alert (source, source_id) where closed_at is null;
create index alert_at on alert (at);

create table alert_message (
  id bigint generated always as identity (start with 620000001) primary key,
  alert_id bigint not null references alert on delete cascade,
  tenant_id bigint not null,
  workspace_id bigint not null,
  source text not null,
  source_id bigint not null,
  method text not null,
  -- The user it is for; null for an address.
  user_id bigint,
  -- { "kind", "url", "atAll" }; null for a user.
  target jsonb,
  -- Whoever it is for, as one text, for counting.
  receiver text not null,
  status text not null check (status in ('READY_TO_SEND', 'SEND_FAIL', 'SEND_SUCCESS', 'SEND_OVERLIMIT')),
  content text not null,
  at timestamptz not null,
  attempts integer not null default 0,
  next_at timestamptz,
  lease_until timestamptz,
  lease_token integer not null default 0,
  error_text text not null default '',
  sent_at timestamptz
);
create index alert_message_ready on alert_message (next_at) where status = 'READY_TO_SEND';
create index alert_message_tenant on alert_message (tenant_id, at desc, id desc);
create index alert_message_receiver on alert_message (tenant_id, receiver, at);
create index alert_message_alert on alert_message (alert_id);
