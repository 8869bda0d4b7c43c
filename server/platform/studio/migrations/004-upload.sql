-- Files that clients have sent before the request they belong to. In the database, so that any process can take them from it.
create table upload (
  key text primary key,
  tenant_id bigint not null,
  content bytea not null,
  created_at timestamptz not null
);
create index upload_age on upload (created_at);
