-- The secret that signs the requests to a direct checker, sealed. Null: they go out unsigned.
alter table extension add column signing_secret text;
