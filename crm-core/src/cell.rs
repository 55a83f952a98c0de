//! One column of one row: what a file can hold in a single place.
//!
//! Every value of every attribute kind is kept as one or more of these five shapes, and the
//! read-only SQL answers in them. The invariant: a cell says nothing about meaning (an integer may
//! be a count, an instant or an amount); the attribute that owns the column knows.

use std::fmt;

use crate::RecordId;

/// What one column of one row holds.
#[derive(Clone, PartialEq, Default)]
pub(crate) enum Cell {
    /// Nothing.
    #[default]
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// UTF-8 text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Cell {
    /// The id that it holds.
    pub(crate) fn to_id(&self) -> Option<RecordId> {
        match self {
            Self::Blob(bytes) => {
                <[u8; 16]>::try_from(bytes.as_slice()).ok().map(RecordId::from_bytes)
            }
            _ => None,
        }
    }

    /// How many bytes of memory the content takes, without the cell itself.
    pub(crate) fn content_bytes(&self) -> usize {
        match self {
            Self::Null => 0,
            Self::Integer(_) | Self::Real(_) => 8,
            Self::Text(text) => text.len(),
            Self::Blob(bytes) => bytes.len(),
        }
    }
}

/// What one column of one row holds, where it stands.
#[cfg(feature = "sqlite")]
#[derive(Clone, Copy)]
pub(crate) enum CellRef<'a> {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// UTF-8 text.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

#[cfg(feature = "sqlite")]
impl From<CellRef<'_>> for Cell {
    fn from(cell: CellRef<'_>) -> Self {
        match cell {
            CellRef::Null => Self::Null,
            CellRef::Integer(number) => Self::Integer(number),
            CellRef::Real(number) => Self::Real(number),
            CellRef::Text(text) => Self::Text(text.to_owned()),
            CellRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
        }
    }
}

/// A row that is read where it stands, without a copy of its cells.
#[cfg(feature = "sqlite")]
pub(crate) trait CellRow {
    /// The cell in this place.
    ///
    /// # Errors
    ///
    /// `Corrupt` if a text is not UTF-8.
    fn cell(&self, place: usize) -> crate::Result<CellRef<'_>>;
}

// A cell may hold personal data, so that a log of one shows its shape and never its content.
impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Integer(_) => f.write_str("Integer"),
            Self::Real(_) => f.write_str("Real"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Blob(bytes) => write!(f, "Blob({} bytes)", bytes.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_shape_and_not_the_content() {
        let shown = format!("{:?}", [Cell::Text("Ada".into()), Cell::Integer(4711), Cell::Null]);
        assert_eq!(shown, "[Text(3 bytes), Integer, Null]");
    }
}
