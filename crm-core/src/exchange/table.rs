//! A table of cells, row by row.
//!
//! It reads what other programs write: any delimiter and quote, line breaks in quoted cells, the
//! line `sep=;` that Excel puts first, blank lines. The invariant: a row is handed out as it stands;
//! where it does not fit the header, or a cell is no text, that is said and nothing is repaired.

use std::io::{self, Read};

use csv::ByteRecord;

use super::{CsvDialect, RowCell, RowSource, encoding};
use crate::{Error, ErrorKind, Kind, Result, limits, normal};

use encoding::{RowTooLong, Utf8Reader};

/// Enough to see the whole of a line such as `"sep=;"`.
const SEPARATOR_LINE: usize = 9;

/// The signs of a dialect, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signs {
    pub(crate) delimiter: u8,
    pub(crate) quote: u8,
}

impl Signs {
    /// # Errors
    ///
    /// `InvalidArgument`, naming the field of the dialect.
    pub(crate) fn new(dialect: &CsvDialect) -> Result<Self> {
        let signs = Self {
            delimiter: sign("delimiter", &dialect.delimiter)?,
            quote: sign("quote", &dialect.quote)?,
        };
        signs.check()
    }

    fn check(self) -> Result<Self> {
        if self.delimiter == self.quote {
            let message = "the delimiter is the quote";
            return Err(Error::new(ErrorKind::InvalidArgument, message).with_field("delimiter"));
        }
        Ok(self)
    }
}

fn sign(field: &str, text: &str) -> Result<u8> {
    match text.as_bytes() {
        &[byte]
            if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\0\r\n".contains(&byte) =>
        {
            Ok(byte)
        }
        _ => Err(Error::new(ErrorKind::InvalidArgument, "must be one ASCII sign")
            .with_field(field)
            .with_hint("neither a letter, a digit nor a line break; a tab is \"\\t\"")),
    }
}

/// A table under way.
pub(crate) struct TableReader<R> {
    rows: csv::Reader<Utf8Reader<R>>,
    header: Vec<String>,
    record: ByteRecord,
    number: u64,
    encoding: Option<&'static str>,
}

impl<R: Read> TableReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the dialect makes no sense, or if there is no header or it is no text;
    /// `LimitExceeded` if it has more than 512 columns or is too long; `Io`.
    pub(crate) fn open(source: R, dialect: &CsvDialect) -> Result<Self> {
        let mut signs = Signs::new(dialect)?;
        let declared = dialect.encoding.as_deref().map(encoding::find).transpose()?;
        let mut source = Utf8Reader::new(source, declared).map_err(|error| read_error(error, 0))?;
        let first = source.peek(SEPARATOR_LINE).map_err(|error| read_error(error, 0))?;
        if let Some((delimiter, length)) = separator_line(first) {
            let delimiter = char::from(delimiter).to_string();
            signs.delimiter = sign("delimiter", &delimiter)?;
            signs = signs.check()?;
            source.skip(length);
        }
        source.set_delimiter(signs.delimiter);
        let encoding = source.declared();
        let rows = csv::ReaderBuilder::new()
            .delimiter(signs.delimiter)
            .quote(signs.quote)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(64 * 1024)
            .from_reader(source);
        let (header, record) = (Vec::new(), ByteRecord::new());
        let mut table = Self { rows, header, record, number: 0, encoding };
        table.read_header()?;
        Ok(table)
    }

    fn read_header(&mut self) -> Result<()> {
        let invalid = |message: &str| Error::new(ErrorKind::InvalidArgument, message);
        if !self.read_record()? {
            return Err(
                invalid("the table has no header").with_hint("the first row names the columns")
            );
        }
        if self.record.len() > limits::CSV_COLUMNS {
            let message = format!("a table has at most {} columns", limits::CSV_COLUMNS);
            return Err(Error::new(ErrorKind::LimitExceeded, message));
        }
        for name in &self.record {
            let name = std::str::from_utf8(name)
                .ok()
                .filter(|name| !name.contains('\0'))
                .ok_or_else(|| {
                    invalid("the header is not text in the encoding of the table")
                        .with_field("encoding")
                        .with_hint("declare the encoding, such as windows-1252 or utf-16le")
                })?;
            self.header.push(normal::trim(name).to_owned());
        }
        Ok(())
    }

    fn no_text(&self) -> Error {
        let hint = match self.encoding {
            None => "declare the encoding of the table, such as windows-1252".to_owned(),
            Some(name) => format!("the table is not wholly in {name}: declare another encoding"),
        };
        let name = self.encoding.unwrap_or("UTF-8");
        Error::new(ErrorKind::InvalidValue, format!("the cell is not text in {name}"))
            .with_hint(hint)
    }

    fn read_record(&mut self) -> Result<bool> {
        self.rows.get_mut().begin_row();
        self.rows.read_byte_record(&mut self.record).map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(error) => read_error(error, self.number + 1),
            _ => Error::new(ErrorKind::Internal, "the table was read in an unforeseen way"),
        })
    }
}

fn is_blank(cell: &[u8]) -> bool {
    cell.iter().all(u8::is_ascii_whitespace)
}

/// The delimiter that a first line such as `sep=;` names, and the bytes that the line takes.
fn separator_line(start: &[u8]) -> Option<(u8, usize)> {
    let (line, quotes) = match start {
        [b'"', rest @ ..] => (rest, 1),
        rest => (rest, 0),
    };
    let (name, line) = line.split_at_checked(4)?;
    let (&delimiter, line) = line.split_first()?;
    let line = if quotes == 1 { line.strip_prefix(b"\"")? } else { line };
    let line_break = match line {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => return None,
    };
    name.eq_ignore_ascii_case(b"sep=").then_some((delimiter, 5 + 2 * quotes + line_break))
}

/// An error of the operating system, told without its path.
fn read_error(error: io::Error, row: u64) -> Error {
    if error.get_ref().is_some_and(|inner| inner.is::<RowTooLong>()) {
        let message = format!("row {row} is longer than {} bytes", limits::CSV_ROW_BYTES);
        return Error::new(ErrorKind::LimitExceeded, message)
            .with_hint("look for a quote that is opened and never closed");
    }
    let message = format!("the table cannot be read: {}", error.kind());
    Error::new(ErrorKind::Io, message).with_source(error)
}

impl<R: Read> RowSource for TableReader<R> {
    /// The names of the columns, without the white space around them.
    fn header(&self) -> &[String] {
        &self.header
    }

    fn bytes_read(&self) -> u64 {
        self.rows.get_ref().bytes_read()
    }

    fn advance(&mut self) -> Result<bool> {
        while self.read_record()? {
            if !self.record.iter().all(is_blank) {
                self.number += 1;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn number(&self) -> u64 {
        self.number
    }

    /// Whether the row has as many cells as the header.
    fn check(&self) -> Result<()> {
        let (cells, columns) = (self.record.len(), self.header.len());
        if cells == columns {
            return Ok(());
        }
        let message = format!("the row has {cells} cells, the header {columns}");
        Err(Error::new(ErrorKind::InvalidValue, message)
            .with_hint("look for a delimiter or a quote that is missing or too many"))
    }

    /// The text of a cell, which has no NUL in it.
    fn cell(&self, column: usize, _kind: Kind) -> Result<RowCell<'_>> {
        let cell = self.record.get(column).unwrap_or_default();
        if cell.len() > limits::CSV_CELL_BYTES {
            let message = format!("the cell is longer than {} bytes", limits::CSV_CELL_BYTES);
            return Err(Error::new(ErrorKind::LimitExceeded, message)
                .with_hint("look for a quote that is opened and never closed"));
        }
        let text = std::str::from_utf8(cell).map_err(|_| self.no_text())?;
        if cell.contains(&0) {
            return Err(Error::new(ErrorKind::InvalidValue, "the cell contains the character NUL")
                .with_hint(
                    "remove U+0000, or declare the encoding utf-16le if every other byte is one",
                ));
        }
        Ok(RowCell::Text(text))
    }

    fn is_blank(&self, column: usize) -> bool {
        self.record.get(column).is_none_or(is_blank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(delimiter: &str, quote: &str) -> CsvDialect {
        CsvDialect { delimiter: delimiter.into(), quote: quote.into(), encoding: None }
    }

    fn rows(text: &str, dialect: &CsvDialect) -> Vec<Vec<String>> {
        let mut table = TableReader::open(text.as_bytes(), dialect).unwrap();
        let mut rows = vec![table.header().to_vec()];
        while table.advance().unwrap() {
            rows.push((0..table.record.len()).map(|i| cell_text(&table, i)).collect());
        }
        rows
    }

    fn cell_text(table: &TableReader<&[u8]>, column: usize) -> String {
        match table.cell(column, Kind::Text).unwrap() {
            RowCell::Text(text) => text.to_owned(),
            _ => unreachable!("a table of this format holds text"),
        }
    }

    #[test]
    fn tables_of_each_dialect_are_read() {
        let expected = [vec!["a", "b"], vec!["1\r\n2", "x\"y"], vec!["3", ""]];
        for (text, dialect) in [
            ("a,b\n\"1\r\n2\",\"x\"\"y\"\n3,\n", CsvDialect::default()),
            ("a,b\r\n\r\n\"1\r\n2\",\"x\"\"y\"\r\n\n3,", CsvDialect::default()),
            ("\u{FEFF} a ;b\u{A0}\n'1\r\n2';x\"y\n3;", dialect(";", "'")),
            ("sep=;\r\na;b\n\"1\r\n2\";\"x\"\"y\"\n3;\n;\n", CsvDialect::default()),
            ("\"SEP=\t\"\na\tb\n\"1\r\n2\"\t\"x\"\"y\"\n3\t\n", CsvDialect::default()),
        ] {
            assert_eq!(rows(text, &dialect), expected, "{text}");
        }
    }

    #[test]
    fn a_header_that_only_looks_like_a_separator_line_is_one() {
        assert_eq!(rows("sep=x,b\n1,2\n", &CsvDialect::default())[0], ["sep=x", "b"]);
        assert_eq!(rows("sep", &CsvDialect::default()), [["sep"]]);
    }

    #[test]
    fn rows_of_another_length_say_so() {
        let mut table =
            TableReader::open(&b"a,b\n1\n1,2,3\n1,2\n"[..], &dialect(",", "\"")).unwrap();
        for (number, fits) in [(1, false), (2, false), (3, true)] {
            assert!(table.advance().unwrap());
            assert_eq!((table.number(), table.check().is_ok()), (number, fits));
        }
    }

    #[test]
    fn a_header_must_be_there_and_be_text() {
        let error = |bytes: &[u8]| {
            TableReader::open(bytes, &CsvDialect::default()).map(|_| ()).unwrap_err()
        };
        assert_eq!(error(b"").kind(), ErrorKind::InvalidArgument);
        assert_eq!(error(b"\n\n").kind(), ErrorKind::InvalidArgument);
        assert_eq!(error(b"gr\xFC\xDFe\n").field(), Some("encoding"));
        assert_eq!(error(b"a\0b\0\n\0").field(), Some("encoding"));
        let wide = vec![b','; limits::CSV_COLUMNS];
        assert_eq!(error(&wide).kind(), ErrorKind::LimitExceeded);
    }

    #[test]
    fn signs_must_be_signs() {
        for (delimiter, quote) in [("", "\""), (",,", "\""), ("é", "\""), ("\n", "\""), ("a", "\"")]
        {
            assert_eq!(
                Signs::new(&dialect(delimiter, quote)).unwrap_err().field(),
                Some("delimiter")
            );
        }
        assert_eq!(Signs::new(&dialect("'", "'")).unwrap_err().field(), Some("delimiter"));
        assert_eq!(Signs::new(&dialect(",", "")).unwrap_err().field(), Some("quote"));
    }

    #[test]
    fn a_quote_that_is_never_closed_does_not_fill_memory() {
        let endless = io::repeat(b'x').take(1 << 40);
        let table = (&b"a,b\n1,2\n\"3"[..]).chain(endless);
        let mut table = TableReader::open(table, &CsvDialect::default()).unwrap();
        assert!(table.advance().unwrap());
        let error = table.advance().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert!(error.message().starts_with("row 2 "));
        let commas = (&b"a,b\n"[..]).chain(io::repeat(b',').take(1 << 40));
        let mut table = TableReader::open(commas, &CsvDialect::default()).unwrap();
        assert_eq!(table.advance().unwrap_err().kind(), ErrorKind::LimitExceeded);
    }

    #[test]
    fn a_cell_must_be_text_of_some_length() {
        let long = "x".repeat(limits::CSV_CELL_BYTES + 1);
        let table = [b"a,b,c\n\xFC,x\0,", long.as_bytes(), b"\n"].concat();
        let mut table = TableReader::open(&table[..], &CsvDialect::default()).unwrap();
        assert!(table.advance().unwrap());
        let error = table.cell(0, Kind::Text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidValue);
        assert!(error.hint().unwrap().contains("windows-1252"));
        assert_eq!(table.cell(1, Kind::Text).unwrap_err().kind(), ErrorKind::InvalidValue);
        assert_eq!(table.cell(2, Kind::Text).unwrap_err().kind(), ErrorKind::LimitExceeded);
    }
}
