-- Datasets and their versions. What came by an address of the web is copied into the version, which thereby stays what it was.
create table dataset (
  id bigint generated always as identity (start 6001) primary key,
  tenant_id bigint not null,
  workspace_id bigint not null,
  name text not null,
  data_type text not null,
  storage_type text not null,
  origin text not null,
  comment text not null,
  readme text not null,
  -- Number of the last version; numbers are never given twice.
  last_version integer not null,
  created_by bigint not null,
  created_at timestamptz not null,
  modified_at timestamptz not null
);
create unique index dataset_name on dataset (workspace_id, name);
create index dataset_tenant on dataset (tenant_id, created_at);

create table dataset_version (
  id bigint generated always as identity (start 7001) primary key,
  dataset_id bigint not null references dataset (id) on delete cascade,
  number integer not null,
  comment text not null,
  url text not null,
  mount_path text not null,
  import_info jsonb not null,
  file_name text not null,
  -- Null where the data lie elsewhere.
  content bytea,
  created_by bigint not null,
  created_at timestamptz not null,
  modified_at timestamptz not null
);
create unique index dataset_version_number on dataset_version (dataset_id, number);
