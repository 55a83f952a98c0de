//! Random scores, activities, corrections, late arrivals and jumps of time, and the laws of what comes
//! of it.

use std::sync::Arc;

use crm_core::{
    AddAssociation, AddScorePoints, ApplyChanges, Archived, AssociationPreset, Condition,
    CountedIds, CreateRecord, Crm, DefineActivityKind, DefineLifecycle, DefineRule, DefineScore,
    DefineSegment, ExplainMember, FadeKind, FieldOrder, FixedClock, Flow, GetLifecycleHistory,
    GetScore, GetScoreHistory, GroupKey, GroupMeasure, GroupRecords, IdentifyVisitor, ListRecords,
    Money, NewActivity, OpenOptions, RankScores, ReadScore, RecordActivities, RecordChange,
    RecordId, RecordRef, RelatedScore, RuleAction, RuleTrigger, ScoreFade, ScoreFigure, ScoreGroup,
    ScoreLevel, ScoreRule, SelectColumn, SelectRows, Stage, StageTrigger, TickTimers, Timestamp,
    Value, ValuePoints, values,
};
use proptest::prelude::*;

use super::cases;

const DAY: i64 = 86_400_000_000;

#[derive(Debug, Clone)]
pub(super) enum Step {
    Contact(u8),
    Company(u8),
    Patch(u8, u8),
    Employees(u8, u8),
    Employ(u8, u8, u8),
    Activity(u8, u8, i64, u8),
    Correct(u8, i64),
    Visit(u8, i64),
    Identify(u8, u8),
    Release(u8),
    Archive(u8, bool),
    Wait(i64),
    Rescore,
    Add(u8, i64, i64),
    Batch(u8, i64, u8),
    Contacts(u8),
    Tick,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let number = any::<u8>;
    prop_oneof![
        3 => number().prop_map(Step::Contact),
        1 => number().prop_map(Step::Company),
        3 => (number(), number()).prop_map(|(id, country)| Step::Patch(id, country)),
        2 => (number(), number()).prop_map(|(id, most)| Step::Employees(id, most)),
        2 => (number(), number(), number()).prop_map(|(a, b, c)| Step::Employ(a, b, c)),
        9 => (number(), number(), -90_i64..24, number())
            .prop_map(|(id, kind, hours, size)| Step::Activity(id, kind, hours, size)),
        3 => (number(), -90_i64..1).prop_map(|(nth, days)| Step::Correct(nth, days)),
        2 => (number(), -90_i64..1).prop_map(|(who, days)| Step::Visit(who, days)),
        2 => (number(), number()).prop_map(|(who, id)| Step::Identify(who, id)),
        1 => number().prop_map(Step::Release),
        1 => (number(), any::<bool>()).prop_map(|(id, is_away)| Step::Archive(id, is_away)),
        4 => (0..40 * DAY).prop_map(Step::Wait),
        1 => Just(Step::Rescore),
        2 => (number(), -60_i64..60, -90_i64..1).prop_map(|(id, points, days)| Step::Add(id, points, days)),
        2 => (number(), -30_i64..1, number()).prop_map(|(id, days, size)| Step::Batch(id, days, size)),
        1 => number().prop_map(Step::Contacts),
        2 => Just(Step::Tick),
    ]
}

fn rule() -> impl Strategy<Value = ScoreRule> {
    let kind = prop::sample::select(vec!["visit", "form"]);
    let points = prop_oneof![-40_i64..0, 1_i64..60];
    let activity = (
        kind,
        points.clone(),
        prop::option::of(1_u32..4),
        prop::option::of(1_u32..3),
        prop::sample::select(vec![None, Some("P7D"), Some("P30D")]),
        any::<[bool; 5]>(),
    );
    let activity = activity.prop_map(|(kind, points, at_most, per_day, within, chances)| {
        let [is_distinct, is_filtered, by_size, by_value, is_capped] = chances;
        let mut rule = ScoreRule::activity("rule", kind, points);
        rule.within = within.filter(|_| at_most.is_some()).map(Into::into);
        rule.at_most = at_most;
        rule.per_day = per_day;
        rule.distinct = is_distinct.then(|| "topic".into());
        rule.filter = is_filtered.then(|| "topic <> \"x\" or missing".parse().unwrap());
        if by_size {
            rule.field = Some("amount".into());
            rule.per = Some(30);
            rule.currency = Some("EUR".into());
            rule.max = Some(200);
        } else if by_value {
            rule.field = Some("topic".into());
            rule.values = vec![ValuePoints::new("a", 15), ValuePoints::new("b", -7)];
        }
        if is_capped {
            (rule.min, rule.max) = (Some(-25), Some(55));
        }
        rule
    });
    let conditions = vec![
        "country = \"DE\"",
        "count(visit within 7d) >= 2",
        "not count(form within 30d) >= 1",
        "related(company: employees >= 50)",
        "related(employed_by: employees < 50)",
        "last(visit) older than 14d",
        "updated_at within last 20d",
        "changed(country within 15d)",
    ];
    let condition = (prop::sample::select(conditions), points)
        .prop_map(|(text, points)| ScoreRule::when("rule", text.parse().unwrap(), points));
    let country = Just(ScoreRule::by_value(
        "rule",
        "country",
        [ValuePoints::new("DE", 12), ValuePoints::new("FR", -3)],
    ));
    prop_oneof![5 => activity, 4 => condition, 1 => country]
}

fn fade() -> impl Strategy<Value = Option<ScoreFade>> {
    let kinds = vec![FadeKind::HalfLife, FadeKind::Linear, FadeKind::Expiry];
    let fade = (prop::sample::select(kinds), 1_i64..40).prop_map(|(kind, days)| ScoreFade {
        kind,
        span: format!("P{days}D"),
        percent: (kind == FadeKind::Linear).then_some(30),
    });
    prop::option::weighted(0.7, fade)
}

pub(super) fn model() -> impl Strategy<Value = DefineScore> {
    let group =
        (prop::collection::vec(rule(), 1..5), fade(), prop::option::of(0_i64..80), any::<u8>());
    let groups = prop::collection::vec(group, 1..4);
    (groups, prop::option::of(20_i64..120), prop::option::of(-30_i64..10)).prop_map(
        |(groups, max, min)| {
            let mut name = 0;
            let groups =
                groups.into_iter().enumerate().map(|(place, (rules, fade, max, beside))| {
                    let rules =
                        rules.into_iter().filter(|r| fade.is_none() || r.activity.is_some());
                    let mut rules: Vec<ScoreRule> = rules.collect();
                    if rules.is_empty() {
                        rules.push(ScoreRule::activity("rule", "visit", 10));
                    }
                    for rule in &mut rules {
                        name += 1;
                        rule.name = format!("rule_{name}");
                    }
                    let is_beside = place > 0 && beside % 5 == 0;
                    let group = ScoreGroup::new(format!("group_{place}"), rules);
                    ScoreGroup { fade, max, is_beside, ..group }
                });
            let mut model = DefineScore::new("lead", "contact", groups);
            (model.min, model.max) = (min, max);
            model
        },
    )
}

pub(super) struct World {
    pub(super) crm: Crm,
    pub(super) clock: Arc<FixedClock>,
    pub(super) contacts: Vec<RecordId>,
    companies: Vec<RecordId>,
    activities: Vec<(RecordId, &'static str)>,
}

impl World {
    /// `None` if the model cannot be published, because a cap or threshold cannot be met.
    pub(super) fn new(mut model: DefineScore) -> Option<Self> {
        let clock = Arc::new(FixedClock::new("2026-01-01T12:00:00Z".parse().unwrap()));
        let ids = Arc::new(CountedIds::default());
        let dyn_clock = Arc::clone(&clock);
        let crm =
            Crm::open_injected(":memory:", OpenOptions::default(), dyn_clock as _, ids).unwrap();
        for kind in ["visit", "form"] {
            let topic = crm_core::Attribute::new("topic", crm_core::Kind::Text);
            crm.activity_kinds().define(DefineActivityKind::new(kind, [topic])).unwrap();
        }
        crm.association_types().define(AssociationPreset::EmployedBy.definition()).unwrap();
        model.thresholds = vec![ScoreLevel::new("warm", 10), ScoreLevel::new("hot", 30)];
        if crm.scores().define(model.clone()).is_err() {
            model.thresholds.clear();
            crm.scores().define(model).ok()?;
        }
        crm.scores().publish("lead").unwrap();
        let people = RelatedScore {
            related: "contact.company".into(),
            inverse: true,
            model: "lead".into(),
            figure: ScoreFigure::Sum,
        };
        let employed = RelatedScore {
            related: "employed_by".into(),
            figure: ScoreFigure::Max,
            ..people.clone()
        };
        let rules = [("people", people), ("employed", employed)].map(|(name, related)| {
            let rule = ScoreRule::related(name, related);
            ScoreRule { min: Some(-500), max: Some(500), ..rule }
        });
        let account = DefineScore::new("account", "company", [ScoreGroup::new("all", rules)]);
        crm.scores().define(account).unwrap();
        crm.scores().publish("account").unwrap();
        let (contacts, companies, activities) = (Vec::new(), Vec::new(), Vec::new());
        Some(Self { crm, clock, contacts, companies, activities })
    }

    pub(super) fn now(&self) -> i64 {
        crm_core::Clock::now(&*self.clock).micros()
    }

    /// What is refused leaves everything as it was.
    #[expect(clippy::too_many_lines, reason = "a branch for each step")]
    pub(super) fn perform(&mut self, step: &Step) {
        let crm = &self.crm;
        let pick =
            |ids: &[RecordId], number: u8| ids.get(usize::from(number) % ids.len().max(1)).copied();
        let country = |number: u8| ["DE", "FR", "IT"][usize::from(number % 3)];
        let at = |micros: i64| Timestamp::from_micros(self.now() + micros).unwrap();
        let topic = |number: u8| match number % 4 {
            3 => values! {},
            number => values! { "topic" => ["a", "b", "x"][usize::from(number)] },
        };
        match *step {
            Step::Contact(number) => {
                let company = pick(&self.companies, number / 3).filter(|_| number % 2 == 0);
                let mut values = values! { "country" => country(number) };
                if let Some(company) = company {
                    values.insert("company", company.to_string());
                }
                self.contacts.extend(crm.contacts().create(values).ok().map(|record| record.id));
            }
            Step::Company(number) => {
                let values = values! { "name" => "Acme", "employees" => i64::from(number) };
                self.companies.extend(crm.companies().create(values).ok().map(|record| record.id));
            }
            Step::Patch(id, number) => {
                let Some(id) = pick(&self.contacts, id) else { return };
                let values = match pick(&self.companies, number / 3).filter(|_| number % 4 == 0) {
                    Some(company) => values! { "company" => company.to_string() },
                    None => values! { "country" => country(number) },
                };
                let _ = crm.contacts().patch(id, values);
            }
            Step::Employees(id, most) => {
                let Some(id) = pick(&self.companies, id) else { return };
                let _ = crm.companies().patch(id, values! { "employees" => i64::from(most % 100) });
            }
            Step::Employ(contact, company, day) => {
                let Some(from) = pick(&self.contacts, contact) else { return };
                let Some(to) = pick(&self.companies, company) else { return };
                let ends = RecordRef::new("contact", from);
                let mut link =
                    AddAssociation::new("employed_by", ends, RecordRef::new("company", to));
                let day = Timestamp::from_micros(self.now() + i64::from(day % 60) * DAY).unwrap();
                link.valid_to =
                    (day.micros() % 2 == 0).then(|| day.to_string()[..10].parse().unwrap());
                let _ = crm.associations().add(link);
            }
            Step::Activity(id, kind, hours, size) => {
                let Some(id) = pick(&self.contacts, id) else { return };
                let kind = ["visit", "form"][usize::from(kind % 2)];
                let micros = if hours > 0 { hours * DAY / 24 } else { hours * DAY };
                let mut activity = NewActivity::of(kind, RecordRef::new("contact", id), at(micros));
                activity.properties = topic(size);
                activity.amount = (size % 3 == 0).then(|| {
                    Money::new(format!("{size}.37"), ["EUR", "USD"][usize::from(size % 2)])
                });
                let recorded = crm.activities().record(activity).ok();
                self.activities.extend(recorded.map(|recorded| (recorded.activity.id, kind)));
            }
            Step::Correct(nth, days) => {
                let Some(&(old, kind)) =
                    self.activities.get(usize::from(nth) % self.activities.len().max(1))
                else {
                    return;
                };
                // Sometimes it was of another kind.
                let kind = if days % 3 == 0 { "form" } else { kind };
                let mut activity = NewActivity::new(kind, at(days * DAY));
                activity.supersedes = Some(old);
                let recorded = crm.activities().record(activity).ok();
                self.activities.extend(recorded.map(|recorded| (recorded.activity.id, kind)));
            }
            Step::Visit(who, days) => {
                let visitor = format!("visitor:{}", who % 3);
                let _ = crm.activities().record(NewActivity::of_visitor(
                    "visit",
                    visitor,
                    at(days * DAY),
                ));
            }
            Step::Identify(who, id) => {
                let Some(id) = pick(&self.contacts, id) else { return };
                let visitor = format!("visitor:{}", who % 3);
                let entity_type = "contact".into();
                let _ = crm.activities().identify(&IdentifyVisitor { visitor, entity_type, id });
            }
            Step::Release(who) => {
                let _ = crm.activities().release(&format!("visitor:{}", who % 3));
            }
            Step::Archive(id, is_away) => {
                let Some(id) = pick(&self.contacts, id) else { return };
                let _ = match is_away {
                    true => crm.contacts().archive(id, None),
                    false => crm.contacts().restore(id, None),
                };
            }
            Step::Add(id, points, days) => {
                let Some(id) = pick(&self.contacts, id) else { return };
                let groups = crm.scores().get(&GetScore { model: "lead".into(), version: None });
                let groups = groups.unwrap().groups;
                let group = &groups[points.unsigned_abs() as usize % groups.len()].name;
                let added = AddScorePoints::new("lead", id, points).part_of(group.as_str());
                let added = AddScorePoints { at: Some(at(days * DAY)), ..added };
                let _ = crm.scores().add_points(&added);
            }
            Step::Batch(id, days, size) => {
                let activities = (0..2 + size % 7).filter_map(|nth| {
                    let id = pick(&self.contacts, id.wrapping_add(nth / 3))?;
                    let kind = ["visit", "form"][usize::from(nth % 2)];
                    let who = RecordRef::new("contact", id);
                    let mut activity = NewActivity::of(kind, who, at(days * DAY));
                    activity.properties = topic(size.wrapping_add(nth));
                    Some(activity)
                });
                let activities = activities.collect();
                let request = RecordActivities { activities, all_or_nothing: false };
                crm.activities().record_many(request).unwrap();
            }
            Step::Contacts(number) => {
                let create = |nth: u8| {
                    let mut values = values! { "country" => country(number.wrapping_add(nth)) };
                    if let Some(company) = pick(&self.companies, number / 2) {
                        values.insert("company", company.to_string());
                    }
                    let change = CreateRecord { entity_type: "contact".into(), values };
                    RecordChange::Create(change)
                };
                let changes = (0..2 + number % 4).map(create).collect();
                let report = crm.apply(ApplyChanges { changes, all_or_nothing: false }).unwrap();
                self.contacts.extend(report.outcomes.iter().filter_map(|outcome| outcome.id));
            }
            Step::Wait(micros) => self.clock.advance(micros),
            Step::Tick => {
                crm.timers().tick(&TickTimers::default(), &mut |_| Flow::Continue).unwrap();
            }
            Step::Rescore => {
                crm.scores().rescore("lead").unwrap();
                crm.scores().rescore("account").unwrap();
            }
        }
    }

    fn read(&self, model: &str, id: RecordId, at: Timestamp) -> i64 {
        let read = ReadScore { at: Some(at), ..ReadScore::new(model, id) };
        let score = self.crm.scores().read(&read).unwrap().record;
        let explanation = self.crm.scores().explain(&read).unwrap();
        assert_eq!(score, explanation.record, "what is kept is what is computed, at {at}");
        let sum: i64 = explanation.contributions.iter().map(|line| line.after_total).sum();
        assert_eq!(sum, score.score, "the explanation adds up");
        score.score
    }

    /// Columns of a query are what reading each record says, whatever is asked of them.
    fn check_columns(&self, name: &str, kind: &str, days: i64) {
        let at = Timestamp::from_micros(self.now() + days * DAY).unwrap();
        let ids = if kind == "contact" { &self.contacts } else { &self.companies };
        let model = self.crm.scores().get(&GetScore { model: name.into(), version: None }).unwrap();
        let has_thresholds = !model.thresholds.is_empty();
        let group = &model.groups[0].name;
        let field =
            |field: &str| SelectColumn { field: Some(field.into()), ..SelectColumn::score(name) };
        let mut columns = vec![
            SelectColumn::field("id"),
            SelectColumn::score(name).named("score"),
            SelectColumn::score(format!("{name}.{group}")),
        ];
        columns.extend(has_thresholds.then(|| field("threshold").named("threshold")));
        let mut expected: Vec<(i64, RecordId, Vec<Value>)> = Vec::new();
        for id in ids {
            let read = ReadScore { at: Some(at), ..ReadScore::new(name, *id) };
            let score = self.crm.scores().read(&read).unwrap().record;
            let mut row =
                vec![Value::from(*id), decimal(score.score), decimal(score.groups[0].score)];
            row.extend(has_thresholds.then(|| score.threshold.map_or(Value::Null, Value::from)));
            expected.push((score.score, *id, row));
        }
        let select = SelectRows {
            archived: Archived::Include,
            at: Some(at),
            limit: 3,
            ..SelectRows::new(kind, columns)
        };
        let rows = |order: Vec<FieldOrder>| {
            let mut rows = Vec::new();
            let select = SelectRows { order, ..select.clone() };
            self.crm
                .select_each(&select, |row| {
                    rows.push(row);
                    Ok(())
                })
                .unwrap();
            rows
        };
        expected.sort_by_key(|(_, id, _)| *id);
        let by_id: Vec<_> = expected.iter().map(|(.., row)| row.clone()).collect();
        assert_eq!(rows(Vec::new()), by_id, "{name} at {at}");
        expected.sort_by_key(|(score, id, _)| (*score, *id));
        let by_score: Vec<_> = expected.iter().map(|(.., row)| row.clone()).collect();
        assert_eq!(rows(vec![FieldOrder::ascending("score")]), by_score, "{name} at {at}");
        let scores: Vec<i64> = expected.iter().map(|(score, ..)| *score).collect();
        self.check_groups((name, kind), at, &scores);
    }

    /// So do groups by points, of which these are the scores in order.
    fn check_groups(&self, (name, kind): (&str, &str), at: Timestamp, scores: &[i64]) {
        let points = |key: &str| {
            let measure = GroupMeasure { score: Some(name.into()), ..GroupMeasure::default() };
            match key {
                "sum" => GroupMeasure { sum: Some("points".into()), ..measure },
                _ => GroupMeasure { max: Some("points".into()), ..measure },
            }
        };
        let measures = [GroupMeasure::count(), points("sum"), points("max")];
        let group = GroupRecords {
            archived: Archived::Include,
            at: Some(at),
            ..GroupRecords::new(kind, [GroupKey::score(name, "points")], measures)
        };
        let groups = self.crm.group_records(&group).unwrap().rows;
        let mut by_hand: Vec<(i64, i64)> = Vec::new();
        for score in scores {
            match by_hand.last_mut() {
                Some((points, count)) if points == score => *count += 1,
                _ => by_hand.push((*score, 1)),
            }
        }
        let by_hand = by_hand.into_iter().map(|(score, count)| {
            vec![decimal(score), Value::from(count), decimal(score * count), decimal(score)]
        });
        assert_eq!(groups, by_hand.collect::<Vec<_>>(), "{name} at {at}");
    }

    fn check(&self, later: i64) {
        let problems = self.crm.verify(&mut |_| Flow::Continue).unwrap().problems;
        assert_eq!(problems, Vec::<String>::new());
        for at in [self.now(), self.now() + later] {
            let at = Timestamp::from_micros(at).unwrap();
            for (model, ids) in [("lead", &self.contacts), ("account", &self.companies)] {
                let in_use = |id: &&RecordId| {
                    let kind = if model == "lead" { "contact" } else { "company" };
                    self.crm.records(kind).get(**id).unwrap().archived_at.is_none()
                };
                let mut expected: Vec<(i64, RecordId)> =
                    ids.iter().filter(in_use).map(|id| (self.read(model, *id, at), *id)).collect();
                expected.sort_by_key(|(score, id)| (-score, *id));
                let request = RankScores { at: Some(at), ..RankScores::new(model) };
                let page = self.crm.scores().ranking(&request).unwrap();
                let ranked: Vec<_> = page.records.iter().map(|r| (r.score, r.id)).collect();
                assert_eq!(ranked, expected, "{model} at {at}");
                let few = RankScores { limit: 2, ..request };
                let page = self.crm.scores().ranking(&few).unwrap();
                let ranked: Vec<_> = page.records.iter().map(|r| (r.score, r.id)).collect();
                assert_eq!(ranked, expected[..expected.len().min(2)]);
                // With a condition it is the same without those of which that is false.
                let condition: Condition = "country in (\"DE\", \"FR\")".parse().unwrap();
                let kind = if model == "lead" { "contact" } else { "company" };
                let list =
                    ListRecords { condition: Some(condition.clone()), ..ListRecords::new(kind) };
                let page = self.crm.list_records(&list).unwrap();
                let listed: Vec<RecordId> = page.records.iter().map(|record| record.id).collect();
                expected.retain(|(_, id)| listed.contains(id));
                for limit in [100, 1] {
                    let condition = Some(condition.clone());
                    let request =
                        RankScores { condition, at: Some(at), limit, ..RankScores::new(model) };
                    let page = self.crm.scores().ranking(&request).unwrap();
                    let ranked: Vec<_> = page.records.iter().map(|r| (r.score, r.id)).collect();
                    assert_eq!(ranked, expected[..expected.len().min(limit as usize)]);
                }
            }
        }
        for days in [-20, 0, 20] {
            self.check_columns("lead", "contact", days);
            self.check_columns("account", "company", days);
        }
        // Each threshold is crossed upwards and downwards in turn.
        for id in &self.contacts {
            let history = self.crm.scores().history(&GetScoreHistory::new("lead", *id)).unwrap();
            for name in ["warm", "hot"] {
                let of_it = history.crossings.iter().filter(|crossing| crossing.threshold == name);
                let ups: Vec<bool> = of_it.map(|crossing| crossing.is_up).collect();
                assert!(ups.windows(2).all(|pair| pair[0] != pair[1]), "{ups:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(150))]

    /// What is kept is what all the facts give, at every moment; explanations add up; rankings miss
    /// nobody; and scoring everything anew changes nothing.
    #[test]
    fn scores_are_live_and_exact(
        model in model(),
        steps in prop::collection::vec(step(), 1..40),
        later in 0..60 * DAY,
    ) {
        let world = World::new(model);
        prop_assume!(world.is_some());
        let mut world = world.unwrap();
        for (place, step) in steps.iter().enumerate() {
            world.perform(step);
            if place % 6 == 5 {
                world.check(later);
            }
        }
        world.check(later);
        world.perform(&Step::Rescore);
        for model in ["lead", "account"] {
            prop_assert_eq!(world.crm.scores().rescore(model).unwrap().changed, 0);
        }
        world.check(later);
    }

    /// A batch comes to what the same activities come to one by one: what records score, who is in
    /// which segment; and where points only rise, so that nothing comes and goes in between, also what
    /// follows from these.
    #[test]
    fn a_batch_comes_to_what_single_writes_do(
        random in model(),
        only_rises in any::<bool>(),
        happenings in prop::collection::vec((0..3_usize, any::<bool>(), 0..20_i64), 1..14),
    ) {
        let points = |kind: &str, points| ScoreRule::activity(kind, kind, points);
        let group = ScoreGroup::new("all", [points("visit", 9), points("form", 16)]);
        let rising = DefineScore::new("lead", "contact", [group]);
        let files = [true, false].map(|is_batch| {
            let model = if only_rises { rising.clone() } else { random.clone() };
            let mut world = World::new(model)?;
            follow(&world.crm)?;
            for nth in 0..3 {
                world.perform(&Step::Company(nth));
                world.perform(&Step::Contact(nth * 2));
            }
            let activities = happenings.iter().map(|(who, is_visit, days)| {
                let who = RecordRef::new("contact", world.contacts[*who]);
                let at = Timestamp::from_micros(world.now() - days * DAY).unwrap();
                NewActivity::of(if *is_visit { "visit" } else { "form" }, who, at)
            });
            let activities: Vec<_> = activities.collect();
            if is_batch {
                let request = RecordActivities { activities, all_or_nothing: true };
                assert!(world.crm.activities().record_many(request).unwrap().is_committed);
            } else {
                for activity in activities {
                    world.crm.activities().record(activity).unwrap();
                }
            }
            world.check(DAY);
            Some(world)
        });
        let [Some(batch), Some(single)] = files else { return Err(TestCaseError::reject("refused")) };
        for (batch_id, single_id) in batch.contacts.iter().zip(&single.contacts) {
            let kept = [(&batch, batch_id), (&single, single_id)].map(|(world, id)| {
                let now = Timestamp::from_micros(world.now()).unwrap();
                let is_member = |name: &&str| {
                    let segment = ExplainMember::new(*name, *id);
                    world.crm.segments().explain(&segment).unwrap().is_member
                };
                let members: Vec<_> = ["busy", "hot"].into_iter().filter(is_member).collect();
                (world.read("lead", *id, now), members)
            });
            prop_assert_eq!(&kept[0], &kept[1]);
            if only_rises {
                let came = [(&batch, batch_id), (&single, single_id)].map(|(world, id)| {
                    let stage = GetLifecycleHistory::new("way", *id);
                    let standing = world.crm.lifecycles().history(&stage).unwrap().standing;
                    let record = world.crm.contacts().get(*id).unwrap();
                    let titles = ["job_title", "locale"].map(|name| record.get(name).clone());
                    (standing.stage, titles)
                });
                prop_assert_eq!(&came[0], &came[1]);
            }
        }
    }
}

/// Segments, a lifecycle and rules that ask for the score of a contact, and for each other.
///
/// `None` if a question cannot be true by the score.
fn follow(crm: &Crm) -> Option<()> {
    for (name, condition) in [
        ("busy", "count(visit) >= 2"),
        ("hot", "score(\"lead\" >= 30) or in segment \"busy\" and score(\"lead\" >= 20)"),
    ] {
        let segment = DefineSegment::live(name, "contact", condition.parse().unwrap());
        crm.segments().define(segment).ok()?;
    }
    let mut way = DefineLifecycle::new("way", "contact", ["lead", "mql", "sql"].map(Stage::new));
    way.initial = Some("lead".into());
    let warm = StageTrigger::when("mql", "score(\"lead\" >= 20)".parse().unwrap());
    way.triggers = vec![warm, StageTrigger::when("sql", "in segment \"hot\"".parse().unwrap())];
    crm.lifecycles().define(way).ok()?;
    let rules = [
        (RuleTrigger::entered("hot"), RuleAction::set("job_title", "hot")),
        (RuleTrigger::stage_entered("way", "sql"), RuleAction::set("locale", "de")),
    ];
    for (nth, (on, action)) in rules.into_iter().enumerate() {
        let rule = DefineRule::new(format!("rule_{nth}"), "contact", on, [action]);
        crm.rules().define(rule).ok()?;
    }
    Some(())
}

/// Points as a column shows them.
fn decimal(points: i64) -> Value {
    let (sign, points) = (if points < 0 { "-" } else { "" }, points.unsigned_abs());
    Value::from(format!("{sign}{}.{:03}", points / 1000, points % 1000))
}
