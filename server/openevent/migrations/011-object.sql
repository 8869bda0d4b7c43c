-- What happened to one object is a look-up, not a search through the log.
create index event_object on event (object_key, position, id);
