//! What crosses a border: API types, link frames, signed envelopes, sealed content, error codes.
