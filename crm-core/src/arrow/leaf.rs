//! One column of a foreign batch: which kinds it goes into, and the value of a row.
//!
//! Texts are read as those of a CSV table are; everything else says by its type what it is. The
//! invariant: a number keeps all its digits or is refused, and so is a time.

use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeBinaryArray, LargeStringArray, StringArray,
    StringViewArray,
    cast::AsArray,
    types::{
        Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Float16Type,
        Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
        TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_schema::{DataType, TimeUnit};

use crate::{
    ColumnMapping, Date, Error, ErrorKind, Kind, RecordId, Result, Timestamp, Value,
    exchange::RowCell, limits,
};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// What the values of a type are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nulls only.
    Nothing,
    Text,
    Bool,
    /// Whole numbers.
    Whole,
    /// Numbers with decimal places.
    Exact,
    Real,
    Day,
    /// Moments, or readings of a clock of which nobody says where it hangs.
    Moment {
        has_zone: bool,
    },
    /// Lists of texts.
    Texts,
    /// Sixteen bytes.
    Id,
    /// Nothing that an attribute holds.
    Other,
}

impl Shape {
    pub(super) fn of(data_type: &DataType) -> Self {
        use DataType as D;
        match data_type {
            D::Null => Self::Nothing,
            D::Utf8 | D::LargeUtf8 | D::Utf8View => Self::Text,
            D::Dictionary(_, values) if Self::of(values) == Self::Text => Self::Text,
            D::Boolean => Self::Bool,
            D::Int8 | D::Int16 | D::Int32 | D::Int64 => Self::Whole,
            D::UInt8 | D::UInt16 | D::UInt32 | D::UInt64 => Self::Whole,
            D::Decimal32(_, scale) | D::Decimal64(_, scale) | D::Decimal128(_, scale) => {
                if *scale <= 0 { Self::Whole } else { Self::Exact }
            }
            D::Float16 | D::Float32 | D::Float64 => Self::Real,
            D::Date32 | D::Date64 => Self::Day,
            D::Timestamp(_, zone) => Self::Moment { has_zone: zone.is_some() },
            D::List(item) | D::LargeList(item) if Self::of(item.data_type()) == Self::Text => {
                Self::Texts
            }
            D::FixedSizeBinary(16) => Self::Id,
            _ => Self::Other,
        }
    }

    /// Whether values of this shape go into a part of a kind.
    fn fits(self, kind: Kind, part: usize, mapping: &ColumnMapping) -> bool {
        let is_amount = kind == Kind::Money && part == 0;
        match self {
            Self::Nothing | Self::Text => true,
            Self::Bool => kind == Kind::Checkbox,
            Self::Whole | Self::Real => {
                matches!(kind, Kind::Integer | Kind::Rating | Kind::Decimal | Kind::Real)
                    || is_amount
                    || (self == Self::Whole && kind == Kind::Reference && mapping.lookup.is_some())
            }
            Self::Exact => matches!(kind, Kind::Decimal | Kind::Real) || is_amount,
            Self::Day => kind == Kind::Date,
            Self::Moment { has_zone: true } => kind == Kind::Timestamp,
            // Some programs know no days, only midnights.
            Self::Moment { has_zone: false } => matches!(kind, Kind::Timestamp | Kind::Date),
            Self::Texts => kind == Kind::Choices,
            Self::Id => kind == Kind::Reference && mapping.lookup.is_none(),
            Self::Other => false,
        }
    }

    /// Whether values of this shape go into a part of a kind, as `mapping` says.
    ///
    /// # Errors
    ///
    /// `WrongKind`; `InvalidArgument` for a time without a zone.
    pub(super) fn check(self, kind: Kind, part: usize, mapping: &ColumnMapping) -> Result<()> {
        if !self.fits(kind, part, mapping) {
            let message = format!("a column of this type does not go into kind {}", kind.name());
            return Err(Error::new(ErrorKind::WrongKind, message)
                .with_hint("cast the column; docs/arrow.md has the types of each kind"));
        }
        let has_no_zone = self == Self::Moment { has_zone: false };
        if has_no_zone && kind == Kind::Timestamp && mapping.time_zone.is_none() {
            return Err(Error::new(ErrorKind::InvalidArgument, "the times have no time zone")
                .with_hint("cast the column to one with a zone, or name it as time_zone"));
        }
        Ok(())
    }
}

/// A column with its values within reach.
pub(super) enum Leaf {
    Nothing,
    /// Something that nobody asks for.
    Unread,
    Text {
        texts: Texts,
        keys: Option<Vec<usize>>,
    },
    Bool(BooleanArray),
    /// Numbers in units of ten to the power of minus the scale.
    Exact {
        digits: Vec<i128>,
        scale: i8,
    },
    Real(Vec<f64>),
    /// Days since 1970; `None` for what is no whole day.
    Days(Vec<Option<i64>>),
    /// Microseconds since 1970, or on a clock; `None` for what is finer or does not fit.
    Micros {
        micros: Vec<Option<i64>>,
        has_zone: bool,
    },
    Lists(Vec<Vec<String>>),
    Ids(FixedSizeBinaryArray),
}

/// An array of texts.
pub(super) enum Texts {
    Small(StringArray),
    Large(LargeStringArray),
    View(StringViewArray),
}

impl Texts {
    fn new(array: &ArrayRef) -> Self {
        match array.data_type() {
            DataType::Utf8 => Self::Small(array.as_string().clone()),
            DataType::LargeUtf8 => Self::Large(array.as_string().clone()),
            _ => Self::View(array.as_string_view().clone()),
        }
    }

    fn at(&self, place: usize) -> &str {
        match self {
            Self::Small(array) => array.value(place),
            Self::Large(array) => array.value(place),
            Self::View(array) => array.value(place),
        }
    }
}

impl Leaf {
    /// The values of an array, whose type has a shape that goes somewhere.
    #[expect(clippy::too_many_lines, reason = "a table of types, one after the other")]
    pub(super) fn new(array: &ArrayRef) -> Self {
        use DataType as D;
        macro_rules! whole {
            ($type:ty) => {
                Self::Exact {
                    digits: array
                        .as_primitive::<$type>()
                        .values()
                        .iter()
                        .map(|n| (*n).into())
                        .collect(),
                    scale: 0,
                }
            };
        }
        macro_rules! real {
            ($type:ty) => {
                Self::Real(
                    array.as_primitive::<$type>().values().iter().map(|n| (*n).into()).collect(),
                )
            };
        }
        macro_rules! decimal {
            ($type:ty, $scale:expr) => {
                Self::Exact {
                    digits: array
                        .as_primitive::<$type>()
                        .values()
                        .iter()
                        .map(|n| (*n).into())
                        .collect(),
                    scale: *$scale,
                }
            };
        }
        macro_rules! micros {
            ($type:ty, $zone:expr, $to:expr) => {
                Self::Micros {
                    micros: array
                        .as_primitive::<$type>()
                        .values()
                        .iter()
                        .map(|n| $to(*n))
                        .collect(),
                    has_zone: $zone.is_some(),
                }
            };
        }
        match array.data_type() {
            D::Utf8 | D::LargeUtf8 | D::Utf8View => {
                Self::Text { texts: Texts::new(array), keys: None }
            }
            D::Dictionary(..) => {
                let dictionary = array.as_any_dictionary();
                let keys = match dictionary.values().len() {
                    // All rows are null.
                    0 => Vec::new(),
                    _ => dictionary.normalized_keys(),
                };
                Self::Text { texts: Texts::new(dictionary.values()), keys: Some(keys) }
            }
            D::Boolean => Self::Bool(array.as_boolean().clone()),
            D::Int8 => whole!(Int8Type),
            D::Int16 => whole!(Int16Type),
            D::Int32 => whole!(Int32Type),
            D::Int64 => whole!(Int64Type),
            D::UInt8 => whole!(UInt8Type),
            D::UInt16 => whole!(UInt16Type),
            D::UInt32 => whole!(UInt32Type),
            D::UInt64 => whole!(UInt64Type),
            D::Decimal32(_, scale) => decimal!(Decimal32Type, scale),
            D::Decimal64(_, scale) => decimal!(Decimal64Type, scale),
            D::Decimal128(_, scale) => decimal!(Decimal128Type, scale),
            D::Float16 => real!(Float16Type),
            D::Float32 => real!(Float32Type),
            D::Float64 => real!(Float64Type),
            D::Date32 => {
                let days = array.as_primitive::<Date32Type>().values().iter();
                Self::Days(days.map(|days| Some((*days).into())).collect())
            }
            D::Date64 => {
                let millis = array.as_primitive::<Date64Type>().values().iter();
                Self::Days(millis.map(|millis| divided(*millis, MICROS_PER_DAY / 1000)).collect())
            }
            D::Timestamp(TimeUnit::Second, zone) => {
                micros!(TimestampSecondType, zone, |n: i64| n.checked_mul(1_000_000))
            }
            D::Timestamp(TimeUnit::Millisecond, zone) => {
                micros!(TimestampMillisecondType, zone, |n: i64| n.checked_mul(1000))
            }
            D::Timestamp(TimeUnit::Microsecond, zone) => {
                micros!(TimestampMicrosecondType, zone, Some)
            }
            D::Timestamp(TimeUnit::Nanosecond, zone) => {
                micros!(TimestampNanosecondType, zone, |n| divided(n, 1000))
            }
            D::List(_) => Self::Lists(lists(array.as_list::<i32>())),
            D::LargeList(_) => Self::Lists(lists(array.as_list::<i64>())),
            D::FixedSizeBinary(16) => Self::Ids(array.as_fixed_size_binary().clone()),
            _ => Self::Nothing,
        }
    }

    /// The values of an array of which only matters whether there are any.
    pub(super) fn unread(array: &ArrayRef) -> Self {
        match Shape::of(array.data_type()) {
            Shape::Nothing => Self::Nothing,
            Shape::Text if !matches!(array.data_type(), DataType::Dictionary(..)) => {
                Self::new(array)
            }
            _ => Self::Unread,
        }
    }

    /// Whether a row that is not null says nothing all the same.
    pub(super) fn is_blank(&self, row: usize) -> bool {
        match self {
            Self::Nothing => true,
            Self::Lists(lists) => lists[row].is_empty(),
            Self::Text { keys: Some(keys), .. } => keys.is_empty(),
            _ => false,
        }
    }

    /// How many bytes of text a row that says something has.
    pub(super) fn text_bytes(&self, row: usize) -> usize {
        match self {
            Self::Text { .. } => self.text(row).len(),
            Self::Lists(lists) => lists[row].iter().map(String::len).sum(),
            _ => 0,
        }
    }

    /// The text of a row that is not null; nothing of what is no text.
    pub(super) fn text(&self, row: usize) -> &str {
        match self {
            Self::Text { texts, keys: None } => texts.at(row),
            Self::Text { texts, keys: Some(keys) } => texts.at(keys[row]),
            _ => "",
        }
    }

    /// What a row that says something says.
    ///
    /// # Errors
    ///
    /// `InvalidValue`, `OutOfRange`, `LimitExceeded`; never with the value.
    pub(super) fn cell(&self, row: usize, kind: Kind) -> Result<RowCell<'_>> {
        let value = match self {
            Self::Nothing | Self::Unread => return Ok(RowCell::Text("")),
            Self::Text { .. } => return checked(self.text(row)).map(RowCell::Text),
            Self::Bool(values) => Value::Bool(values.value(row)),
            Self::Exact { digits, scale } => exact(digits[row], *scale, kind)?,
            Self::Real(numbers) => real(numbers[row], kind)?,
            Self::Days(days) => day(days[row])?,
            Self::Micros { micros, has_zone } => {
                let micros = micros[row].ok_or_else(|| {
                    invalid("finer than a microsecond, or beyond the year 9999")
                        .with_hint("round it to microseconds")
                })?;
                return moment(micros, *has_zone, kind);
            }
            Self::Lists(lists) => {
                lists[row].iter().try_for_each(|text| checked(text).map(drop))?;
                Value::List(lists[row].clone())
            }
            Self::Ids(ids) => match <[u8; 16]>::try_from(ids.value(row)) {
                Ok(id) => Value::from(RecordId::from_bytes(id)),
                Err(_) => return Err(invalid("an id has 16 bytes")),
            },
        };
        Ok(RowCell::Value(value))
    }
}

fn lists<O: arrow_array::OffsetSizeTrait>(
    array: &arrow_array::GenericListArray<O>,
) -> Vec<Vec<String>> {
    let rows = 0..array.len();
    let list = |row| {
        if array.is_null(row) {
            return Vec::new();
        }
        let items = array.value(row);
        let nulls = items.logical_nulls();
        let leaf = Leaf::new(&items);
        let is_text = |place: &usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*place));
        (0..items.len()).filter(is_text).map(|place| leaf.text(place).to_owned()).collect()
    };
    rows.map(list).collect()
}

/// A number divided without a rest.
fn divided(number: i64, by: i64) -> Option<i64> {
    (number.rem_euclid(by) == 0).then(|| number.div_euclid(by))
}

fn checked(text: &str) -> Result<&str> {
    if text.len() > limits::CSV_CELL_BYTES {
        let message = format!("the cell is longer than {} bytes", limits::CSV_CELL_BYTES);
        return Err(Error::new(ErrorKind::LimitExceeded, message));
    }
    if text.contains('\0') {
        return Err(invalid("the cell contains the character NUL").with_hint("remove U+0000"));
    }
    Ok(text)
}

fn exact(digits: i128, scale: i8, kind: Kind) -> Result<Value> {
    let too_large = || Error::new(ErrorKind::OutOfRange, "a number of 64 bits is the largest");
    let unit = 10_i128.checked_pow(scale.unsigned_abs().into()).ok_or_else(too_large)?;
    if scale <= 0 {
        let whole = digits.checked_mul(unit).and_then(|whole| i64::try_from(whole).ok());
        return whole.map(Value::Integer).ok_or_else(too_large);
    }
    let places = usize::from(scale.unsigned_abs());
    let sign = if digits < 0 { "-" } else { "" };
    let (whole, rest) =
        (digits.unsigned_abs() / unit.unsigned_abs(), digits.unsigned_abs() % unit.unsigned_abs());
    let text = format!("{sign}{whole}.{rest:0places$}");
    if kind != Kind::Real {
        // Zeros at the end say nothing, and the attribute may have fewer places.
        return Ok(Value::Text(text.trim_end_matches('0').trim_end_matches('.').to_owned()));
    }
    text.parse().map(Value::Real).map_err(|_| too_large())
}

#[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
fn real(number: f64, kind: Kind) -> Result<Value> {
    match kind {
        Kind::Integer | Kind::Rating if number.fract() == 0.0 && number.abs() <= 2_f64.powi(53) => {
            Ok(Value::Integer(number as i64))
        }
        Kind::Integer | Kind::Rating => Err(invalid("not a whole number")
            .with_hint("round it, or cast the column to whole numbers")),
        _ if !number.is_finite() => {
            Err(invalid("not a finite number").with_hint("write null where there is no number"))
        }
        _ => Ok(Value::Real(number)),
    }
}

fn day(days: Option<i64>) -> Result<Value> {
    let days = days.and_then(|days| i32::try_from(days).ok());
    let days = days.ok_or_else(|| invalid("not a day").with_hint("cast the column to days"))?;
    Date::from_days(days).map(Value::from)
}

fn moment(micros: i64, has_zone: bool, kind: Kind) -> Result<RowCell<'static>> {
    if kind == Kind::Date {
        let days = divided(micros, MICROS_PER_DAY).ok_or_else(|| {
            invalid("a time of the day, where a day is wanted").with_hint("cast it to a day")
        })?;
        return day(Some(days)).map(RowCell::Value);
    }
    let moment = Timestamp::from_micros(micros)?;
    Ok(match has_zone {
        true => RowCell::Value(moment.into()),
        false => RowCell::Local(moment.to_string().trim_end_matches('Z').to_owned()),
    })
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidValue, message)
}
