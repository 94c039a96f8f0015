-- Events once by (source, message_id); one row a profile, its traits as one document.

CREATE TABLE events (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source text NOT NULL,
  message_id text NOT NULL,
  user_id text NOT NULL,
  type text NOT NULL,
  name text,
  happened_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  body jsonb NOT NULL,
  UNIQUE (source, message_id)
);

CREATE TABLE profiles (
  user_id text PRIMARY KEY,
  version bigint NOT NULL DEFAULT 1,
  first_seen_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,
  traits jsonb NOT NULL DEFAULT '{}'
) WITH (fillfactor = 70);
