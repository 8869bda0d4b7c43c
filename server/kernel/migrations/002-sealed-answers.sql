-- A kept answer is one sealed text, with the hash of its request inside: the hash of a request that holds a password must not stand open.
delete from idempotency;
alter table idempotency drop column request_hash;
alter table idempotency alter column answer type text using answer #>> '{}';
