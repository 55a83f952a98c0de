//! From the text of a cell to a value, as the mapping of its column says.
//!
//! What a cell says is read here; whether the value fits the attribute is judged where every value
//! is, in `record`. The invariant: nothing is guessed. A date is ISO 8601 or in the declared format,
//! a number has the declared separators, and a blank cell says nothing.

use std::borrow::Cow;

use super::{ColumnMapping, RowCell, columns};
use crate::{
    Date, Error, ErrorKind, Kind, Result, Timestamp, Value,
    normal::{self, decimal::NumberFormat, trim},
    schema::AttributeModel,
};

/// The form of a local time in ISO 8601, for timestamps whose zone is declared and format is not.
const LOCAL_TIME: [&str; 4] =
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];

/// How the cells of one column are read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CellReader {
    /// As they stand, to the last blank.
    Exact,
    /// Without the blanks around them.
    Trimmed,
    /// An option, as it stands or else without the blanks around it.
    Option,
    /// Options with this between them.
    Options(String),
    Checkbox,
    Whole(NumberFormat),
    Decimal(NumberFormat),
    Real(NumberFormat),
    Date(Option<String>),
    Timestamp {
        format: Option<String>,
        zone: Option<String>,
    },
}

impl CellReader {
    /// How `mapping` says that cells of a part of `attribute` are read.
    ///
    /// # Errors
    ///
    /// `InvalidArgument`, naming the column, if the mapping says something that has no meaning for
    /// this kind, or a format, time zone or separator that makes no sense.
    pub(crate) fn new(
        attribute: &AttributeModel,
        part: &str,
        mapping: &ColumnMapping,
    ) -> Result<Self> {
        Self::build(attribute, part, mapping).map_err(|error| error.with_field(&mapping.column))
    }

    fn build(attribute: &AttributeModel, part: &str, mapping: &ColumnMapping) -> Result<Self> {
        let kind = attribute.definition.kind;
        let is_amount = kind == Kind::Money && part.is_empty();
        let is_number =
            matches!(kind, Kind::Integer | Kind::Rating | Kind::Decimal | Kind::Real) || is_amount;
        let is_time = kind == Kind::Timestamp;
        for (what, is_given, applies) in [
            ("a format", mapping.format.is_some(), is_time || kind == Kind::Date),
            ("a time zone", mapping.time_zone.is_some(), is_time),
            ("a decimal separator", mapping.decimal_separator.is_some(), is_number),
            ("a group separator", mapping.group_separator.is_some(), is_number),
            ("a list separator", mapping.list_separator.is_some(), kind == Kind::Choices),
        ] {
            if is_given && !applies {
                let message =
                    format!("{what} has no meaning for an attribute of kind {}", kind.name());
                return Err(invalid(message).with_hint("leave it out"));
            }
        }
        Ok(match kind {
            Kind::Text | Kind::LongText => Self::Exact,
            Kind::Address if part != "country" => Self::Exact,
            Kind::File if part == "name" => Self::Exact,
            Kind::Choice => Self::Option,
            Kind::Choices => Self::Options(list_separator(attribute, mapping)?),
            Kind::Checkbox => Self::Checkbox,
            Kind::Integer | Kind::Rating => Self::Whole(number_format(mapping)?),
            Kind::Decimal => Self::Decimal(number_format(mapping)?),
            Kind::Money if is_amount => Self::Decimal(number_format(mapping)?),
            Kind::Real => Self::Real(number_format(mapping)?),
            Kind::Date => Self::Date(date_format(mapping)?),
            Kind::Timestamp => timestamp_format(mapping)?,
            _ => Self::Trimmed,
        })
    }

    /// The value that a cell says; `None` if it says nothing.
    ///
    /// # Errors
    ///
    /// `InvalidValue`, `OutOfRange` or `UnknownOption`; never with the text.
    pub(crate) fn read(
        &self,
        attribute: &AttributeModel,
        cell: RowCell<'_>,
    ) -> Result<Option<Value>> {
        match (self, cell) {
            (_, RowCell::Text(text)) => self.read_text(attribute, text),
            (Self::Timestamp { zone, .. }, RowCell::Local(text)) => {
                iso_time(&text, zone.as_deref()).map(|moment| Some(moment.into()))
            }
            (_, RowCell::Local(_)) => {
                Err(Error::new(ErrorKind::InvalidValue, "a time of the day, where none is wanted"))
            }
            // An exact number is kept as its digits, whatever separators texts have.
            (Self::Decimal(_), RowCell::Value(value)) => Ok(Some(digits(value))),
            (_, RowCell::Value(value)) => Ok(Some(value)),
        }
    }

    fn read_text(&self, attribute: &AttributeModel, cell: &str) -> Result<Option<Value>> {
        if let Self::Exact = self {
            return Ok((!cell.is_empty()).then(|| cell.into()));
        }
        let text = trim(cell);
        if text.is_empty() {
            return Ok(None);
        }
        Ok(Some(match self {
            Self::Exact | Self::Trimmed => text.into(),
            Self::Option => option(attribute, cell).into(),
            Self::Options(separator) => {
                let options = cell.split(separator.as_str());
                let options = options.filter(|option| !trim(option).is_empty());
                options.map(|text| option(attribute, text)).collect::<Vec<_>>().into()
            }
            Self::Checkbox => Value::Bool(checkbox(text)?),
            Self::Whole(format) => {
                Value::Integer(normal::decimal::parse_scaled(&format.plain(text)?, 0)?)
            }
            Self::Decimal(format) => Value::Text(format.plain(text)?.into_owned()),
            Self::Real(format) => Value::Real(real(text, format)?),
            Self::Date(None) => text.into(),
            Self::Date(Some(format)) => Date::parse_format(text, format)?.into(),
            Self::Timestamp { format: None, zone: None } => text.into(),
            Self::Timestamp { format: None, zone } => iso_time(text, zone.as_deref())?.into(),
            Self::Timestamp { format: Some(format), zone } => {
                Timestamp::parse_format(text, format, zone.as_deref())?.into()
            }
        }))
    }
}

/// A number as its shortest digits; anything else as it is.
fn digits(value: Value) -> Value {
    match value {
        Value::Integer(number) => Value::Text(number.to_string()),
        Value::Real(number) => Value::Text(number.to_string()),
        other => other,
    }
}

/// The option that a cell names. Where the text itself is none, blanks around it are not meant.
fn option<'a>(attribute: &AttributeModel, text: &'a str) -> &'a str {
    if attribute.check_option(text).is_ok() { text } else { trim(text) }
}

fn checkbox(text: &str) -> Result<bool> {
    let is = |words: [&str; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(["true", "yes", "1"]) {
        Ok(true)
    } else if is(["false", "no", "0"]) {
        Ok(false)
    } else {
        Err(Error::new(ErrorKind::InvalidValue, "neither yes nor no")
            .with_hint("write true or false, yes or no, 1 or 0"))
    }
}

/// A number, which other than exact ones may have an exponent.
fn real(text: &str, format: &NumberFormat) -> Result<f64> {
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, Some(exponent)),
        None => (text, None),
    };
    let mut plain = format.plain(digits)?;
    if let Some(exponent) = exponent {
        plain = Cow::Owned(format!("{plain}e{exponent}"));
    }
    let number = plain.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| {
        Error::new(ErrorKind::InvalidValue, "not a finite number")
            .with_hint("write digits with a point, and an exponent where it is needed: 1.5e-7")
    })
}

fn iso_time(text: &str, zone: Option<&str>) -> Result<Timestamp> {
    let read = |format: &&str| Timestamp::parse_format(text, format, zone).ok();
    match text.parse::<Timestamp>() {
        Ok(moment) => Ok(moment),
        // The last one tells why: of a local time that is skipped or repeated, for instance.
        Err(_) => match LOCAL_TIME.iter().find_map(read) {
            Some(moment) => Ok(moment),
            None => Timestamp::parse_format(text, LOCAL_TIME[0], zone),
        },
    }
}

fn number_format(mapping: &ColumnMapping) -> Result<NumberFormat> {
    let decimal = mapping.decimal_separator.as_deref().map(one_char).transpose()?;
    let group = mapping.group_separator.as_deref().map(one_char).transpose()?;
    NumberFormat::new(decimal.unwrap_or('.'), group).map_err(as_argument)
}

fn one_char(text: &str) -> Result<char> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(sign), None) => Ok(sign),
        _ => Err(invalid("a separator of numbers is one character")),
    }
}

fn list_separator(attribute: &AttributeModel, mapping: &ColumnMapping) -> Result<String> {
    match &mapping.list_separator {
        None => Ok(columns::list_separator(attribute).to_string()),
        Some(text) if text.is_empty() => Err(invalid("a list separator has a character at least")),
        Some(text) => Ok(text.clone()),
    }
}

fn date_format(mapping: &ColumnMapping) -> Result<Option<String>> {
    if let Some(format) = &mapping.format {
        Date::check_format(format).map_err(as_argument)?;
    }
    Ok(mapping.format.clone())
}

fn timestamp_format(mapping: &ColumnMapping) -> Result<CellReader> {
    let (format, zone) = (mapping.format.clone(), mapping.time_zone.clone());
    let checked = format.as_deref().unwrap_or(LOCAL_TIME[0]);
    if format.is_some() || zone.is_some() {
        Timestamp::check_format(checked, zone.as_deref()).map_err(as_argument)?;
    }
    Ok(CellReader::Timestamp { format, zone })
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// What is wrong with a format is wrong with the request.
fn as_argument(error: Error) -> Error {
    let argument = invalid(error.message());
    match error.hint() {
        Some(hint) => argument.with_hint(hint),
        None => argument,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Attribute;

    fn attribute(kind: Kind) -> AttributeModel {
        let definition = Attribute::new("a", kind);
        let definition = match kind {
            Kind::Choice | Kind::Choices => definition.options(["red", "dark blue", " odd "]),
            Kind::Reference => definition.target("t"),
            _ => definition,
        };
        AttributeModel::new(1, definition, None).unwrap()
    }

    fn read_as(kind: Kind, mapping: &ColumnMapping, cell: &str) -> Result<Option<Value>> {
        let attribute = attribute(kind);
        CellReader::new(&attribute, "", mapping).unwrap().read(&attribute, RowCell::Text(cell))
    }

    fn read(kind: Kind, cell: &str) -> Option<Value> {
        read_as(kind, &ColumnMapping::new("c", "a"), cell).unwrap()
    }

    fn fault(kind: Kind, cell: &str) -> ErrorKind {
        let error = read_as(kind, &ColumnMapping::new("c", "a"), cell).unwrap_err();
        assert!(!error.to_string().contains(cell), "{error}");
        error.kind()
    }

    #[test]
    fn a_blank_cell_says_nothing() {
        for kind in Kind::ALL {
            if !matches!(kind, Kind::Address | Kind::File) {
                assert_eq!(read(*kind, ""), None, "{}", kind.name());
                let is_exact = matches!(kind, Kind::Text | Kind::LongText);
                assert_eq!(read(*kind, " \u{A0}").is_some(), is_exact, "{}", kind.name());
            }
        }
    }

    #[test]
    fn texts_stay_as_they_are_and_others_lose_their_blanks() {
        assert_eq!(read(Kind::Text, " a\u{200B} "), Some(" a\u{200B} ".into()));
        assert_eq!(read(Kind::Email, " ann@example.org\u{A0}"), Some("ann@example.org".into()));
        assert_eq!(read(Kind::Date, " 2024-02-29 "), Some("2024-02-29".into()));
    }

    #[test]
    fn options_are_told_apart() {
        assert_eq!(read(Kind::Choice, " red"), Some("red".into()));
        assert_eq!(read(Kind::Choice, " odd "), Some(" odd ".into()));
        assert_eq!(read(Kind::Choices, "red; dark blue;;"), Some(vec!["red", "dark blue"].into()));
        let mapping =
            ColumnMapping { list_separator: Some(" / ".into()), ..ColumnMapping::new("c", "a") };
        let options = read_as(Kind::Choices, &mapping, "red / dark blue").unwrap();
        assert_eq!(options, Some(vec!["red", "dark blue"].into()));
    }

    #[test]
    fn yes_and_no_have_six_words() {
        for (text, value) in
            [("TRUE", true), ("Yes", true), ("1", true), ("no", false), ("0", false)]
        {
            assert_eq!(read(Kind::Checkbox, text), Some(Value::Bool(value)));
        }
        assert_eq!(fault(Kind::Checkbox, "maybe"), ErrorKind::InvalidValue);
    }

    #[test]
    fn numbers_have_the_declared_form_and_no_other() {
        assert_eq!(read(Kind::Integer, "-9223372036854775808"), Some(Value::Integer(i64::MIN)));
        assert_eq!(read(Kind::Integer, "12.0"), Some(Value::Integer(12)));
        assert_eq!(fault(Kind::Integer, "12.5"), ErrorKind::InvalidValue);
        assert_eq!(fault(Kind::Integer, "1,234"), ErrorKind::InvalidValue);
        assert_eq!(fault(Kind::Rating, "9223372036854775808"), ErrorKind::OutOfRange);
        assert_eq!(read(Kind::Real, "1.5e-7"), Some(Value::Real(1.5e-7)));
        for text in ["nan", "inf", "1e999", "1e", "e5", "1,5"] {
            assert_eq!(fault(Kind::Real, text), ErrorKind::InvalidValue, "{text}");
        }
        let german = ColumnMapping {
            decimal_separator: Some(",".into()),
            group_separator: Some(".".into()),
            ..ColumnMapping::new("c", "a")
        };
        let money = read_as(Kind::Money, &german, "1.234,50").unwrap();
        assert_eq!(money, Some("1234.50".into()));
        assert_eq!(
            read_as(Kind::Real, &german, "-1.234,5E2").unwrap(),
            Some(Value::Real(-123_450.0))
        );
        assert!(read_as(Kind::Decimal, &german, "1.23").is_err());
    }

    #[test]
    fn dates_and_times_have_the_declared_form() {
        let mapping = |format: Option<&str>, zone: Option<&str>| ColumnMapping {
            format: format.map(str::to_owned),
            time_zone: zone.map(str::to_owned),
            ..ColumnMapping::new("c", "a")
        };
        let german = mapping(Some("%d.%m.%Y"), None);
        assert_eq!(read_as(Kind::Date, &german, "29.02.2024").unwrap(), Some("2024-02-29".into()));
        assert!(read_as(Kind::Date, &german, "2024-02-29").is_err());
        let berlin = mapping(None, Some("Europe/Berlin"));
        for text in ["2026-07-31T12:00:00", "2026-07-31 12:00", "2026-07-31T10:00:00Z"] {
            let moment = read_as(Kind::Timestamp, &berlin, text).unwrap();
            assert_eq!(moment, Some("2026-07-31T10:00:00Z".into()), "{text}");
        }
        let error = read_as(Kind::Timestamp, &berlin, "2026-03-29T02:30:00").unwrap_err();
        assert!(error.message().contains("skips or repeats"));
        let both = mapping(Some("%m/%d/%Y %I:%M %p"), Some("America/New_York"));
        let moment = read_as(Kind::Timestamp, &both, "01/31/2026 03:04 PM").unwrap();
        assert_eq!(moment, Some("2026-01-31T20:04:00Z".into()));
    }

    #[test]
    fn what_a_mapping_says_must_make_sense() {
        let base = || ColumnMapping::new("c", "a");
        let some = |text: &str| Some(text.to_owned());
        for (kind, mapping) in [
            (Kind::Date, ColumnMapping { format: some("%d.%m"), ..base() }),
            (Kind::Date, ColumnMapping { format: some("%!"), ..base() }),
            (Kind::Date, ColumnMapping { time_zone: some("UTC"), ..base() }),
            (Kind::Timestamp, ColumnMapping { format: some("%Y-%m-%d"), ..base() }),
            (Kind::Timestamp, ColumnMapping { format: some("%Y-%m-%d %H:%M"), ..base() }),
            (Kind::Timestamp, ColumnMapping { time_zone: some("Mars/Olympus"), ..base() }),
            (Kind::Text, ColumnMapping { format: some("%Y"), ..base() }),
            (Kind::Text, ColumnMapping { group_separator: some(","), ..base() }),
            (Kind::Integer, ColumnMapping { decimal_separator: some("12"), ..base() }),
            (Kind::Integer, ColumnMapping { group_separator: some("."), ..base() }),
            (Kind::Choice, ColumnMapping { list_separator: some(";"), ..base() }),
            (Kind::Choices, ColumnMapping { list_separator: some(""), ..base() }),
        ] {
            let error = CellReader::new(&attribute(kind), "", &mapping).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{mapping:?}");
            assert_eq!(error.field(), Some("c"));
        }
    }
}
