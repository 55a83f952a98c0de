//! Whether a definition makes sense by itself, before any schema or record is looked at.

use std::collections::HashSet;

use super::{
    decay::{Decay, POINT},
    definition::{DefineScore, FadeKind, ScoreFade, ScoreGroup, ScoreLevel, ScoreRule},
    sheet::Caps,
};
use crate::{
    Condition, Error, ErrorKind, Measure, Operator, Result, Span, When, limits, schema::check,
};

/// Checks the groups, rules and levels of a definition by themselves.
///
/// # Errors
///
/// `InvalidArgument`, `InvalidValue`, `Duplicate`, `OutOfRange`, `Required` or `LimitExceeded`; the
/// field is the path, such as `groups[1].rules[0].points`.
pub(crate) fn check_definition(definition: &DefineScore) -> Result<()> {
    check::identifier(&definition.name, "score")?;
    check::texts(&definition.label, &definition.description)?;
    count("groups", definition.groups.len(), limits::SCORE_GROUPS)?;
    if definition.groups.is_empty() {
        return Err(invalid("a score has a group").with_field("groups"));
    }
    caps(definition.min, definition.max)?;
    let (mut groups, mut rules) = (HashSet::new(), HashSet::new());
    for (place, group) in definition.groups.iter().enumerate() {
        let path = format!("groups[{place}]");
        check_group(group, &mut rules).map_err(|error| within(&path, error))?;
        if !groups.insert(group.name.as_str()) {
            return Err(twice("group", format!("{path}.name")));
        }
    }
    levels("thresholds", &definition.thresholds)?;
    count("grade", definition.grade.len(), 2)?;
    for (place, axis) in definition.grade.iter().enumerate() {
        let path = format!("grade[{place}]");
        if !groups.contains(axis.group.as_str()) {
            return Err(Error::new(ErrorKind::NotFound, "the score has no such group")
                .with_field(format!("{path}.group")));
        }
        if axis.levels.is_empty() {
            let message = "a side of a grade has a level";
            return Err(invalid(message).with_field(format!("{path}.levels")));
        }
        levels("levels", &axis.levels).map_err(|error| within(&path, error))?;
    }
    Ok(())
}

fn check_group<'a>(group: &'a ScoreGroup, names: &mut HashSet<&'a str>) -> Result<()> {
    check::identifier(&group.name, "group")?;
    check::texts(&group.label, "")?;
    caps(group.min, group.max)?;
    decay(group.fade.as_ref())?;
    count("rules", group.rules.len(), limits::SCORE_RULES)?;
    if group.rules.is_empty() {
        return Err(invalid("a group has a rule").with_field("rules"));
    }
    for (place, rule) in group.rules.iter().enumerate() {
        let path = format!("rules[{place}]");
        check_rule(rule).map_err(|error| within(&path, error))?;
        if !names.insert(&rule.name) {
            return Err(twice("rule", format!("{path}.name")));
        }
        if group.fade.is_some() && rule.activity.is_none() {
            let message = "what fades is the points for activities";
            return Err(Error::new(ErrorKind::Required, message)
                .with_field(format!("{path}.activity"))
                .with_hint("put the rule into a group that does not fade"));
        }
    }
    Ok(())
}

fn check_rule(rule: &ScoreRule) -> Result<()> {
    check::identifier(&rule.name, "rule")?;
    check::texts(&rule.label, "")?;
    caps(rule.min, rule.max)?;
    points("points", rule.points)?;
    count("values", rule.values.len(), limits::SCORE_VALUES)?;
    for (place, value) in rule.values.iter().enumerate() {
        points(&format!("values[{place}].points"), value.points)?;
    }
    let only = |is_given: bool, needs: bool, field: &str, other: &str| match is_given && !needs {
        true => Err(invalid(&format!("it goes with {other} only")).with_field(field)),
        false => Ok(()),
    };
    let has_activity = rule.activity.is_some();
    let with_activity = [
        ("filter", rule.filter.is_some()),
        ("distinct", rule.distinct.is_some()),
        ("per_day", rule.per_day.is_some()),
        ("at_most", rule.at_most.is_some()),
    ];
    for (field, is_given) in with_activity {
        only(is_given, has_activity, field, "activity")?;
    }
    only(rule.within.is_some(), rule.at_most.is_some(), "within", "at_most")?;
    let has_field = rule.field.is_some();
    only(!rule.values.is_empty(), has_field, "values", "field")?;
    only(rule.per.is_some(), has_field, "per", "field")?;
    only(rule.currency.is_some(), rule.per.is_some(), "currency", "per")?;
    if rule.related.is_some() {
        let message = "the scores of related records take its place";
        let given =
            [("activity", has_activity), ("field", has_field), ("points", rule.points != 0)];
        if let Some((field, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
            return Err(invalid(message).with_field(field));
        }
        return Ok(());
    }
    if has_field && rule.values.is_empty() == rule.per.is_none() {
        let message = "a field gives points either by its values or by its size";
        return Err(invalid(message).with_field("field").with_hint("give values, or per"));
    }
    if rule.points == 0 && rule.values.iter().all(|value| value.points == 0) {
        return Err(
            Error::new(ErrorKind::Required, "the rule gives no points").with_field("points")
        );
    }
    for (field, number) in [("per_day", rule.per_day), ("at_most", rule.at_most)] {
        if number == Some(0) {
            let message = "a rule that counts none gives nothing";
            return Err(Error::new(ErrorKind::OutOfRange, message).with_field(field));
        }
    }
    if rule.per.is_some_and(|per| per < 1) {
        let message = "points are for each 1 or more";
        return Err(Error::new(ErrorKind::OutOfRange, message).with_field("per"));
    }
    if rule.per.is_some() && rule.max.is_none() {
        return Err(Error::new(ErrorKind::Required, "nothing else limits an amount")
            .with_field("max")
            .with_hint("say how much the rule gives at most"));
    }
    if let Some(span) = &rule.within {
        micros(span).map_err(|error| error.with_field("within"))?;
    }
    match rule.filter.as_ref().is_some_and(asks_for_now) {
        true => Err(invalid("whether an activity counts does not depend on when it is asked")
            .with_field("filter")
            .with_hint("let the group fade instead")),
        false => Ok(()),
    }
}

/// Whether the answer of a condition over an activity depends on the moment.
fn asks_for_now(condition: &Condition) -> bool {
    let here = match condition {
        Condition::Field(field) => matches!(
            field.op,
            Operator::WithinLast
                | Operator::WithinNext
                | Operator::AnniversaryWithinLast
                | Operator::AnniversaryWithinNext
        ),
        Condition::Event(event) => {
            event.within.is_some()
                || matches!(
                    event.measure,
                    Measure::Moment { when: When::WithinLast(_) | When::OlderThan(_), .. }
                )
        }
        _ => false,
    };
    here || condition.nested().any(asks_for_now)
}

/// The decay of a group.
///
/// # Errors
///
/// `InvalidValue`, `OutOfRange`, `Required` or `InvalidArgument` with a path from `fade`.
pub(super) fn decay(fade: Option<&ScoreFade>) -> Result<Decay> {
    let Some(fade) = fade else { return Ok(Decay::None) };
    let span = micros(&fade.span).map_err(|error| error.with_field("fade.span"))?;
    match (fade.kind, fade.percent) {
        (FadeKind::HalfLife, None) => Ok(Decay::HalfLife(span)),
        (FadeKind::Expiry, None) => Ok(Decay::Expiry(span)),
        (FadeKind::Linear, Some(percent @ 1..=100)) => {
            Ok(Decay::Linear { every: span, percent: percent.into() })
        }
        (FadeKind::Linear, Some(_)) => {
            let message = "a percentage lies between 1 and 100";
            Err(Error::new(ErrorKind::OutOfRange, message).with_field("fade.percent"))
        }
        (FadeKind::Linear, None) => {
            let message = "say how much is lost in each span";
            Err(Error::new(ErrorKind::Required, message).with_field("fade.percent"))
        }
        (_, Some(_)) => Err(invalid("only linear fading has it").with_field("fade.percent")),
    }
}

/// The length of a span that is one and is not nothing.
///
/// # Errors
///
/// `InvalidValue` or `OutOfRange`, without a field.
pub(super) fn micros(span: &str) -> Result<i64> {
    let micros = span.parse::<Span>()?.parts()?.micros().ok_or_else(|| {
        Error::new(ErrorKind::InvalidValue, "years and months have no fixed length")
            .with_hint("write days, such as P30D")
    })?;
    match micros {
        0 => Err(Error::new(ErrorKind::OutOfRange, "must be longer than nothing")),
        micros => Ok(micros),
    }
}

fn levels(field: &str, levels: &[ScoreLevel]) -> Result<()> {
    count(field, levels.len(), limits::SCORE_LEVELS)?;
    let mut names = HashSet::new();
    for (place, level) in levels.iter().enumerate() {
        let path = format!("{field}[{place}]");
        let is_name = (1..=63).contains(&level.name.len())
            && !level.name.chars().any(|c| c.is_control() || c.is_whitespace());
        if !is_name {
            let message = "a name is 1 to 63 bytes without spaces";
            return Err(invalid(message).with_field(format!("{path}.name")));
        }
        if !names.insert(level.name.as_str()) {
            return Err(twice("level", format!("{path}.name")));
        }
        let path = format!("{path}.at_least");
        points(&path, level.at_least)?;
        if place > 0 && level.at_least <= levels[place - 1].at_least {
            let message = "levels ascend: it must be more than the one before";
            return Err(Error::new(ErrorKind::OutOfRange, message).with_field(path));
        }
    }
    Ok(())
}

/// The caps in thousandths, the widest where none are given.
pub(super) fn to_caps(min: Option<i64>, max: Option<i64>) -> Caps {
    let most = limits::SCORE_POINTS;
    Caps { min: min.unwrap_or(-most) * POINT, max: max.unwrap_or(most) * POINT }
}

fn caps(min: Option<i64>, max: Option<i64>) -> Result<()> {
    points("min", min.unwrap_or(0))?;
    points("max", max.unwrap_or(0))?;
    match min.zip(max) {
        Some((min, max)) if min > max => {
            let message = "the caps cannot be met: the least is more than the greatest";
            Err(invalid(message).with_field("min"))
        }
        _ => Ok(()),
    }
}

fn points(field: &str, points: i64) -> Result<()> {
    if points.unsigned_abs() <= limits::SCORE_POINTS.unsigned_abs() {
        return Ok(());
    }
    let message = format!("points lie between −{0} and {0}", limits::SCORE_POINTS);
    Err(Error::new(ErrorKind::OutOfRange, message).with_field(field))
}

fn count(field: &str, count: usize, most: usize) -> Result<()> {
    if count <= most {
        return Ok(());
    }
    Err(Error::new(ErrorKind::LimitExceeded, format!("at most {most}")).with_field(field))
}

pub(super) fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn twice(what: &str, path: String) -> Error {
    Error::new(ErrorKind::Duplicate, format!("another {what} has this name")).with_field(path)
}

/// The error with its field within `path`.
pub(super) fn within(path: &str, error: Error) -> Error {
    let place = match error.field() {
        Some(place) => format!("{path}.{place}"),
        None => path.to_owned(),
    };
    error.with_field(place)
}
