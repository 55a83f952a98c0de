//! One column of many records: numbers and texts side by side, without an allocation for each.
//!
//! The tables of records are strict, so a column holds one type and gaps. The invariant: a cell that
//! was pushed is read back the same.

use crate::{Error, ErrorKind, Result, cell::Cell};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Nothing but gaps so far.
    Nothing,
    Whole,
    Real,
    Text,
    Blob,
}

/// A column of records, in their order.
#[derive(Debug)]
pub(crate) struct ColumnCells {
    content: Content,
    /// A whole number, the bits of a real one, or where in `bytes` a text begins and how long it is.
    words: Vec<i64>,
    is_set: Vec<bool>,
    bytes: Vec<u8>,
}

impl Default for ColumnCells {
    fn default() -> Self {
        let (words, is_set, bytes) = (Vec::new(), Vec::new(), Vec::new());
        Self { content: Content::Nothing, words, is_set, bytes }
    }
}

impl ColumnCells {
    /// A column of whole numbers, of which those count that are set.
    pub(super) fn whole(words: Vec<i64>, is_set: Vec<bool>) -> Self {
        debug_assert_eq!(words.len(), is_set.len());
        Self { content: Content::Whole, words, is_set, bytes: Vec::new() }
    }

    /// Forgets the cells, and keeps their room.
    pub(crate) fn clear(&mut self) {
        self.content = Content::Nothing;
        self.words.clear();
        self.is_set.clear();
        self.bytes.clear();
    }

    pub(crate) fn push_null(&mut self) {
        self.words.push(0);
        self.is_set.push(false);
    }

    /// # Errors
    ///
    /// `Corrupt` if the column holds something else.
    pub(crate) fn push_whole(&mut self, number: i64) -> Result<()> {
        self.push(Content::Whole, number)
    }

    /// # Errors
    ///
    /// As [`Self::push_whole`].
    pub(crate) fn push_real(&mut self, number: f64) -> Result<()> {
        self.push(Content::Real, number.to_bits().cast_signed())
    }

    /// # Errors
    ///
    /// As [`Self::push_whole`], and if the bytes are not UTF-8.
    pub(crate) fn push_text(&mut self, text: &[u8]) -> Result<()> {
        if std::str::from_utf8(text).is_err() {
            return Err(corrupt());
        }
        self.push_bytes(Content::Text, text)
    }

    /// # Errors
    ///
    /// As [`Self::push_whole`].
    pub(crate) fn push_blob(&mut self, blob: &[u8]) -> Result<()> {
        self.push_bytes(Content::Blob, blob)
    }

    fn push_bytes(&mut self, content: Content, bytes: &[u8]) -> Result<()> {
        let place = u32::try_from(self.bytes.len()).ok().zip(u32::try_from(bytes.len()).ok());
        let (start, len) = place.ok_or_else(|| {
            Error::new(ErrorKind::LimitExceeded, "a batch of records holds more than 4 GiB")
        })?;
        self.bytes.extend_from_slice(bytes);
        self.push(content, i64::from(start) << 32 | i64::from(len))
    }

    fn push(&mut self, content: Content, word: i64) -> Result<()> {
        if self.content == Content::Nothing {
            self.content = content;
        } else if self.content != content {
            return Err(corrupt());
        }
        self.words.push(word);
        self.is_set.push(true);
        Ok(())
    }

    /// Which cells hold something.
    pub(super) fn is_set(&self) -> &[bool] {
        &self.is_set
    }

    /// The whole numbers of a column that holds no others; 0 in its gaps.
    pub(super) fn numbers(&self) -> Option<&[i64]> {
        matches!(self.content, Content::Whole | Content::Nothing).then_some(&self.words)
    }

    /// The texts of a column that holds no others; empty in its gaps.
    pub(super) fn texts(&self) -> Option<Texts<'_>> {
        let Self { words, bytes, .. } = self;
        matches!(self.content, Content::Text | Content::Nothing).then_some(Texts { words, bytes })
    }

    /// The cell of a row.
    pub(super) fn cell(&self, row: usize) -> Cell {
        if !self.is_set[row] {
            return Cell::Null;
        }
        let word = self.words[row];
        match self.content {
            Content::Nothing => Cell::Null,
            Content::Whole => Cell::Integer(word),
            Content::Real => Cell::Real(f64::from_bits(word.cast_unsigned())),
            Content::Text => {
                let text = slice(word, &self.bytes);
                Cell::Text(String::from_utf8_lossy(text).into_owned())
            }
            Content::Blob => Cell::Blob(slice(word, &self.bytes).to_vec()),
        }
    }
}

/// The texts of a column.
#[derive(Clone, Copy)]
pub(super) struct Texts<'a> {
    words: &'a [i64],
    bytes: &'a [u8],
}

impl<'a> Texts<'a> {
    pub(super) fn get(self, row: usize) -> &'a [u8] {
        slice(self.words[row], self.bytes)
    }
}

fn slice(word: i64, bytes: &[u8]) -> &[u8] {
    let (start, len) = ((word >> 32) as usize, (word & 0xffff_ffff) as usize);
    &bytes[start..start + len]
}

fn corrupt() -> Error {
    Error::new(ErrorKind::Corrupt, "a column in the file holds values of several types")
        .with_hint("restore a backup")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_back() {
        let mut texts = ColumnCells::default();
        texts.push_null();
        texts.push_text("Käthe".as_bytes()).unwrap();
        texts.push_text(b"").unwrap();
        assert_eq!(texts.is_set(), [false, true, true]);
        let cells: Vec<Cell> = (0..3).map(|row| texts.cell(row)).collect();
        assert_eq!(cells, [Cell::Null, Cell::Text("Käthe".into()), Cell::Text(String::new())]);
        assert_eq!(texts.push_whole(1).unwrap_err().kind(), ErrorKind::Corrupt);
        texts.clear();
        texts.push_real(-0.5).unwrap();
        assert_eq!(texts.cell(0), Cell::Real(-0.5));
        assert_eq!(
            ColumnCells::default().push_text(&[0xff]).unwrap_err().kind(),
            ErrorKind::Corrupt
        );
        let mut blobs = ColumnCells::default();
        blobs.push_blob(&[1, 2]).unwrap();
        assert_eq!(blobs.cell(0), Cell::Blob(vec![1, 2]));
    }
}
