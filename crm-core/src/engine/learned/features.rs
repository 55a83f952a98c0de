//! From a record to its features: which attributes, conditions and activities a model looks at, and
//! how a stored value becomes a number or a level.

use super::past::Cut;
use crate::{
    Error, ErrorKind, Kind, LearnedActivities, Result, Sensitivity, Span, TrainLearnedScore,
    cell::Cell,
    condition::{Checked, Frame, Moment, Test},
    engine::{Catalog, conditions},
    learning::{FeatureCell, FeatureColumn, LevelsBuilder, Source},
    normal::name::nearest,
    schema::{AttributeModel, TypeModel},
    store::{Connection, records::StoredRow, table::Table},
};

/// The days over which activities are counted where nothing else is said.
const DAYS: u32 = 90;
/// A day in microseconds.
const DAY: f64 = 86_400_000_000.0;
/// Levels of one feature that are told apart while records are read; those that come later count as
/// one. Frequent levels come early.
const LEVELS: usize = 20_000;

/// A feature, ready to be read.
pub(super) enum Reader {
    Field(usize),
    Filled(usize),
    Condition(Box<Checked>),
    Activities {
        kind: i64,
        frame: Frame,
    },
    /// What it looked at is no longer in use.
    Gone,
}

/// What a feature of one record is.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    Missing,
    Number(f64),
    Level(String),
}

impl Found {
    pub(super) fn cell(&self) -> FeatureCell<'_> {
        match self {
            Self::Missing => FeatureCell::Missing,
            Self::Number(number) => FeatureCell::Number(*number),
            Self::Level(level) => FeatureCell::Level(level),
        }
    }

    fn yes_or_no(is_so: bool) -> Self {
        Self::Level(if is_so { "yes" } else { "no" }.to_owned())
    }
}

/// How values of an attribute are learned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Number,
    Level,
    /// Only whether there is one.
    Filled,
}

fn shape(attribute: &AttributeModel) -> Shape {
    match attribute.definition.kind {
        Kind::Integer
        | Kind::Decimal
        | Kind::Real
        | Kind::Rating
        | Kind::Date
        | Kind::Timestamp => Shape::Number,
        // Amounts of several currencies cannot be compared.
        Kind::Money if attribute.definition.currency.is_some() => Shape::Number,
        Kind::Text
        | Kind::Choice
        | Kind::Choices
        | Kind::Checkbox
        | Kind::Country
        | Kind::Locale
        | Kind::TimeZone => Shape::Level,
        Kind::LongText
        | Kind::Money
        | Kind::Email
        | Kind::Phone
        | Kind::Url
        | Kind::Address
        | Kind::File
        | Kind::Reference => Shape::Filled,
    }
}

/// The features that a request means; `asked` are the attributes that the outcome asks about.
///
/// # Errors
///
/// `UnknownAttribute`, `UnknownType` or those of the conditions; `UnknownOption` if what is left out or
/// allowed is no feature; each with its place in the request.
pub(super) fn sources(
    catalog: &Catalog,
    model: &TypeModel,
    request: &TrainLearnedScore,
    asked: &[String],
) -> Result<Vec<Source>> {
    let TrainLearnedScore { fields, conditions, activities, .. } = request;
    let of = |attribute: &AttributeModel| match shape(attribute) {
        Shape::Filled => Source::Filled(attribute.name().to_owned()),
        _ => Source::Field(attribute.name().to_owned()),
    };
    let mut sources = Vec::new();
    if fields.is_empty() && conditions.is_empty() && activities.is_empty() {
        let usable = model.live().filter(|attribute| {
            let definition = &attribute.definition;
            let is_asked = asked.iter().any(|name| name == attribute.name());
            !is_asked && !definition.unique && definition.sensitivity != Sensitivity::Special
        });
        sources.extend(usable.map(of));
        let kinds = catalog.kinds().filter(|kind| kind.model.archived_at.is_none());
        sources.extend(kinds.map(|kind| Source::Activities {
            kind: kind.model.name.clone(),
            within: Some(Span::days(DAYS).to_string()),
        }));
    } else {
        for (nth, name) in fields.iter().enumerate() {
            let attribute = model.attribute(name);
            let at = |error: Error| error.with_field(format!("fields[{nth}]"));
            sources.push(of(attribute.map_err(at)?));
        }
        for (nth, named) in conditions.iter().enumerate() {
            let field = format!("conditions[{nth}].where");
            conditions::judge(catalog, &named.condition, &model.name, &field)?;
            let (name, condition) =
                (named.name.clone(), Box::new(named.condition.clone().normalise()));
            sources.push(Source::Condition { name, condition });
        }
        for (nth, LearnedActivities { kind, within }) in activities.iter().enumerate() {
            let at = |field: &str| format!("activities[{nth}].{field}");
            catalog.kind(kind).map_err(|error| error.with_field(at("kind")))?;
            let span = within.as_deref().map(str::parse::<Span>).transpose();
            let within = span.map_err(|error| error.with_field(at("within")))?;
            let within = within.map(|span| span.to_string());
            sources.push(Source::Activities { kind: kind.clone(), within });
        }
    }
    check_named("exclude", &request.exclude, &sources, model)?;
    check_named("allow_leaks", &request.allow_leaks, &sources, model)?;
    sources.retain(|source| !request.exclude.contains(&source.name()));
    Ok(sources)
}

/// Checks that each of these names is one of a feature, or of an attribute that is none: a leak is not
/// learned from because its name was misspelt.
fn check_named(field: &str, names: &[String], sources: &[Source], model: &TypeModel) -> Result<()> {
    let features: Vec<String> = sources.iter().map(Source::name).collect();
    let is_known = |name: &String| features.contains(name) || model.find(name).is_some();
    let Some(nth) = names.iter().position(|name| !is_known(name)) else { return Ok(()) };
    let error = Error::new(ErrorKind::UnknownOption, "there is no such feature")
        .with_field(format!("{field}[{nth}]"));
    Err(match nearest(&names[nth], features.iter().map(String::as_str)) {
        Some(near) => error.with_hint(format!("did you mean {near:?}?")),
        None => error.with_hint("learned_scores.find_leaks names all features"),
    })
}

impl Reader {
    /// Makes a feature ready.
    ///
    /// # Errors
    ///
    /// Those of the condition; `InvalidValue` if a span is none.
    pub(super) fn new(catalog: &Catalog, model: &TypeModel, source: &Source) -> Result<Self> {
        let place = |name: &str| {
            let found = model.attributes.iter().position(|attribute| attribute.name() == name);
            found.filter(|place| model.attributes[*place].archived_at.is_none())
        };
        Ok(match source {
            Source::Field(name) => place(name).map_or(Self::Gone, Self::Field),
            Source::Filled(name) => place(name).map_or(Self::Gone, Self::Filled),
            Source::Condition { name, condition } => {
                let field = format!("conditions.{name}");
                Self::Condition(Box::new(conditions::judge(
                    catalog,
                    condition,
                    &model.name,
                    &field,
                )?))
            }
            Source::Activities { kind, within } => match catalog.find_kind(kind) {
                Some(kind) => {
                    let frame = match within {
                        Some(span) => Frame::Within(span.parse::<Span>()?.parts()?),
                        None => Frame::Between(None, None),
                    };
                    Self::Activities { kind: kind.model.id, frame }
                }
                None => Self::Gone,
            },
        })
    }

    /// The feature of a record as it was.
    pub(super) fn read(
        &self,
        conn: &Connection,
        catalog: &Catalog,
        table: &Table,
        cut: &Cut,
        then: &StoredRow,
    ) -> Result<Found> {
        let model = &table.model;
        Ok(match self {
            Self::Field(place) => field(&model.attributes[*place], &then.cells, &cut.moment),
            Self::Filled(place) => {
                Found::yes_or_no(is_filled(&model.attributes[*place], &then.cells))
            }
            Self::Condition(checked) => {
                Found::yes_or_no(cut.is_true(conn, catalog, model, checked, then)?)
            }
            Self::Activities { kind, frame } => {
                // The tenth call says less than the first.
                let count = cut.count(conn, *kind, *frame, then.id)?;
                Found::Number(libm::log1p(count as f64))
            }
            Self::Gone => Found::Missing,
        })
    }

    /// The place of the attribute that it reads.
    pub(super) fn place(&self) -> Option<usize> {
        match self {
            Self::Field(place) | Self::Filled(place) => Some(*place),
            Self::Condition(_) | Self::Activities { .. } | Self::Gone => None,
        }
    }

    /// Whether it gives numbers.
    fn is_number(&self, model: &TypeModel) -> bool {
        match self {
            Self::Field(place) => shape(&model.attributes[*place]) == Shape::Number,
            Self::Activities { .. } => true,
            Self::Filled(_) | Self::Condition(_) | Self::Gone => false,
        }
    }
}

/// Whether an attribute has a value.
pub(super) fn is_filled(attribute: &AttributeModel, cells: &[Cell]) -> bool {
    cells[attribute.span()].iter().any(|cell| *cell != Cell::Null)
}

/// The value of an attribute as a number or a level.
pub(super) fn field(attribute: &AttributeModel, cells: &[Cell], moment: &Moment) -> Found {
    let number = |value: f64| if value.is_finite() { Found::Number(value) } else { Found::Missing };
    match (attribute.definition.kind, &cells[attribute.first]) {
        // Days that have passed since.
        (Kind::Date, Cell::Integer(day)) => number((moment.today() - day) as f64),
        (Kind::Timestamp, Cell::Integer(at)) => number((moment.now().micros() - at) as f64 / DAY),
        (Kind::Checkbox, Cell::Integer(is_so)) => Found::yes_or_no(*is_so != 0),
        // A scaled integer: its unit does not matter to a model.
        (_, Cell::Integer(value)) => number(*value as f64),
        (_, Cell::Real(value)) => number(*value),
        (_, Cell::Text(level)) => Found::Level(level.clone()),
        (_, Cell::Null | Cell::Blob(_)) => Found::Missing,
    }
}

/// Attributes that a condition asks about.
pub(super) fn asked(checked: &Checked, model: &TypeModel) -> Vec<String> {
    let leaves = checked.root.leaves().into_iter();
    let columns = leaves.filter_map(|leaf| match &leaf.test {
        Test::Field(test) => Some(&test.column.name),
        Test::Changed(test) => test.columns.first(),
        _ => None,
    });
    let owners = columns.filter_map(|column| {
        let owns =
            |attribute: &&AttributeModel| attribute.column_names().any(|name| name == *column);
        model.attributes.iter().find(owns)
    });
    owners.map(|attribute| attribute.name().to_owned()).collect()
}

/// Collects one feature of many records.
pub(super) enum Builder {
    Numbers(Vec<f64>),
    Levels(LevelsBuilder),
}

impl Builder {
    pub(super) fn new(reader: &Reader, model: &TypeModel) -> Self {
        match reader.is_number(model) {
            true => Self::Numbers(Vec::new()),
            false => Self::Levels(LevelsBuilder::with_limit(LEVELS)),
        }
    }

    pub(super) fn push(&mut self, found: &Found) {
        match (self, found) {
            (Self::Numbers(numbers), Found::Number(number)) => numbers.push(*number),
            (Self::Numbers(numbers), _) => numbers.push(f64::NAN),
            (Self::Levels(levels), Found::Level(level)) => levels.push(Some(level)),
            (Self::Levels(levels), _) => levels.push(None),
        }
    }

    pub(super) fn finish(self) -> FeatureColumn {
        match self {
            Self::Numbers(numbers) => FeatureColumn::Numbers(numbers),
            Self::Levels(levels) => levels.finish(),
        }
    }
}
