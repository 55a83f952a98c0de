//! Judges a query against a schema, and makes it ready to run.
//!
//! Names are looked up where conditions look theirs up. Errors name the path within the request,
//! such as `columns[2].field`, and the nearest name.

use super::{
    FieldOrder, GroupKey, GroupMeasure, GroupRecords, PivotRecords, ResultOrder, SelectColumn,
    SelectRows,
    beside::{ScoreColumn, ScorePart, ScoreSource, StageColumn},
    checked::{
        Aggregate, CheckedGroup, CheckedPivot, CheckedSelect, Currency, EventFigure, FieldColumn,
        Figure, Form, Held, Key, Measure, Output, Quantity, Selected, SortBy, SortKey, Source,
    },
};
use crate::{
    Condition, Count, End, Error, ErrorKind, EventCondition, Kind, RelatedCondition, Result, Span,
    condition::{self, Column, FoundField, Node, RelatedTest, Schema},
    limits,
    normal::{self, name::nearest},
};

/// Judges a select.
///
/// # Errors
///
/// As [`condition::check`]; `WrongKind` where a kind does not do; `InvalidArgument` and
/// `LimitExceeded`.
pub(crate) fn check_select(request: &SelectRows, schema: &dyn Schema) -> Result<CheckedSelect> {
    at_most("columns", request.columns.len(), limits::QUERY_COLUMNS)?;
    check_wide(request, schema)
}

/// Judges a select of any number of columns.
///
/// # Errors
///
/// As [`check_select`].
pub(crate) fn check_wide(request: &SelectRows, schema: &dyn Schema) -> Result<CheckedSelect> {
    let mut checker = Checker::new(schema, &request.entity_type);
    at_least_one("columns", request.columns.len())?;
    at_most("order", request.order.len(), limits::QUERY_KEYS)?;
    let columns = request.columns.iter().enumerate();
    let columns = columns.map(|(place, column)| {
        let path = format!("columns[{place}]");
        let (name, form, what) = checker.selected(column, &path)?;
        Ok(Output { name: named(column.name.as_deref(), name, &path)?, form, what })
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let order = request.order.iter().enumerate();
    let order =
        order.map(|(place, order)| checker.sort_key(order, &columns, &format!("order[{place}]")));
    let order = order.collect::<Result<Vec<_>>>()?;
    let names = columns.iter().enumerate();
    check_names(names.map(|(place, output)| (output.name.clone(), format!("columns[{place}]"))))?;
    let source = checker.source(request.condition.as_ref())?;
    Ok(CheckedSelect { source, columns, order })
}

/// Judges a grouping.
///
/// # Errors
///
/// As [`check_select`].
pub(crate) fn check_group(request: &GroupRecords, schema: &dyn Schema) -> Result<CheckedGroup> {
    at_least_one("measures", request.by.len() + request.measures.len())?;
    at_most("by", request.by.len(), limits::QUERY_KEYS)?;
    at_most("measures", request.measures.len(), limits::QUERY_MEASURES)?;
    at_most("order", request.order.len(), limits::QUERY_KEYS)?;
    let by = placed("by", &request.by);
    let measures = placed("measures", &request.measures);
    let condition = request.condition.as_ref();
    let mut checked = group(schema, &request.entity_type, condition, &by, &measures)?;
    checked.order = group_order(&request.order, &checked)?;
    Ok(checked)
}

/// Judges a pivot.
///
/// # Errors
///
/// As [`check_select`].
pub(crate) fn check_pivot(request: &PivotRecords, schema: &dyn Schema) -> Result<CheckedPivot> {
    for (field, keys) in [("rows", &request.rows), ("columns", &request.columns)] {
        at_least_one(field, keys.len())?;
        at_most(field, keys.len(), limits::QUERY_KEYS)?;
    }
    let (rows, columns) = (placed("rows", &request.rows), placed("columns", &request.columns));
    let measures = [("measure".to_owned(), &request.measure)];
    let group = |by: &[(String, &GroupKey)]| {
        group(schema, &request.entity_type, request.condition.as_ref(), by, &measures)
    };
    Ok(CheckedPivot {
        total: group(&[])?,
        rows: group(&rows)?,
        columns: group(&columns)?,
        cells: group(&[rows, columns].concat())?,
    })
}

fn placed<'r, T>(field: &str, items: &'r [T]) -> Vec<(String, &'r T)> {
    let items = items.iter().enumerate();
    items.map(|(place, item)| (format!("{field}[{place}]"), item)).collect()
}

fn group(
    schema: &dyn Schema,
    entity_type: &str,
    condition: Option<&Condition>,
    by: &[(String, &GroupKey)],
    measures: &[(String, &GroupMeasure)],
) -> Result<CheckedGroup> {
    let mut checker = Checker::new(schema, entity_type);
    let keys = by.iter().map(|(path, key)| {
        let (name, form, what) = checker.key(key, path)?;
        Ok(Output { name: named(key.name.as_deref(), name, path)?, form, what })
    });
    let keys = keys.collect::<Result<Vec<_>>>()?;
    let measures_of = measures.iter().map(|(path, measure)| {
        let (name, form, what) = checker.measure(measure, &keys, path)?;
        Ok(Output { name: named(measure.name.as_deref(), name, path)?, form, what })
    });
    let checked = measures_of.collect::<Result<Vec<_>>>()?;
    let paths = by.iter().map(|(path, _)| path).chain(measures.iter().map(|(path, _)| path));
    let columns = keys.iter().map(Output::columns).chain(checked.iter().map(Output::columns));
    check_names(columns.zip(paths).flat_map(|(columns, path)| {
        columns.into_iter().map(move |column| (column.name, path.clone()))
    }))?;
    let source = checker.source(condition)?;
    Ok(CheckedGroup { source, keys, measures: checked, order: Vec::new() })
}

fn group_order(order: &[ResultOrder], checked: &CheckedGroup) -> Result<Vec<(usize, bool)>> {
    let keys = checked.keys.iter().map(|output| output.name.as_str());
    let names: Vec<&str> =
        keys.chain(checked.measures.iter().map(|output| output.name.as_str())).collect();
    let order = order.iter().enumerate().map(|(place, ResultOrder { column, descending })| {
        match names.iter().position(|name| name == column) {
            Some(found) => Ok((found, *descending)),
            None => {
                let error = invalid("the result has no such column to order by")
                    .with_field(format!("order[{place}].column"));
                Err(match nearest(column, names.iter().copied()) {
                    Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                    None => error.with_hint(format!("one of {}", names.join(", "))),
                })
            }
        }
    });
    order.collect()
}

struct Checker<'a> {
    schema: &'a dyn Schema,
    entity_type: &'a str,
    /// Each related record once, however many columns read of it.
    relations: Vec<(RelatedCondition, RelatedTest)>,
    /// Each score once, likewise.
    scores: Vec<ScoreSource>,
}

impl<'a> Checker<'a> {
    const fn new(schema: &'a dyn Schema, entity_type: &'a str) -> Self {
        Self { schema, entity_type, relations: Vec::new(), scores: Vec::new() }
    }

    fn source(self, condition: Option<&Condition>) -> Result<Source> {
        let filter = condition.map(|condition| self.node(condition, "where")).transpose()?;
        let relations = self.relations.into_iter().map(|(_, test)| test).collect();
        let (entity_type, scores) = (self.entity_type.to_owned(), self.scores);
        Ok(Source { entity_type, filter, relations, scores })
    }

    fn node(&self, condition: &Condition, path: &str) -> Result<Node> {
        let checked = condition::check(condition, self.schema, self.entity_type);
        checked.map(|checked| checked.root).map_err(within(path))
    }

    fn field(&self, name: &str, path: &str) -> Result<FoundField> {
        condition::field(self.schema, self.entity_type, name).map_err(at(path, "field"))
    }

    fn sort_key(
        &self,
        order: &FieldOrder,
        columns: &[Output<Selected>],
        path: &str,
    ) -> Result<SortKey> {
        let FieldOrder { field, descending } = order;
        let output = columns.iter().position(|output| output.name == *field);
        let (by, is_sortable) = match output.map(|place| (place, &columns[place].what)) {
            // A column of the record itself may have an index.
            Some((_, Selected::Held(Held::Field(of @ FieldColumn { relation: None, .. })))) => {
                (SortBy::Column(leading(of.columns.clone())), of.is_sortable)
            }
            Some((place, Selected::Held(Held::Field(of)))) => {
                (SortBy::Output(place), of.is_sortable)
            }
            Some((place, Selected::Held(Held::Stage(_) | Held::Score(_)))) => {
                (SortBy::Output(place), true)
            }
            Some((place, Selected::Event { is_sortable, .. })) => {
                (SortBy::Output(place), *is_sortable)
            }
            None => {
                let found = self.field(field, path)?;
                (SortBy::Column(leading(found.columns)), found.is_sortable)
            }
        };
        if !is_sortable {
            let message = "rows cannot be ordered by long texts, choices, addresses and files";
            return Err(invalid(message).with_field(format!("{path}.field")));
        }
        Ok(SortKey { by, descending: *descending })
    }

    /// The field of a related record, and the place of that among the relations.
    fn related(&mut self, related: RelatedCondition, field: &str, path: &str) -> Result<FieldOf> {
        let known = self.relations.iter().position(|(known, _)| *known == related);
        let place = match known {
            Some(place) => place,
            None => {
                let test = condition::related(self.schema, self.entity_type, &related);
                self.relations.push((related, test.map_err(within(path))?));
                self.relations.len() - 1
            }
        };
        let entity_type = &self.relations[place].1.types[0].name;
        let found = condition::field(self.schema, entity_type, field);
        Ok((Some(place), found.map_err(at(path, "field"))?))
    }

    // ---- beside the record

    /// What a lifecycle or a score says of a record, if one of them is named: by itself, and not of
    /// something else that is given.
    fn beside(
        &mut self,
        (lifecycle, score): (Option<&str>, Option<&str>),
        field: Option<&str>,
        is_of_else: bool,
        path: &str,
    ) -> Result<Option<Named<Held>>> {
        let (key, name) = match (lifecycle, score) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                let message = "it is of a lifecycle or of a score";
                return Err(invalid(message).with_field(format!("{path}.score")));
            }
            (Some(name), None) => ("lifecycle", name),
            (None, Some(name)) => ("score", name),
        };
        if is_of_else {
            let message = "what stands beside the record goes with neither related nor event";
            return Err(invalid(message).with_field(format!("{path}.{key}")));
        }
        let (field, form, held) = if key == "lifecycle" {
            let model = condition::lifecycle(self.schema, self.entity_type, Some(name));
            let model = model.map_err(at(path, key))?;
            let field = field.unwrap_or("stage");
            let column = StageColumn::new(model, field).map_err(at(path, "field"))?;
            (field, column.part.form(), Held::Stage(column))
        } else {
            let field = field.unwrap_or("points");
            let column = self.score(name, field, path, "field")?;
            (field, column.part.form(), Held::Score(column))
        };
        Ok(Some((format!("{name}.{field}"), form, held)))
    }

    /// What a score says in a field, which is named at this key.
    fn score(&mut self, name: &str, field: &str, path: &str, key: &str) -> Result<ScoreColumn> {
        let found = condition::score(self.schema, self.entity_type, Some(name));
        let (stored, group) = found.map_err(at(path, "score"))?;
        let part = ScorePart::new(&stored.model, group, field).map_err(at(path, key))?;
        let known = self.scores.iter().position(|known| known.model == stored.id);
        let score = known.unwrap_or_else(|| {
            self.scores.push(ScoreSource::new(stored));
            self.scores.len() - 1
        });
        Ok(ScoreColumn { score, part })
    }

    /// A figure of the points of a score.
    fn points(
        &mut self,
        score: &str,
        (figure, field): (Figure, &str),
        (path, key): (&str, &str),
    ) -> Result<(Form, Aggregate)> {
        let column = self.score(score, field, path, key)?;
        let ScorePart::Points(_) = column.part else {
            let message = "a figure of a score is one of its points";
            return Err(wrong_kind(message).with_field(format!("{path}.{key}")));
        };
        let form = figure_form(figure, Kind::Decimal, Some(3));
        Ok((form, Aggregate::Points(figure, column)))
    }

    // ---- select

    fn selected(&mut self, column: &SelectColumn, path: &str) -> Result<Named<Selected>> {
        let SelectColumn { field, related, event, .. } = column;
        only_beside(
            path,
            event.is_some(),
            "event",
            &[
                ("within", column.within.is_some()),
                ("from", column.from.is_some()),
                ("until", column.until.is_some()),
                ("where", column.condition.is_some()),
                ("currency", column.currency.is_some()),
                ("count", column.count),
                ("sum", column.sum.is_some()),
                ("min", column.min.is_some()),
                ("max", column.max.is_some()),
                ("mean", column.mean.is_some()),
                ("first", column.first.is_some()),
                ("last", column.last.is_some()),
            ],
        )?;
        let of_relation = [
            ("inverse", column.inverse),
            ("type", column.entity_type.is_some()),
            ("role", column.role.is_some()),
        ];
        only_beside(path, related.is_some(), "related", &of_relation)?;
        let named = (column.lifecycle.as_deref(), column.score.as_deref());
        let is_of_else = event.is_some() || related.is_some();
        if let Some((name, form, held)) = self.beside(named, field.as_deref(), is_of_else, path)? {
            return Ok((name, form, Selected::Held(held)));
        }
        match (event, related, field) {
            (Some(event), None, None) => self.event(column, event, path),
            (None, Some(related), Some(field)) => {
                let name = format!("{related}.{field}");
                let related = RelatedCondition {
                    related: related.clone(),
                    inverse: column.inverse,
                    entity_type: column.entity_type.clone(),
                    role: column.role.clone(),
                    filter: None,
                    count: Count::SOME,
                };
                let found = self.related(related, field, path)?;
                Ok((name, stored(&found.1), Selected::Held(field_column(found))))
            }
            (None, None, Some(field)) => {
                let found = (None, self.field(field, path)?);
                Ok((field.clone(), stored(&found.1), Selected::Held(field_column(found))))
            }
            (None, Some(_), None) => {
                Err(invalid("name the field of the related record")
                    .with_field(format!("{path}.field")))
            }
            (None, None, None) => {
                Err(invalid("a column is a field, related, a lifecycle, a score or an event")
                    .with_field(path))
            }
            (Some(_), _, _) => Err(invalid("an event goes with neither field nor related")
                .with_field(format!("{path}.event"))),
        }
    }

    fn event(&self, column: &SelectColumn, event: &str, path: &str) -> Result<Named<Selected>> {
        let asked = EventCondition {
            event: event.to_owned(),
            within: column.within.as_deref().map(Span::from),
            from: column.from,
            until: column.until,
            filter: column.condition.clone().map(Box::new),
            measure: crate::Measure::Count(Count::SOME),
        };
        let activities = condition::event(self.schema, self.entity_type, &asked);
        let activities = Box::new(activities.map_err(within(path))?);
        let figures = [
            ("sum", &column.sum),
            ("min", &column.min),
            ("max", &column.max),
            ("mean", &column.mean),
            ("first", &column.first),
            ("last", &column.last),
        ];
        let given = figures.iter().filter_map(|(key, of)| Some((*key, of.as_deref()?)));
        let given: Vec<_> = given.chain(column.count.then_some(("count", ""))).collect();
        let (key, property) = only_one(&given, "count, sum, min, max, mean, first, last", path)?;
        let currency = column.currency.as_deref();
        if key == "count" {
            no_currency(currency, path)?;
            let figure = EventFigure::Count;
            let what = Selected::Event { activities, figure, is_sortable: true };
            return Ok((format!("{event}.count"), INTEGER, what));
        }
        let kind = activities.kind.as_ref().map(|kind| kind.name.as_str());
        let found = condition::property(self.schema, kind, property).map_err(at(path, key))?;
        let is_sortable = found.is_sortable;
        let (form, figure) = match key {
            "first" | "last" => {
                no_currency(currency, path)?;
                let end = if key == "first" { End::First } else { End::Last };
                (stored(&found), EventFigure::Ends(end, found.columns))
            }
            _ => {
                let figure = figure(key);
                let (form, quantity) = quantity(figure, found, currency, None, path, key)?;
                (form, EventFigure::Of(figure, quantity))
            }
        };
        let what = Selected::Event { activities, figure, is_sortable };
        Ok((format!("{event}.{property}.{key}"), form, what))
    }

    // ---- groups

    fn key(&mut self, key: &GroupKey, path: &str) -> Result<Named<Key>> {
        let of_relation = [
            ("inverse", key.inverse),
            ("type", key.entity_type.is_some()),
            ("role", key.role.is_some()),
        ];
        only_beside(path, key.related.is_some(), "related", &of_relation)?;
        let named = (key.lifecycle.as_deref(), key.score.as_deref());
        let beside = self.beside(named, Some(&key.field), key.related.is_some(), path)?;
        let (mut name, mut form, of) = match (beside, &key.related) {
            (Some(beside), _) => beside,
            (None, None) => {
                let found = self.field(&key.field, path)?;
                (key.field.clone(), stored(&found), field_column((None, found)))
            }
            (None, Some(related)) => {
                let asked = RelatedCondition {
                    related: related.clone(),
                    inverse: key.inverse,
                    entity_type: key.entity_type.clone(),
                    role: key.role.clone(),
                    filter: None,
                    count: Count::SOME,
                };
                let found = self.related(asked, &key.field, path)?;
                (format!("{related}.{}", key.field), stored(&found.1), field_column(found))
            }
        };
        let kind = match form {
            Form::Stored { kind, .. } => kind,
            _ => Kind::Text,
        };
        if kind == Kind::Choices {
            let message = "a record can hold several options at once, and so be of several groups";
            return Err(wrong_kind(message)
                .with_field(format!("{path}.field"))
                .with_hint("count each option with a measure of its own, with where has_any"));
        }
        if let Some(bucket) = key.bucket {
            if !matches!(kind, Kind::Date | Kind::Timestamp) {
                let message = format!("kind {} has no place in the calendar", kind.name());
                return Err(wrong_kind(message)
                    .with_field(format!("{path}.bucket"))
                    .with_hint("only dates and timestamps have one"));
            }
            name = format!("{name}.{}", bucket.name());
            form = Form::Stored { kind: Kind::Date, scale: None };
        }
        Ok((name, form, Key { of, bucket: key.bucket, is_moment: kind == Kind::Timestamp }))
    }

    fn measure(
        &mut self,
        measure: &GroupMeasure,
        keys: &[Output<Key>],
        path: &str,
    ) -> Result<Named<Measure>> {
        let quantile = measure.quantile.is_some();
        only_beside(path, quantile, "quantile", &[("of", measure.of.is_some())])?;
        let figures = [
            ("sum", measure.sum.as_deref()),
            ("mean", measure.mean.as_deref()),
            ("min", measure.min.as_deref()),
            ("max", measure.max.as_deref()),
            ("distinct", measure.distinct.as_deref()),
            ("quantile", quantile.then(|| measure.of.as_deref().unwrap_or_default())),
            ("share", measure.share.is_some().then_some("")),
            ("count", measure.count.then_some("")),
        ];
        let given = figures.into_iter().filter_map(|(key, of)| Some((key, of?)));
        let given: Vec<_> = given.collect();
        let known = "count, sum, mean, min, max, distinct, quantile, share";
        let (key, field) = only_one(&given, known, path)?;
        let filter = measure.condition.as_ref();
        let filter =
            filter.map(|filter| self.node(filter, &format!("{path}.where"))).transpose()?;
        let currency = measure.currency.as_deref();
        let score = measure.score.as_deref();
        if matches!(key, "count" | "share") {
            only_beside(path, false, "a figure of points", &[("score", score.is_some())])?;
            no_currency(currency, path)?;
            let (form, aggregate) = match &measure.share {
                None => (INTEGER, Aggregate::Count),
                Some(share) => {
                    let share = self.node(share, &format!("{path}.share"))?;
                    (Form::Share, Aggregate::Share(share))
                }
            };
            return Ok((key.to_owned(), form, Measure { filter, aggregate }));
        }
        let (figure, place) = match measure.quantile {
            None => (figure(key), key),
            Some(part) if (0.0..=1.0).contains(&part) => (Figure::Quantile(part), "of"),
            Some(_) => {
                return Err(Error::new(
                    ErrorKind::OutOfRange,
                    "a quantile is of a part from 0 to 1",
                )
                .with_field(format!("{path}.quantile")));
            }
        };
        if field.is_empty() {
            return Err(invalid("name the field").with_field(format!("{path}.{place}")));
        }
        if let Some(score) = score {
            no_currency(currency, path)?;
            let (form, aggregate) = self.points(score, (figure, field), (path, place))?;
            return Ok((format!("{score}.{field}.{key}"), form, Measure { filter, aggregate }));
        }
        let found = condition::field(self.schema, self.entity_type, field);
        let found = found.map_err(at(path, place))?;
        let (form, quantity) = quantity(figure, found, currency, Some(keys), path, place)?;
        let aggregate = Aggregate::Of(figure, quantity);
        Ok((format!("{field}.{key}"), form, Measure { filter, aggregate }))
    }
}

/// The name that something has by itself, how its cells are read, and what it is.
type Named<T> = (String, Form, T);
/// The place of the relation, and the field there.
type FieldOf = (Option<usize>, FoundField);

const INTEGER: Form = Form::Stored { kind: Kind::Integer, scale: None };

fn stored(found: &FoundField) -> Form {
    Form::Stored { kind: found.kind, scale: found.scale }
}

fn field_column((relation, found): FieldOf) -> Held {
    let FoundField { columns, is_sortable, .. } = found;
    Held::Field(FieldColumn { relation, columns, is_sortable })
}

fn leading(columns: Vec<Column>) -> Column {
    columns.into_iter().next().expect("every kind has a column")
}

fn figure(key: &str) -> Figure {
    match key {
        "sum" => Figure::Sum,
        "min" => Figure::Min,
        "max" => Figure::Max,
        "mean" => Figure::Mean,
        _ => Figure::Distinct,
    }
}

/// Judges whether a figure can be taken of a field, and in which currency.
fn quantity(
    figure: Figure,
    found: FoundField,
    currency: Option<&str>,
    keys: Option<&[Output<Key>]>,
    path: &str,
    place: &str,
) -> Result<(Form, Quantity)> {
    let FoundField { kind, scale, currency: only, columns, .. } = found;
    let is_number =
        matches!(kind, Kind::Integer | Kind::Decimal | Kind::Real | Kind::Rating | Kind::Money);
    let (fits, needs) = match figure {
        Figure::Sum | Figure::Mean | Figure::Quantile(_) => (is_number, "numbers and money"),
        Figure::Min | Figure::Max => (
            is_number || matches!(kind, Kind::Date | Kind::Timestamp),
            "numbers, money, dates and timestamps",
        ),
        Figure::Distinct => (
            !matches!(kind, Kind::Address | Kind::File | Kind::Choices),
            "values that one column holds",
        ),
    };
    if !fits {
        return Err(wrong_kind(format!("it does not apply to kind {}", kind.name()))
            .with_field(format!("{path}.{place}"))
            .with_hint(format!("it takes {needs}")));
    }
    let currency = match (kind, currency, only) {
        (Kind::Money, Some(code), _) => {
            let code = normal::currency::currency(code).map_err(at(path, "currency"))?.0;
            Some(Currency::Only((columns[1].clone(), code.to_owned())))
        }
        (Kind::Money, None, Some(only)) => {
            Some(Currency::Always(normal::currency::currency(&only)?.0.to_owned()))
        }
        (Kind::Money, None, None) => {
            let is_grouped = keys.unwrap_or_default().iter().any(|key| {
                let Held::Field(field) = &key.what.of else { return false };
                field.relation.is_none() && field.columns.contains(&columns[1])
            });
            if !is_grouped {
                let error =
                    Error::new(ErrorKind::Required, "amounts in several currencies do not add up")
                        .with_field(format!("{path}.currency"));
                return Err(match keys {
                    Some(_) => error.with_hint("name a currency, or group by that of the field"),
                    None => error.with_hint("name a currency"),
                });
            }
            Some(Currency::OfGroup(columns[1].clone()))
        }
        (_, given, _) => {
            no_currency(given, path)?;
            None
        }
    };
    let form = figure_form(figure, kind, scale);
    Ok((form, Quantity { kind, column: leading(columns), currency }))
}

/// How the figure of a kind is read.
fn figure_form(figure: Figure, kind: Kind, scale: Option<u8>) -> Form {
    match figure {
        Figure::Sum if kind == Kind::Rating => INTEGER,
        Figure::Sum | Figure::Min | Figure::Max => Form::Stored { kind, scale },
        Figure::Mean | Figure::Quantile(_) => Form::Scaled { kind, scale },
        Figure::Distinct => INTEGER,
    }
}

fn only_one<'k>(
    given: &[(&'k str, &'k str)],
    known: &str,
    path: &str,
) -> Result<(&'k str, &'k str)> {
    match given {
        [only] => Ok(*only),
        [] => {
            Err(invalid("no figure is named").with_field(path).with_hint(format!("one of {known}")))
        }
        [_, (second, _), ..] => {
            Err(invalid("only one figure in each").with_field(format!("{path}.{second}")))
        }
    }
}

/// Refuses what says more about something that is not there.
fn only_beside(path: &str, is_there: bool, what: &str, given: &[(&str, bool)]) -> Result<()> {
    match given.iter().find(|(_, is_given)| *is_given && !is_there) {
        None => Ok(()),
        Some((key, _)) => {
            let message = format!("this goes with {what}");
            Err(invalid(message).with_field(format!("{path}.{key}")))
        }
    }
}

fn no_currency(currency: Option<&str>, path: &str) -> Result<()> {
    match currency {
        None => Ok(()),
        Some(_) => Err(invalid("only money has a currency").with_field(format!("{path}.currency"))),
    }
}

fn named(given: Option<&str>, name: String, path: &str) -> Result<String> {
    let Some(given) = given else { return Ok(name) };
    if given.is_empty() || given.chars().any(char::is_control) {
        return Err(
            invalid("must be text without control characters").with_field(format!("{path}.as"))
        );
    }
    if given.len() > limits::LABEL_BYTES {
        let message = format!("at most {} bytes", limits::LABEL_BYTES);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field(format!("{path}.as")));
    }
    Ok(given.to_owned())
}

/// Refuses two columns of one name.
fn check_names(names: impl Iterator<Item = (String, String)>) -> Result<()> {
    let mut known = std::collections::HashSet::new();
    for (name, path) in names {
        if !known.insert(name) {
            return Err(invalid("another column has this name")
                .with_field(format!("{path}.as"))
                .with_hint("give one of them another name"));
        }
    }
    Ok(())
}

fn at_least_one(field: &str, count: usize) -> Result<()> {
    match count {
        0 => Err(invalid("at least one").with_field(field)),
        _ => Ok(()),
    }
}

fn at_most(field: &str, count: usize, most: usize) -> Result<()> {
    if count <= most {
        return Ok(());
    }
    Err(Error::new(ErrorKind::LimitExceeded, format!("at most {most}")).with_field(field))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn wrong_kind(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::WrongKind, message)
}

/// The same error, at this key.
fn at(path: &str, key: &str) -> impl Fn(Error) -> Error + use<> {
    let place = format!("{path}.{key}");
    move |error| error.with_field(place.clone())
}

/// The same error, whose place lies within this one.
fn within(path: &str) -> impl Fn(Error) -> Error + use<> {
    let path = path.to_owned();
    move |error| {
        let place = error.field().map(|place| format!("{path}.{place}"));
        error.with_field(place.unwrap_or_else(|| path.clone()))
    }
}
