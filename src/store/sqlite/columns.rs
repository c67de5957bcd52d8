//! How values are written into columns and read from them.

use rusqlite::types::{FromSql, FromSqlError};
use rusqlite::{Error, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::store::{Digest, StoreError};

/// An instant as it is stored. The last 292 million years that a [`Timestamp`] has are not.
pub(super) fn millis(instant: Timestamp) -> i64 {
    integer(instant.millis())
}

/// A number as it is stored.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number as it was stored.
pub(super) fn number(integer: i64) -> u64 {
    u64::try_from(integer).unwrap_or_default()
}

/// A limit as SQL takes it.
pub(super) fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// A map or list as it is stored.
pub(super) fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Unavailable("a record cannot be written as JSON".to_owned()))
}

/// A row's columns, read one after the other.
pub(super) struct Columns<'r, 's> {
    row: &'r Row<'s>,
    next: usize,
}

impl<'r, 's> Columns<'r, 's> {
    pub(super) fn of(row: &'r Row<'s>) -> Self {
        Self { row, next: 0 }
    }

    pub(super) fn value<T: FromSql>(&mut self) -> Result<T, Error> {
        let column = self.next;
        self.next += 1;
        self.row.get(column)
    }

    pub(super) fn id(&mut self) -> Result<Uuid, Error> {
        self.value().map(Uuid::from_bytes)
    }

    pub(super) fn optional_id(&mut self) -> Result<Option<Uuid>, Error> {
        Ok(self.value::<Option<[u8; 16]>>()?.map(Uuid::from_bytes))
    }

    pub(super) fn digest(&mut self) -> Result<Digest, Error> {
        self.value().map(Digest)
    }

    pub(super) fn number(&mut self) -> Result<u64, Error> {
        self.value().map(number)
    }

    pub(super) fn instant(&mut self) -> Result<Timestamp, Error> {
        self.number().map(Timestamp::from_millis)
    }

    pub(super) fn optional_instant(&mut self) -> Result<Option<Timestamp>, Error> {
        Ok(self.value::<Option<i64>>()?.map(|millis| Timestamp::from_millis(number(millis))))
    }

    pub(super) fn json<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        let column = self.next;
        self.next += 1;
        let text = self.row.get_ref(column)?.as_str()?;
        serde_json::from_str(text)
            .map_err(|error| Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error)))
    }

    /// A word of a fixed set, read by `meaning`.
    pub(super) fn word<T>(&mut self, meaning: impl FnOnce(&str) -> Option<T>) -> Result<T, Error> {
        let column = self.next;
        self.next += 1;
        let unknown =
            || Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(FromSqlError::InvalidType));
        meaning(self.row.get_ref(column)?.as_str()?).ok_or_else(unknown)
    }
}
