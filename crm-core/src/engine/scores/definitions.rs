//! Definitions of scores: drafts, and what becomes of their versions.

use std::{collections::BTreeSet, sync::Arc};

use super::Scores;
use crate::{
    ChangeKind, CloneScore, DefineScore, Error, ErrorKind, GetScore, Result, ScoreModel,
    ScorePreset, ScoreState,
    circle::Asker,
    engine::{Catalog, Writing, conditions},
    limits,
    scoring::{ScoreProgram, StoredModel, check_definition, model_json},
    store::{scores as rows, timers},
};

impl Scores<'_> {
    /// Defines a score, or changes its draft: the request is its whole new definition. A draft scores
    /// nobody until it is published. Saying the same again changes nothing.
    ///
    /// ```
    /// use crm_core::{Condition, Crm, DefineScore, ReadScore, ScoreGroup, ScoreRule, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// let german = ScoreRule::when("german", Condition::field("country").eq("DE"), 20);
    /// crm.scores().define(DefineScore::new("fit", "contact", [ScoreGroup::new("fit", [german])]))?;
    /// crm.scores().publish("fit")?;
    /// let ann = crm.contacts().create(values! { "country" => "DE" })?.id;
    /// assert_eq!(crm.scores().read(&ReadScore::new("fit", ann))?.record.score, 20_000);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The field is the path to the fault, such as `groups[1].rules[0].where.field`:
    /// `InvalidArgument` for names that are none, caps, thresholds and conditions that cannot be met, or
    /// scores that roll up one another; `Duplicate` for names that are there twice; `OutOfRange` for points
    /// that are too many or can grow without bound, and for spans of nothing; `Required`;
    /// `UnknownType`, `UnknownAttribute`, `NotFound` (with the nearest name as a hint), and as
    /// [`Crm::check_condition`](crate::Crm::check_condition); `DefinitionConflict` if the score is one
    /// of another type; `LimitExceeded` past 200 scores, 16 groups or 64 rules in one.
    pub fn define(&self, request: DefineScore) -> Result<ScoreModel> {
        check_definition(&request)?;
        self.crm.write(|writing| define(writing, request, Same::ChangesNothing))
    }

    /// Defines one of the ready-made scores, as a draft.
    ///
    /// # Errors
    ///
    /// As [`Scores::define`]; `UnknownType` if ready-made kinds of activities that it names were not
    /// defined, with all of them as a hint.
    pub fn define_preset(&self, preset: ScorePreset) -> Result<ScoreModel> {
        let definition = preset.definition();
        let kinds = definition.activity_kinds();
        self.define(definition).map_err(|error| {
            let catalog = self.crm.catalog();
            let missing = kinds.into_iter().filter(|kind| catalog.find_kind(kind).is_none());
            let missing = missing.collect::<Vec<_>>().join(", ");
            match error.kind() {
                ErrorKind::UnknownType if !missing.is_empty() => error
                    .with_hint(format!("define them with activity_kinds.define_preset: {missing}")),
                _ => error,
            }
        })
    }

    /// Publishes the draft of a score: by it records score from now on, and the version before it is
    /// retired. [`Scores::rescore`] then scores every record at once; until that is done, records are
    /// scored one by one as they are written or read.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such score, or it has no draft; as [`Scores::define`] if the draft
    /// holds no longer.
    pub fn publish(&self, model: &str) -> Result<ScoreModel> {
        self.crm.write(|writing| {
            let catalog = Arc::clone(&writing.catalog);
            let versions = catalog.score_versions(model)?;
            let draft = versions.iter().find(|stored| stored.model.state == ScoreState::Draft);
            let draft = draft.ok_or_else(|| {
                Error::new(ErrorKind::NotFound, "the score has no draft")
                    .with_field("model")
                    .with_hint("change it with scores.define first")
            })?;
            let mut draft = StoredModel::clone(draft);
            judge(&catalog, &draft)?;
            let stamp = writing.stamp();
            for stored in versions.iter().filter(|s| s.model.state == ScoreState::Published) {
                let mut old = StoredModel::clone(stored);
                old.model.state = ScoreState::Retired;
                old.model.retired_at = Some(stamp.at());
                old.model.is_filled = false;
                rows::set_state(writing.tx, &old)?;
                writing.set_score(old);
            }
            draft.model.state = ScoreState::Published;
            draft.model.published_at = Some(stamp.at());
            rows::set_state(writing.tx, &draft)?;
            writing.log(stamp, ChangeKind::ScorePublished, None, None, &naming(&draft))?;
            writing.set_score(draft.clone());
            outdate(writing, draft.id)?;
            Ok(draft.model)
        })
    }

    /// Retires the published version of a score: records no longer score by it. What was is kept.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such score, or none of its versions is published;
    /// `DefinitionConflict` if another definition names it.
    pub fn retire(&self, model: &str) -> Result<ScoreModel> {
        self.crm.write(|writing| {
            let program = &writing.catalog.score_program(model)?.1;
            let mut stored = StoredModel::clone(&program.stored);
            let stamp = writing.stamp();
            stored.model.state = ScoreState::Retired;
            stored.model.retired_at = Some(stamp.at());
            stored.model.is_filled = false;
            rows::set_state(writing.tx, &stored)?;
            timers::clear(writing.tx, timers::Room::Score, stored.id)?;
            writing.log(stamp, ChangeKind::ScoreRetired, None, None, &naming(&stored))?;
            writing.set_score(stored.clone());
            Ok(stored.model)
        })
    }

    /// Copies a version of a score into the draft of another one, or of itself: that gives a draft of
    /// what is published as it stands.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such score or version; as [`Scores::define`].
    pub fn clone_as(&self, request: &CloneScore) -> Result<ScoreModel> {
        let get = GetScore { model: request.model.clone(), version: request.version };
        let definition = self.get(&get)?.to_request(&request.name);
        check_definition(&definition)?;
        self.crm.write(|writing| define(writing, definition, Same::IsANewDraft))
    }

    /// The definition of a score.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the nearest name as a hint.
    pub fn get(&self, request: &GetScore) -> Result<ScoreModel> {
        let catalog = self.crm.catalog();
        version(&catalog, &request.model, request.version).map(|stored| stored.model.clone())
    }

    /// Every version of every score, by name and version.
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn list(&self) -> Result<Vec<ScoreModel>> {
        // Asking the store is what tells a closed handle.
        self.crm.shared.store.read(|_| Ok(()))?;
        Ok(self.crm.catalog().scores().map(|stored| stored.model.clone()).collect())
    }
}

/// A version of a score; without a number the published one, else the latest.
///
/// # Errors
///
/// `NotFound`.
pub(super) fn version<'c>(
    catalog: &'c Catalog,
    model: &str,
    version: Option<i64>,
) -> Result<&'c Arc<StoredModel>> {
    let versions = catalog.score_versions(model)?;
    let found = match version {
        Some(version) => versions.into_iter().find(|stored| stored.model.version == version),
        None => {
            let is_published =
                |stored: &&&Arc<StoredModel>| stored.model.state == ScoreState::Published;
            versions.iter().find(is_published).or(versions.last()).copied()
        }
    };
    found.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "the score has no such version").with_field("version")
    })
}

/// Judges a version beside what is published, without itself.
///
/// # Errors
///
/// As [`Scores::define`].
pub(super) fn judge(catalog: &Catalog, stored: &StoredModel) -> Result<ScoreProgram> {
    let mut tried = stored.clone();
    tried.model.state = ScoreState::Published;
    let others = catalog.without_published(&stored.model.name).with_score(tried.clone());
    others.check_circles(catalog, Some(Asker::Score(&stored.model.name)))?;
    let programs = others.make_score_programs().map_err(|(name, error)| {
        if name == stored.model.name {
            return error;
        }
        let message = format!("the score {name:?} would not hold: {}", error.message());
        Error::new(ErrorKind::DefinitionConflict, message).with_field("groups")
    })?;
    programs
        .take(&stored.model.name)
        .ok_or_else(|| Error::new(ErrorKind::NotFound, "no such score").with_field("model"))
}

/// The program of a version; without a number of the published one, else of the latest.
///
/// # Errors
///
/// `NotFound`; as [`Scores::define`] if the version holds no longer.
pub(in crate::engine) fn program(
    catalog: &Catalog,
    model: &str,
    number: Option<i64>,
) -> Result<ScoreProgram> {
    judge(catalog, version(catalog, model, number)?)
}

/// The name stands for a label that was left out.
fn add_labels(request: &mut DefineScore) {
    if request.label.is_empty() {
        request.label.clone_from(&request.name);
    }
    for group in &mut request.groups {
        if group.label.is_empty() {
            group.label.clone_from(&group.name);
        }
        for rule in group.rules.iter_mut().filter(|rule| rule.label.is_empty()) {
            rule.label.clone_from(&rule.name);
        }
    }
}

/// What becomes of a definition that is the one of the last version, if that is no draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Same {
    ChangesNothing,
    IsANewDraft,
}

fn define(writing: &mut Writing<'_>, mut request: DefineScore, same: Same) -> Result<ScoreModel> {
    let table = writing.table(&request.entity_type)?;
    table.model.check_live().map_err(|error| error.with_field("type"))?;
    add_labels(&mut request);
    let json = model_json(&request);
    if json.len() > limits::SCORE_BYTES {
        let message = format!("the score takes more than {} bytes", limits::SCORE_BYTES);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("groups"));
    }
    let catalog = Arc::clone(&writing.catalog);
    let versions: Vec<&Arc<StoredModel>> =
        catalog.scores().filter(|stored| stored.model.name == request.name).collect();
    let last = versions.last();
    if let Some(last) = last {
        if last.model.entity_type != request.entity_type {
            let message = format!("the score is one of {:?}, for ever", last.model.entity_type);
            return Err(Error::new(ErrorKind::DefinitionConflict, message).with_field("type"));
        }
        let is_kept = same == Same::ChangesNothing || last.model.state == ScoreState::Draft;
        if is_kept && last.model.to_request(&request.name) == request {
            return Ok(last.model.clone());
        }
    } else if catalog.scores().filter(|stored| stored.model.version == 1).count() >= limits::SCORES
    {
        let message = format!("at most {} scores", limits::SCORES);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("name"));
    }
    let version = match last {
        Some(last) if last.model.state == ScoreState::Draft => last.model.version,
        Some(last) if last.model.version >= limits::SCORE_VERSIONS => {
            let message = format!("at most {} versions", limits::SCORE_VERSIONS);
            return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("name"));
        }
        last => last.map_or(0, |last| last.model.version) + 1,
    };
    let model = ScoreModel {
        name: request.name,
        entity_type: request.entity_type,
        version,
        state: ScoreState::Draft,
        label: request.label,
        description: request.description,
        groups: request.groups,
        min: request.min,
        max: request.max,
        thresholds: request.thresholds,
        grade: request.grade,
        published_at: None,
        retired_at: None,
        is_filled: false,
    };
    let mut stored = StoredModel { id: last.map_or(0, |last| last.id), model };
    judge_new(&catalog, &stored)?;
    if last.is_none() {
        stored.id = rows::add(writing.tx, &stored.model.name, table.model.id)?;
    }
    rows::save(writing.tx, stored.id, version, &json)?;
    let stamp = writing.stamp();
    let body = format!("{{\"version\":{version},\"definition\":{json}}}");
    writing.log(stamp, ChangeKind::ScoreDefined, None, None, &body)?;
    writing.set_score(stored.clone());
    Ok(stored.model)
}

/// Judges a draft, and refuses rules of which the condition can never be met, and thresholds that are
/// too high for points that do not last.
///
/// # Errors
///
/// As [`Scores::define`].
fn judge_new(catalog: &Catalog, stored: &StoredModel) -> Result<()> {
    judge(catalog, stored)?.check_lasting()?;
    let model = &stored.model;
    for (place, group) in model.groups.iter().enumerate() {
        for (nth, rule) in group.rules.iter().enumerate() {
            let path = || format!("groups[{place}].rules[{nth}].where");
            rule.condition.as_ref().map_or(Ok(()), |asked| {
                conditions::check_possible(catalog, asked, &model.entity_type, &path())
            })?;
        }
    }
    Ok(())
}

/// What is kept by the scores that look at a model holds no longer: they are asked anew when they are
/// read, and by the next tick.
fn outdate(writing: &mut Writing<'_>, model: i64) -> Result<()> {
    let Some(programs) = writing.catalog.score_programs()?.cloned() else { return Ok(()) };
    let mut outdated = BTreeSet::from([model]);
    // What a score looks at comes before it.
    for program in &programs.all {
        let mut places = program.reach.places.iter();
        if places.any(|place| !place.reads.scores.is_disjoint(&outdated))
            && outdated.insert(program.stored.id)
        {
            rows::outdate(writing.tx, program.stored.id)?;
            timers::set_kept(writing.tx, program.stored.id, writing.now)?;
        }
    }
    Ok(())
}

fn naming(stored: &StoredModel) -> String {
    format!("{{\"name\":\"{}\",\"version\":{}}}", stored.model.name, stored.model.version)
}
