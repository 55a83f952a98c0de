//! Segments: defining them, keeping their members true, and reading these.
//!
//! Definitions are in `definitions`, what keeps members true in `upkeep`, what only reads in `reads`.
//! The invariant: the tables are what the changes of the journal make of them, for both are written
//! by [`change_member`], in the same transaction.

mod definitions;
mod reads;
mod upkeep;

pub(super) use upkeep::{Upkeep, concern, on_due, refill_stages};

use std::sync::Arc;

use super::{Crm, Writing, reactions::Event, records::check_in_use};
use crate::{
    ChangeKind, ChangeMembers, Error, ErrorKind, MemberCause, RecordId, RecordRef, Result,
    SegmentReport,
    lifecycle::check_reason,
    limits,
    segment::{MemberBody, SegmentModel},
    store::{records, segments as rows},
};

/// Segments: see [`Crm::segments`].
#[derive(Debug)]
pub struct Segments<'a> {
    crm: &'a Crm,
}

impl<'a> Segments<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }

    /// Adds records to a static segment. Those that are members already stay.
    ///
    /// ```
    /// use crm_core::{ChangeMembers, Crm, DefineSegment, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.segments().define(DefineSegment::by_hand("guests", "contact"))?;
    /// let ann = crm.contacts().create(values! { "given_name" => "Ann" })?.id;
    /// let report = crm.segments().add_members(&ChangeMembers::new("guests", [ann]))?;
    /// assert_eq!((report.entered, report.members), (1, 1));
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such segment or record; `Archived` if one is; `InvalidArgument` if
    /// the segment is not static; `InvalidValue` if the reason is empty; `LimitExceeded` past 10,000
    /// records, or if the reason has more than 1,000 bytes.
    pub fn add_members(&self, request: &ChangeMembers) -> Result<SegmentReport> {
        self.change_members(request, true)
    }

    /// Removes records from a static segment. Those that are no members stay away.
    ///
    /// # Errors
    ///
    /// As [`Segments::add_members`]; an archived record is no fault.
    pub fn remove_members(&self, request: &ChangeMembers) -> Result<SegmentReport> {
        self.change_members(request, false)
    }

    fn change_members(&self, request: &ChangeMembers, is_member: bool) -> Result<SegmentReport> {
        let ChangeMembers { segment, ids, reason } = request;
        if ids.len() > limits::MEMBERS {
            let message = format!("at most {} records at once", limits::MEMBERS);
            return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("ids"));
        }
        if let Some(reason) = reason {
            check_reason(reason).map_err(|error| error.with_field("reason"))?;
        }
        self.crm.write(|writing| {
            let model = Arc::clone(writing.catalog.segment(segment)?);
            model.check_live()?;
            model.check_by_hand()?;
            let table = writing.table(&model.segment.entity_type)?;
            let mut done = Done::default();
            for (nth, id) in ids.iter().enumerate() {
                let field = || format!("ids[{nth}]");
                let row = records::get(writing.tx, &table, *id)?.ok_or_else(|| {
                    Error::new(ErrorKind::NotFound, "no such record").with_field(field())
                })?;
                if is_member {
                    check_in_use(&row).map_err(|error| error.with_field(field()))?;
                }
                let cause = Cause { reason: reason.clone(), ..Cause::new(MemberCause::Manual) };
                done.note(set_member(writing, &model, *id, is_member, cause)?, is_member);
            }
            done.report(writing, &model)
        })
    }
}

/// Makes a record a member of a static segment, or no longer one, because a rule says so. Answers
/// whether it was not so before.
pub(super) fn set_by_rule(
    writing: &mut Writing<'_>,
    model: &Arc<SegmentModel>,
    id: RecordId,
    is_member: bool,
    reason: Option<&str>,
) -> Result<bool> {
    let cause = Cause { reason: reason.map(str::to_owned), ..Cause::new(MemberCause::Rule) };
    set_member(writing, model, id, is_member, cause)
}

/// What makes a record a member, or no longer one.
#[derive(Debug, Clone)]
struct Cause {
    kind: MemberCause,
    reason: Option<String>,
    activity: Option<RecordId>,
    record: Option<RecordRef>,
}

impl Cause {
    const fn new(kind: MemberCause) -> Self {
        Self { kind, reason: None, activity: None, record: None }
    }
}

/// How many came and went.
#[derive(Debug, Default)]
struct Done {
    entered: u64,
    left: u64,
}

impl Done {
    fn note(&mut self, is_changed: bool, is_member: bool) {
        match is_member {
            true => self.entered += u64::from(is_changed),
            false => self.left += u64::from(is_changed),
        }
    }

    fn report(self, writing: &Writing<'_>, model: &SegmentModel) -> Result<SegmentReport> {
        Ok(SegmentReport {
            segment: model.segment.clone(),
            entered: self.entered,
            left: self.left,
            members: rows::count(writing.tx, model.id)?,
        })
    }
}

/// Makes a record a member, or no longer one. Answers whether it was not so before.
fn set_member(
    writing: &mut Writing<'_>,
    model: &Arc<SegmentModel>,
    id: RecordId,
    is_member: bool,
    cause: Cause,
) -> Result<bool> {
    if rows::member(writing.tx, model.id, id)?.is_some() == is_member {
        return Ok(false);
    }
    change_member(writing, model, id, is_member, cause)?;
    Ok(true)
}

/// Makes a member of a record that is none, or the other way round: in the tables and in the journal,
/// and tells it on.
fn change_member(
    writing: &mut Writing<'_>,
    model: &Arc<SegmentModel>,
    id: RecordId,
    is_member: bool,
    cause: Cause,
) -> Result<()> {
    let (seq, stamp, at) = (writing.next_seq(), writing.stamp(), writing.now);
    rows::set_member(writing.tx, (model.id, id), is_member, at, seq)?;
    let Cause { kind, reason, activity, record } = cause;
    let (segment, entity_type) = (model.name().to_owned(), model.segment.entity_type.clone());
    let body = MemberBody { segment, entity_type, id, at, cause: kind, reason, activity, record };
    let kind = match is_member {
        true => ChangeKind::SegmentEntered,
        false => ChangeKind::SegmentLeft,
    };
    writing.log(stamp, kind, None, None, &body.to_json())?;
    writing.tell(Event::Member { segment: Arc::clone(model), id, is_member })
}
