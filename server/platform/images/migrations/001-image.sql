-- Images, kept as records: tasks run with the programs of the machine where their worker is.
create table image (
  id bigint generated always as identity (start 8001) primary key,
  tenant_id bigint not null,
  name text not null,
  created_by bigint not null,
  created_at timestamptz not null
);
create unique index image_name on image (tenant_id, name);

create table image_version (
  image_id bigint not null references image (id) on delete cascade,
  -- Their order.
  position bigint generated always as identity,
  version text not null,
  uri text not null,
  description text not null,
  task_types text[] not null,
  created_by bigint not null,
  created_at timestamptz not null,
  primary key (image_id, version)
);

-- Which workspaces use which image; those that come with the server have no row in the table of images.
create table image_workspace (
  image_id text not null,
  tenant_id bigint not null,
  workspace_id bigint not null,
  created_at timestamptz not null,
  primary key (image_id, workspace_id)
);
create index image_workspace_workspace on image_workspace (workspace_id);
