//! Queries that were judged against a schema: names have become columns, and each result says how
//! its cells become values.

use std::cmp::Ordering;

use super::{
    Bucket, ResultColumn,
    beside::{ScoreColumn, ScoreSource, StageColumn},
};
use crate::{
    End, Error, ErrorKind, Kind, Result, Value,
    cell::Cell,
    condition::{Column, EventTest, Node, RelatedTest, order},
    normal,
    record::take_value,
};

/// The rows that a query is about.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) entity_type: String,
    pub(crate) filter: Option<Node>,
    /// The related records that are joined, one row each.
    pub(crate) relations: Vec<RelatedTest>,
    /// The scores that are read.
    pub(crate) scores: Vec<ScoreSource>,
}

/// A select, ready to run.
#[derive(Debug)]
pub(crate) struct CheckedSelect {
    pub(crate) source: Source,
    pub(crate) columns: Vec<Output<Selected>>,
    pub(crate) order: Vec<SortKey>,
}

/// A grouping, ready to run.
#[derive(Debug)]
pub(crate) struct CheckedGroup {
    pub(crate) source: Source,
    pub(crate) keys: Vec<Output<Key>>,
    pub(crate) measures: Vec<Output<Measure>>,
    /// The place of an output, keys first, and whether descending.
    pub(crate) order: Vec<(usize, bool)>,
}

/// A pivot, ready to run: a grouping in both directions, in each, and in none.
#[derive(Debug)]
pub(crate) struct CheckedPivot {
    pub(crate) cells: CheckedGroup,
    pub(crate) rows: CheckedGroup,
    pub(crate) columns: CheckedGroup,
    pub(crate) total: CheckedGroup,
}

/// What is computed, how it is called and how its cells are read.
#[derive(Debug)]
pub(crate) struct Output<T> {
    pub(crate) name: String,
    pub(crate) form: Form,
    pub(crate) what: T,
}

/// How the cells of an output become values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As values of the kind are stored.
    Stored { kind: Kind, scale: Option<u8> },
    /// A number in the units in which the kind is stored; of money, the currency follows.
    Scaled { kind: Kind, scale: Option<u8> },
    /// Numerator and denominator.
    Share,
    /// A name, after its place in an order.
    Named,
}

/// By what rows are ordered.
#[derive(Debug)]
pub(crate) struct SortKey {
    pub(crate) by: SortBy,
    pub(crate) descending: bool,
}

#[derive(Debug)]
pub(crate) enum SortBy {
    /// A column of the record itself.
    Column(Column),
    /// The output in this place, which is computed for every record before the first row is known.
    Output(usize),
}

/// What a column of a select holds.
#[derive(Debug)]
pub(crate) enum Selected {
    Held(Held),
    /// A figure over activities, and whether rows may be ordered by it.
    Event {
        activities: Box<EventTest>,
        figure: EventFigure,
        is_sortable: bool,
    },
}

/// What there is of each record.
#[derive(Debug)]
pub(crate) enum Held {
    Field(FieldColumn),
    Stage(StageColumn),
    Score(ScoreColumn),
}

/// A field of the record, or of the related record in this place.
#[derive(Debug)]
pub(crate) struct FieldColumn {
    pub(crate) relation: Option<usize>,
    pub(crate) columns: Vec<Column>,
    /// Whether rows may be ordered by it.
    pub(crate) is_sortable: bool,
}

/// A figure over activities.
#[derive(Debug)]
pub(crate) enum EventFigure {
    Count,
    Of(Figure, Quantity),
    /// What the first or the last has in these columns.
    Ends(End, Vec<Column>),
}

/// By what is grouped.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) of: Held,
    pub(crate) bucket: Option<Bucket>,
    /// Whether it is a moment, which has a day only in a zone.
    pub(crate) is_moment: bool,
}

/// A figure over a group.
#[derive(Debug)]
pub(crate) struct Measure {
    pub(crate) filter: Option<Node>,
    pub(crate) aggregate: Aggregate,
}

#[derive(Debug)]
pub(crate) enum Aggregate {
    Count,
    Of(Figure, Quantity),
    /// Of the points of a score, or of one group of it.
    Points(Figure, ScoreColumn),
    Share(Node),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Figure {
    Sum,
    Min,
    Max,
    Mean,
    Distinct,
    Quantile(f64),
}

/// A field of which a figure is taken.
#[derive(Debug)]
pub(crate) struct Quantity {
    pub(crate) kind: Kind,
    pub(crate) column: Column,
    /// For money.
    pub(crate) currency: Option<Currency>,
}

/// In which currency amounts are.
#[derive(Debug)]
pub(crate) enum Currency {
    /// The attribute has no other.
    Always(String),
    /// Only those in which this column holds the code count.
    Only((Column, String)),
    /// All of a group have what this column holds.
    OfGroup(Column),
}

impl Form {
    /// How many cells it reads.
    pub(crate) const fn width(self) -> usize {
        match self {
            Self::Share | Self::Named => 2,
            Self::Stored { kind, .. } | Self::Scaled { kind, .. } => match kind {
                Kind::Money => 2,
                Kind::Address => 5,
                Kind::File => 4,
                _ => 1,
            },
        }
    }

    /// The columns of the result that it fills.
    pub(crate) fn columns(self, name: &str) -> Vec<ResultColumn> {
        let column = |name: String, kind| ResultColumn { name, kind };
        match self {
            Self::Stored { kind, .. } => vec![column(name.to_owned(), kind)],
            Self::Scaled { .. } => vec![column(name.to_owned(), Kind::Real)],
            Self::Named => vec![column(name.to_owned(), Kind::Text)],
            Self::Share => vec![
                column(name.to_owned(), Kind::Real),
                column(format!("{name}.numerator"), Kind::Integer),
                column(format!("{name}.denominator"), Kind::Integer),
            ],
        }
    }

    /// Adds the values that these cells mean.
    ///
    /// # Errors
    ///
    /// `OutOfRange` if a real number is not finite.
    pub(crate) fn read(self, cells: &mut [Cell], values: &mut Vec<Value>) -> Result<()> {
        match self {
            // The sum of a group without a currency is of no amounts.
            Self::Stored { kind: Kind::Money, .. } if cells[1] == Cell::Null => {
                values.push(Value::Null);
            }
            Self::Stored { kind, scale } => values.push(finite(take_value(kind, scale, cells))?),
            Self::Scaled { kind, scale } => {
                let places = match (kind, &cells[1..]) {
                    (Kind::Decimal, _) => scale.unwrap_or(2),
                    (Kind::Money, [Cell::Text(code)]) => normal::currency::currency(code)?.1,
                    _ => 0,
                };
                let value = match cells[0] {
                    Cell::Real(number) => Value::Real(number / 10_f64.powi(places.into())),
                    _ => Value::Null,
                };
                values.push(finite(value)?);
            }
            Self::Named => values.push(take_value(Kind::Text, None, &mut cells[1..])),
            Self::Share => {
                let share = share(&cells[0], &cells[1]).map_or(Value::Null, Value::Real);
                values.extend([
                    share,
                    Value::Integer(number(&cells[0])),
                    Value::Integer(number(&cells[1])),
                ]);
            }
        }
        Ok(())
    }
}

fn number(cell: &Cell) -> i64 {
    match cell {
        Cell::Integer(number) => *number,
        _ => 0,
    }
}

/// Numerator divided by denominator; `None` of nothing.
#[expect(clippy::cast_precision_loss, reason = "fewer records than 2^53")]
fn share(numerator: &Cell, denominator: &Cell) -> Option<f64> {
    match number(denominator) {
        0 => None,
        all => Some(number(numerator) as f64 / all as f64),
    }
}

fn finite(value: Value) -> Result<Value> {
    match value {
        Value::Real(number) if !number.is_finite() => Err(too_large()),
        value => Ok(value),
    }
}

/// The error for a figure that no number of 64 bits holds.
pub(crate) fn too_large() -> Error {
    Error::new(ErrorKind::OutOfRange, "a sum is larger than a number of 64 bits")
        .with_hint("narrow the condition, or add up the groups by yourself")
}

impl Source {
    /// Takes over the scores that were computed for another question about the same records.
    pub(crate) fn share_scores(&mut self, other: &Self) {
        for score in &mut self.scores {
            let known = other.scores.iter().find(|known| known.model == score.model);
            score.computed = known.and_then(|known| known.computed.clone());
        }
    }
}

impl CheckedSelect {
    /// Where the cells of an output begin.
    pub(crate) fn place(&self, output: usize) -> usize {
        self.columns[..output].iter().map(|output| output.form.width()).sum()
    }

    /// How many cells the columns have.
    pub(crate) fn width(&self) -> usize {
        self.place(self.columns.len())
    }
}

impl CheckedGroup {
    /// How many cells the keys have.
    pub(crate) fn width_of_keys(&self) -> usize {
        self.keys.iter().map(|key| key.form.width()).sum()
    }

    /// Where the cells of an output begin, keys first, and how they are read.
    pub(crate) fn place(&self, output: usize) -> (usize, Form) {
        let keys = self.keys.iter().map(|key| key.form);
        let mut forms = keys.chain(self.measures.iter().map(|measure| measure.form));
        let before = forms.by_ref().take(output).map(Form::width).sum();
        (before, forms.next().expect("an order names an output"))
    }

    /// By what groups are ordered: names of columns, and whether descending.
    pub(crate) fn names_of_order(&self) -> Vec<(String, bool)> {
        let names: Vec<&String> = self
            .keys
            .iter()
            .map(|key| &key.name)
            .chain(self.measures.iter().map(|measure| &measure.name))
            .collect();
        let order =
            self.order.iter().map(|(output, descending)| (names[*output].clone(), *descending));
        order.chain(self.keys.iter().map(|key| (key.name.clone(), false))).collect()
    }

    /// What a group has to order by, of its cells.
    pub(crate) fn order_of(&self, cells: &[Cell]) -> Vec<Cell> {
        let order = self.order.iter().map(|(output, _)| match self.place(*output) {
            (place, Form::Share) => {
                share(&cells[place], &cells[place + 1]).map_or(Cell::Null, Cell::Real)
            }
            (place, _) => cells[place].clone(),
        });
        order.chain(cells[..self.width_of_keys()].iter().cloned()).collect()
    }
}

impl Measure {
    /// Whether the figure of a whole follows from those of its parts.
    pub(crate) const fn adds_up(&self) -> bool {
        match &self.aggregate {
            Aggregate::Count | Aggregate::Share(_) => true,
            // Sums of real numbers depend on how they are put together.
            Aggregate::Of(Figure::Sum, quantity) => !matches!(quantity.kind, Kind::Real),
            Aggregate::Of(figure, _) => matches!(figure, Figure::Min | Figure::Max),
            Aggregate::Points(figure, _) => {
                matches!(figure, Figure::Sum | Figure::Min | Figure::Max)
            }
        }
    }

    /// Adds the cells of a part to those of the whole.
    ///
    /// # Errors
    ///
    /// `OutOfRange` if a sum does not fit 64 bits.
    pub(crate) fn add(&self, whole: &mut [Cell], part: &[Cell]) -> Result<()> {
        let wanted = match &self.aggregate {
            Aggregate::Of(Figure::Min, _) | Aggregate::Points(Figure::Min, _) => Ordering::Less,
            Aggregate::Of(Figure::Max, _) | Aggregate::Points(Figure::Max, _) => Ordering::Greater,
            _ => {
                for (whole, part) in whole.iter_mut().zip(part) {
                    if let (Cell::Integer(sum), Cell::Integer(part)) = (whole, part) {
                        *sum = sum.checked_add(*part).ok_or_else(too_large)?;
                    }
                }
                return Ok(());
            }
        };
        let is_first = whole[0] == Cell::Null;
        if part[0] != Cell::Null && (is_first || order(&part[0], &whole[0]) == Some(wanted)) {
            whole.clone_from_slice(part);
        }
        Ok(())
    }
}

impl<T> Output<T> {
    pub(crate) fn columns(&self) -> Vec<ResultColumn> {
        self.form.columns(&self.name)
    }
}
