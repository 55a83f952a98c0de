//! What segments tell: their members, why a record is one, their sizes, and what they share.

use super::{
    super::{check_limit, conditions},
    Segments,
};
use crate::{
    Archived, Error, ErrorKind, EstimateSegment, ExplainMember, GetSegmentSizes, ListMembers,
    MemberChange, MemberExplanation, OverlapSegments, Result, SegmentEstimate, SegmentMember,
    SegmentMembers, SegmentOverlap, SegmentSizes, Timestamp,
    condition::{Moment, day_begins},
    limits, query,
    segment::{MemberBody, SizeFold},
    store::{
        condition as sql, records,
        segments::{self as rows, ChangeRow},
        timers::{self, Room},
    },
};

impl Segments<'_> {
    /// Reads a page of members, by id.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such segment; `InvalidArgument` if the limit is not 1 to 10,000.
    pub fn members(&self, request: &ListMembers) -> Result<SegmentMembers> {
        check_limit(request.limit)?;
        self.crm.read_explained(|conn, catalog| {
            let model = catalog.segment(&request.segment)?;
            let mut found = rows::members(conn, model.id, request.after, request.limit + 1)?;
            let has_more = found.len() > request.limit as usize;
            found.truncate(request.limit as usize);
            let next = found.last().filter(|_| has_more).map(|(id, _)| *id);
            let members =
                found.into_iter().map(|(id, entered_at)| SegmentMember { id, entered_at });
            Ok(SegmentMembers { members: members.collect(), next })
        })
    }

    /// Says whether a record is a member and since when, of each question of the condition whether it
    /// is true of it now, and what made it come and go.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such segment or record; `InvalidArgument` if the limit is not 1 to
    /// 10,000; `LimitExceeded` as for [`Crm::evaluate_condition`](crate::Crm::evaluate_condition).
    pub fn explain(&self, request: &ExplainMember) -> Result<MemberExplanation> {
        check_limit(request.limit)?;
        let now = self.crm.now();
        self.crm.read_explained(|conn, catalog| {
            let model = catalog.segment(&request.segment)?;
            let table = catalog.table(&model.segment.entity_type)?;
            if !records::exists(conn, table, request.id.as_bytes())? {
                return Err(Error::new(ErrorKind::NotFound, "no such record").with_field("id"));
            }
            let entered_at = rows::member(conn, model.id, request.id)?;
            let programs = catalog.segment_programs()?;
            let program = programs.and_then(|programs| programs.find(model.id));
            let checked = program.and_then(|program| program.checked.as_ref());
            let moment = Moment::new(now, &model.segment.zone)?;
            let answer = checked
                .map(|checked| conditions::answer(conn, catalog, checked, request.id, &moment));
            let changes = rows::changes(conn, model.id, request.id, request.limit)?;
            Ok(MemberExplanation {
                is_member: entered_at.is_some(),
                entered_at,
                due_at: timers::of(conn, (Room::Segment, model.id, request.id))?,
                answer: answer.transpose()?,
                changes: changes
                    .into_iter()
                    .filter(|row| !row.is_erased)
                    .map(to_change)
                    .collect::<Result<_>>()?,
            })
        })
    }

    /// Counts the members at moments.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such segment; `InvalidArgument` if the moments are not in order, or
    /// are given together with stretches of the calendar; `Required` if `from` is missing;
    /// `InvalidValue` for a zone that is none; `LimitExceeded` past 1,000 moments.
    pub fn sizes(&self, request: &GetSegmentSizes) -> Result<SegmentSizes> {
        let now = self.crm.now();
        self.crm.read_explained(|conn, catalog| {
            let model = catalog.segment(&request.segment)?;
            let moments = moments(request, &model.segment.zone, now)?;
            let last = moments.last().copied().unwrap_or(now);
            let mut fold = SizeFold::new(moments);
            rows::each_change(conn, model.id, last, |at, is_member| fold.add(at, is_member))?;
            Ok(SegmentSizes { sizes: fold.finish() })
        })
    }

    /// Counts the members that two segments of one entity type share.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such segment; `InvalidArgument` if they are of two entity types.
    pub fn overlap(&self, request: &OverlapSegments) -> Result<SegmentOverlap> {
        self.crm.read_explained(|conn, catalog| {
            let one = catalog.segment(&request.segment)?;
            let other = catalog.segment(&request.other);
            let other = other.map_err(|error| error.with_field("other"))?;
            if one.segment.entity_type != other.segment.entity_type {
                let message = "segments of two entity types share no members";
                return Err(Error::new(ErrorKind::InvalidArgument, message).with_field("other"));
            }
            let (size, other_size) = (rows::count(conn, one.id)?, rows::count(conn, other.id)?);
            let both = rows::count_both(conn, one.id, other.id)?;
            let either = size + other_size - both;
            #[expect(clippy::cast_precision_loss, reason = "a file has fewer than 2^53 records")]
            let share = (either > 0).then(|| both as f64 / either as f64);
            Ok(SegmentOverlap { size, other_size, both, share })
        })
    }

    /// Says about how many members a segment with a condition would have now.
    ///
    /// # Errors
    ///
    /// As [`Crm::check_condition`](crate::Crm::check_condition), the field within `where`;
    /// `InvalidValue` for a zone that is none.
    pub fn estimate(&self, request: &EstimateSegment) -> Result<SegmentEstimate> {
        let moment = self.crm.moment(None, request.zone.as_deref())?;
        self.crm.read_explained(|conn, catalog| {
            let (condition, name) = (&request.condition, &request.entity_type);
            let checked = conditions::judge(catalog, condition, name, "where")?;
            let table = catalog.table(name)?;
            let wanted = sql::compile(&checked, &moment);
            let (members, is_exact) = sql::estimate(conn, table, &wanted)?;
            let records = records::count(conn, table, &[], Archived::Exclude)?;
            Ok(SegmentEstimate { members: members.min(records), records, is_exact })
        })
    }
}

fn to_change(row: ChangeRow) -> Result<MemberChange> {
    let (_, body) = row
        .change
        .ok_or_else(|| Error::new(ErrorKind::Corrupt, "a row of the journal is missing"))?;
    let MemberBody { cause, reason, activity, record, .. } = MemberBody::read(&body)?;
    Ok(MemberChange {
        is_member: row.is_member,
        at: row.at,
        cause,
        reason,
        activity_id: activity,
        record,
        actor: row.actor,
        seq: row.seq,
    })
}

/// The moments that a request means, in order.
fn moments(request: &GetSegmentSizes, zone: &str, now: Timestamp) -> Result<Vec<Timestamp>> {
    let invalid = |field: &str, message: &str| {
        Err(Error::new(ErrorKind::InvalidArgument, message).with_field(field))
    };
    let too_many = |field: &str| {
        let message = format!("more than {} moments", limits::SEGMENT_SIZES);
        Err(Error::new(ErrorKind::LimitExceeded, message).with_field(field))
    };
    let GetSegmentSizes { at, every, from, until, zone: own, .. } = request;
    let Some(every) = every else {
        if from.is_some() || until.is_some() || own.is_some() {
            return invalid("every", "from, until and zone go with a stretch of the calendar");
        }
        if let Some(nth) = at.windows(2).position(|pair| pair[0] > pair[1]) {
            return invalid(&format!("at[{}]", nth + 1), "lies before the one before it");
        }
        return match at.as_slice() {
            [] => Ok(vec![now]),
            at if at.len() > limits::SEGMENT_SIZES => too_many("at"),
            at => Ok(at.to_vec()),
        };
    };
    if !at.is_empty() {
        return invalid("at", "either moments, or stretches of the calendar");
    }
    let Some(from) = *from else {
        return Err(Error::new(ErrorKind::Required, "says where to begin").with_field("from"));
    };
    let until = until.unwrap_or(now);
    if until < from {
        return invalid("until", "lies before from");
    }
    // Whatever begins at `from` itself is to be found ahead.
    let before = Timestamp::clamped(from.micros().saturating_sub(1));
    let mut moment = Moment::new(before, own.as_deref().unwrap_or(zone))?;
    let mut moments = Vec::new();
    let mut day = moment.today();
    loop {
        day += 1;
        let Some(begins) = day_begins(&moment, day) else { break };
        if begins >= until {
            break;
        }
        if query::start(day, *every) == Some(day) {
            if moments.len() == limits::SEGMENT_SIZES - 1 {
                return too_many("every");
            }
            moments.push(begins);
        }
        moment = moment.at(begins);
    }
    moments.push(until);
    Ok(moments)
}
