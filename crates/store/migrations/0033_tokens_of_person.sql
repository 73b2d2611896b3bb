-- What signs a person in, for when all of it ends: every token of the installation was read for that.
CREATE INDEX tokens_signed_in ON tokens (user_id) WHERE kind IN ('session', 'sign_in') AND revoked_at IS NULL;
