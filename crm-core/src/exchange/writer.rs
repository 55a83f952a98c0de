//! Records as rows of a table.
//!
//! Two profiles, because one file cannot serve both: machines get every cell exactly as it is, so
//! that an import gives the same values; spreadsheets get a mark of the encoding, and an apostrophe
//! before whatever they would take for a formula (CWE-1236). The invariant: each row has as many
//! cells as the header, in its order.

use std::io::{self, Write};

use super::{CsvProfile, columns, table::Signs};
use crate::{
    Kind, RecordId, Value,
    cell::Cell,
    schema::{AttributeModel, TypeModel},
};

/// What a column of the table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Id,
    /// The attribute at this place, in one column per part.
    Attribute(usize),
}

/// A table under way.
pub(crate) struct TableWriter<W: Write> {
    rows: csv::Writer<W>,
    shown: Vec<Shown>,
    profile: CsvProfile,
    delimiter: char,
    /// A buffer for cells that need an apostrophe.
    guarded: String,
}

impl<W: Write> TableWriter<W> {
    /// Writes the header.
    pub(crate) fn new(
        mut out: W,
        signs: Signs,
        profile: CsvProfile,
        model: &TypeModel,
        shown: Vec<Shown>,
    ) -> io::Result<Self> {
        let mut builder = csv::WriterBuilder::new();
        builder.delimiter(signs.delimiter).quote(signs.quote).has_headers(false);
        if profile == CsvProfile::Spreadsheet {
            // Without the mark, Excel takes UTF-8 for the encoding of its country.
            out.write_all("\u{FEFF}".as_bytes())?;
            builder.terminator(csv::Terminator::CRLF);
        }
        let mut rows = builder.from_writer(out);
        for column in &shown {
            match column {
                Shown::Id => rows.write_field(columns::ID)?,
                Shown::Attribute(place) => {
                    let attribute = &model.attributes[*place];
                    for part in columns::parts(attribute.definition.kind) {
                        rows.write_field(columns::name(attribute.name(), part))?;
                    }
                }
            }
        }
        end_row(&mut rows)?;
        let delimiter = char::from(signs.delimiter);
        Ok(Self { rows, shown, profile, delimiter, guarded: String::new() })
    }

    /// Writes a record. Its texts are moved out of `cells`, not copied.
    pub(crate) fn row(
        &mut self,
        model: &TypeModel,
        id: RecordId,
        cells: &mut [Cell],
    ) -> io::Result<()> {
        for place in 0..self.shown.len() {
            match self.shown[place] {
                Shown::Id => self.rows.write_field(id.to_string())?,
                Shown::Attribute(place) => {
                    let attribute = &model.attributes[place];
                    let value = attribute.take(&mut cells[attribute.span()]);
                    self.value(attribute, &value)?;
                }
            }
        }
        end_row(&mut self.rows)
    }

    /// Hands over what is buffered, and what it was written to.
    pub(crate) fn finish(self) -> io::Result<W> {
        self.rows.into_inner().map_err(csv::IntoInnerError::into_error)
    }

    fn value(&mut self, attribute: &AttributeModel, value: &Value) -> io::Result<()> {
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        match value {
            Value::Null => {
                for _ in columns::parts(attribute.definition.kind) {
                    self.rows.write_field("")?;
                }
                Ok(())
            }
            Value::Bool(value) => self.number(if *value { "true" } else { "false" }),
            Value::Integer(number) => self.number(&number.to_string()),
            Value::Real(number) => self.number(&real(*number)),
            // A decimal is a number, whose sign is no formula.
            Value::Text(text) if attribute.definition.kind == Kind::Decimal => self.number(text),
            Value::Text(text) => self.text(text),
            Value::List(options) => {
                self.text(&options.join(&columns::list_separator(attribute).to_string()))
            }
            Value::Money(money) => {
                self.number(&money.amount)?;
                self.text(&money.currency)
            }
            Value::Address(address) => {
                self.text(&text(&address.street))?;
                self.text(&text(&address.city))?;
                self.text(&text(&address.region))?;
                self.text(&text(&address.postal_code))?;
                self.text(&text(&address.country))
            }
            Value::File(file) => {
                self.text(&file.hash)?;
                self.text(&file.name)?;
                self.text(&file.media_type)
            }
        }
    }

    fn number(&mut self, text: &str) -> io::Result<()> {
        self.rows.write_field(text).map_err(to_io)
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        if self.profile == CsvProfile::Spreadsheet && needs_guard(text, self.delimiter) {
            guard(text, self.delimiter, &mut self.guarded);
            return self.rows.write_field(&self.guarded).map_err(to_io);
        }
        self.rows.write_field(text).map_err(to_io)
    }
}

fn end_row<W: Write>(rows: &mut csv::Writer<W>) -> io::Result<()> {
    rows.write_record(None::<&[u8]>).map_err(to_io)
}

fn to_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        _ => io::Error::other("the table was written in an unforeseen way"),
    }
}

/// The shortest text that reads back as the same number.
fn real(number: f64) -> String {
    let is_plain = number == 0.0 || (1e-5..1e16).contains(&number.abs());
    if is_plain { number.to_string() } else { format!("{number:e}") }
}

/// Whether a spreadsheet that meets this sign at the start of a cell reads a formula.
fn begins_formula(sign: char) -> bool {
    // The wide forms are what a Japanese keyboard types, and some programs fold them.
    matches!(sign, '=' | '+' | '-' | '@' | '\t' | '\r' | '\0' | '＝' | '＋' | '－' | '＠')
}

/// Whether a program that ignores quotes would begin a new cell after this sign.
fn ends_cell(sign: char, delimiter: char) -> bool {
    sign == delimiter || matches!(sign, ',' | ';' | '\t' | '|' | '\n' | '\r')
}

fn needs_guard(text: &str, delimiter: char) -> bool {
    let mut is_start = true;
    text.chars().any(|sign| {
        let found = is_start && begins_formula(sign);
        is_start = ends_cell(sign, delimiter);
        found
    })
}

/// Writes `text` into `out` with an apostrophe wherever a formula would begin.
fn guard(text: &str, delimiter: char, out: &mut String) {
    out.clear();
    let mut is_start = true;
    for sign in text.chars() {
        // The line feed of CR LF follows what counts as an end already, and begins nothing.
        if is_start && begins_formula(sign) {
            out.push('\'');
        }
        is_start = ends_cell(sign, delimiter);
        out.push(sign);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guarded(text: &str) -> String {
        let mut out = String::new();
        guard(text, ';', &mut out);
        assert_eq!(out != text, needs_guard(text, ';'));
        out
    }

    #[test]
    fn formulas_get_an_apostrophe_wherever_a_cell_could_begin() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("+49 30 1", "'+49 30 1"),
            ("-x", "'-x"),
            ("@a", "'@a"),
            ("\tx", "'\tx"),
            ("＝1", "'＝1"),
            ("a=1", "a=1"),
            ("a,=1;-2", "a,'=1;'-2"),
            ("a\n=1", "a\n'=1"),
            ("Ann", "Ann"),
            ("", ""),
        ] {
            assert_eq!(guarded(text), expected);
        }
    }

    #[test]
    fn reals_read_back() {
        for number in [0.0, 1.5, -2.0, 1e300, 5e-324, f64::MAX, 0.1 + 0.2, 1e16, 123_456_789.125] {
            assert_eq!(real(number).parse::<f64>().unwrap(), number);
        }
        assert_eq!(real(1.5), "1.5");
        assert!(real(1e300).len() < 10);
    }
}
