//! How long records are kept: rules by type and purpose, and what is due for review by them.
//!
//! A rule says from what a span counts; when it is over, a record is due. The invariant: a rule that was
//! saved has a span that is longer than nothing and no longer than 200 years, so that its end is always a
//! moment. Nothing here archives or erases: what becomes of a record that is due, the host decides.

use serde::{Deserialize, Serialize};

use crate::{
    Condition, Error, ErrorKind, RecordRef, Result, Span, Timestamp,
    condition::{Parts, later_in_utc},
    consent::named,
    limits,
    record::default_page,
    schema::check,
    shape::debug,
};

named! {
    /// From what the time counts for which a record is kept.
    RetentionStart {
        /// When it was created.
        Created = "created",
        /// When it was last changed, be it by archiving it.
        Changed = "changed",
        /// Its latest activity that counts; where there is none, when it was created.
        LastActivity = "last_activity",
        /// The latest event of its ledger of consent that reaches the purpose: given, renewed, used,
        /// withdrawn, and so on.
        LastUse = "last_use",
    }
}

/// A rule for how long the records of a type are kept: the request and the answer of
/// `privacy.define_retention`, its whole definition.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Retention {
    /// The name: `[a-z][a-z0-9_]{0,62}`.
    pub name: String,
    /// The entity type of the records.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// Only records whose ledger of consent names this purpose; all if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub purpose: Option<String>,
    /// How long: a span such as `P3Y`, longer than nothing and at most 200 years, counted by the calendar
    /// in UTC.
    pub period: String,
    /// From what it counts. The last use is one for a purpose, and needs it.
    pub counts_from: RetentionStart,
    /// Only records of which this is true.
    #[serde(default, rename = "where")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub condition: Option<Condition>,
    /// Why so long, such as the law that asks for it; at most 16 KiB.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub reason: String,
}

debug! {
    Retention
        shows(name, entity_type, purpose, period, counts_from, condition)
        hides(reason)
}

impl Retention {
    /// Keeps all records of a type for a span.
    ///
    /// ```
    /// use crm_core::{Retention, RetentionStart};
    ///
    /// let rule = Retention::new("leads", "contact", "P3Y", RetentionStart::LastActivity);
    /// assert_eq!(rule.purpose, None);
    /// ```
    pub fn new(
        name: impl Into<String>,
        entity_type: impl Into<String>,
        period: impl Into<String>,
        counts_from: RetentionStart,
    ) -> Self {
        Self {
            name: name.into(),
            entity_type: entity_type.into(),
            purpose: None,
            period: period.into(),
            counts_from,
            condition: None,
            reason: String::new(),
        }
    }

    /// The same, only for records whose ledger of consent names this purpose.
    #[must_use]
    pub fn purpose(self, purpose: impl Into<String>) -> Self {
        Self { purpose: Some(purpose.into()), ..self }
    }

    /// The same, only for records of which a condition is true.
    #[must_use]
    pub fn when(self, condition: Condition) -> Self {
        Self { condition: Some(condition), ..self }
    }

    /// The same, with the reason for it.
    #[must_use]
    pub fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..self }
    }

    /// The parts of its span.
    ///
    /// # Errors
    ///
    /// `InvalidValue` with field `period` if it is no span.
    pub(crate) fn parts(&self) -> Result<Parts> {
        let parts = self.period.parse::<Span>().and_then(|span| span.parts());
        parts.map_err(|error| error.with_field("period"))
    }

    /// How long, from what and for whom, as people read it: `contact: P3Y from last_use`.
    pub(crate) fn told(&self) -> String {
        format!("{}: {} from {}", self.entity_type, self.period, self.counts_from.name())
    }
}

/// Judges what a rule says by itself, and brings its span into its one form.
///
/// # Errors
///
/// `InvalidArgument` if the name is none; `InvalidValue` if the period is no span; `OutOfRange` if it is
/// nothing, or more than 200 years; `Required` if the last use is of no purpose; `LimitExceeded` if the
/// reason has more than 16 KiB.
pub(crate) fn check_retention(rule: &mut Retention) -> Result<()> {
    check::identifier(&rule.name, "retention rule")?;
    check::texts("", &rule.reason).map_err(|error| error.with_field("reason"))?;
    let parts = rule.parts()?;
    let range = |message: &str| {
        Err(Error::new(ErrorKind::OutOfRange, message)
            .with_field("period")
            .with_hint("write a span such as P3Y"))
    };
    let end = later_in_utc(Timestamp::UNIX_EPOCH, parts);
    if end <= Timestamp::UNIX_EPOCH {
        return range("must be longer than nothing");
    }
    if end > later_in_utc(Timestamp::UNIX_EPOCH, Parts([limits::RETENTION_YEARS, 0, 0, 0, 0, 0, 0]))
    {
        return range(&format!("must be at most {} years", limits::RETENTION_YEARS));
    }
    rule.period = parts.to_string();
    if rule.counts_from == RetentionStart::LastUse && rule.purpose.is_none() {
        return Err(Error::new(ErrorKind::Required, "the last use is one for a purpose")
            .with_field("purpose")
            .with_hint("name the purpose, or count from the last activity"));
    }
    Ok(())
}

/// Names a retention rule: the request of `privacy.remove_retention`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RetentionName {
    /// The name of the rule.
    pub retention: String,
}

/// Reads which records were kept for as long as the rules say: the request of
/// `privacy.due_for_review`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListDueForReview {
    /// Due at this moment, be it one to come; now, or that of the page before, if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
    /// Only by this rule.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub retention: Option<String>,
    /// Only records of this entity type.
    #[serde(default, rename = "type")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub entity_type: Option<String>,
    /// How many at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
    /// The `next` of the page before, of the same rule, type and moment.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub after: Option<String>,
}

debug! { ListDueForReview shows(at, retention, entity_type, limit) hides(after) }

impl Default for ListDueForReview {
    fn default() -> Self {
        Self { at: None, retention: None, entity_type: None, limit: default_page(), after: None }
    }
}

impl ListDueForReview {
    /// The first 100 that are due at a moment, by all rules.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self { at: Some(at), ..Self::default() }
    }
}

/// A record that was kept for as long as a rule says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DueForReview {
    /// The record.
    pub subject: RecordRef,
    /// The rule. A record is there once for each rule by which it is due.
    pub retention: String,
    /// From when its time counted.
    pub counted_from: Timestamp,
    /// Since when it is due.
    pub due_since: Timestamp,
    /// Whether it is archived.
    pub is_archived: bool,
    /// Whether the ledger says that processing is restricted: whoever restricted it may need the data, and
    /// erasing is refused.
    pub is_restricted: bool,
    /// Until when a policy has proof of its consents kept, if it has. Erasing keeps that proof without
    /// whom it is about.
    pub proof_until: Option<Timestamp>,
}

/// Records that are due for review, those first that are due for longest: the answer of
/// `privacy.due_for_review`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReviewPage {
    /// The moment at which they are due.
    pub at: Timestamp,
    /// The records, by since when they are due, then by id and rule.
    pub due: Vec<DueForReview>,
    /// What to hand in as `after` for the next page; `None` when there is none.
    pub next: Option<String>,
}

debug! { ReviewPage shows(at, due) hides(next) }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_counted_by_the_calendar() {
        for (from, period, end) in [
            ("2024-02-29T10:00:00Z", "P1Y", "2025-02-28T10:00:00Z"),
            ("2024-02-29T10:00:00Z", "P4Y", "2028-02-29T10:00:00Z"),
            ("2023-02-28T10:00:00Z", "P1Y", "2024-02-28T10:00:00Z"),
            ("2026-01-31T23:00:00Z", "P1M", "2026-02-28T23:00:00Z"),
            ("2026-01-30T23:00:00Z", "P1M", "2026-02-28T23:00:00Z"),
            ("2026-03-31T00:00:00Z", "P6M", "2026-09-30T00:00:00Z"),
            ("2023-12-31T12:00:00Z", "P1M29D", "2024-02-29T12:00:00Z"),
            ("2026-03-28T12:00:00Z", "P2D", "2026-03-30T12:00:00Z"),
            ("2026-03-28T12:00:00Z", "PT36H", "2026-03-30T00:00:00Z"),
            ("9999-06-01T00:00:00Z", "P1Y", "9999-12-31T23:59:59.999999Z"),
        ] {
            let rule = Retention::new("x", "contact", period, RetentionStart::Created);
            let later = later_in_utc(from.parse().unwrap(), rule.parts().unwrap());
            assert_eq!(later.to_string(), end, "{from} {period}");
        }
    }

    #[test]
    fn what_makes_no_rule_is_refused_by_its_field() {
        let checked = |period: &str, from| {
            let mut rule = Retention::new("x", "contact", period, from);
            check_retention(&mut rule).map(|()| rule.period)
        };
        assert_eq!(checked("36mo", RetentionStart::Created).unwrap(), "P36M");
        assert_eq!(checked("P200Y", RetentionStart::Created).unwrap(), "P200Y");
        for (period, kind) in [
            ("three years", ErrorKind::InvalidValue),
            ("-P1Y", ErrorKind::InvalidValue),
            ("", ErrorKind::InvalidValue),
            ("P0D", ErrorKind::OutOfRange),
            ("P200YT1S", ErrorKind::OutOfRange),
            ("PT87649416H", ErrorKind::OutOfRange),
        ] {
            let error = checked(period, RetentionStart::Created).unwrap_err();
            assert_eq!((error.kind(), error.field()), (kind, Some("period")), "{period}");
        }
        let error = checked("P1Y", RetentionStart::LastUse).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Required, Some("purpose")));
    }
}
