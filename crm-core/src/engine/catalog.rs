//! Every definition of the file, with the SQL of its tables, as one immutable snapshot: entity types,
//! kinds of activities, types of associations, lifecycles, scores, segments, rules, retention rules and
//! what the ledger of consent is about.
//!
//! A change of the schema makes a new catalog, which replaces the old one after the commit; a call
//! that is under way keeps the one it began with.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use super::{privacy::retention::check_condition, rollups::Rollups};
use crate::{
    Attribute, Error, ErrorKind, Preset, Result, Retention, ScoreState,
    association::AssociationModel,
    circle::{Asker, Follower, check_circles, followers},
    consent::Book,
    lifecycle::{LedOn, LifecycleModel, Program, Programs, check_cycles, led_on},
    normal::name::nearest,
    privacy::special::check_purpose,
    rule::{Around, RuleModel, RuleProgram, RulePrograms, SetOff, check_rule_cycles, set_off},
    schema::{AttributeModel, TypeModel, check},
    scoring::{ScoreProgram, ScorePrograms, StoredModel},
    segment::{SegmentModel, SegmentPrograms},
    store::{
        Connection,
        activities::{self, KindTable},
        associations::{self, AssociationTable},
        consents, definitions, lifecycles, retention, rules, scores, segments,
        table::Table,
    },
};

/// All definitions, archived ones included, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Catalog {
    tables: BTreeMap<String, Arc<Table>>,
    kinds: BTreeMap<String, Arc<KindTable>>,
    associations: BTreeMap<String, Arc<AssociationTable>>,
    rollups: Rollups,
    lifecycles: BTreeMap<String, Arc<LifecycleModel>>,
    /// Every version, by name and version.
    scores: BTreeMap<(String, i64), Arc<StoredModel>>,
    book: Arc<Book>,
    /// Made of all of the above when it is first asked for.
    programs: OnceLock<Arc<Programs>>,
    rules: BTreeMap<String, Arc<RuleModel>>,
    /// Likewise.
    rule_programs: OnceLock<Arc<RulePrograms>>,
    /// Likewise.
    score_programs: OnceLock<Arc<ScorePrograms>>,
    retentions: Arc<BTreeMap<String, Retention>>,
    segments: BTreeMap<String, Arc<SegmentModel>>,
    /// Likewise.
    segment_programs: OnceLock<Arc<SegmentPrograms>>,
    /// Likewise.
    followers: OnceLock<Arc<[Follower]>>,
}

impl Catalog {
    pub(super) fn load(conn: &Connection) -> Result<Self> {
        let types = definitions::load(conn)?.into_iter();
        let kinds = activities::load_kinds(conn)?.into_iter();
        let links = associations::load_types(conn)?.into_iter();
        let lifecycles = lifecycles::load(conn)?.into_iter();
        let rules = rules::load(conn)?.into_iter();
        let scores = scores::load(conn)?.into_iter();
        let segments = segments::load(conn)?.into_iter();
        let catalog = Self {
            tables: types.map(|model| (model.name.clone(), Table::new(model))).collect(),
            kinds: kinds
                .map(|model| (model.name.clone(), Arc::new(KindTable::new(model))))
                .collect(),
            associations: links
                .map(|model| (model.name().to_owned(), AssociationTable::new(model)))
                .collect(),
            lifecycles: lifecycles.map(|model| (model.name().to_owned(), model)).collect(),
            scores: scores
                .map(|stored| ((stored.model.name.clone(), stored.model.version), stored))
                .collect(),
            book: Arc::new(consents::load(conn)?),
            programs: OnceLock::new(),
            rules: rules.map(|model| (model.name().to_owned(), model)).collect(),
            rule_programs: OnceLock::new(),
            score_programs: OnceLock::new(),
            retentions: Arc::new(retention::load(conn)?),
            segments: segments.map(|model| (model.name().to_owned(), model)).collect(),
            segment_programs: OnceLock::new(),
            followers: OnceLock::new(),
            rollups: Rollups::default(),
        };
        Ok(catalog.with_rollups())
    }

    /// The same definitions, and what follows from them: which roll-ups look at what.
    fn with_rollups(mut self) -> Self {
        self.rollups = Rollups::of(&self);
        self
    }

    /// The roll-ups in use.
    pub(super) fn rollups(&self) -> &Rollups {
        &self.rollups
    }

    /// The same definitions, to be changed.
    fn begin(&self) -> Self {
        Self {
            programs: OnceLock::new(),
            score_programs: OnceLock::new(),
            segment_programs: OnceLock::new(),
            rule_programs: OnceLock::new(),
            followers: OnceLock::new(),
            ..self.clone()
        }
    }

    /// The same definitions, with this type added or replaced.
    pub(super) fn with(&self, model: TypeModel) -> (Self, Arc<Table>) {
        let mut catalog = self.begin();
        let table = Table::new(model);
        catalog.tables.insert(table.model.name.clone(), Arc::clone(&table));
        (catalog.with_rollups(), table)
    }

    /// The same definitions, with this kind of activity added or replaced.
    pub(super) fn with_kind(&self, model: TypeModel) -> (Self, Arc<KindTable>) {
        let mut catalog = self.begin();
        let name = model.name.clone();
        let kind = Arc::new(KindTable::new(model));
        catalog.kinds.insert(name, Arc::clone(&kind));
        (catalog.with_rollups(), kind)
    }

    /// The same types, with this type of associations added or replaced.
    pub(super) fn with_associations(
        &self,
        model: AssociationModel,
    ) -> (Self, Arc<AssociationTable>) {
        let mut catalog = self.begin();
        let table = AssociationTable::new(model);
        catalog.associations.insert(table.model.name().to_owned(), Arc::clone(&table));
        (catalog.with_rollups(), table)
    }

    /// The same types, with this lifecycle added or replaced.
    pub(super) fn with_lifecycle(&self, model: LifecycleModel) -> Self {
        let mut catalog = self.begin();
        catalog.lifecycles.insert(model.name().to_owned(), Arc::new(model));
        catalog
    }

    /// The same types, with this version of a score added or replaced.
    pub(super) fn with_score(&self, stored: StoredModel) -> Self {
        let mut catalog = self.begin();
        let key = (stored.model.name.clone(), stored.model.version);
        catalog.scores.insert(key, Arc::new(stored));
        catalog
    }

    /// The same types, as if no version of this score were published.
    pub(super) fn without_published(&self, name: &str) -> Self {
        let mut catalog = self.begin();
        catalog.scores.retain(|_, stored| {
            stored.model.name != name || stored.model.state != ScoreState::Published
        });
        catalog
    }

    /// The same types, with this segment added or replaced.
    pub(super) fn with_segment(&self, model: SegmentModel) -> Self {
        let mut catalog = self.begin();
        catalog.segments.insert(model.name().to_owned(), Arc::new(model));
        catalog
    }

    /// The same types, with this rule added or replaced.
    pub(super) fn with_rule(&self, model: RuleModel) -> Self {
        let mut catalog = self.begin();
        catalog.rules.insert(model.name().to_owned(), Arc::new(model));
        catalog
    }

    /// The same definitions, with these of consent.
    pub(super) fn with_book(&self, book: Book) -> Self {
        let mut catalog = self.begin();
        catalog.book = Arc::new(book);
        catalog
    }

    /// The same definitions, with these retention rules and no others.
    pub(super) fn with_retentions(&self, rules: BTreeMap<String, Retention>) -> Self {
        let mut catalog = self.begin();
        catalog.retentions = Arc::new(rules);
        catalog
    }

    /// The attributes whose values are processed for a purpose, archived ones included, each after
    /// what it belongs to: `contact`, `activity visit`, `association treats`.
    pub(super) fn processed_for(
        &self,
        purpose: &str,
    ) -> impl Iterator<Item = (String, &AttributeModel)> {
        let types = self.tables.iter().map(|(name, table)| (name.clone(), &table.model));
        let kinds = self.kinds.iter();
        let kinds = kinds.map(|(name, kind)| (format!("activity {name}"), &kind.model));
        let links = self.associations.iter();
        let links =
            links.map(|(name, link)| (format!("association {name}"), &link.model.attributes));
        types.chain(kinds).chain(links).flat_map(move |(owner, model)| {
            let all = model.attributes.iter();
            let found = all.filter(move |one| one.definition.purpose.as_deref() == Some(purpose));
            found.map(move |one| (owner.clone(), one))
        })
    }

    /// Checks what an attribute of these definitions is processed for.
    ///
    /// # Errors
    ///
    /// As [`check_purpose`].
    pub(super) fn check_purpose(&self, attribute: &Attribute) -> Result<()> {
        let sharing = attribute.purpose.iter().flat_map(|purpose| self.processed_for(purpose));
        check_purpose(&self.book, attribute, sharing.map(|(_, other)| &other.definition))
    }

    /// Checks what the attributes of `model` are processed for that differ from those `before`.
    ///
    /// # Errors
    ///
    /// As [`check_purpose`], naming the attribute.
    pub(super) fn check_purposes(
        &self,
        before: Option<&TypeModel>,
        model: &TypeModel,
    ) -> Result<()> {
        model.attributes.iter().map(|attribute| &attribute.definition).try_for_each(|new| {
            let old = before.and_then(|before| before.find(&new.name));
            match old.is_some_and(|old| old.definition == *new) {
                true => Ok(()),
                false => {
                    self.check_purpose(new).map_err(|error| check::in_attribute(&new.name, error))
                }
            }
        })
    }

    /// The retention rules, by name.
    pub(super) fn retentions(&self) -> &BTreeMap<String, Retention> {
        &self.retentions
    }

    /// The retention rule of this name.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the nearest name as a hint.
    pub(super) fn retention(&self, name: &str) -> Result<&Retention> {
        self.retentions.get(name).ok_or_else(|| {
            let error =
                Error::new(ErrorKind::NotFound, "no such retention rule").with_field("retention");
            match nearest(name, self.retentions.keys().map(String::as_str)) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("define it with privacy.define_retention"),
            }
        })
    }

    /// Judges the conditions of all retention rules against the other definitions.
    ///
    /// # Errors
    ///
    /// `DefinitionConflict` if another definition was changed so that one no longer holds.
    pub(super) fn check_retentions(&self) -> Result<()> {
        self.retentions.values().try_for_each(|rule| {
            let checked = check_condition(self, rule).map(drop);
            checked.map_err(|error| would_not_hold("retention rule", "remove", &rule.name, &error))
        })
    }

    /// What the ledger of consent is about.
    pub(super) fn book(&self) -> &Arc<Book> {
        &self.book
    }

    pub(super) fn find(&self, name: &str) -> Option<&Arc<Table>> {
        self.tables.get(name)
    }

    /// The type of this name.
    ///
    /// # Errors
    ///
    /// `UnknownType`, with the nearest name as a hint.
    pub(super) fn table(&self, name: &str) -> Result<&Arc<Table>> {
        self.find(name).ok_or_else(|| {
            let error =
                Error::new(ErrorKind::UnknownType, "no such entity type").with_field("type");
            match nearest(name, self.tables.keys().map(String::as_str)) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("define it with types.define"),
            }
        })
    }

    pub(super) fn find_kind(&self, name: &str) -> Option<&Arc<KindTable>> {
        self.kinds.get(name)
    }

    /// The kind of activity of this name.
    ///
    /// # Errors
    ///
    /// `UnknownType`, with the nearest name as a hint.
    pub(super) fn kind(&self, name: &str) -> Result<&Arc<KindTable>> {
        self.find_kind(name).ok_or_else(|| {
            let error =
                Error::new(ErrorKind::UnknownType, "no such kind of activity").with_field("kind");
            match nearest(name, self.kinds.keys().map(String::as_str)) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("define it with activity_kinds.define"),
            }
        })
    }

    pub(super) fn kinds(&self) -> impl ExactSizeIterator<Item = &Arc<KindTable>> {
        self.kinds.values()
    }

    pub(super) fn find_associations(&self, name: &str) -> Option<&Arc<AssociationTable>> {
        self.associations.get(name)
    }

    /// The type of associations of this name.
    ///
    /// # Errors
    ///
    /// `UnknownType`, with the nearest name as a hint.
    pub(super) fn associations(&self, name: &str) -> Result<&Arc<AssociationTable>> {
        self.find_associations(name).ok_or_else(|| {
            let error =
                Error::new(ErrorKind::UnknownType, "no such association type").with_field("type");
            match nearest(name, self.associations.keys().map(String::as_str)) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("define it with association_types.define"),
            }
        })
    }

    pub(super) fn iter_associations(
        &self,
    ) -> impl ExactSizeIterator<Item = &Arc<AssociationTable>> {
        self.associations.values()
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Table>> {
        self.tables.values()
    }

    pub(super) fn find_lifecycle(&self, name: &str) -> Option<&Arc<LifecycleModel>> {
        self.lifecycles.get(name)
    }

    /// The lifecycle of this name.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the nearest name as a hint.
    pub(super) fn lifecycle(&self, name: &str) -> Result<&Arc<LifecycleModel>> {
        self.find_lifecycle(name).ok_or_else(|| {
            let error =
                Error::new(ErrorKind::NotFound, "no such lifecycle").with_field("lifecycle");
            match nearest(name, self.lifecycles.keys().map(String::as_str)) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("define it with lifecycles.define"),
            }
        })
    }

    pub(super) fn lifecycles(&self) -> impl ExactSizeIterator<Item = &Arc<LifecycleModel>> {
        self.lifecycles.values()
    }

    /// Judges all lifecycles in use against the other definitions; where one does not hold, its name
    /// and why.
    pub(super) fn make_programs(&self) -> Result<Programs, (String, Error)> {
        let find = |name: &str| self.find_lifecycle(name).map(|model| &model.lifecycle);
        let names: Vec<&str> = self.lifecycles.keys().map(String::as_str).collect();
        let mut programs = Programs::default();
        for model in self.lifecycles().filter(|model| model.lifecycle.archived_at.is_none()) {
            let program = Program::new(Arc::clone(model), self, &find, &names);
            programs.add(program.map_err(|error| (model.name().to_owned(), error))?);
        }
        Ok(programs)
    }

    /// The fault of lifecycles whose automatic moves go round, with the name of one: `saved` before others,
    /// and with `before` as far as they did not then. A file that has such lifecycles may be used: a trigger
    /// moves a record once for each write.
    ///
    /// # Errors
    ///
    /// `DefinitionConflict` if a segment does not hold.
    fn find_stage_cycle(
        &self,
        programs: &Programs,
        saved: Option<&str>,
        before: Option<&LedOn>,
    ) -> Result<Option<(String, Error)>> {
        let segments = self.segment_programs()?.map(|segments| &**segments);
        let found = check_cycles(&programs.all, segments, saved, before).err();
        let name = |place: usize| programs.all[place].model.name().to_owned();
        Ok(found.map(|(place, error)| (name(place), error)))
    }

    /// The same, as far as a change of definitions answers for it, from `before` to this: a round that
    /// was there before stands in nobody's way, unless the `saved` one is part of it.
    ///
    /// # Errors
    ///
    /// `DefinitionConflict` if a segment does not hold.
    pub(super) fn new_stage_cycle(
        &self,
        programs: &Programs,
        before: &Self,
        saved: Option<&str>,
    ) -> Result<Option<(String, Error)>> {
        let found = self.find_stage_cycle(programs, saved, None)?;
        match before.programs()?.filter(|_| found.is_some()) {
            None => Ok(found),
            Some(old) => {
                let segments = before.segment_programs()?.map(|segments| &**segments);
                self.find_stage_cycle(programs, saved, Some(&led_on(&old.all, segments)))
            }
        }
    }

    /// The programs of the lifecycles in use; `None` if there are none.
    ///
    /// # Errors
    ///
    /// `DefinitionConflict` if another definition was changed so that one no longer holds.
    pub(super) fn programs(&self) -> Result<Option<&Arc<Programs>>> {
        if self.lifecycles.is_empty() {
            return Ok(None);
        }
        if let Some(programs) = self.programs.get() {
            return Ok(Some(programs));
        }
        let programs = self
            .make_programs()
            .map_err(|(name, error)| would_not_hold("lifecycle", "archive", &name, &error))?;
        Ok(Some(self.programs.get_or_init(|| Arc::new(programs))))
    }

    /// Every version of every score, by name and version.
    pub(super) fn scores(&self) -> impl Iterator<Item = &Arc<StoredModel>> {
        self.scores.values()
    }

    /// The versions of a score, the first one first.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the nearest name as a hint.
    pub(super) fn score_versions(&self, name: &str) -> Result<Vec<&Arc<StoredModel>>> {
        let versions: Vec<_> = self.scores().filter(|stored| stored.model.name == name).collect();
        if !versions.is_empty() {
            return Ok(versions);
        }
        let error = Error::new(ErrorKind::NotFound, "no such score").with_field("model");
        Err(match nearest(name, self.scores.keys().map(|(name, _)| name.as_str())) {
            Some(near) => error.with_hint(format!("did you mean {near:?}?")),
            None => error.with_hint("define it with scores.define"),
        })
    }

    /// Refuses published scores and live segments that ask for each other in a circle, automatic moves
    /// that go round, and rules that set each other off for ever. What a score does to the last two hangs
    /// on the data, so that one which is changed closes no such round. `before` is what was defined
    /// until now: moves and rules that went round then, as one of an older engine may have taken,
    /// are left alone.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` with the path to the question of `first`, where that is part of the circle;
    /// else `DefinitionConflict`.
    pub(super) fn check_circles(&self, before: &Self, first: Option<Asker<'_>>) -> Result<()> {
        let published = self.scores().filter(|stored| stored.model.state == ScoreState::Published);
        let scores: Vec<&StoredModel> = published.map(|stored| &**stored).collect();
        let segments: Vec<&SegmentModel> = self.segments().map(|model| &**model).collect();
        check_circles(&scores, &segments, first).map_err(|(asker, error)| match asker {
            _ if Some(asker) == first => error,
            Asker::Score(name) => would_not_hold("score", "retire", name, &error),
            Asker::Segment(name) => would_not_hold("segment", "archive", name, &error),
        })?;
        if matches!(first, Some(Asker::Score(_))) {
            return Ok(());
        }
        if let Some(programs) = self.programs()?
            && let Some((name, error)) = self.new_stage_cycle(programs, before, None)?
        {
            return Err(would_not_hold("lifecycle", "archive", &name, &error));
        }
        match self.new_rule_cycle(before, None)? {
            None => Ok(()),
            Some((name, error)) => Err(would_not_hold("rule", "archive", &name, &error)),
        }
    }

    /// Judges all published scores against the other definitions; where one does not hold, its name
    /// and why.
    pub(super) fn make_score_programs(&self) -> Result<ScorePrograms, (String, Error)> {
        let published = self.scores().filter(|stored| stored.model.state == ScoreState::Published);
        let published: Vec<_> = published.map(Arc::clone).collect();
        ScorePrograms::make(&published, self)
    }

    /// The programs of the published scores; `None` if there are none.
    ///
    /// # Errors
    ///
    /// `DefinitionConflict` if another definition was changed so that one no longer holds.
    pub(super) fn score_programs(&self) -> Result<Option<&Arc<ScorePrograms>>> {
        if self.scores.is_empty() {
            return Ok(None);
        }
        if let Some(programs) = self.score_programs.get() {
            return Ok((!programs.all.is_empty()).then_some(programs));
        }
        let programs = self
            .make_score_programs()
            .map_err(|(name, error)| would_not_hold("score", "retire", &name, &error))?;
        let programs = self.score_programs.get_or_init(|| Arc::new(programs));
        Ok((!programs.all.is_empty()).then_some(programs))
    }

    /// The program of a published score.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such score, or none of its versions is published.
    pub(super) fn score_program(&self, name: &str) -> Result<(&ScorePrograms, &ScoreProgram)> {
        self.score_versions(name)?;
        let programs = self.score_programs()?;
        programs.and_then(|programs| Some((&**programs, programs.find(name)?))).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "no version of the score is published")
                .with_field("model")
                .with_hint("publish it with scores.publish")
        })
    }

    pub(super) fn find_segment(&self, name: &str) -> Option<&Arc<SegmentModel>> {
        self.segments.get(name)
    }

    /// The segment of this name.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the nearest name as a hint.
    pub(super) fn segment(&self, name: &str) -> Result<&Arc<SegmentModel>> {
        self.find_segment(name).ok_or_else(|| {
            let error = Error::new(ErrorKind::NotFound, "no such segment").with_field("segment");
            match nearest(name, self.segments.keys().map(String::as_str)) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("define it with segments.define"),
            }
        })
    }

    pub(super) fn segments(&self) -> impl ExactSizeIterator<Item = &Arc<SegmentModel>> {
        self.segments.values()
    }

    /// Judges all segments in use against the other definitions; where one does not hold, its name
    /// and why. Of those that go round, that is the `changed` one.
    pub(super) fn make_segments(
        &self,
        changed: Option<&str>,
    ) -> Result<SegmentPrograms, (String, Error)> {
        SegmentPrograms::new(self.segments(), self, changed)
    }

    /// The programs of the segments; `None` if there are none.
    ///
    /// # Errors
    ///
    /// `DefinitionConflict` if another definition was changed so that one no longer holds.
    pub(super) fn segment_programs(&self) -> Result<Option<&Arc<SegmentPrograms>>> {
        if self.segments.is_empty() {
            return Ok(None);
        }
        if let Some(programs) = self.segment_programs.get() {
            return Ok(Some(programs));
        }
        let programs = self
            .make_segments(None)
            .map_err(|(name, error)| would_not_hold("segment", "archive", &name, &error))?;
        Ok(Some(self.segment_programs.get_or_init(|| Arc::new(programs))))
    }

    /// Scores and segments in the order in which they follow from what happens.
    ///
    /// # Errors
    ///
    /// As [`Self::score_programs`] and [`Self::segment_programs`].
    pub(super) fn followers(&self) -> Result<&[Follower]> {
        if let Some(known) = self.followers.get() {
            return Ok(known);
        }
        let scores = self.score_programs()?.map_or(&[][..], |programs| &programs.all);
        let segments = self.segment_programs()?.map_or(&[][..], |programs| &programs.all);
        Ok(self.followers.get_or_init(|| followers(scores, segments).into()))
    }

    pub(super) fn find_rule(&self, name: &str) -> Option<&Arc<RuleModel>> {
        self.rules.get(name)
    }

    /// The rule of this name.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the nearest name as a hint.
    pub(super) fn rule(&self, name: &str) -> Result<&Arc<RuleModel>> {
        self.find_rule(name).ok_or_else(|| {
            let error = Error::new(ErrorKind::NotFound, "no such rule").with_field("rule");
            match nearest(name, self.rules.keys().map(String::as_str)) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("define it with rules.define"),
            }
        })
    }

    pub(super) fn rules(&self) -> impl ExactSizeIterator<Item = &Arc<RuleModel>> {
        self.rules.values()
    }

    /// Judges all rules in use against the other definitions; where one does not hold, its name and
    /// why.
    pub(super) fn make_rule_programs(&self) -> Result<RulePrograms, (String, Error)> {
        let mut programs = RulePrograms::default();
        for model in self.rules().filter(|model| model.rule.archived_at.is_none()) {
            let program = RuleProgram::new(Arc::clone(model), self);
            programs.add(program.map_err(|error| (model.name().to_owned(), error))?);
        }
        Ok(programs)
    }

    /// The fault of rules that set each other off for ever, with the name of one: `saved` before others, and
    /// with `before` as far as they did not then. A file that has such rules may be used: at run time their
    /// chain ends.
    ///
    /// # Errors
    ///
    /// `DefinitionConflict` if a definition does not hold.
    fn find_rule_cycle(
        &self,
        saved: Option<&str>,
        before: Option<&SetOff>,
    ) -> Result<Option<(String, Error)>> {
        let Some(programs) = self.rule_programs()? else { return Ok(None) };
        Ok(check_rule_cycles(&programs.all, &self.around_rules()?, saved, before).err())
    }

    /// The same, as far as a change of definitions answers for it, from `before` to this: a round that
    /// was there before stands in nobody's way, unless the `saved` one is part of it.
    ///
    /// # Errors
    ///
    /// `DefinitionConflict` if a definition does not hold.
    pub(super) fn new_rule_cycle(
        &self,
        before: &Self,
        saved: Option<&str>,
    ) -> Result<Option<(String, Error)>> {
        let found = self.find_rule_cycle(saved, None)?;
        if found.is_none() {
            return Ok(None);
        }
        let Some(old) = before.rule_programs()? else { return Ok(found) };
        let old = set_off(&old.all, &before.around_rules()?);
        self.find_rule_cycle(saved, Some(&old))
    }

    /// The definitions beside the rules.
    ///
    /// # Errors
    ///
    /// `DefinitionConflict` if a definition does not hold.
    fn around_rules(&self) -> Result<Around<'_>> {
        Ok(Around {
            segments: self.segment_programs()?.map(|programs| &**programs),
            lifecycles: self.programs()?.map(|programs| &**programs),
            rollups: self.rollups().named(self),
            tasks: self.find(Preset::Task.name()).map(|table| &table.model),
        })
    }

    /// The programs of the rules in use; `None` if there are none.
    ///
    /// # Errors
    ///
    /// `DefinitionConflict` if another definition was changed so that one no longer holds.
    pub(super) fn rule_programs(&self) -> Result<Option<&Arc<RulePrograms>>> {
        if self.rules.is_empty() {
            return Ok(None);
        }
        if let Some(programs) = self.rule_programs.get() {
            return Ok(Some(programs));
        }
        let programs = self
            .make_rule_programs()
            .map_err(|(name, error)| would_not_hold("rule", "archive", &name, &error))?;
        Ok(Some(self.rule_programs.get_or_init(|| Arc::new(programs))))
    }
}

/// The error for a change of one definition that another one does not bear.
pub(super) fn would_not_hold(what: &str, out: &str, name: &str, error: &Error) -> Error {
    let message = format!("the {what} {name:?} would not hold: {}", error.message());
    let conflict = Error::new(ErrorKind::DefinitionConflict, message)
        .with_hint(format!("change or {out} the {what} first"));
    match error.field() {
        Some(field) => conflict.with_field(format!("{name}.{field}")),
        None => conflict.with_field(name),
    }
}
