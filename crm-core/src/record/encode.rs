//! From a value that was handed over to the columns that store it: the one place where a value is
//! judged and normalised.
//!
//! The invariant: cells written here decode to the same value again, and encoding that value gives
//! the same cells (a property test holds both).

use std::borrow::Cow;

use crate::{
    Address, Date, Error, ErrorKind, FileRef, Kind, Money, RecordId, Result, Timestamp, Value,
    cell::Cell, limits, normal, schema::AttributeModel,
};

impl AttributeModel {
    /// Writes the cells of `value` into `cells`, one per column of the attribute.
    ///
    /// # Errors
    ///
    /// `WrongKind`, `InvalidValue`, `OutOfRange` or `UnknownOption`; the field is the attribute.
    pub(crate) fn encode(&self, value: Value, cells: &mut [Cell]) -> Result<()> {
        cells.fill(Cell::Null);
        self.encode_parts(value, cells)
            .and_then(|()| self.check_bounds(&cells[0]))
            .map_err(|error| error.with_field(self.name()))
    }

    /// Judges cells that are stored already against this definition.
    ///
    /// # Errors
    ///
    /// As [`Self::encode`].
    pub(crate) fn recheck(&self, cells: &[Cell]) -> Result<()> {
        let mut scratch = vec![Cell::Null; self.width()];
        self.encode(self.decode(cells), &mut scratch)
    }

    fn encode_parts(&self, value: Value, cells: &mut [Cell]) -> Result<()> {
        use Kind as K;
        use Value as V;
        let kind = self.definition.kind;
        match (kind, value) {
            (_, V::Null) => {}
            // A blank field of a form is no value, whatever the kind.
            (_, V::Text(text)) if text.is_empty() => {}
            (K::Choices, V::List(items)) if items.is_empty() => {}
            (K::Text | K::LongText, V::Text(text)) => cells[0] = Cell::Text(self.text(text)?),
            (K::Choice, V::Text(text)) => {
                self.check_option(&text)?;
                cells[0] = Cell::Text(text);
            }
            (K::Choices, V::List(items)) => cells[0] = Cell::Text(self.choices(items)?),
            (K::Choices, V::Text(item)) => cells[0] = Cell::Text(self.choices(vec![item])?),
            (K::Checkbox, V::Bool(value)) => cells[0] = Cell::Integer(value.into()),
            (K::Integer | K::Rating, V::Integer(number)) => cells[0] = Cell::Integer(number),
            (K::Decimal, value) => cells[0] = Cell::Integer(self.decimal(&value)?),
            (K::Real, V::Real(number)) => cells[0] = Cell::Real(finite(number)?),
            // Beyond 2⁵³ the nearest representable number, as in every language's own reals.
            #[expect(clippy::cast_precision_loss)]
            (K::Real, V::Integer(number)) => cells[0] = Cell::Real(number as f64),
            (K::Money, value) => self.money(value, cells)?,
            (K::Date, V::Text(text)) => {
                cells[0] = Cell::Integer(text.parse::<Date>()?.days().into());
            }
            (K::Timestamp, V::Text(text)) => {
                cells[0] = Cell::Integer(text.parse::<Timestamp>()?.micros());
            }
            (
                K::Email | K::Phone | K::Url | K::Country | K::Locale | K::TimeZone,
                V::Text(text),
            ) => normalised(kind, text, cells)?,
            (K::Address, V::Address(address)) => encode_address(address, cells)?,
            (K::File, V::File(file)) => encode_file(file, cells)?,
            (K::Reference, V::Text(text)) => {
                let id = text.parse::<RecordId>().map_err(|_| {
                    invalid("not a record id").with_hint("a reference is the id of a record")
                })?;
                cells[0] = Cell::Blob(id.as_bytes().to_vec());
            }
            (kind, value) => return Err(wrong_kind(kind, &value)),
        }
        Ok(())
    }

    fn text(&self, text: String) -> Result<String> {
        let limit = match self.definition.kind {
            Kind::LongText => limits::LONG_TEXT_BYTES,
            _ => limits::TEXT_BYTES,
        };
        check_text(&text, limit)?;
        if let Some(length) = self.definition.length
            && text.len() > length as usize
            && text.chars().count() > length as usize
        {
            return Err(out_of_range(format!("longer than {length} characters")));
        }
        if let Some(pattern) = &self.pattern
            && !pattern.is_match(&text)
        {
            return Err(invalid("does not match the attribute's pattern"));
        }
        Ok(text)
    }

    fn choices(&self, mut items: Vec<String>) -> Result<String> {
        for item in &items {
            self.check_option(item)?;
        }
        items.sort_unstable();
        items.dedup();
        Ok(serde_json::to_string(&items).expect("a list of texts is always JSON"))
    }

    fn decimal(&self, value: &Value) -> Result<i64> {
        let scale = self.definition.scale.unwrap_or(2);
        let text = match value {
            Value::Text(text) => Cow::Borrowed(text.as_str()),
            Value::Integer(number) => Cow::Owned(number.to_string()),
            // The shortest text that reads back as the same number is what was written: 12.34.
            Value::Real(number) => Cow::Owned(finite(*number)?.to_string()),
            other => return Err(wrong_kind(Kind::Decimal, other)),
        };
        normal::decimal::parse_scaled(&text, scale)
    }

    fn money(&self, value: Value, cells: &mut [Cell]) -> Result<()> {
        let fixed = self.definition.currency.as_deref();
        let money = match (value, fixed) {
            (Value::Money(money), _) => money,
            (Value::Text(amount), Some(currency)) => Money::new(amount, currency),
            (Value::Integer(amount), Some(currency)) => Money::new(amount.to_string(), currency),
            (Value::Real(amount), Some(currency)) => {
                Money::new(finite(amount)?.to_string(), currency)
            }
            (Value::Text(_) | Value::Integer(_) | Value::Real(_), None) => {
                return Err(Error::new(ErrorKind::WrongKind, "an amount without a currency")
                    .with_hint("write an object of amount and currency"));
            }
            (other, _) => return Err(wrong_kind(Kind::Money, &other)),
        };
        let (code, exponent) = normal::currency::currency(&money.currency)?;
        if let Some(fixed) = fixed
            && !fixed.eq_ignore_ascii_case(code)
        {
            return Err(invalid("another currency than the attribute's")
                .with_hint(format!("the only currency of this attribute is {fixed}")));
        }
        cells[0] = Cell::Integer(normal::decimal::parse_scaled(&money.amount, exponent)?);
        cells[1] = Cell::Text(code.to_owned());
        Ok(())
    }

    /// Encodes a value to compare stored ones with: in its normal form, but without the rules that a
    /// stored value must keep, because what lies beyond a bound can be asked for all the same.
    ///
    /// # Errors
    ///
    /// As [`Self::encode`], but without a field.
    pub(crate) fn encode_operand(&self, value: Value) -> Result<Vec<Cell>> {
        let mut cells = vec![Cell::Null; self.width()];
        match (self.definition.kind, value) {
            (Kind::Text | Kind::LongText, Value::Text(text)) if !text.is_empty() => {
                check_text(&text, limits::LONG_TEXT_BYTES)?;
                cells[0] = Cell::Text(text);
            }
            (_, value) => self.encode_parts(value, &mut cells)?,
        }
        Ok(cells)
    }

    /// Encodes a minimum or maximum: a value of this kind that no bounds limit yet.
    ///
    /// # Errors
    ///
    /// As [`Self::encode`], but without a field.
    pub(crate) fn encode_bound(&self, value: Value) -> Result<Cell> {
        let mut cells = vec![Cell::Null; self.width()];
        self.encode_parts(value, &mut cells)?;
        Ok(cells.swap_remove(0))
    }

    /// Whether any value lies between minimum and maximum.
    pub(crate) fn has_room_between_bounds(&self) -> bool {
        let (least, most) = self.bounds();
        !below(&most, &least)
    }

    fn bounds(&self) -> (Cell, Cell) {
        let (least, most) = match self.definition.kind {
            Kind::Rating => (Cell::Integer(0), Cell::Integer(5)),
            _ => (Cell::Null, Cell::Null),
        };
        (self.minimum.clone().unwrap_or(least), self.maximum.clone().unwrap_or(most))
    }

    fn check_bounds(&self, cell: &Cell) -> Result<()> {
        let (least, most) = self.bounds();
        if below(cell, &least) {
            return Err(out_of_range("less than the attribute's minimum"));
        }
        if below(&most, cell) {
            return Err(out_of_range("more than the attribute's maximum"));
        }
        Ok(())
    }
}

/// Whether both are numbers of one type and `a < b`. What is missing is below nothing.
fn below(a: &Cell, b: &Cell) -> bool {
    match (a, b) {
        (Cell::Integer(a), Cell::Integer(b)) => a < b,
        (Cell::Real(a), Cell::Real(b)) => a < b,
        _ => false,
    }
}

/// NUL would end the text in C and in many of SQLite's own functions.
fn check_text(text: &str, limit: usize) -> Result<()> {
    if text.len() > limit {
        return Err(out_of_range(format!("longer than {limit} bytes")));
    }
    if text.contains('\0') {
        return Err(invalid("contains the character NUL").with_hint("remove U+0000 from the text"));
    }
    Ok(())
}

fn finite(number: f64) -> Result<f64> {
    if !number.is_finite() {
        return Err(invalid("not a finite number").with_hint("leave the value out instead"));
    }
    // SQLite stores −0.0 as 0.0; doing it here keeps the journal equal to the table.
    Ok(if number == 0.0 { 0.0 } else { number })
}

fn normalised(kind: Kind, text: String, cells: &mut [Cell]) -> Result<()> {
    check_text(&text, limits::TEXT_BYTES)?;
    let normal = match kind {
        Kind::Email => normal::email::email(&text)?,
        Kind::Phone => normal::phone::phone(&text)?,
        Kind::Url => normal::url::url(&text)?,
        Kind::Country => Cow::Borrowed(normal::country::country(&text)?),
        Kind::Locale => normal::locale::locale(&text)?,
        _ => Cow::Owned(normal::time_zone::time_zone(&text)?),
    };
    if normal == text {
        cells[0] = Cell::Text(text);
    } else {
        cells[0] = Cell::Text(normal.into_owned());
        cells[1] = Cell::Text(text);
    }
    Ok(())
}

fn encode_address(address: Address, cells: &mut [Cell]) -> Result<()> {
    let Address { street, city, region, postal_code, country } = address;
    for (cell, part) in cells.iter_mut().zip([street, city, region, postal_code]) {
        if let Some(text) = part.filter(|text| !text.is_empty()) {
            check_text(&text, limits::TEXT_BYTES)?;
            *cell = Cell::Text(text);
        }
    }
    if let Some(country) = country.filter(|text| !text.is_empty()) {
        cells[4] = Cell::Text(normal::country::country(&country)?.to_owned());
    }
    Ok(())
}

fn encode_file(file: FileRef, cells: &mut [Cell]) -> Result<()> {
    let is_hash = file.hash.len() == 64
        && file.hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if !is_hash {
        return Err(invalid("not the hash of a file").with_hint("store the bytes with files.add"));
    }
    check_file_name(&file.name)?;
    check_media_type(&file.media_type)?;
    cells[0] = Cell::Text(file.hash);
    cells[1] = Cell::Text(file.name);
    cells[2] = Cell::Text(file.media_type);
    cells[3] = Cell::Integer(i64::try_from(file.size).unwrap_or(i64::MAX));
    Ok(())
}

/// A name is not a path.
pub(crate) fn check_file_name(name: &str) -> Result<()> {
    check_text(name, limits::OPTION_BYTES)?;
    if name.is_empty() || name.contains(['/', '\\']) {
        return Err(invalid("not the name of a file").with_hint("a name without its folder"));
    }
    Ok(())
}

/// `type/subtype`, as RFC 6838 §4.2 allows it, with parameters.
pub(crate) fn check_media_type(media_type: &str) -> Result<()> {
    let essence = media_type.split(';').next().unwrap_or_default().trim_end();
    let is_token = |text: &str| {
        !text.is_empty()
            && text.len() <= 127
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let valid = essence.split_once('/').is_some_and(|(top, sub)| is_token(top) && is_token(sub));
    if !valid || media_type.len() > limits::OPTION_BYTES || media_type.contains('\0') {
        return Err(invalid("not a media type").with_hint("such as application/pdf"));
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidValue, message)
}

fn out_of_range(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::OutOfRange, message)
}

fn wrong_kind(kind: Kind, value: &Value) -> Error {
    let message = format!("an attribute of kind {} cannot hold {}", kind.name(), value.shape());
    let expected = match kind {
        Kind::Choices => "a list of option values",
        Kind::Checkbox => "true or false",
        Kind::Integer | Kind::Rating => "a whole number between -2^63 and 2^63-1",
        Kind::Decimal => "a decimal number as text, such as \"12.34\"",
        Kind::Real => "a finite number",
        Kind::Money => "an object of amount and currency",
        Kind::Date => "text such as \"2024-02-29\"",
        Kind::Timestamp => "text such as \"2024-02-29T12:00:00Z\"",
        Kind::Address => "an object of street, city, region, postal_code and country",
        Kind::File => "an object of hash, name and media_type, as files.add returns it",
        Kind::Reference => "text: the id of a record",
        _ => "text",
    };
    Error::new(ErrorKind::WrongKind, message).with_hint(format!("expected {expected}"))
}
