//! A field that a condition names, and the values that it is compared with.
//!
//! One table says which kind takes which operator; values are judged and encoded by the attribute
//! itself, as when they are stored.

use std::borrow::Cow;

use super::{
    Comparison, Operand, Operator,
    check::{at, invalid, unknown},
    checked::{Column, Compare, Direction, HoldMode, TextMatch, order},
    span::Parts,
};
use crate::{
    Attribute, Error, ErrorKind, Kind, Result, Value, activity,
    cell::Cell,
    normal,
    schema::{AttributeModel, check},
};

/// The longest span of anniversaries: a year.
const ANNIVERSARY_DAYS: u64 = 366;

/// A field that was found.
pub(super) struct Field<'a> {
    pub(super) kind: Kind,
    /// Judges and normalises values for it.
    pub(super) model: Cow<'a, AttributeModel>,
    pub(super) columns: Vec<Column>,
    pub(super) currency: Option<Column>,
    /// Whether it is the currency of an amount.
    is_currency: bool,
    /// Whether it is one column of several.
    pub(super) is_part: bool,
    /// The number of an indexed attribute of kind choices.
    pub(super) indexed: Option<i64>,
}

impl<'a> Field<'a> {
    pub(super) fn new(kind: Kind, model: Cow<'a, AttributeModel>, columns: Vec<Column>) -> Self {
        let currency = (kind == Kind::Money).then(|| columns[1].clone());
        Self { kind, model, columns, currency, is_currency: false, is_part: false, indexed: None }
    }

    /// A part of this field.
    pub(super) fn part(self, head: &str, part: &str) -> Result<Self> {
        let parts: &[(&str, usize, Kind)] = match self.kind {
            Kind::Address => &[
                ("street", 0, Kind::LongText),
                ("city", 1, Kind::LongText),
                ("region", 2, Kind::LongText),
                ("postal_code", 3, Kind::LongText),
                ("country", 4, Kind::Country),
            ],
            Kind::Money => &[("currency", 1, Kind::Text)],
            Kind::File => &[
                ("hash", 0, Kind::Text),
                ("name", 1, Kind::Text),
                ("media_type", 2, Kind::Text),
                ("size", 3, Kind::Integer),
            ],
            _ => &[],
        };
        let Some((_, place, kind)) = parts.iter().find(|(name, ..)| *name == part) else {
            let names: Vec<&str> = parts.iter().map(|(name, ..)| *name).collect();
            let message = format!("kind {} has no such part", self.kind.name());
            return Err(unknown(ErrorKind::UnknownAttribute, &message, part, &names));
        };
        let column = self.columns[*place].clone();
        let is_currency = self.kind == Kind::Money;
        let field = Self::new(*kind, Cow::Owned(plain(head, *kind)?), vec![column]);
        Ok(Self { is_currency, is_part: true, ..field })
    }

    /// The leading cell of a value, and its currency.
    ///
    /// # Errors
    ///
    /// Those of a value that does not fit; `Required` if there is none; `InvalidValue` if it is in
    /// another currency than values before it.
    pub(super) fn operand(&self, value: &Value, currency: &mut Option<String>) -> Result<Cell> {
        let mut cells = self.model.encode_operand(value.clone())?.into_iter();
        let cell = match cells.next() {
            None | Some(Cell::Null) => {
                return Err(Error::new(ErrorKind::Required, "a value is required")
                    .with_hint("is_missing asks for no value"));
            }
            Some(Cell::Text(text)) if self.is_currency => {
                Cell::Text(normal::currency::currency(&text)?.0.to_owned())
            }
            Some(cell) => cell,
        };
        if let (Kind::Money, Some(Cell::Text(code))) = (self.kind, cells.next()) {
            if currency.as_ref().is_some_and(|known| *known != code) {
                return Err(Error::new(ErrorKind::InvalidValue, "an amount in another currency")
                    .with_hint("amounts compare only within one currency"));
            }
            *currency = Some(code);
        }
        Ok(cell)
    }
}

/// A field of `kind` that is not an attribute of the host's, to judge values for it.
pub(super) fn plain(name: &str, kind: Kind) -> Result<AttributeModel> {
    let mut definition = Attribute::new(name, kind);
    definition.target = (kind == Kind::Reference).then(|| name.to_owned());
    if kind == Kind::Choice {
        // The direction of an activity is the only one.
        let directions = [activity::Direction::Inbound, activity::Direction::Outbound];
        definition = definition.options(directions.map(activity::Direction::name));
    }
    AttributeModel::new(0, definition, None)
}

/// Whether a kind can be compared so.
pub(super) fn allows(kind: Kind, op: Operator) -> bool {
    use Operator as O;
    let is_text = matches!(
        kind,
        Kind::Text
            | Kind::LongText
            | Kind::Email
            | Kind::Phone
            | Kind::Url
            | Kind::Country
            | Kind::Locale
            | Kind::TimeZone
    );
    let is_whole = matches!(kind, Kind::Address | Kind::File);
    let is_option = matches!(kind, Kind::Choice | Kind::Reference | Kind::Checkbox);
    match op {
        O::IsSet | O::IsMissing => true,
        O::Eq | O::Neq => !is_whole,
        O::In | O::NotIn => !is_whole && !matches!(kind, Kind::Choices | Kind::Checkbox),
        O::Lt | O::Lte | O::Gt | O::Gte | O::Between => {
            !is_whole && !is_option && kind != Kind::Choices
        }
        O::Contains | O::StartsWith | O::EndsWith | O::Matches => is_text,
        O::HasAny | O::HasAll | O::HasNone => kind == Kind::Choices,
        O::WithinLast | O::WithinNext | O::AnniversaryWithinLast | O::AnniversaryWithinNext => {
            matches!(kind, Kind::Date | Kind::Timestamp)
        }
    }
}

pub(super) fn compare(
    field: &Field<'_>,
    op: Operator,
    value: &Operand,
    currency: &mut Option<String>,
    path: &str,
) -> Result<Compare> {
    use Operator as O;
    Ok(match (op, value) {
        (O::IsSet | O::IsMissing, Operand::Nothing) => Compare::Set { negated: op == O::IsMissing },
        (O::Contains | O::StartsWith | O::EndsWith, Operand::One(value)) => {
            let how = match op {
                O::Contains => TextMatch::Contains,
                O::StartsWith => TextMatch::StartsWith,
                _ => TextMatch::EndsWith,
            };
            Compare::Text(how, text(value).map_err(at(path))?.to_lowercase())
        }
        (O::Matches, Operand::One(value)) => {
            let pattern = check::pattern(text(value).map_err(at(path))?).map_err(at(path))?;
            Compare::Matches(Box::new(pattern))
        }
        (_, Operand::Many(values)) => several(field, op, values, currency, path)?,
        (_, Operand::Span(span)) => {
            relative(field.kind, op, span.parts().map_err(at(path))?, path)?
        }
        (_, Operand::One(value)) => {
            let cell = field.operand(value, currency).map_err(at(path))?;
            let op = match op {
                O::Neq => Comparison::Neq,
                O::Lt => Comparison::Lt,
                O::Lte => Comparison::Lte,
                O::Gt => Comparison::Gt,
                O::Gte => Comparison::Gte,
                _ => Comparison::Eq,
            };
            Compare::Value(op, cell)
        }
        _ => return Err(not_taken(op, path)),
    })
}

/// A comparison with several values.
fn several(
    field: &Field<'_>,
    op: Operator,
    values: &[Value],
    currency: &mut Option<String>,
    path: &str,
) -> Result<Compare> {
    use Operator as O;
    Ok(match op {
        O::Between => {
            let [least, most] = values else {
                return Err(invalid("between takes two values").with_field(path));
            };
            let least = field.operand(least, currency).map_err(at(&format!("{path}[0]")))?;
            let most = field.operand(most, currency).map_err(at(&format!("{path}[1]")))?;
            Compare::Between(least, most)
        }
        O::In | O::NotIn => {
            let values = values.iter().enumerate();
            let encode = |(place, value)| {
                field.operand(value, currency).map_err(at(&format!("{path}[{place}]")))
            };
            let mut cells = values.map(encode).collect::<Result<Vec<_>>>()?;
            cells.sort_by(|one, other| order(one, other).expect("one kind, and none is missing"));
            cells.dedup();
            Compare::List { cells, negated: op == O::NotIn }
        }
        O::HasAny | O::HasAll | O::HasNone => {
            let option = |(place, value): (usize, &Value)| {
                let option = text(value).and_then(|option| {
                    field.model.check_option(option).map(|()| option.to_owned())
                });
                option.map_err(at(&format!("{path}[{place}]")))
            };
            let options = values.iter().enumerate().map(option);
            let mut options = options.collect::<Result<Vec<String>>>()?;
            options.sort_unstable();
            options.dedup();
            let mode = match op {
                O::HasAny => HoldMode::Any,
                O::HasAll => HoldMode::All,
                _ => HoldMode::None,
            };
            Compare::Holds { mode, options, indexed: field.indexed }
        }
        _ => return Err(not_taken(op, path)),
    })
}

fn not_taken(op: Operator, path: &str) -> Error {
    invalid(format!("not what {} takes", op.name())).with_field(path)
}

fn relative(kind: Kind, op: Operator, span: Parts, path: &str) -> Result<Compare> {
    let direction = match op {
        Operator::WithinLast | Operator::AnniversaryWithinLast => Direction::Last,
        _ => Direction::Next,
    };
    let is_anniversary =
        matches!(op, Operator::AnniversaryWithinLast | Operator::AnniversaryWithinNext);
    if span.has_time() && (kind == Kind::Date || is_anniversary) {
        let message = "days are not counted in hours";
        return Err(invalid(message)
            .with_field(path)
            .with_hint("write years, months, weeks, days"));
    }
    if !is_anniversary {
        return Ok(Compare::Relative { direction, span });
    }
    if span.most_days() > ANNIVERSARY_DAYS {
        let message = format!("anniversaries within at most {ANNIVERSARY_DAYS} days");
        return Err(Error::new(ErrorKind::OutOfRange, message).with_field(path));
    }
    Ok(Compare::Anniversary { direction, span })
}

fn text(value: &Value) -> Result<&str> {
    match value.as_str() {
        Some("") => Err(Error::new(ErrorKind::Required, "a value is required")),
        Some(text) => Ok(text),
        None => Err(Error::new(ErrorKind::WrongKind, "expected text")),
    }
}
