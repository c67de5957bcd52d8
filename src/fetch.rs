//! Fetching documents over HTTPS within bounds of size, time and redirects.
