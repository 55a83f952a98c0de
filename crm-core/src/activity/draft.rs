//! An activity about to be recorded: judged by itself and encoded.
//!
//! Whether its records and files are there, whether its key is new and what it supersedes only the
//! file can tell; that is the engine's to ask.

use super::{ActivityLink, Direction, NewActivity};
use crate::{
    Error, ErrorKind, RecordId, RecordRef, Result, Timestamp, cell::Cell, limits, normal,
    record::Draft, schema::TypeModel,
};

/// How far in the future an activity may lie: more than any clock is wrong, and less than a mistake
/// in the year.
const AHEAD_MICROS: i64 = 86_400_000_000;

/// An activity as its columns hold it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Content {
    pub(crate) at: Timestamp,
    pub(crate) subject: Option<RecordRef>,
    pub(crate) visitor: Option<String>,
    pub(crate) channel: Option<String>,
    pub(crate) direction: Option<Direction>,
    /// Minor units and currency.
    pub(crate) amount: Option<(i64, String)>,
    pub(crate) key: Option<String>,
    pub(crate) supersedes: Option<RecordId>,
    /// By id and role, each once.
    pub(crate) links: Vec<ActivityLink>,
    /// One cell per column of the kind.
    pub(crate) cells: Vec<Cell>,
}

/// Judges an activity of the kind `model`, recorded at `now`, and encodes it.
///
/// # Errors
///
/// `InvalidArgument`, `OutOfRange`, `InvalidValue` or `LimitExceeded`, naming the field; and for a
/// property as for an attribute of a record.
pub(crate) fn draft(
    model: &TypeModel,
    mut activity: NewActivity,
    now: Timestamp,
) -> Result<Content> {
    let properties = std::mem::take(&mut activity.properties);
    draft_with(activity, now, || Ok(Draft::create(model, properties)?.cells))
}

/// As [`draft`], of an activity whose properties are judged by `cells`, and not among those of
/// `activity`.
///
/// # Errors
///
/// As [`draft`]; those of `cells`.
pub(crate) fn draft_with(
    activity: NewActivity,
    now: Timestamp,
    cells: impl FnOnce() -> Result<Vec<Cell>>,
) -> Result<Content> {
    let NewActivity { subject, visitor, at, channel, direction, key, supersedes, .. } = activity;
    if at.micros() > now.micros().saturating_add(AHEAD_MICROS) {
        return Err(Error::new(ErrorKind::OutOfRange, "more than one day in the future")
            .with_field("at")
            .with_hint("what is to come is no activity; check the clock and the time zone"));
    }
    let visitor = label("visitor", visitor)?;
    match (&subject, &visitor, supersedes) {
        (Some(_), Some(_), _) => return Err(whose("visitor", "a subject and a visitor")),
        (None, None, None) => return Err(whose("subject", "neither subject nor visitor")),
        _ => {}
    }
    let amount = activity.amount.map(|money| -> Result<(i64, String)> {
        let (code, exponent) = normal::currency::currency(&money.currency)?;
        Ok((normal::decimal::parse_scaled(&money.amount, exponent)?, code.to_owned()))
    });
    let amount = amount.transpose().map_err(|error| error.with_field("amount"))?;
    Ok(Content {
        at,
        subject,
        visitor,
        channel: label("channel", channel)?,
        direction,
        amount,
        key: label("key", key)?,
        supersedes,
        links: links(activity.links)?,
        cells: cells()?,
    })
}

fn whose(field: &str, what: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("the activity has {what}"))
        .with_field(field)
        .with_hint("give either the record or the key of a visitor")
}

/// A short text of the host's; blank is none.
fn label(field: &str, text: Option<String>) -> Result<Option<String>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    check_label(field, &text)?;
    Ok(Some(text))
}

/// Checks a short text of the host's.
///
/// # Errors
///
/// `OutOfRange` if it is too long; `InvalidValue` if it has control characters.
pub(crate) fn check_label(field: &str, text: &str) -> Result<()> {
    if text.len() > limits::KEY_BYTES {
        let message = format!("longer than {} bytes", limits::KEY_BYTES);
        return Err(Error::new(ErrorKind::OutOfRange, message).with_field(field));
    }
    if text.chars().any(char::is_control) {
        let message = "contains control characters";
        return Err(Error::new(ErrorKind::InvalidValue, message).with_field(field));
    }
    Ok(())
}

/// Links are a set: their order says nothing, and naming one twice says it once.
fn links(mut links: Vec<ActivityLink>) -> Result<Vec<ActivityLink>> {
    if links.len() > limits::LINKS {
        let message = format!("at most {} links", limits::LINKS);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("links"));
    }
    links.iter().try_for_each(|link| check_label("links", &link.role))?;
    links.sort_unstable_by(|a, b| (a.id, &a.role).cmp(&(b.id, &b.role)));
    links.dedup();
    Ok(links)
}
