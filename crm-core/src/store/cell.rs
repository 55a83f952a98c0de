//! How a [`Cell`] enters and leaves SQLite.
//!
//! The five shapes of a cell are SQLite's five storage classes, so that nothing is converted. The
//! one exception is text that is not UTF-8, which only a damaged or foreign-written file can hold:
//! it is refused, never replaced.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::Cell;

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl FromSql for Cell {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(bytes) => Self::Text(
                std::str::from_utf8(bytes)
                    .map_err(|error| FromSqlError::Other(Box::new(error)))?
                    .to_owned(),
            ),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
        })
    }
}

/// A row of a statement that is read where it stands.
pub(crate) struct RowRef<'r, 's>(&'r rusqlite::Row<'s>);

impl<'r, 's> RowRef<'r, 's> {
    pub(super) fn new(row: &'r rusqlite::Row<'s>) -> Self {
        Self(row)
    }
}

impl crate::cell::CellRow for RowRef<'_, '_> {
    #[inline]
    fn cell(&self, place: usize) -> crate::Result<crate::cell::CellRef<'_>> {
        use crate::cell::CellRef;
        Ok(match self.0.get_ref(place)? {
            ValueRef::Null => CellRef::Null,
            ValueRef::Integer(number) => CellRef::Integer(number),
            ValueRef::Real(number) => CellRef::Real(number),
            ValueRef::Text(bytes) => {
                CellRef::Text(std::str::from_utf8(bytes).map_err(rusqlite::Error::from)?)
            }
            ValueRef::Blob(bytes) => CellRef::Blob(bytes),
        })
    }
}
