//! Whether a definition makes sense by itself, before any schema or record is looked at.

use std::collections::HashSet;

use super::{DefineLifecycle, Stage, StageKind, StageTrigger};
use crate::{
    Error, ErrorKind, Result, Span, condition::Parts, limits, normal::name::nearest, schema::check,
};

/// Checks the stages and triggers of a definition by themselves.
///
/// # Errors
///
/// `InvalidArgument`, `Duplicate`, `OutOfRange`, `Required`, `UnknownOption` or `LimitExceeded`; the
/// field is the path, such as `stages[2].probability`.
pub(crate) fn check_definition(definition: &DefineLifecycle) -> Result<()> {
    check::identifier(&definition.name, "lifecycle")?;
    check::texts(&definition.label, &definition.description)?;
    let (stages, triggers) = (&definition.stages, &definition.triggers);
    let counts = [
        ("stages", stages.len(), limits::STAGES),
        ("triggers", triggers.len(), limits::STAGE_TRIGGERS),
    ];
    for (field, count, most) in counts {
        if count > most {
            let message = format!("at most {most} {field}");
            return Err(Error::new(ErrorKind::LimitExceeded, message).with_field(field));
        }
    }
    if !stages.iter().any(|stage| stage.kind.is_ordered()) {
        return Err(invalid("a lifecycle has a stage that is open or won").with_field("stages"));
    }
    let (mut names, mut labels) = (HashSet::new(), HashSet::new());
    for (place, stage) in stages.iter().enumerate() {
        let path = format!("stages[{place}]");
        check_stage(stage).map_err(|error| within(&path, error))?;
        if !names.insert(stage.name.as_str()) {
            return Err(twice("name", &path, "name"));
        }
        if !stage.label.is_empty() && !labels.insert(stage.label.as_str()) {
            return Err(twice("label", &path, "label"));
        }
    }
    if let Some(initial) = &definition.initial {
        let stage = find(stages, initial).map_err(|error| error.with_field("initial"))?;
        if !stage.kind.is_ordered() {
            let message = "a record begins on a stage that is open or won";
            return Err(invalid(message).with_field("initial"));
        }
    }
    for (place, trigger) in triggers.iter().enumerate() {
        let path = format!("triggers[{place}]");
        check_trigger(stages, trigger).map_err(|error| within(&path, error))?;
    }
    Ok(())
}

fn check_stage(stage: &Stage) -> Result<()> {
    check::identifier(&stage.name, "stage")?;
    check::texts(&stage.label, "")?;
    if let Some(probability) = stage.probability {
        let (range, message) = match stage.kind {
            StageKind::Open => (0.0..=1.0, "a probability lies between 0 and 1"),
            StageKind::Won => (1.0..=1.0, "the probability of a stage that is won is 1"),
            StageKind::Lost => (0.0..=0.0, "the probability of a stage that is lost is 0"),
            StageKind::Side => {
                let message = "a stage beside the way has no probability";
                return Err(invalid(message).with_field("probability"));
            }
        };
        if !range.contains(&probability) {
            return Err(Error::new(ErrorKind::OutOfRange, message).with_field("probability"));
        }
    }
    if stage.kind.is_ordered() {
        let given =
            [("reasons", !stage.reasons.is_empty()), ("automatic_exit", stage.automatic_exit)];
        if let Some((field, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
            let message = "only a stage that is lost or beside the way has it";
            return Err(invalid(message).with_field(field));
        }
    }
    if stage.reasons.len() > limits::STAGES {
        let message = format!("at most {} reasons", limits::STAGES);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("reasons"));
    }
    for (field, names) in [("reasons", &stage.reasons), ("required", &stage.required)] {
        let mut seen = HashSet::new();
        for (place, name) in names.iter().enumerate() {
            let field = format!("{field}[{place}]");
            check_reason(name).map_err(|error| error.with_field(field.as_str()))?;
            if !seen.insert(name) {
                let message = "is listed twice";
                return Err(Error::new(ErrorKind::Duplicate, message).with_field(field));
            }
        }
    }
    check_targets(&stage.leave_within)
}

/// Checks the times in which a record is to leave a stage.
fn check_targets(targets: &[String]) -> Result<()> {
    if targets.len() > limits::STAGE_TARGETS {
        let message = format!("at most {} times", limits::STAGE_TARGETS);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("leave_within"));
    }
    let mut before = 0;
    for (place, text) in targets.iter().enumerate() {
        let micros = fixed_span(text).and_then(|micros| match micros > before {
            true => Ok(micros),
            false if place == 0 => Err(Error::new(ErrorKind::OutOfRange, "takes some time")),
            false => {
                let message = "each time is longer than the one before";
                Err(Error::new(ErrorKind::OutOfRange, message))
            }
        });
        before = micros.map_err(|error| error.with_field(format!("leave_within[{place}]")))?;
    }
    Ok(())
}

/// The length of a span without years and months, in microseconds.
///
/// # Errors
///
/// `InvalidValue` without a field.
pub(crate) fn fixed_span(text: &str) -> Result<i64> {
    text.parse::<Span>()?.parts()?.micros().ok_or_else(|| {
        let message = "years and months have no fixed length";
        Error::new(ErrorKind::InvalidValue, message)
    })
}

/// Checks a reason that somebody gives.
///
/// # Errors
///
/// `InvalidValue` if it is empty; `LimitExceeded`; without a field.
pub(crate) fn check_reason(reason: &str) -> Result<()> {
    if reason.is_empty() {
        return Err(Error::new(ErrorKind::InvalidValue, "must not be empty"));
    }
    if reason.len() > limits::REASON_BYTES {
        let message = format!("at most {} bytes", limits::REASON_BYTES);
        return Err(Error::new(ErrorKind::LimitExceeded, message));
    }
    if reason.contains('\0') {
        return Err(Error::new(ErrorKind::InvalidValue, "contains the character NUL")
            .with_hint("remove U+0000"));
    }
    Ok(())
}

impl Stage {
    /// Checks the reason for coming here.
    ///
    /// # Errors
    ///
    /// `Required`, `InvalidValue`, `UnknownOption` or `LimitExceeded` with field `reason`.
    pub(crate) fn check_reason(&self, reason: Option<&str>) -> Result<()> {
        let is_lost = self.kind == StageKind::Lost;
        let Some(reason) = reason else {
            if is_lost {
                let message = format!("the stage {:?} takes a reason", self.name);
                let error = Error::new(ErrorKind::Required, message).with_field("reason");
                return Err(match self.reasons.is_empty() {
                    true => error,
                    false => error.with_hint(format!("one of {}", self.reasons.join(", "))),
                });
            }
            return Ok(());
        };
        check_reason(reason).map_err(|error| error.with_field("reason"))?;
        if self.reasons.is_empty() || self.reasons.iter().any(|known| known == reason) {
            return Ok(());
        }
        let error = Error::new(ErrorKind::UnknownOption, "the stage has no such reason")
            .with_field("reason");
        Err(match nearest(reason, self.reasons.iter().map(String::as_str)) {
            Some(near) => error.with_hint(format!("did you mean {near:?}?")),
            None => error.with_hint(format!("one of {}", self.reasons.join(", "))),
        })
    }
}

fn check_trigger(stages: &[Stage], trigger: &StageTrigger) -> Result<()> {
    let stage = find(stages, &trigger.to).map_err(|error| error.with_field("to"))?;
    let given = [
        ("activity", trigger.activity.is_some()),
        ("related", trigger.related.is_some()),
        ("inactive_for", trigger.inactive_for.is_some()),
    ];
    if let Some((field, _)) = given.into_iter().filter(|(_, is_given)| *is_given).nth(1) {
        let message = "either an activity, the stage of a related record or a time without any";
        return Err(invalid(message).with_field(field));
    }
    if let Some(span) = &trigger.inactive_for {
        let parts = span.parse::<Span>().and_then(|span| span.parts());
        if parts.map_err(|error| error.with_field("inactive_for"))? == Parts::default() {
            let error = Error::new(ErrorKind::OutOfRange, "takes some time");
            return Err(error.with_field("inactive_for"));
        }
    }
    if trigger.filter.is_some() && trigger.activity.is_none() {
        let message = "says which activities count, and no kind of activity is named";
        return Err(invalid(message)
            .with_field("filter")
            .with_hint("name one, or ask about the record with where"));
    }
    if given.iter().all(|(_, is_given)| !is_given) && trigger.condition.is_none() {
        let message = "a trigger has an activity, the stage of a related record, a time without \
                       activities or a condition";
        return Err(Error::new(ErrorKind::Required, message).with_field("where"));
    }
    stage.check_reason(trigger.reason.as_deref())
}

fn find<'a>(stages: &'a [Stage], name: &str) -> Result<&'a Stage> {
    stages.iter().find(|stage| stage.name == name).ok_or_else(|| {
        let error = Error::new(ErrorKind::UnknownOption, "the lifecycle has no such stage");
        let names = || stages.iter().map(|stage| stage.name.as_str());
        match nearest(name, names()) {
            Some(near) => error.with_hint(format!("did you mean {near:?}?")),
            None => error.with_hint(format!("one of {}", names().collect::<Vec<_>>().join(", "))),
        }
    })
}

pub(super) fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn twice(what: &str, path: &str, field: &str) -> Error {
    Error::new(ErrorKind::Duplicate, format!("another stage has this {what}"))
        .with_field(format!("{path}.{field}"))
}

/// The same error, whose place lies within `path`.
pub(crate) fn within(path: &str, error: Error) -> Error {
    let place = match error.field() {
        Some(place) => format!("{path}.{place}"),
        None => path.to_owned(),
    };
    error.with_field(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LifecyclePreset, RelatedStage};

    #[test]
    fn every_preset_makes_sense() {
        for preset in LifecyclePreset::ALL {
            check_definition(&preset.definition()).unwrap();
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_path() {
        use ErrorKind::{Duplicate, InvalidArgument, OutOfRange, Required, UnknownOption};
        type Change = fn(&mut DefineLifecycle);
        let cases: &[(Change, ErrorKind, &str)] = &[
            (|d| d.name = "A".into(), InvalidArgument, "name"),
            (|d| d.stages.clear(), InvalidArgument, "stages"),
            (|d| d.stages.truncate(0), InvalidArgument, "stages"),
            (|d| d.stages[1].name = "a".into(), Duplicate, "stages[1].name"),
            (|d| d.stages[1].name = "A b".into(), InvalidArgument, "stages[1].name"),
            (|d| d.stages[1].label = "One".into(), Duplicate, "stages[1].label"),
            (|d| d.stages[0].probability = Some(1.1), OutOfRange, "stages[0].probability"),
            (|d| d.stages[0].probability = Some(f64::NAN), OutOfRange, "stages[0].probability"),
            (|d| d.stages[1].probability = Some(0.9), OutOfRange, "stages[1].probability"),
            (|d| d.stages[2].probability = Some(0.1), OutOfRange, "stages[2].probability"),
            (|d| d.stages[3].probability = Some(0.0), InvalidArgument, "stages[3].probability"),
            (|d| d.stages[0].reasons = vec!["x".into()], InvalidArgument, "stages[0].reasons"),
            (|d| d.stages[0].automatic_exit = true, InvalidArgument, "stages[0].automatic_exit"),
            (
                |d| d.stages[2].reasons = vec!["x".into(), "x".into()],
                Duplicate,
                "stages[2].reasons[1]",
            ),
            (|d| d.initial = Some("lst".into()), UnknownOption, "initial"),
            (|d| d.initial = Some("lost".into()), InvalidArgument, "initial"),
            (
                |d| d.triggers.push(StageTrigger::activity("x", "call")),
                UnknownOption,
                "triggers[0].to",
            ),
            (
                |d| d.triggers.push(StageTrigger::activity("lost", "call")),
                Required,
                "triggers[0].reason",
            ),
            (
                |d| {
                    let mut trigger = StageTrigger::activity("b", "call");
                    trigger.related = Some(RelatedStage::new("r", "l", "s"));
                    d.triggers.push(trigger);
                },
                InvalidArgument,
                "triggers[0].related",
            ),
            (
                |d| {
                    let mut trigger = StageTrigger::activity("b", "call");
                    trigger.activity = None;
                    d.triggers.push(trigger);
                },
                Required,
                "triggers[0].where",
            ),
        ];
        for (place, (change, kind, field)) in cases.iter().enumerate() {
            let mut definition = DefineLifecycle::new(
                "l",
                "contact",
                [
                    Stage { label: "One".into(), ..Stage::new("a") },
                    Stage::new("b").kind(StageKind::Won),
                    Stage::new("lost").kind(StageKind::Lost),
                    Stage::new("side").kind(StageKind::Side),
                ],
            );
            change(&mut definition);
            let error = check_definition(&definition).unwrap_err();
            assert_eq!((error.kind(), error.field()), (*kind, Some(*field)), "case {place}");
        }
    }
}
