//! The pipeline of one request: sanitize, match, authenticate, authorize, inject, forward, respond.
