//! What lifecycles tell of many records, and of one: funnels, who is stuck, hand-overs, times, and
//! why a record stands where it does. Nothing here writes, and the moment that counts as now is one
//! of the request.

use serde::{Deserialize, Serialize};

use super::{
    super::{Catalog, check_limit, conditions, cursor},
    Lifecycles, check_stretch, decided,
    definitions::defined,
    describe, missing, no_program, no_record,
    timed::due_at,
    to_suppressed, to_visit,
};
use crate::{
    Acceptance, AcceptanceBreach, ChangeKind, ConditionAnswer, DrawLifecycle, Drawing, Error,
    ErrorKind, ExplainStage, FindStuck, Funnel, GetAcceptance, GetFunnel, GetStageTimes, Lifecycle,
    NextStage, RecordId, Result, Span, StageCause, StageExplanation, StageTimes, StuckPage,
    StuckRecord, SuppressedBy, Timestamp, TriggerAnswer,
    condition::{Direction, Moment},
    lifecycle::{
        By, Decision, FunnelFold, LifecycleModel, MoveKind, On, Program, StandingRow, Told,
        VisitRow, draw, fixed_span, micros, stage_times, trigger_name, trigger_text, words,
    },
    store::{
        Connection, activities, condition as sql, journal, lifecycles as rows,
        records::{self, StoredRow},
        table::Table,
    },
};

/// Quantiles of one funnel.
const QUANTILES: usize = 16;

/// Where a page of records or stays ended.
#[derive(Serialize, Deserialize)]
struct After {
    /// The lifecycle and what was asked of it.
    l: String,
    /// Time of entering, record, and number of the stay.
    p: (i64, RecordId, u32),
}

impl After {
    fn read(text: Option<&str>, list: &str) -> Result<Option<(i64, RecordId, u32)>> {
        let Some(text) = text else { return Ok(None) };
        let after: Self = cursor::decode(text)?;
        match after.l == list {
            true => Ok(Some(after.p)),
            false => Err(cursor::invalid("the cursor belongs to another list")),
        }
    }

    fn write(list: &str, place: (i64, RecordId, u32)) -> String {
        cursor::encode(&Self { l: list.to_owned(), p: place })
    }
}

impl Lifecycles<'_> {
    /// Says how long a record stood on each stage up to a moment: the present stay, the last one that
    /// has ended, and all of these together.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such lifecycle or record.
    pub fn times(&self, request: &GetStageTimes) -> Result<StageTimes> {
        let at = request.at.unwrap_or_else(|| self.crm.now());
        self.crm.read_explained(|conn, catalog| {
            let (model, _) = find(conn, catalog, &request.lifecycle, request.id)?;
            let row = rows::standing(conn, model.id, request.id)?;
            let standing = describe(conn, model, request.id, row.as_ref())?;
            let visits = rows::visits(conn, model.id, request.id, (i64::MIN, i64::MAX))?;
            let visits: Vec<VisitRow> = visits.into_iter().map(|(visit, _)| visit).collect();
            Ok(StageTimes { standing, at, stages: stage_times(&model.lifecycle, &visits, at) })
        })
    }

    /// Counts how many of those who came to their first stage in a time reached each stage, went on,
    /// are lost or wait, and how long they took.
    ///
    /// ```
    /// use crm_core::{Crm, GetFunnel, LifecyclePreset, MoveStage, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.lifecycles().define_preset(LifecyclePreset::Deal)?;
    /// for (name, stage) in [("A", "won"), ("B", "proposal")] {
    ///     let deal = crm.deals().create(values! { "name" => name })?.id;
    ///     crm.lifecycles().move_to(MoveStage::new("deal", deal, stage))?;
    /// }
    /// let funnel = crm.lifecycles().funnel(&GetFunnel::new("deal"))?;
    /// assert_eq!((funnel.entered, funnel.stages[4].share), (2, Some(0.5)));
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such lifecycle; `OutOfRange` if a quantile is not 0 to 1;
    /// `InvalidArgument` if `until` lies before `from`; `LimitExceeded` past 16 quantiles.
    pub fn funnel(&self, request: &GetFunnel) -> Result<Funnel> {
        check_stretch(request.from, request.until)?;
        if request.quantiles.len() > QUANTILES {
            let message = format!("at most {QUANTILES} quantiles");
            return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("quantiles"));
        }
        if let Some(nth) = request.quantiles.iter().position(|part| !(0.0..=1.0).contains(part)) {
            let message = "a quantile lies between 0 and 1";
            return Err(
                Error::new(ErrorKind::OutOfRange, message).with_field(format!("quantiles[{nth}]"))
            );
        }
        let moment = self.crm.moment(None, None)?;
        self.crm.read_explained(|conn, catalog| {
            let model = catalog.lifecycle(&request.lifecycle)?;
            let entity_type = &model.lifecycle.entity_type;
            let cohort = match &request.condition {
                None => None,
                Some(condition) => {
                    let checked = conditions::judge(catalog, condition, entity_type, "where")?;
                    Some((catalog.table(entity_type)?, sql::compile(&checked, &moment)))
                }
            };
            let cohort = cohort.as_ref().map(|(table, wanted)| (&***table, wanted));
            let mut fold = FunnelFold::new(&model.lifecycle, (request.from, request.until));
            rows::each_visit(conn, model.id, cohort, |_, visit| fold.add(&visit))?;
            Ok(fold.finish(&request.quantiles))
        })
    }

    /// Lists records in use that stand on an open stage for longer than a span, the longest first.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such lifecycle; `UnknownOption` if there is no such stage;
    /// `InvalidValue` if the span is none; `InvalidArgument` if the limit is not 1 to 10,000, or
    /// `after` is not the `next` of such a page.
    pub fn stuck(&self, request: &FindStuck) -> Result<StuckPage> {
        check_limit(request.limit)?;
        let span = span(&request.longer_than).map_err(|e| e.with_field("longer_than"))?.parts()?;
        let at = request.at.unwrap_or_else(|| self.crm.now());
        let before = Moment::new(at, "UTC")?.shifted(span, Direction::Last);
        let list = format!("stuck {}", request.lifecycle);
        let after = After::read(request.after.as_deref(), &list)?;
        self.crm.read_explained(|conn, catalog| {
            let model = catalog.lifecycle(&request.lifecycle)?;
            let table = catalog.table(&model.lifecycle.entity_type)?;
            let stages = wanted(model, &request.stages)?;
            let page = (after.map(|(at, id, _)| (at, id)), request.limit + 1);
            let mut found = rows::stuck(conn, table, model.id, &stages, before, page)?;
            let has_more = found.len() > request.limit as usize;
            found.truncate(request.limit as usize);
            let last = found.last().filter(|_| has_more);
            let next = last.map(|last| After::write(&list, (last.2.micros(), last.0, 0)));
            let records = found.into_iter().map(|(id, stage, entered_at, cycle)| StuckRecord {
                id,
                stage,
                cycle,
                entered_at,
                micros: at.micros() - entered_at.micros(),
            });
            Ok(StuckPage { records: records.collect(), next })
        })
    }

    /// Says whether those who came to a stage were taken on in time, and lists who was not: a clock
    /// for hand-overs, such as from marketing to sales. With `to`, taken on is who came to that stage, or
    /// to one after it; and not who was lost, set beside the way or put back.
    ///
    /// # Errors
    ///
    /// As [`Lifecycles::stuck`]; `InvalidValue` also if the span has years or months; `InvalidArgument`
    /// also if `to` does not come after the stage, or `until` lies before `from`.
    pub fn acceptance(&self, request: &GetAcceptance) -> Result<Acceptance> {
        check_limit(request.limit)?;
        check_stretch(request.from, request.until)?;
        let within = fixed_span(&request.within).map_err(|error| error.with_field("within"))?;
        let at = request.at.unwrap_or_else(|| self.crm.now());
        let to = request.to.as_deref().unwrap_or_default();
        let list = format!("acceptance {} {} {to}", request.lifecycle, request.stage);
        let after = After::read(request.after.as_deref(), &list)?;
        self.crm.read_explained(|conn, catalog| {
            let model = catalog.lifecycle(&request.lifecycle)?;
            let place = model.lifecycle.stage(&request.stage, "stage")?;
            let to = request.to.as_deref().map(|to| accepted(&model.lifecycle, place, to));
            let asked = rows::Asked {
                lifecycle: model.id,
                stage: &request.stage,
                from: request.from.unwrap_or(Timestamp::MIN),
                until: request.until.unwrap_or(Timestamp::MAX),
                at,
                within,
                accepted: to.transpose()?,
            };
            let counts = rows::acceptance(conn, &asked)?;
            let mut found = rows::breaches(conn, &asked, after, request.limit + 1)?;
            let has_more = found.len() > request.limit as usize;
            found.truncate(request.limit as usize);
            let last = found.last().filter(|_| has_more);
            let next = last.map(|(id, number, entered, _)| {
                After::write(&list, (entered.micros(), *id, *number))
            });
            let breaches = found.into_iter().map(|(id, number, entered_at, exited_at)| {
                let until = exited_at.unwrap_or(at).micros();
                let late_micros = until - entered_at.micros() - within;
                AcceptanceBreach { id, number, entered_at, exited_at, late_micros }
            });
            let [entered, in_time, late, declined, waiting, overdue] = counts.0;
            let median_micros = micros(counts.1);
            let breaches = breaches.collect();
            Ok(Acceptance {
                entered,
                in_time,
                late,
                declined,
                waiting,
                overdue,
                median_micros,
                breaches,
                next,
            })
        })
    }

    /// Says why a record stands where it does, which automatic moves were not made, and for each
    /// stage to which it could go, what keeps it away and what would lead it there.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such lifecycle or record; `Archived` if the lifecycle is;
    /// `LimitExceeded` as for [`Crm::evaluate_condition`](crate::Crm::evaluate_condition).
    pub fn explain(&self, request: &ExplainStage) -> Result<StageExplanation> {
        let moment = self.crm.moment(None, None)?;
        self.crm.read_explained(|conn, catalog| {
            let (model, table) = find(conn, catalog, &request.lifecycle, request.id)?;
            model.check_live()?;
            let row = records::get(conn, table, request.id)?.ok_or_else(no_record)?;
            let stored = rows::standing(conn, model.id, request.id)?;
            let standing = describe(conn, model, request.id, stored.as_ref())?;
            let (mut visit, mut suppressed) = (None, Vec::new());
            if let Some(stored) = &stored {
                let range = (stored.seq, stored.seq);
                visit = rows::visits(conn, model.id, request.id, range)?.pop().map(to_visit);
                journal::told_of_record(conn, stored.id, stored.seq, |change| {
                    if change.kind == ChangeKind::StageSuppressed {
                        suppressed.push(to_suppressed(&change)?);
                    }
                    Ok(true)
                })?;
            }
            let programs = catalog.programs()?.ok_or_else(no_program)?;
            let program = programs.all.iter().find(|program| program.model.id == model.id);
            let program = program.ok_or_else(no_program)?;
            let (mut next, mut is_held) = (Vec::new(), false);
            for to in 0..model.lifecycle.stages.len() {
                let by_hand = decided(conn, model, stored.as_ref(), to, MoveKind::Manual);
                let by_itself = decided(conn, model, stored.as_ref(), to, MoveKind::Automatic);
                is_held |= matches!(by_itself, Ok(Decision::Suppressed(SuppressedBy::Exit)));
                if matches!(by_hand, Ok(Decision::Enter(_)))
                    || matches!(by_itself, Ok(Decision::Enter(_)))
                {
                    let (row, standing) = (&row, stored.as_ref());
                    let ask = Ask { conn, catalog, program, table, row, standing, moment: &moment };
                    next.push(ask.about(to, by_hand.is_ok(), by_itself)?);
                }
            }
            next.sort_by_key(|stage| {
                let place = model.lifecycle.place(&stage.stage).unwrap_or_default();
                (!model.lifecycle.stages[place].kind.is_ordered(), place)
            });
            let by = |trigger: Option<u32>, version: Option<i64>, activity: Option<RecordId>| {
                by(conn, model, trigger.zip(version), activity)
            };
            let moved = visit.as_ref().map(|one| by(one.trigger, one.version, one.activity_id));
            let held = suppressed.iter().map(|one| by(one.trigger, one.version, one.activity_id));
            let text = words(&Told {
                standing: &standing,
                visit: visit.as_ref().zip(moved.transpose()?),
                suppressed: suppressed.iter().zip(held.collect::<Result<Vec<_>>>()?).collect(),
                next: &next,
                is_held,
                now: moment.now(),
            });
            Ok(StageExplanation { standing, text, visit, suppressed, next })
        })
    }

    /// Draws a lifecycle: its stages, what leads from one to the next, and the guards.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such lifecycle.
    pub fn draw(&self, request: &DrawLifecycle) -> Result<Drawing> {
        let catalog = self.crm.catalog();
        let model = catalog.lifecycle(&request.lifecycle)?;
        Ok(Drawing { text: draw(&model.lifecycle, request.format) })
    }
}

fn find<'c>(
    conn: &Connection,
    catalog: &'c Catalog,
    lifecycle: &str,
    id: RecordId,
) -> Result<(&'c LifecycleModel, &'c Table)> {
    let model = catalog.lifecycle(lifecycle)?;
    let table = catalog.table(&model.lifecycle.entity_type)?;
    match records::exists(conn, table, id.as_bytes())? {
        true => Ok((model, table)),
        false => Err(no_record()),
    }
}

/// The stages by which who stands on one is taken on: `to` and those after it; and those between.
///
/// # Errors
///
/// `UnknownOption` if there is no such stage; `InvalidArgument` if it does not come after the other.
fn accepted<'l>(
    lifecycle: &'l Lifecycle,
    place: usize,
    to: &str,
) -> Result<(Vec<&'l str>, Vec<&'l str>)> {
    let stages = &lifecycle.stages;
    let to = lifecycle.stage(to, "to")?;
    if to <= place || !stages[place].kind.is_ordered() || !stages[to].kind.is_ordered() {
        let message = "it does not come after the stage on which records wait";
        return Err(Error::new(ErrorKind::InvalidArgument, message).with_field("to"));
    }
    let ordered = |range: std::ops::Range<usize>| {
        let stages = stages[range].iter().filter(|stage| stage.kind.is_ordered());
        stages.map(|stage| stage.name.as_str()).collect()
    };
    Ok((ordered(to..stages.len()), ordered(place + 1..to)))
}

fn span(text: &str) -> Result<Span> {
    text.parse()
}

/// The stages that are looked at.
fn wanted(model: &LifecycleModel, names: &[String]) -> Result<Vec<String>> {
    for (nth, name) in names.iter().enumerate() {
        model.lifecycle.stage(name, &format!("stages[{nth}]"))?;
    }
    if !names.is_empty() {
        return Ok(names.to_vec());
    }
    let open = model.lifecycle.stages.iter().filter(|s| s.kind == crate::StageKind::Open);
    Ok(open.map(|stage| stage.name.clone()).collect())
}

/// What moved a record, or would have: the trigger at a place in a version of the definition, and the kind
/// of an activity.
fn by(
    conn: &Connection,
    model: &LifecycleModel,
    trigger: Option<(u32, i64)>,
    activity: Option<RecordId>,
) -> Result<By> {
    let present = &model.lifecycle;
    let trigger = match trigger {
        None => None,
        Some((place, version)) if version == present.version => trigger_name(present, place, None),
        Some((place, version)) => defined(conn, present, version)?
            .and_then(|lifecycle| trigger_name(&lifecycle, place, Some(version))),
    };
    let activity = activity.map(|id| activities::get_by_id(conn, id)).transpose()?.flatten();
    Ok(By { trigger, activity: activity.map(|activity| activity.kind) })
}

/// What is looked at to say what would lead a record to a stage.
struct Ask<'a> {
    conn: &'a Connection,
    catalog: &'a Catalog,
    program: &'a Program,
    table: &'a Table,
    row: &'a StoredRow,
    standing: Option<&'a StandingRow>,
    moment: &'a Moment,
}

impl Ask<'_> {
    fn about(&self, to: usize, by_hand: bool, by_itself: Result<Decision>) -> Result<NextStage> {
        let lifecycle = &self.program.model.lifecycle;
        let answer = |condition| -> Result<ConditionAnswer> {
            conditions::answer(self.conn, self.catalog, condition, self.row.id, self.moment)
        };
        let guard = self.program.guards[to].as_ref().map(answer).transpose()?;
        let missing = missing(self.program, self.table, &self.row.cells, to);
        let missing: Vec<String> = missing.into_iter().map(str::to_owned).collect();
        let is_met = guard.as_ref().is_none_or(|guard| guard.is_true) && missing.is_empty();
        let mut triggers = Vec::new();
        if matches!(by_itself, Ok(Decision::Enter(_) | Decision::Suppressed(SuppressedBy::Exit))) {
            for made in self.program.triggers.iter().filter(|trigger| trigger.to == to) {
                let due_at = match by_itself {
                    Ok(Decision::Enter(_)) if missing.is_empty() => due_at(
                        self.conn,
                        self.catalog,
                        (self.program, made),
                        (self.row, self.standing),
                        self.moment,
                    )?,
                    _ => None,
                };
                triggers.push(TriggerAnswer {
                    cause: match made.on {
                        On::Condition => StageCause::Condition,
                        On::Inactivity(_) => StageCause::Inactivity,
                        On::Activity { .. } => StageCause::Activity,
                        On::Related { .. } => StageCause::Related,
                    },
                    trigger: u32::try_from(made.place).unwrap_or(u32::MAX),
                    text: trigger_text(&lifecycle.triggers[made.place]),
                    condition: made.condition.as_ref().map(answer).transpose()?,
                    due_at,
                });
            }
        }
        let stage = lifecycle.stages[to].name.clone();
        Ok(NextStage { stage, by_hand: by_hand && is_met, missing, guard, triggers })
    }
}
