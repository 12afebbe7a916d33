// The schema of the database, as the list of steps that led to it. A new file goes through all of them too, so a migrated one and a
// new one cannot differ. A released step is never changed; a new schema is a new step, tested with a committed old file.

/** What version 0 looked like. Kept for ever: the first of the steps. */
const version0 = `
  CREATE TABLE records (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    mono INTEGER NOT NULL,
    user TEXT NOT NULL,
    via TEXT NOT NULL,
    command_id TEXT,
    input_hash TEXT,
    event TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL
  ) STRICT;
`

// Version 1: replies are remembered, so that a retried command gives the same answer; records can be found by run and command
// (the columns are computed from the event, so they cannot disagree with what was hashed); and nobody changes a record by accident.
const version1 = `
  ALTER TABLE records ADD COLUMN type TEXT GENERATED ALWAYS AS (json_extract(event, '$.type')) VIRTUAL;
  ALTER TABLE records ADD COLUMN run_id TEXT GENERATED ALWAYS AS
    (coalesce(json_extract(event, '$.runId'), json_extract(event, '$.run.id'))) VIRTUAL;
  CREATE INDEX records_by_run ON records (run_id, seq) WHERE run_id IS NOT NULL;
  CREATE INDEX records_by_command ON records (command_id, seq) WHERE command_id IS NOT NULL;
  CREATE TRIGGER records_are_not_changed BEFORE UPDATE ON records BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
  END;
  CREATE TRIGGER records_are_not_deleted BEFORE DELETE ON records BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
  END;
  CREATE TABLE replies (
    command_id TEXT PRIMARY KEY,
    input_hash TEXT NOT NULL,
    reply TEXT NOT NULL,
    at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX replies_by_age ON replies (at);
`

/** `steps[n]` leads from version n to n + 1. */
export const steps: readonly string[] = [version1]
export const firstVersion = version0
export const latestVersion = steps.length
