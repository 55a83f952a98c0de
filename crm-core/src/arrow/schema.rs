//! Which columns a result has as a table, and of which types.
//!
//! One part of a value, one column, named as in a CSV table: `price` and `price.currency`,
//! `home.city`. The invariant: the types follow from the query and the definitions alone, never from
//! the rows, so that all batches of a stream agree, and so do those of two files.

use std::{collections::HashMap, sync::Arc};

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::{
    Error, ErrorKind, Kind, Result,
    exchange::{part_name, parts},
    query::{Form, Output},
};

/// The decimal places of every amount of money, whatever its currency: the most that one has.
pub(super) const MONEY_SCALE: u8 = 4;
/// The digits of a number of 64 bits.
const DIGITS: u8 = 19;

/// What a table looks like: its columns, and how they are filled.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) schema: SchemaRef,
    /// For each output of the query how its cells are read, in order.
    pub(crate) forms: Vec<Form>,
}

/// A result of a query, to be laid out.
pub(crate) fn layout<'o, A: 'o, B: 'o>(
    entity_type: &str,
    keys: &'o [Output<A>],
    figures: &'o [Output<B>],
) -> Result<Layout> {
    let keys = keys.iter().map(|output| (output.name.as_str(), output.form));
    let outputs = keys.chain(figures.iter().map(|output| (output.name.as_str(), output.form)));
    let (mut forms, mut all) = (Vec::new(), Vec::new());
    for (name, form) in outputs {
        all.extend(fields(name, form));
        forms.push(form);
    }
    let mut names: Vec<&str> = all.iter().map(|field| field.name().as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        let message = "two columns of the table have the same name";
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_field(twice[0])
            .with_hint("call one of them otherwise by \"as\""));
    }
    let metadata = HashMap::from([("crm.type".to_owned(), entity_type.to_owned())]);
    Ok(Layout { schema: Arc::new(Schema::new_with_metadata(all, metadata)), forms })
}

/// The columns of one output.
fn fields(name: &str, form: Form) -> Vec<Field> {
    match form {
        Form::Stored { kind, scale } => {
            let parts = parts(kind).iter().enumerate();
            let field = |(place, part): (usize, &&str)| {
                let metadata = [("crm.kind", kind.name()), ("crm.part", part)];
                let metadata = metadata.into_iter().filter(|(_, text)| !text.is_empty());
                let metadata = metadata.map(|(key, text)| (key.to_owned(), text.to_owned()));
                let data_type = if place == 0 { leading(kind, scale) } else { DataType::Utf8 };
                Field::new(part_name(name, part), data_type, true)
                    .with_metadata(metadata.collect::<HashMap<_, _>>())
            };
            parts.map(field).collect()
        }
        Form::Scaled { .. } => vec![figure(name.to_owned(), DataType::Float64, Kind::Real)],
        Form::Named => vec![figure(name.to_owned(), DataType::Utf8, Kind::Text)],
        Form::Share => vec![
            figure(name.to_owned(), DataType::Float64, Kind::Real),
            figure(format!("{name}.numerator"), DataType::Int64, Kind::Integer),
            figure(format!("{name}.denominator"), DataType::Int64, Kind::Integer),
        ],
    }
}

fn figure(name: String, data_type: DataType, kind: Kind) -> Field {
    let metadata = HashMap::from([("crm.kind".to_owned(), kind.name().to_owned())]);
    Field::new(name, data_type, true).with_metadata(metadata)
}

/// The type of the first column of a kind.
fn leading(kind: Kind, scale: Option<u8>) -> DataType {
    match kind {
        Kind::Text
        | Kind::LongText
        | Kind::Choice
        | Kind::Email
        | Kind::Phone
        | Kind::Url
        | Kind::Country
        | Kind::Locale
        | Kind::TimeZone
        | Kind::Address
        | Kind::File
        | Kind::Reference => DataType::Utf8,
        Kind::Choices => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
        Kind::Checkbox => DataType::Boolean,
        Kind::Integer | Kind::Rating => DataType::Int64,
        Kind::Decimal => decimal(scale),
        Kind::Real => DataType::Float64,
        // The smallest unit of one currency may be a hundred of another's, so that amounts are in
        // major units, which compare within a currency and print as they are written.
        Kind::Money => DataType::Decimal128(DIGITS + MONEY_SCALE, MONEY_SCALE.cast_signed()),
        Kind::Date => DataType::Date32,
        Kind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
}

/// The type of a decimal of this scale.
fn decimal(scale: Option<u8>) -> DataType {
    DataType::Decimal128(DIGITS, scale.unwrap_or(2).cast_signed())
}
