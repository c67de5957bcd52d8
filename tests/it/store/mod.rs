//! Stores: what every one of them does, and what each does of its own.

mod contract;
mod model;
mod records;
mod sqlite;
