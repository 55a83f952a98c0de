//! Definitions of segments: judging, saving, archiving, and filling them anew.

use std::sync::Arc;

use super::{
    super::{Catalog, Writing, catalog::would_not_hold, conditions, progress::Reports},
    Done, Segments, upkeep,
};
use crate::{
    ChangeKind, DefineSegment, Error, ErrorKind, Flow, MemberCause, Progress, Result, Segment,
    SegmentKind, SegmentReport,
    circle::Asker,
    limits,
    ops::Watch,
    segment::{SegmentModel, check_definition, segment_json},
    store::{
        segments as rows,
        timers::{self, Room},
    },
};

impl Segments<'_> {
    /// Defines a segment, or changes one: the request is its whole new definition. Label and
    /// description stay where they are empty. Its members are found in the same transaction; a
    /// segment that becomes static keeps those that it has. Saying the same again changes nothing.
    ///
    /// ```
    /// use crm_core::{Crm, DefineSegment, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.contacts().create(values! { "given_name" => "Ann", "email" => "ann@example.org" })?;
    /// let reachable = DefineSegment::live("reachable", "contact", "email is set".parse()?);
    /// assert_eq!(crm.segments().define(reachable)?.members, 1);
    /// let other = "not in segment \"reachable\"".parse()?;
    /// assert_eq!(crm.segments().define(DefineSegment::live("other", "contact", other))?.members, 0);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The field is the path to the fault, such as `where.all[1].segment`: `InvalidArgument` for a
    /// name that is none, a condition of a static segment, one of a live segment that no record can
    /// fulfil, or segments that ask for each other in a circle; `Required` if another one has no
    /// condition; `InvalidValue` for a zone that is none;
    /// `UnknownType` and as [`Crm::check_condition`](crate::Crm::check_condition);
    /// `DefinitionConflict` for another entity type; `Archived`; `LimitExceeded` past 1,000 segments,
    /// or 1 MiB of JSON.
    pub fn define(&self, request: DefineSegment) -> Result<SegmentReport> {
        check_definition(&request)?;
        self.crm.write(|writing| {
            let Plan { mut model, type_id, is_changed, fills } = plan(&writing.catalog, &request)?;
            if is_changed {
                let json = segment_json(&model.segment);
                model.id = rows::save(writing.tx, model.name(), type_id, &json)?;
                let stamp = writing.stamp();
                writing.log(stamp, ChangeKind::SegmentDefined, None, None, &json)?;
                writing.set_segment(model.clone());
            }
            match fills {
                true => {
                    timers::clear(writing.tx, Room::Segment, model.id)?;
                    fill(writing, &model, MemberCause::Defined, |_| Ok(()))
                }
                false => Done::default().report(writing, &model),
            }
        })
    }

    /// The definition of a segment.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the nearest name as a hint.
    pub fn get(&self, name: &str) -> Result<Segment> {
        self.crm.catalog().segment(name).map(|model| model.segment.clone())
    }

    /// All segments, archived ones included, by name.
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn list(&self) -> Result<Vec<Segment>> {
        // Asking the store is what tells a closed handle.
        self.crm.shared.store.read(|_| Ok(()))?;
        Ok(self.crm.catalog().segments().map(|model| model.segment.clone()).collect())
    }

    /// Archives a segment: its members stay as they are, and conditions can no longer ask for it.
    ///
    /// # Errors
    ///
    /// `NotFound`; `DefinitionConflict` if another definition in use asks for it.
    pub fn archive(&self, name: &str) -> Result<Segment> {
        self.crm.write(|writing| {
            let Some(model) = set_archived(writing, name, true)? else { return self.get(name) };
            timers::clear(writing.tx, Room::Segment, model.id)?;
            Ok(model.segment)
        })
    }

    /// Takes a segment out of the archive. A live one gets the members that it would have by now.
    ///
    /// # Errors
    ///
    /// `NotFound`; `DefinitionConflict` if the other definitions no longer bear it.
    pub fn restore(&self, name: &str) -> Result<SegmentReport> {
        self.crm.write(|writing| {
            let restored = set_archived(writing, name, false)?;
            match restored {
                Some(model) if model.segment.kind == SegmentKind::Live => {
                    fill(writing, &model, MemberCause::Defined, |_| Ok(()))
                }
                _ => Done::default().report(writing, &writing.catalog.segment(name)?.clone()),
            }
        })
    }

    /// Asks all records anew whether they are members: a snapshot is taken again, and a live segment
    /// gets what it has already, unless a tick is overdue. Cancelled, nothing of it stays.
    ///
    /// # Errors
    ///
    /// `NotFound`; `Archived`; `InvalidArgument` if the segment is static; `Interrupted` if `watch`
    /// cancelled it.
    pub fn refresh(&self, name: &str, watch: &mut Watch<'_>) -> Result<SegmentReport> {
        let mark = self.crm.shared.store.mark();
        let mut reports = Reports::new(&self.crm.shared.observers, watch);
        let report = self.crm.write(|writing| {
            let model = Arc::clone(writing.catalog.segment(name)?);
            model.check_live()?;
            if model.segment.kind == SegmentKind::Static {
                let message = "the members of a static segment follow from nothing";
                return Err(Error::new(ErrorKind::InvalidArgument, message)
                    .with_field("segment")
                    .with_hint("change them with segments.add_members"));
            }
            fill(writing, &model, MemberCause::Refreshed, |done| {
                let flow = reports.step(Progress { done, total: None }, false);
                self.crm.shared.store.check_interrupted(mark)?;
                match flow {
                    Flow::Continue => Ok(()),
                    Flow::Cancel => {
                        Err(Error::new(ErrorKind::Interrupted, "the refresh was cancelled"))
                    }
                }
            })
        })?;
        let done = report.entered + report.left;
        // What is committed stays, whatever the host answers now.
        let _ = reports.step(Progress { done, total: None }, true);
        Ok(report)
    }
}

/// Finds the members of a segment.
fn fill(
    writing: &mut Writing<'_>,
    model: &SegmentModel,
    cause: MemberCause,
    goes_on: impl FnMut(u64) -> Result<()>,
) -> Result<SegmentReport> {
    let programs = writing.catalog.segment_programs()?.cloned();
    let program = programs.as_ref().and_then(|programs| programs.find(model.id));
    let done = match program {
        Some(program) => upkeep::refill(writing, program, cause, goes_on)?,
        None => Done::default(),
    };
    done.report(writing, model)
}

/// Archives a segment, or takes it out of the archive; `None` if it was so before.
fn set_archived(
    writing: &mut Writing<'_>,
    name: &str,
    archive: bool,
) -> Result<Option<SegmentModel>> {
    let mut model = SegmentModel::clone(writing.catalog.segment(name)?);
    if model.is_in_use() != archive {
        return Ok(None);
    }
    let stamp = writing.stamp();
    model.segment.archived_at = archive.then(|| stamp.at());
    rows::archive(writing.tx, model.id, model.segment.archived_at)?;
    let kind = match archive {
        true => ChangeKind::SegmentArchived,
        false => ChangeKind::SegmentRestored,
    };
    writing.log(stamp, kind, None, None, &format!("{{\"name\":\"{name}\"}}"))?;
    writing.set_segment(model.clone());
    Ok(Some(model))
}

/// A definition that was judged.
struct Plan {
    model: SegmentModel,
    type_id: i64,
    is_changed: bool,
    /// Whether its members are to be found anew.
    fills: bool,
}

fn plan(catalog: &Catalog, request: &DefineSegment) -> Result<Plan> {
    let table = catalog.table(&request.entity_type)?;
    table.model.check_live().map_err(|error| error.with_field("type"))?;
    let known = catalog.find_segment(&request.name);
    let mut segment = Segment {
        name: request.name.clone(),
        entity_type: request.entity_type.clone(),
        kind: request.kind,
        label: request.label.clone(),
        description: request.description.clone(),
        version: 1,
        condition: request.condition.clone(),
        zone: request.zone.clone().unwrap_or_else(|| "UTC".into()),
        archived_at: None,
    };
    if segment.label.is_empty() {
        let label = known.map_or(&request.name, |known| &known.segment.label);
        segment.label.clone_from(label);
    }
    let (mut id, mut is_changed, mut fills) = (0, true, true);
    if let Some(known) = known {
        known.check_live().map_err(|error| error.with_field("name"))?;
        let old = &known.segment;
        if old.entity_type != segment.entity_type {
            let message = format!("the segment is one of {:?}, for ever", old.entity_type);
            return Err(Error::new(ErrorKind::DefinitionConflict, message).with_field("type"));
        }
        if segment.description.is_empty() {
            segment.description.clone_from(&old.description);
        }
        id = known.id;
        segment.version = old.version;
        is_changed = segment != *old;
        segment.version += i64::from(is_changed);
        fills = (segment.kind, &segment.condition, &segment.zone)
            != (old.kind, &old.condition, &old.zone);
    } else if catalog.segments().len() >= limits::SEGMENTS {
        let message = format!("at most {} segments", limits::SEGMENTS);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("name"));
    }
    if segment_json(&segment).len() > limits::SEGMENT_BYTES {
        let message = format!("the segment takes more than {} bytes", limits::SEGMENT_BYTES);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("where"));
    }
    let model = SegmentModel { id, segment };
    let judged = catalog.with_segment(model.clone());
    judged.make_segments(Some(&request.name)).map_err(|(name, error)| {
        match name == request.name {
            true => error,
            false => would_not_hold("segment", "archive", &name, &error),
        }
    })?;
    judged.check_circles(catalog, Some(Asker::Segment(&request.name)))?;
    let condition = model.segment.condition.as_ref();
    let condition = condition.filter(|_| is_changed && request.kind == SegmentKind::Live);
    condition.map_or(Ok(()), |asked| {
        conditions::check_possible(catalog, asked, &request.entity_type, "where")
    })?;
    Ok(Plan { model, type_id: table.model.id, is_changed, fills })
}
