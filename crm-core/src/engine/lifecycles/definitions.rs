//! Definitions of lifecycles: judging, saving, and what becomes of stages that go.

use std::collections::BTreeMap;

use super::{super::Catalog, Lifecycles, automation, timed};
use crate::{
    ChangeKind, DefineLifecycle, DefinedLifecycle, Error, ErrorKind, GetLifecycle, Lifecycle,
    LifecyclePreset, Result, StageKind, StageLack, StageMapping, StageRemap,
    engine::{Writing, scores, segments},
    lifecycle::{
        LifecycleModel, Program, RemapBody, StageBody, check_definition, check_reachable,
        lifecycle_json, read_lifecycle,
    },
    limits,
    store::{Connection, journal, lifecycles as rows, table::Table},
};

/// Records whose stages are renamed at once.
const REMAPPED_AT_ONCE: u32 = 1000;

impl Lifecycles<'_> {
    /// Defines a lifecycle, or changes one: the request is its whole new definition. Label and
    /// description stay where they are empty. Saying the same again changes nothing.
    ///
    /// A stage that goes, and on which a record stands or stood, needs a stage that takes its place:
    /// see `map`. Each record that this concerns gets a change of the journal. The answer says how many
    /// there are, and how many lack a value that is newly required where they stand; with `dry_run`
    /// nothing is saved.
    ///
    /// ```
    /// use crm_core::{Crm, DefineLifecycle, Stage, StageKind, StageTrigger};
    ///
    /// let crm = Crm::in_memory()?;
    /// let stages = [Stage::new("trial"), Stage::new("paying").kind(StageKind::Won)];
    /// let mut plan = DefineLifecycle::new("plan", "company", stages);
    /// plan.triggers = vec![StageTrigger::when("paying", "annual_revenue > 0 EUR".parse()?)];
    /// assert_eq!(crm.lifecycles().define(plan)?.lifecycle.version, 1);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The field is the path to the fault, such as `stages[2].guard.all[0].field`: `InvalidArgument`
    /// for names that are none, a stage that cannot be reached, or automatic moves that go round;
    /// `Duplicate` for names that are there twice; `OutOfRange` for probabilities; `UnknownType`,
    /// `UnknownAttribute`, `UnknownOption`, `NotFound` (with the nearest name as a hint), and as
    /// [`Crm::check_condition`](crate::Crm::check_condition); `DefinitionConflict` if a stage in use
    /// is missing, or stages in use change their order; `Archived`; `LimitExceeded` past 200
    /// lifecycles, 64 stages or 128 triggers.
    pub fn define(&self, request: DefineLifecycle) -> Result<DefinedLifecycle> {
        check_definition(&request)?;
        if request.dry_run {
            return self.crm.read_explained(|conn, catalog| {
                let Plan { model, remapped, lacking, .. } = plan(conn, catalog, &request)?;
                let lifecycle = model.lifecycle;
                Ok(DefinedLifecycle { lifecycle, is_saved: false, remapped, lacking })
            });
        }
        self.crm.write(|writing| {
            let Plan { mut model, type_id, remapped, lacking, is_changed, is_other_way } =
                plan(writing.tx, &writing.catalog, &request)?;
            if is_changed {
                let json = lifecycle_json(&model.lifecycle);
                model.id = rows::save(writing.tx, model.name(), type_id, &json)?;
                let stamp = writing.stamp();
                writing.log(stamp, ChangeKind::LifecycleDefined, None, None, &json)?;
                remap(writing, &model, &remapped)?;
                writing.set_lifecycle(model.clone());
                if is_other_way {
                    segments::refill_stages(writing, model.id)?;
                    scores::refill_stages(writing, model.id)?;
                    automation::refill_stages(writing, model.id)?;
                }
                timed::schedule_all(writing, &model)?;
            }
            let lifecycle = model.lifecycle;
            Ok(DefinedLifecycle { lifecycle, is_saved: true, remapped, lacking })
        })
    }

    /// Defines one of the ready-made lifecycles.
    ///
    /// # Errors
    ///
    /// As [`Lifecycles::define`].
    pub fn define_preset(&self, preset: LifecyclePreset) -> Result<Lifecycle> {
        self.define(preset.definition()).map(|defined| defined.lifecycle)
    }

    /// The definition of a lifecycle.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the nearest name as a hint.
    pub fn get(&self, name: &str) -> Result<Lifecycle> {
        // Asking the store is what tells a closed handle.
        self.crm.shared.store.read(|_| Ok(()))?;
        self.crm.catalog().lifecycle(name).map(|model| model.lifecycle.clone())
    }

    /// The definition of a lifecycle as it was saved in a version: those before the present one are read
    /// from the journal. Whether it is archived is said of the lifecycle, not of the version.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such lifecycle or version.
    pub fn get_version(&self, request: &GetLifecycle) -> Result<Lifecycle> {
        self.crm.read_explained(|conn, catalog| {
            let present = &catalog.lifecycle(&request.lifecycle)?.lifecycle;
            let version = match request.version {
                Some(version) if version != present.version => version,
                _ => return Ok(present.clone()),
            };
            defined(conn, present, version)?.ok_or_else(|| {
                let message = "the lifecycle has no such version";
                Error::new(ErrorKind::NotFound, message).with_field("version")
            })
        })
    }

    /// All lifecycles, archived ones included, by name.
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn list(&self) -> Result<Vec<Lifecycle>> {
        // Asking the store is what tells a closed handle.
        self.crm.shared.store.read(|_| Ok(()))?;
        Ok(self.crm.catalog().lifecycles().map(|model| model.lifecycle.clone()).collect())
    }

    /// Archives a lifecycle: records stay where they stand, and are no longer moved.
    ///
    /// # Errors
    ///
    /// `NotFound`.
    pub fn archive(&self, name: &str) -> Result<Lifecycle> {
        self.set_archived(name, true)
    }

    /// Takes a lifecycle out of the archive. What happened meanwhile is not made up for.
    ///
    /// # Errors
    ///
    /// `NotFound`; `DefinitionConflict` if the definitions no longer bear it.
    pub fn restore(&self, name: &str) -> Result<Lifecycle> {
        self.set_archived(name, false)
    }

    fn set_archived(&self, name: &str, archive: bool) -> Result<Lifecycle> {
        self.crm.write(|writing| {
            let mut model = LifecycleModel::clone(writing.catalog.lifecycle(name)?);
            if model.lifecycle.archived_at.is_some() == archive {
                return Ok(model.lifecycle);
            }
            let stamp = writing.stamp();
            model.lifecycle.archived_at = archive.then(|| stamp.at());
            rows::archive(writing.tx, model.id, model.lifecycle.archived_at)?;
            let kind = match archive {
                true => ChangeKind::LifecycleArchived,
                false => ChangeKind::LifecycleRestored,
            };
            writing.log(stamp, kind, None, None, &format!("{{\"name\":\"{name}\"}}"))?;
            writing.set_lifecycle(model.clone());
            timed::schedule_all(writing, &model)?;
            Ok(model.lifecycle)
        })
    }
}

/// A definition that was judged.
struct Plan {
    model: LifecycleModel,
    type_id: i64,
    remapped: Vec<StageRemap>,
    lacking: Vec<StageLack>,
    is_changed: bool,
    /// Whether stages are others, or in another order, than they were.
    is_other_way: bool,
}

/// The lifecycle as a request states it, with labels where it leaves them out.
fn stated(request: &DefineLifecycle, known: Option<&Lifecycle>) -> Lifecycle {
    let mut lifecycle = Lifecycle {
        name: request.name.clone(),
        entity_type: request.entity_type.clone(),
        label: request.label.clone(),
        description: request.description.clone(),
        version: 1,
        stages: request.stages.clone(),
        initial: request.initial.clone(),
        triggers: request.triggers.clone(),
        archived_at: None,
    };
    for stage in &mut lifecycle.stages {
        if stage.label.is_empty() {
            stage.label.clone_from(&stage.name);
        }
    }
    if lifecycle.label.is_empty() {
        let label = known.map_or(&request.name, |known| &known.label);
        lifecycle.label.clone_from(label);
    }
    lifecycle
}

fn plan(conn: &Connection, catalog: &Catalog, request: &DefineLifecycle) -> Result<Plan> {
    let table = catalog.table(&request.entity_type)?;
    table.model.check_live().map_err(|error| error.with_field("type"))?;
    let known = catalog.find_lifecycle(&request.name);
    let mut lifecycle = stated(request, known.map(|known| &known.lifecycle));
    let (mut id, mut remapped, mut is_changed, mut is_other_way) = (0, Vec::new(), true, false);
    if let Some(known) = known {
        known.check_live().map_err(|error| error.with_field("name"))?;
        let old = &known.lifecycle;
        if old.entity_type != lifecycle.entity_type {
            let message = format!("the lifecycle is one of {:?}, for ever", old.entity_type);
            return Err(Error::new(ErrorKind::DefinitionConflict, message).with_field("type"));
        }
        if lifecycle.description.is_empty() {
            lifecycle.description.clone_from(&old.description);
        }
        id = known.id;
        lifecycle.version = old.version;
        is_changed = lifecycle != *old;
        let names = |lifecycle: &Lifecycle| -> Vec<_> {
            let stages = lifecycle.stages.iter();
            stages.map(|stage| (stage.name.clone(), stage.kind)).collect()
        };
        is_other_way = names(&lifecycle) != names(old);
        lifecycle.version += i64::from(is_changed);
        // Saying the same again is no fault, though what was mapped has gone by now.
        if is_changed {
            remapped = remaps(conn, known, &lifecycle, &request.map)?;
        }
    } else if !request.map.is_empty() {
        let message = "a new lifecycle has no stages that went";
        return Err(Error::new(ErrorKind::InvalidArgument, message).with_field("map"));
    } else if catalog.lifecycles().len() >= limits::LIFECYCLES {
        let message = format!("at most {} lifecycles", limits::LIFECYCLES);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("name"));
    }
    if lifecycle_json(&lifecycle).len() > limits::LIFECYCLE_BYTES {
        let message = format!("the lifecycle takes more than {} bytes", limits::LIFECYCLE_BYTES);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("stages"));
    }
    let model = LifecycleModel { id, lifecycle };
    let judged = catalog.with_lifecycle(model.clone());
    let fault = |(name, error): (String, Error)| match name == request.name {
        true => error,
        false => {
            let message = format!("the lifecycle {name:?} would not hold: {}", error.message());
            Error::new(ErrorKind::DefinitionConflict, message).with_field("stages")
        }
    };
    let programs = judged.make_programs().map_err(fault)?;
    let found = judged.new_stage_cycle(&programs, catalog, Some(&request.name))?;
    found.map_or(Ok(()), |found| Err(fault(found)))?;
    let own = programs.all.iter().find(|program| program.model.name() == request.name);
    own.map_or(Ok(()), |own| check_reachable(own, &programs.all))?;
    let lacking = match own.zip(known).filter(|_| is_changed) {
        Some((own, known)) => lacking(conn, catalog, table, (known, own), &remapped)?,
        None => Vec::new(),
    };
    Ok(Plan { model, type_id: table.model.id, remapped, lacking, is_changed, is_other_way })
}

/// What records lack that a changed definition asks for where they stand, and the one before did not.
fn lacking(
    conn: &Connection,
    catalog: &Catalog,
    table: &Table,
    (known, new): (&LifecycleModel, &Program),
    remapped: &[StageRemap],
) -> Result<Vec<StageLack>> {
    let old = catalog.programs()?;
    let old = old.and_then(|old| old.all.iter().find(|program| program.model.id == known.id));
    let Some(old) = old else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for (place, stage) in new.model.lifecycle.stages.iter().enumerate() {
        let before = known.lifecycle.stages.iter().enumerate().filter(|(_, before)| {
            let becomes = remapped.iter().find(|remap| remap.stage == before.name);
            becomes.map_or(&before.name, |remap| &remap.becomes) == &stage.name
        });
        let before: Vec<(usize, &str)> = before.map(|(nth, of)| (nth, of.name.as_str())).collect();
        for required in &new.required[place] {
            let is_new = |(nth, _): &&(usize, &str)| !old.required[*nth].contains(required);
            let stages: Vec<&str> = before.iter().filter(is_new).map(|(_, name)| *name).collect();
            let attribute = &table.model.attributes[*required];
            let records = rows::count_lacking(conn, table, known.id, &stages, attribute)?;
            if records > 0 {
                let (stage, attribute) = (stage.name.clone(), attribute.name().to_owned());
                all.push(StageLack { stage, attribute, records });
            }
        }
    }
    Ok(all)
}

/// What becomes of the stages in use that a new definition no longer has.
fn remaps(
    conn: &Connection,
    known: &LifecycleModel,
    new: &Lifecycle,
    map: &[StageMapping],
) -> Result<Vec<StageRemap>> {
    let mut becomes: BTreeMap<&str, &str> = BTreeMap::new();
    for (place, mapping) in map.iter().enumerate() {
        known.lifecycle.stage(&mapping.stage, &format!("map[{place}].stage"))?;
        new.stage(&mapping.becomes, &format!("map[{place}].becomes"))?;
        if new.place(&mapping.stage).is_some() {
            let message = "the stage is still there";
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_field(format!("map[{place}].stage")));
        }
        if becomes.insert(&mapping.stage, &mapping.becomes).is_some() {
            let message = "the stage is mapped twice";
            return Err(
                Error::new(ErrorKind::Duplicate, message).with_field(format!("map[{place}].stage"))
            );
        }
    }
    let (mut remapped, mut missing, mut last) = (Vec::new(), Vec::new(), None);
    for stage in &known.lifecycle.stages {
        let kept = new.place(&stage.name).is_some();
        let records = rows::count_records(conn, known.id, &stage.name)?;
        if records == 0 {
            continue;
        }
        let target =
            if kept { Some(stage.name.as_str()) } else { becomes.get(&*stage.name).copied() };
        let Some(target) = target else {
            let standing = match records {
                1 => "1 record stands or stood".to_owned(),
                _ => format!("{records} records stand or stood"),
            };
            missing.push(format!("{standing} on {:?}", stage.name));
            continue;
        };
        let conflict = |field: &str, message: String| {
            let hint = "let it be what it was, and define another stage beside it";
            Err(Error::new(ErrorKind::DefinitionConflict, message)
                .with_field(field)
                .with_hint(hint))
        };
        let place = new.stage(target, "map")?;
        let field = if kept { "stages" } else { "map" };
        let is_ordered = stage.kind.is_ordered();
        if new.stages[place].kind.is_ordered() != is_ordered {
            let message =
                format!("{:?} is in use and has, or has not, a place in order", stage.name);
            return conflict(field, message);
        }
        if (new.stages[place].kind == StageKind::Lost) != (stage.kind == StageKind::Lost) {
            let message = format!("{:?} is in use and ends a cycle, or does not", stage.name);
            return conflict(field, message);
        }
        if is_ordered && last.replace(place).is_some_and(|last| place < last) {
            let message = format!("{:?} is in use and would change its place in order", stage.name);
            return conflict("stages", message);
        }
        if !kept {
            let (stage, becomes) = (stage.name.clone(), target.to_owned());
            remapped.push(StageRemap { stage, becomes, records });
        }
    }
    if !missing.is_empty() {
        let message = format!("stages in use are missing: {}", missing.join("; "));
        return Err(Error::new(ErrorKind::DefinitionConflict, message)
            .with_field("stages")
            .with_hint("keep the stages, or say with map what becomes of them"));
    }
    Ok(remapped)
}

/// A lifecycle as it was defined in a version before the present one, if there was one.
pub(super) fn defined(
    conn: &Connection,
    present: &Lifecycle,
    version: i64,
) -> Result<Option<Lifecycle>> {
    let kind = ChangeKind::LifecycleDefined;
    let json = journal::definition(conn, kind, &present.name, version)?;
    json.map(|json| read_lifecycle(&json, present.archived_at)).transpose()
}

/// Gives stages other names, in the tables and in the journal.
fn remap(writing: &mut Writing<'_>, model: &LifecycleModel, remapped: &[StageRemap]) -> Result<()> {
    if remapped.is_empty() {
        return Ok(());
    }
    let pairs = remapped.iter().map(|remap| (remap.stage.clone(), remap.becomes.clone()));
    let map: BTreeMap<String, String> = pairs.collect();
    let mut after = None;
    loop {
        let (tx, limit) = (writing.tx, REMAPPED_AT_ONCE);
        let page = rows::on_stages(tx, model.id, map.keys(), after, limit)?;
        let is_last = page.len() < limit as usize;
        for mut row in page {
            after = Some(row.record);
            rows::rename_visits(tx, &row, &map)?;
            row.remap(&map);
            rows::put_standing(tx, &row)?;
            let body = StageBody {
                lifecycle: model.name().to_owned(),
                entity_type: model.lifecycle.entity_type.clone(),
                id: row.record,
                change: RemapBody { map: map.clone() },
            };
            let stamp = writing.stamp();
            let json = body.to_json();
            writing.log(stamp, ChangeKind::StageRemapped, None, Some(row.id), &json)?;
        }
        if is_last {
            return Ok(());
        }
    }
}
