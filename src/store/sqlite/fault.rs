//! What SQLite's errors mean here.

use rusqlite::{Error, ffi};

use crate::store::{StoreError, Unique};

/// A constraint that refused a change is an answer; all else means that the store does not work. Texts hold no values.
impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match &error {
            Error::SqliteFailure(failure, text) => match failure.extended_code {
                ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
                    Self::Taken(taken(text.as_deref().unwrap_or_default()))
                }
                ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Self::Conflict,
                _ => Self::Unavailable(reason(&error)),
            },
            _ => Self::Unavailable(reason(&error)),
        }
    }
}

/// SQLite names the column: `UNIQUE constraint failed: user.folded_email`.
fn taken(text: &str) -> Unique {
    match text.rsplit('.').next() {
        Some("folded_email") => Unique::Email,
        Some("folded_username") => Unique::Username,
        _ => Unique::Id,
    }
}

/// What went wrong, without values, which rusqlite's own text of some errors has.
pub(super) fn reason(error: &Error) -> String {
    match error {
        Error::SqliteFailure(failure, _) => format!("{failure} ({})", failure.extended_code),
        Error::FromSqlConversionFailure(column, ..) | Error::InvalidColumnType(column, ..) => {
            format!("column {column} of a record cannot be read")
        }
        Error::QueryReturnedNoRows => "a record is missing".to_owned(),
        _ => "the database refused a statement".to_owned(),
    }
}

/// Whether another connection is in the way.
pub(super) fn is_busy(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ffi::ErrorCode::DatabaseBusy | ffi::ErrorCode::DatabaseLocked))
}

/// Whether the file is no database.
pub(super) fn is_foreign(error: &Error) -> bool {
    error.sqlite_error_code() == Some(ffi::ErrorCode::NotADatabase)
}
