//! Judges a formula against its type, and a roll-up against the schema: what they read is there, every
//! part takes what it is given, the whole fits the attribute, and nothing reads itself.

use super::{Formula, Function, Literal, Operator, rollup};
use crate::{
    Comparison, Date, Error, ErrorKind, Kind, Result,
    condition::Schema,
    schema::{AttributeModel, TypeModel},
};

/// What a part of a formula is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Null,
    Truth,
    /// An exact number.
    Number,
    Real,
    /// An amount; its currency, where it is known.
    Money(Option<&'static str>),
    Text,
    Date,
    Timestamp,
    /// What can only be there or missing.
    Other,
}

impl Sort {
    fn of(attribute: &AttributeModel) -> Self {
        Self::of_kind(attribute.definition.kind, attribute.currency())
    }

    fn of_kind(kind: Kind, currency: Option<&'static str>) -> Self {
        match kind {
            Kind::Text
            | Kind::LongText
            | Kind::Choice
            | Kind::Email
            | Kind::Phone
            | Kind::Url
            | Kind::Country
            | Kind::Locale
            | Kind::TimeZone => Self::Text,
            Kind::Checkbox => Self::Truth,
            Kind::Integer | Kind::Rating | Kind::Decimal => Self::Number,
            Kind::Real => Self::Real,
            Kind::Money => Self::Money(currency),
            Kind::Date => Self::Date,
            Kind::Timestamp => Self::Timestamp,
            Kind::Choices | Kind::Address | Kind::File | Kind::Reference => Self::Other,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Truth => "a truth value",
            Self::Number => "a number",
            Self::Real => "a real",
            Self::Money(_) => "an amount",
            Self::Text => "a text",
            Self::Date => "a date",
            Self::Timestamp => "a timestamp",
            Self::Other => "a value of several parts",
        }
    }

    const fn is_numeric(self) -> bool {
        matches!(self, Self::Number | Self::Real)
    }

    /// What either of both is; `None` if they do not go together.
    fn unite(self, other: Self) -> Option<Self> {
        match (self, other) {
            (one, other) if one == other => Some(one),
            (Self::Null, sort) | (sort, Self::Null) => Some(sort),
            (Self::Number, Self::Real) | (Self::Real, Self::Number) => Some(Self::Real),
            (Self::Money(_), Self::Money(_)) => Some(Self::Money(None)),
            _ => None,
        }
    }

    /// Whether an attribute of this definition holds it.
    fn fits(self, attribute: &AttributeModel) -> bool {
        match (attribute.definition.kind, self) {
            (Kind::Text | Kind::LongText, Self::Text)
            | (Kind::Checkbox, Self::Truth)
            | (Kind::Integer | Kind::Decimal, Self::Number)
            | (Kind::Real, Self::Number | Self::Real)
            | (Kind::Date, Self::Date)
            | (Kind::Timestamp, Self::Timestamp) => true,
            (Kind::Money, Self::Money(given)) => can_be_one(given, attribute.currency()),
            _ => false,
        }
    }
}

/// Whether amounts can be in the same currency.
fn can_be_one(one: Option<&str>, other: Option<&str>) -> bool {
    one.is_none() || other.is_none() || one == other
}

/// Checks the formula of an attribute that is one of `model`; without one there is nothing to check.
/// The schema knows `model` as it is here.
///
/// # Errors
///
/// `InvalidArgument`, `UnknownType`, `UnknownAttribute`, `UnknownOption`, `Required` or `Archived`
/// with field `formula`.
pub(crate) fn check(
    schema: &dyn Schema,
    model: &TypeModel,
    attribute: &AttributeModel,
) -> Result<()> {
    let Some(formula) = &attribute.formula else { return Ok(()) };
    let fits = match formula {
        Formula::Rollup(rollup) => rollup::check_role(schema, rollup)
            .and_then(|()| rollup::resolve(schema, model, attribute, rollup).map(drop)),
        formula => sort(model, formula).and_then(|sort| fit(sort, attribute)),
    };
    let checked = fits.and_then(|()| check_path(schema, model, attribute));
    checked.map_err(|error| error.with_field("formula"))
}

/// Refuses what an attribute does not hold.
fn fit(sort: Sort, attribute: &AttributeModel) -> Result<()> {
    if sort.fits(attribute) {
        return Ok(());
    }
    let kind = attribute.definition.kind.name();
    let message = format!("gives {}, which no attribute of kind {kind} holds", sort.name());
    Err(match (sort, attribute.definition.kind) {
        (Sort::Null, _) => invalid("is always missing"),
        (Sort::Money(_), Kind::Money) => invalid("gives another currency"),
        (Sort::Real, _) => invalid(message).with_hint("make it exact by round(…)"),
        _ => invalid(message),
    })
}

/// Refuses values of a kind that an attribute does not hold.
pub(super) fn fit_kind(
    kind: Kind,
    currency: Option<&'static str>,
    attribute: &AttributeModel,
) -> Result<()> {
    fit(Sort::of_kind(kind, currency), attribute)
}

/// Refuses an attribute that reads itself, be it through others and other types.
fn check_path(schema: &dyn Schema, model: &TypeModel, attribute: &AttributeModel) -> Result<()> {
    let mut search = Search { schema, goal: (&model.name, attribute.name()), seen: Vec::new() };
    let mut path = vec![attribute.name().to_owned()];
    if !search.leads_back(model, attribute, &mut path) {
        return Ok(());
    }
    Err(invalid(format!("reads itself: {}", path.join(" → ")))
        .with_hint("calculate it from attributes that do not depend on it"))
}

/// A search for the way from an attribute back to it.
struct Search<'s> {
    schema: &'s dyn Schema,
    /// The type and the attribute.
    goal: (&'s str, &'s str),
    seen: Vec<(&'s str, &'s str)>,
}

impl<'s> Search<'s> {
    /// Whether the formula of `from` reads the goal, through others too; then `path` leads there.
    fn leads_back(
        &mut self,
        model: &'s TypeModel,
        from: &'s AttributeModel,
        path: &mut Vec<String>,
    ) -> bool {
        for (model, next) in reads(self.schema, model, from) {
            let place = (model.name.as_str(), next.name());
            // Those of other types with their type.
            path.push(match place.0 == self.goal.0 {
                true => place.1.to_owned(),
                false => format!("{}.{}", place.0, place.1),
            });
            if place == self.goal {
                return true;
            }
            if !self.seen.contains(&place) {
                self.seen.push(place);
                if self.leads_back(model, next, path) {
                    return true;
                }
            }
            path.pop();
        }
        false
    }
}

/// The attributes that the formula of one reads, with their types.
pub(crate) fn reads<'s>(
    schema: &'s dyn Schema,
    model: &'s TypeModel,
    attribute: &AttributeModel,
) -> Vec<(&'s TypeModel, &'s AttributeModel)> {
    match &attribute.formula {
        None => Vec::new(),
        Some(Formula::Rollup(rollup)) => rollup::reads(schema, model, rollup),
        Some(formula) => {
            let mut read = Vec::new();
            formula.visit_names(&mut |name| read.extend(model.find(name)));
            read.into_iter().map(|attribute| (model, attribute)).collect()
        }
    }
}

fn sort(model: &TypeModel, formula: &Formula) -> Result<Sort> {
    match formula {
        Formula::Literal(literal) => Ok(match literal {
            Literal::Null => Sort::Null,
            Literal::Truth(_) => Sort::Truth,
            Literal::Number(_) => Sort::Number,
            Literal::Money(_, code) => Sort::Money(Some(code)),
            Literal::Text(_) => Sort::Text,
        }),
        Formula::Attribute(name) => {
            let attribute = model.attribute(name);
            attribute.map(Sort::of).map_err(|error| unreadable(name, &error))
        }
        Formula::Negate(operand) => match sort(model, operand)? {
            sort @ (Sort::Number | Sort::Real | Sort::Money(_)) => Ok(sort),
            sort => Err(refused("-", &[sort])),
        },
        Formula::Not(operand) => match sort(model, operand)? {
            Sort::Truth => Ok(Sort::Truth),
            sort => Err(refused("not", &[sort])),
        },
        Formula::Operation(op, left, right) => {
            let sorts = (sort(model, left)?, sort(model, right)?);
            if let Operator::Compare(_) = op {
                check_option(model, left, right)?;
                check_option(model, right, left)?;
            }
            operation(*op, sorts.0, sorts.1)
        }
        Formula::Call(function, parts) => {
            let sorts = parts.iter().map(|part| sort(model, part)).collect::<Result<Vec<_>>>()?;
            if let (Function::Date, [Formula::Literal(Literal::Text(text))]) =
                (function, &parts[..])
            {
                text.parse::<Date>()?;
            }
            call(*function, &sorts)
        }
        // It stands alone and is judged against the schema.
        Formula::Rollup(_) => Err(invalid(rollup::ALONE)),
    }
}

/// The error for an attribute that cannot be read; it names the attribute, since the field is the
/// formula.
fn unreadable(name: &str, error: &Error) -> Error {
    let message = match error.kind() {
        ErrorKind::Archived => format!("reads the attribute {name:?}, which is archived"),
        _ => format!("reads {name:?}, and there is no such attribute"),
    };
    let hint = match error.kind() {
        ErrorKind::Archived => "restore it with attributes.restore",
        _ => error.hint().unwrap_or_default(),
    };
    Error::new(error.kind(), message).with_hint(hint)
}

/// Refuses to compare a choice with what is none of its options.
fn check_option(model: &TypeModel, attribute: &Formula, value: &Formula) -> Result<()> {
    let (Formula::Attribute(name), Formula::Literal(Literal::Text(text))) = (attribute, value)
    else {
        return Ok(());
    };
    match model.find(name) {
        Some(choice) if choice.definition.kind == Kind::Choice => choice.check_option(text),
        _ => Ok(()),
    }
}

fn operation(op: Operator, left: Sort, right: Sort) -> Result<Sort> {
    use Operator as O;
    use Sort as S;
    let refused = || refused(op.sign(), &[left, right]);
    match (op, left, right) {
        (O::And | O::Or, S::Truth, S::Truth) => Ok(S::Truth),
        (O::Compare(_), S::Null, _) | (O::Compare(_), _, S::Null) => {
            Err(refused().with_hint("ask is_missing(…)"))
        }
        (O::Compare(_), S::Money(one), S::Money(other)) if !can_be_one(one, other) => {
            Err(invalid("compares amounts of two currencies"))
        }
        (O::Compare(op), one, other) => {
            let is_ordered = matches!(op, Comparison::Eq | Comparison::Neq) || one != S::Truth;
            match one.unite(other) {
                Some(sort) if sort != S::Other && is_ordered => Ok(S::Truth),
                _ => Err(refused()),
            }
        }
        (O::Add | O::Subtract, S::Money(one), S::Money(other)) => match can_be_one(one, other) {
            true => Ok(S::Money(one.or(other))),
            false => Err(invalid("adds amounts of two currencies")),
        },
        (O::Multiply, S::Money(currency), S::Number)
        | (O::Multiply, S::Number, S::Money(currency))
        | (O::Divide, S::Money(currency), S::Number) => Ok(S::Money(currency)),
        (O::Divide, S::Money(one), S::Money(other)) => match can_be_one(one, other) {
            true => Ok(S::Number),
            false => Err(invalid("divides amounts of two currencies")),
        },
        (O::Multiply | O::Divide, S::Money(_), S::Real) | (O::Multiply, S::Real, S::Money(_)) => {
            Err(refused().with_hint("make the real exact by round(…)"))
        }
        (O::Add | O::Subtract | O::Multiply | O::Divide, one, other)
            if one.is_numeric() && other.is_numeric() =>
        {
            // Both are numeric, so that they go together.
            one.unite(other).ok_or_else(refused)
        }
        (O::Add, S::Text, _) | (O::Add, _, S::Text) => {
            Err(refused().with_hint("texts are joined by concat(…)"))
        }
        (O::Add | O::Subtract, S::Date, _) => Err(refused()
            .with_hint("days are counted by days_between, and added by add_days or add_months")),
        _ => Err(refused()),
    }
}

fn call(function: Function, sorts: &[Sort]) -> Result<Sort> {
    use Function as F;
    use Sort as S;
    let refused = || refused(function.name(), sorts);
    match (function, sorts) {
        (F::If, [S::Truth, one, other]) => one.unite(*other).ok_or_else(refused),
        (F::Coalesce, [first, rest @ ..]) => {
            let mut united = Some(*first);
            for sort in rest {
                united = united.and_then(|sorts| sorts.unite(*sort));
            }
            united.ok_or_else(refused)
        }
        (F::IsMissing, _) => Ok(S::Truth),
        (F::Round, [S::Number | S::Real] | [S::Number | S::Real, S::Number]) => Ok(S::Number),
        (F::Round, [money @ S::Money(_)] | [money @ S::Money(_), S::Number]) => Ok(*money),
        (F::Abs, [sort @ (S::Number | S::Real | S::Money(_))]) => Ok(*sort),
        (F::Amount, [S::Money(_)]) => Ok(S::Number),
        (F::Currency, [S::Money(_)]) => Ok(S::Text),
        (F::Concat, parts)
            if parts.iter().all(|part| matches!(part, S::Text | S::Number | S::Date)) =>
        {
            Ok(S::Text)
        }
        (F::Lower | F::Upper | F::Trim, [S::Text])
        | (F::Substring, [S::Text, S::Number] | [S::Text, S::Number, S::Number]) => Ok(S::Text),
        (F::Length, [S::Text]) => Ok(S::Number),
        (F::Date, [S::Text | S::Timestamp]) => Ok(S::Date),
        (F::Year | F::Month | F::Day, [S::Date]) | (F::DaysBetween, [S::Date, S::Date]) => {
            Ok(S::Number)
        }
        (F::AddDays | F::AddMonths, [S::Date, S::Number]) => Ok(S::Date),
        (F::Year | F::Month | F::Day | F::DaysBetween | F::AddDays | F::AddMonths, _) => {
            Err(refused().with_hint("date(…) makes a date of a text or a timestamp"))
        }
        _ => Err(refused()),
    }
}

fn refused(what: &str, sorts: &[Sort]) -> Error {
    let names: Vec<_> = sorts.iter().map(|sort| sort.name()).collect();
    invalid(format!("{what} does not go with {}", names.join(" and ")))
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}
