//! Rows of named cells, whatever they were written in: what stands between the formats and everything
//! that is done with a row.
//!
//! A format reads one row at a time and shows its cells by the place of their column. The invariant:
//! a cell is shown as it stands; where it cannot be, that is said and nothing is repaired. What a
//! cell means is for the mapping to say.

use crate::{ColumnMapping, Kind, Result, Value};

/// What a cell holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RowCell<'a> {
    /// Text, to be read as the mapping of its column says. An empty one says nothing.
    Text(&'a str),
    /// A value that the format itself tells from text: a number, true or false, a list of texts.
    Value(Value),
    /// A reading of a clock of which the format does not say where it hangs, in ISO 8601.
    #[cfg_attr(not(feature = "arrow"), expect(dead_code, reason = "only tables of Arrow need it"))]
    Local(String),
}

/// A table under way: the row that it stands at.
pub(crate) trait RowSource {
    /// The names of the columns.
    fn header(&self) -> &[String];

    /// How many bytes of the source have been read.
    fn bytes_read(&self) -> u64;

    /// How far reading is, in what progress counts: bytes, unless the format says otherwise.
    fn done(&self) -> u64 {
        self.bytes_read()
    }

    /// Gets ready what the next rows need, where that must not be done within a transaction, and says
    /// whether there may be more after them.
    ///
    /// # Errors
    ///
    /// Those of the source.
    fn fetch(&mut self) -> Result<bool> {
        Ok(false)
    }

    /// Goes on to the next row that has anything in it; false at the end of the table, or of what was
    /// fetched.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` if the row is too long to be held; `Io`. Then the table ends.
    fn advance(&mut self) -> Result<bool>;

    /// The number of the row, counted from 1; those with nothing in them are not counted.
    fn number(&self) -> u64;

    /// Whether the row is whole.
    ///
    /// # Errors
    ///
    /// `InvalidValue`.
    fn check(&self) -> Result<()>;

    /// Whether the cells of a column can go into this part of a kind, where the format knows before
    /// the first row.
    ///
    /// # Errors
    ///
    /// `WrongKind`; `InvalidArgument` if `mapping` does not say what the cells leave open.
    fn check_column(
        &self,
        _column: usize,
        _kind: Kind,
        _part: usize,
        _mapping: &ColumnMapping,
    ) -> Result<()> {
        Ok(())
    }

    /// What the row has in a column, for a value of this kind.
    ///
    /// # Errors
    ///
    /// `InvalidValue` if it is nothing that an attribute can hold; `LimitExceeded` if it is too long.
    fn cell(&self, column: usize, kind: Kind) -> Result<RowCell<'_>>;

    /// Whether the row has nothing in a column.
    fn is_blank(&self, column: usize) -> bool;
}
