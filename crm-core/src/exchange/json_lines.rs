//! A table of JSON objects, one a line.
//!
//! Keys are columns, and those of an object within a row are joined by a dot, so that a row is flat
//! like one of CSV. The columns that a mapping names come first, others as they turn up. The
//! invariant: a line that is no such object is a row that does not fit, and the next line is read.

use std::{
    collections::HashMap,
    fmt,
    io::{self, BufRead as _, BufReader, Read},
};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{RowCell, RowSource};
use crate::{Error, ErrorKind, Kind, Result, Value, limits, normal};

/// Objects within objects.
const DEPTH: usize = 8;

/// What a line has under a key.
#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    Value(Value),
    /// A list of something else than texts, or a number beyond 64 bits.
    Unfit,
}

/// A table of this format under way.
pub(crate) struct JsonLines<R> {
    source: BufReader<R>,
    bytes_read: u64,
    line: Vec<u8>,
    number: u64,
    columns: Columns,
    /// Whether the line is no object, or one with a key that comes twice.
    is_broken: bool,
}

#[derive(Default)]
struct Columns {
    names: Vec<String>,
    places: HashMap<String, usize>,
    cells: Vec<Held>,
    /// Whether a key came twice in the present line.
    is_repeated: bool,
    /// Whether there are more columns than a table may have.
    is_full: bool,
}

impl<R: Read> JsonLines<R> {
    /// A table in which the columns of a mapping are sought.
    pub(crate) fn new<'m>(source: R, mapped: impl IntoIterator<Item = &'m str>) -> Self {
        let mut columns = Columns::default();
        for column in mapped {
            columns.place(normal::trim(column));
        }
        Self {
            source: BufReader::with_capacity(64 * 1024, source),
            bytes_read: 0,
            line: Vec::new(),
            number: 0,
            columns,
            is_broken: false,
        }
    }

    /// Reads a line; false at the end.
    fn read_line(&mut self) -> Result<bool> {
        self.line.clear();
        let most = limits::CSV_ROW_BYTES as u64 + 1;
        let count = self.source.by_ref().take(most).read_until(b'\n', &mut self.line);
        let count = count.map_err(|error: io::Error| {
            Error::new(ErrorKind::Io, format!("the table cannot be read: {}", error.kind()))
                .with_source(error)
        })?;
        if count > limits::CSV_ROW_BYTES {
            let row = self.number + 1;
            let message = format!("row {row} is longer than {} bytes", limits::CSV_ROW_BYTES);
            return Err(Error::new(ErrorKind::LimitExceeded, message)
                .with_hint("each object stands on a line of its own"));
        }
        if self.bytes_read == 0 && self.line.starts_with(b"\xEF\xBB\xBF") {
            self.line.drain(..3);
        }
        self.bytes_read += count as u64;
        Ok(count > 0)
    }

    /// Reads the cells of the line.
    fn read_cells(&mut self) -> Result<()> {
        let columns = &mut self.columns;
        columns.cells.iter_mut().for_each(|cell| *cell = Held::Nothing);
        columns.is_repeated = false;
        let mut json = serde_json::Deserializer::from_slice(&self.line);
        let flat = Flat { columns, name: String::new(), depth: 0 };
        let read = flat.deserialize(&mut json).and_then(|()| json.end());
        if columns.is_full {
            let message = format!("a table has at most {} columns", limits::CSV_COLUMNS);
            return Err(Error::new(ErrorKind::LimitExceeded, message));
        }
        self.is_broken = read.is_err() || columns.is_repeated;
        Ok(())
    }
}

impl<R: Read> RowSource for JsonLines<R> {
    fn header(&self) -> &[String] {
        &self.columns.names
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    fn advance(&mut self) -> Result<bool> {
        while self.read_line()? {
            if self.line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            self.read_cells()?;
            if self.is_broken || !(0..self.columns.cells.len()).all(|place| self.is_blank(place)) {
                self.number += 1;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn number(&self) -> u64 {
        self.number
    }

    /// Whether the line is an object whose keys all differ.
    fn check(&self) -> Result<()> {
        if !self.is_broken {
            return Ok(());
        }
        let message = match self.columns.is_repeated {
            true => "a key comes twice in the object",
            false => "the line is not a JSON object in UTF-8",
        };
        Err(Error::new(ErrorKind::InvalidValue, message)
            .with_hint("write one object a line, with each key once"))
    }

    fn cell(&self, column: usize, _kind: Kind) -> Result<RowCell<'_>> {
        match self.columns.cells.get(column) {
            None | Some(Held::Nothing) => Ok(RowCell::Text("")),
            Some(Held::Value(Value::Text(text))) if text.len() > limits::CSV_CELL_BYTES => {
                let message = format!("the cell is longer than {} bytes", limits::CSV_CELL_BYTES);
                Err(Error::new(ErrorKind::LimitExceeded, message))
            }
            Some(Held::Value(Value::Text(text))) if text.contains('\0') => {
                Err(Error::new(ErrorKind::InvalidValue, "the cell contains the character NUL")
                    .with_hint("remove U+0000"))
            }
            Some(Held::Value(Value::Text(text))) => Ok(RowCell::Text(text)),
            Some(Held::Value(value)) => Ok(RowCell::Value(value.clone())),
            Some(Held::Unfit) => {
                let message = "neither text, a number of 64 bits, true, false nor a list of texts";
                Err(Error::new(ErrorKind::InvalidValue, message).with_hint(
                    "write the parts of a value as an object, and longer numbers as text",
                ))
            }
        }
    }

    fn is_blank(&self, column: usize) -> bool {
        match self.columns.cells.get(column) {
            None | Some(Held::Nothing) => true,
            Some(Held::Value(Value::Text(text))) => normal::trim(text).is_empty(),
            Some(Held::Value(Value::List(list))) => list.is_empty(),
            Some(_) => false,
        }
    }
}

impl Columns {
    /// The place of the column of this name, which it gets if it has none.
    fn place(&mut self, name: &str) -> Option<usize> {
        if let Some(place) = self.places.get(name) {
            return Some(*place);
        }
        if self.names.len() == limits::CSV_COLUMNS {
            self.is_full = true;
            return None;
        }
        self.places.insert(name.to_owned(), self.names.len());
        self.names.push(name.to_owned());
        self.cells.push(Held::Nothing);
        Some(self.names.len() - 1)
    }

    fn put(&mut self, name: &str, held: Held) {
        let Some(place) = self.place(name) else { return };
        let cell = &mut self.cells[place];
        self.is_repeated |= !matches!(cell, Held::Nothing);
        *cell = held;
    }
}

/// Reads a value into the cell of this name, or an object into one cell for each key.
struct Flat<'a> {
    columns: &'a mut Columns,
    name: String,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Flat<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl Flat<'_> {
    fn put<E: serde::de::Error>(self, held: Held) -> Result<(), E> {
        if self.depth == 0 {
            return Err(E::custom("not an object"));
        }
        self.columns.put(&self.name, held);
        Ok(())
    }
}

impl<'de> Visitor<'de> for Flat<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a cell")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.put(Held::Value(Value::Bool(value)))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.put(Held::Value(Value::Integer(value)))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.put(i64::try_from(value).map_or(Held::Unfit, |value| Held::Value(value.into())))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.put(Held::Value(Value::Real(value)))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.put(if value.is_empty() { Held::Nothing } else { Held::Value(value.into()) })
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.put(Held::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let (mut texts, mut is_fit) = (Vec::new(), true);
        while let Some(item) = list.next_element::<TextOr>()? {
            match item {
                TextOr(Some(text)) => texts.push(text),
                TextOr(None) => is_fit = false,
            }
        }
        self.put(if is_fit { Held::Value(Value::List(texts)) } else { Held::Unfit })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if self.depth == DEPTH {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return self.put(Held::Unfit);
        }
        while let Some(key) = map.next_key::<String>()? {
            let key = normal::trim(&key);
            let name = match self.depth {
                0 => key.to_owned(),
                _ => format!("{}.{key}", self.name),
            };
            map.next_value_seed(Flat { columns: self.columns, name, depth: self.depth + 1 })?;
        }
        Ok(())
    }
}

/// A text, or something else.
struct TextOr(Option<String>);

impl<'de> serde::Deserialize<'de> for TextOr {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        let json = serde_json::Value::deserialize(value)?;
        Ok(Self(json.as_str().map(str::to_owned)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table<'a>(text: &'a str, mapped: &[&str]) -> JsonLines<&'a [u8]> {
        JsonLines::new(text.as_bytes(), mapped.iter().copied())
    }

    #[test]
    fn objects_become_rows_of_flat_columns() {
        let text = "\u{FEFF}{\"b\": 1, \"home\": {\"city\": \"Ulm\", \"geo\": {\"x\": 1.5}}}\r\n\n{}\n{\"tags\": [\"x\", \"y\"], \"a\": null, \"on\": true}";
        let mut table = table(text, &["a", "b"]);
        assert!(table.advance().unwrap());
        assert_eq!(table.header(), ["a", "b", "home.city", "home.geo.x"]);
        let integer = RowCell::Value(Value::Integer(1));
        let cells: Vec<_> = (0..4).map(|place| table.cell(place, Kind::Text).unwrap()).collect();
        assert_eq!(
            cells,
            [RowCell::Text(""), integer, RowCell::Text("Ulm"), RowCell::Value(Value::Real(1.5))]
        );
        assert!(table.advance().unwrap());
        assert_eq!(table.number(), 2);
        assert_eq!(table.cell(4, Kind::Text).unwrap(), RowCell::Value(vec!["x", "y"].into()));
        assert!(table.is_blank(0) && table.is_blank(1) && !table.is_blank(5));
        assert!(!table.advance().unwrap());
        assert_eq!(table.bytes_read(), text.len() as u64);
    }

    #[test]
    fn what_is_no_row_is_said_and_the_next_is_read() {
        let bad = ["{", "[1]", "1", "{\"a\":1,\"a\":2}", "{\"a\":1} x", "\u{1}"];
        let text = bad.join("\n") + "\n{\"a\": 1}";
        let mut table = table(&text, &[]);
        for number in 1..=bad.len() as u64 {
            assert!(table.advance().unwrap());
            assert_eq!(table.number(), number);
            assert_eq!(table.check().unwrap_err().kind(), ErrorKind::InvalidValue, "{number}");
        }
        assert!(table.advance().unwrap() && table.check().is_ok());
    }

    #[test]
    fn objects_within_objects_end_somewhere() {
        let deep = format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200));
        let name = ["a"; DEPTH].join(".");
        let mut table = table(&deep, &[&name]);
        assert!(table.advance().unwrap() && table.check().is_ok());
        assert_eq!(table.cell(0, Kind::Text).unwrap_err().kind(), ErrorKind::InvalidValue);
    }

    #[test]
    fn what_no_attribute_holds_is_said_by_its_cell() {
        let text = "{\"a\": [1], \"b\": 18446744073709551615, \"c\": \"x\\u0000\"}";
        let mut table = table(text, &["a", "b", "c"]);
        assert!(table.advance().unwrap() && table.check().is_ok());
        for place in 0..3 {
            assert_eq!(table.cell(place, Kind::Text).unwrap_err().kind(), ErrorKind::InvalidValue);
            assert!(!table.is_blank(place));
        }
    }

    #[test]
    fn lines_and_columns_without_end_do_not_fill_memory() {
        let endless = io::repeat(b' ').take(1 << 40);
        let mut table = JsonLines::new(endless, []);
        assert_eq!(table.advance().unwrap_err().kind(), ErrorKind::LimitExceeded);
        let wide = (0..=limits::CSV_COLUMNS).map(|place| format!("{{\"c{place}\":1}}\n"));
        let wide: String = wide.collect();
        let mut table = self::table(&wide, &[]);
        let error = std::iter::repeat_with(|| table.advance()).find_map(Result::err).unwrap();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    }
}
