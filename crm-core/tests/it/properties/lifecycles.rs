//! Random work on lifecycles, and the laws of the ways that come of it.

use crm_core::{
    AddAssociation, Archived, AssociationPreset, Condition, Crm, DefineActivityKind,
    DefineLifecycle, DefineScore, DefineSegment, FieldOrder, Flow, GetLifecycleHistory,
    LifecyclePreset, MoveStage, NewActivity, RecordId, RecordRef, RelatedStage, ResetStage,
    ScoreGroup, ScoreRule, SelectColumn, SelectRows, Stage, StageCause, StageMapping, StageTrigger,
    StageVisit, Timestamp, Value, values,
};
use proptest::prelude::*;

use super::{cases, memory};

#[derive(Debug, Clone)]
enum Step {
    Contact,
    Company,
    Deal(u8, u8),
    Move(u8, u8, u8),
    Reset(u8, u8, u8),
    Activity(u8, u8, i64),
    Employ(u8, u8, bool),
    Patch(u8, bool),
    Archive(u8),
    Redefine(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let number = any::<u8>;
    prop_oneof![
        3 => Just(Step::Contact),
        1 => Just(Step::Company),
        3 => (number(), number()).prop_map(|(contact, company)| Step::Deal(contact, company)),
        8 => (number(), number(), number()).prop_map(|(way, id, to)| Step::Move(way, id, to)),
        4 => (number(), number(), number()).prop_map(|(way, id, to)| Step::Reset(way, id, to)),
        6 => (number(), number(), 0_i64..40).prop_map(|(id, kind, day)| Step::Activity(id, kind, day)),
        2 => (number(), number(), any::<bool>()).prop_map(|(a, b, first)| Step::Employ(a, b, first)),
        2 => (number(), any::<bool>()).prop_map(|(id, set)| Step::Patch(id, set)),
        1 => number().prop_map(Step::Archive),
        1 => any::<bool>().prop_map(Step::Redefine),
    ]
}

/// Lifecycles that follow each other; `is_short` leaves out a stage of that of contacts.
fn define(crm: &Crm, is_short: bool) {
    let lifecycles = crm.lifecycles();
    let mut contact = LifecyclePreset::Contact.definition();
    let deal = |stage: &str| RelatedStage::new("deal.contact", "deal", stage).inverse();
    let firm =
        RelatedStage { only_primary: true, ..RelatedStage::new("employed_by", "firm", "client") };
    let lost =
        StageTrigger { reason: Some("x".into()), ..StageTrigger::activity("churned", "quit") };
    contact.triggers = vec![
        StageTrigger::activity("mql", "form"),
        StageTrigger::activity("customer", "buy"),
        lost,
        StageTrigger::when("lead", Condition::field("email").is_set()),
        StageTrigger::related("opportunity", deal("prospecting")),
        StageTrigger::related("customer", deal("won")),
        StageTrigger::related("sql", firm),
    ];
    contact.stages[4].required = vec!["family_name".into()];
    contact.stages[3] = contact.stages[3].clone().guard("version < 4".parse().unwrap());
    if is_short {
        contact.stages.remove(2);
        contact.triggers.remove(0);
        contact.map = vec![StageMapping { stage: "mql".into(), becomes: "lead".into() }];
    }
    lifecycles.define(contact).unwrap();
}

struct World {
    crm: Crm,
    contacts: Vec<RecordId>,
    companies: Vec<RecordId>,
    deals: Vec<RecordId>,
}

fn pick(ids: &[RecordId], number: u8) -> RecordId {
    ids.get(usize::from(number) % ids.len().max(1))
        .copied()
        .unwrap_or(RecordId::from_bytes([7; 16]))
}

impl World {
    fn new() -> Self {
        let crm = memory();
        crm.association_types().define_preset(AssociationPreset::EmployedBy).unwrap();
        for kind in ["form", "buy", "quit"] {
            crm.activity_kinds().define(DefineActivityKind::new(kind, [])).unwrap();
        }
        crm.lifecycles().define_preset(LifecyclePreset::Deal).unwrap();
        let mut firm =
            DefineLifecycle::new("firm", "company", ["prospect", "client"].map(Stage::new));
        let deal = RelatedStage::new("deal.company", "deal", "won").inverse();
        firm.triggers = vec![StageTrigger::related("client", deal)];
        crm.lifecycles().define(firm).unwrap();
        define(&crm, false);
        // What looks at the stages has to follow them, be they defined anew.
        let lead: Condition = "stage(eq \"lead\" in \"contact\")".parse().unwrap();
        crm.segments().define(DefineSegment::live("leads", "contact", lead.clone())).unwrap();
        let rule = ScoreRule::when("lead", lead, 10);
        let score = DefineScore::new("leads", "contact", [ScoreGroup::new("stage", [rule])]);
        crm.scores().define(score).unwrap();
        crm.scores().publish("leads").unwrap();
        Self { crm, contacts: Vec::new(), companies: Vec::new(), deals: Vec::new() }
    }

    fn of(&self, way: u8) -> (&'static str, &[RecordId]) {
        match way % 3 {
            0 => ("contact", &self.contacts),
            1 => ("firm", &self.companies),
            _ => ("deal", &self.deals),
        }
    }

    fn stage(&self, lifecycle: &str, number: u8) -> String {
        let stages = self.crm.lifecycles().get(lifecycle).unwrap().stages;
        stages[usize::from(number) % stages.len()].name.clone()
    }

    fn perform(&mut self, step: &Step) {
        let crm = self.crm.clone();
        match step {
            Step::Contact => {
                self.contacts
                    .push(crm.contacts().create(values! { "given_name" => "A" }).unwrap().id);
            }
            Step::Company => {
                self.companies.push(crm.companies().create(values! { "name" => "A" }).unwrap().id);
            }
            Step::Deal(contact, company) => {
                let (contact, company) =
                    (pick(&self.contacts, *contact), pick(&self.companies, *company));
                let values = values! { "name" => "A", "contact" => contact, "company" => company };
                self.deals.extend(crm.deals().create(values).map(|record| record.id));
            }
            Step::Move(way, id, to) => {
                let (lifecycle, ids) = self.of(*way);
                let stage = self.stage(lifecycle, *to);
                let request = MoveStage::new(lifecycle, pick(ids, *id), stage).because("other");
                let _ = crm.lifecycles().move_to(request);
            }
            Step::Reset(way, id, to) => {
                let (lifecycle, ids) = self.of(*way);
                let stage = self.stage(lifecycle, *to);
                let request = ResetStage::new(lifecycle, pick(ids, *id), stage, "x");
                let _ = crm.lifecycles().reset(request);
            }
            Step::Activity(id, kind, day) => {
                let kind = ["form", "buy", "quit"][usize::from(*kind) % 3];
                let at =
                    Timestamp::from_micros(1_766_000_000_000_000 + day * 86_400_000_000).unwrap();
                let subject = RecordRef::new("contact", pick(&self.contacts, *id));
                let _ = crm.activities().record(NewActivity::of(kind, subject, at));
            }
            Step::Employ(contact, company, is_primary) => {
                let contact = RecordRef::new("contact", pick(&self.contacts, *contact));
                let company = RecordRef::new("company", pick(&self.companies, *company));
                let job = AddAssociation::new("employed_by", contact, company);
                let _ = crm.associations().add(AddAssociation { is_primary: *is_primary, ..job });
            }
            Step::Patch(id, is_set) => {
                let id = pick(&self.contacts, *id);
                let text = |text: String| if *is_set { Value::from(text) } else { Value::Null };
                let email = text(format!("a{id}@example.org"));
                let name = text("B".into());
                let values = values! { "email" => email, "family_name" => name };
                let _ = crm.contacts().patch(id, values);
            }
            Step::Archive(id) => {
                let _ = crm.contacts().archive(pick(&self.contacts, *id), None);
            }
            Step::Redefine(is_short) => {
                define(&crm, *is_short);
            }
        }
    }
}

/// Columns of a query are what the history of each record says of the moment.
fn check_columns(world: &World, way: u8) {
    let (lifecycle, ids) = world.of(way);
    let kind = if lifecycle == "firm" { "company" } else { lifecycle };
    let stages = world.crm.lifecycles().get(lifecycle).unwrap().stages;
    let place = |name: &str| stages.iter().position(|stage| stage.name == name);
    let histories: Vec<_> = ids
        .iter()
        .map(|id| {
            let all =
                GetLifecycleHistory { limit: 10_000, ..GetLifecycleHistory::new(lifecycle, *id) };
            (*id, world.crm.lifecycles().history(&all).unwrap())
        })
        .collect();
    let visits = histories.iter().flat_map(|(_, history)| &history.visits);
    // The present, and each moment at which something came to a stage, and just before it.
    let mut moments: Vec<i64> = visits.map(|visit| visit.entered_at.micros()).collect();
    moments.extend(moments.clone().iter().map(|at| at - 1));
    moments.push("2030-01-01T00:00:00Z".parse::<Timestamp>().unwrap().micros());
    moments.sort_unstable();
    moments.dedup();
    let some = moments.len().div_ceil(6);
    for at in moments.into_iter().rev().step_by(some) {
        let column = |field: &str| SelectColumn {
            field: Some(field.into()),
            ..SelectColumn::stage(lifecycle)
        };
        let columns = ["stage", "entered_at", "cycle", "reached"].map(column);
        let id = SelectColumn::field("id");
        let select = SelectRows {
            at: Some(Timestamp::from_micros(at).unwrap()),
            archived: Archived::Include,
            order: vec![FieldOrder::ascending(format!("{lifecycle}.stage"))],
            limit: 10_000,
            ..SelectRows::new(kind, std::iter::once(id).chain(columns))
        };
        let rows = world.crm.select_rows(&select).unwrap().rows;
        let mut expected: Vec<(Option<usize>, RecordId, Vec<Value>)> = Vec::new();
        for (id, history) in &histories {
            let by_then = |visit: &&StageVisit| visit.entered_at.micros() <= at;
            let visits: Vec<_> = history.visits.iter().filter(by_then).collect();
            let Some(last) = visits.last() else {
                let row = std::iter::once(Value::from(*id)).chain(vec![Value::Null; 4]);
                expected.push((None, *id, row.collect()));
                continue;
            };
            let of_cycle = visits.iter().filter(|visit| visit.cycle == last.cycle);
            let ordered = of_cycle.filter_map(|visit| place(&visit.stage));
            let reached = ordered.filter(|place| stages[*place].kind.is_ordered()).max();
            let row = vec![
                Value::from(*id),
                Value::from(last.stage.as_str()),
                Value::from(last.entered_at),
                Value::from(i64::from(last.cycle)),
                reached.map_or(Value::Null, |place| Value::from(stages[place].name.as_str())),
            ];
            expected.push((place(&last.stage), *id, row));
        }
        expected.sort_by_key(|(place, id, _)| (*place, *id));
        let expected: Vec<_> = expected.into_iter().map(|(.., row)| row).collect();
        assert_eq!(rows, expected, "{lifecycle} at {at}");
    }
}

proptest! {
    #![proptest_config(cases(200))]

    /// The tables are what the journal says; each stay begins where the one before ended; within a
    /// cycle only a reset leads back; and the furthest stage is the furthest of the cycle.
    #[test]
    fn ways_go_forward_and_follow_from_the_journal(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        for step in &steps {
            world.perform(step);
        }
        let report = world.crm.verify(&mut |_| Flow::Continue).unwrap();
        prop_assert_eq!(report.problems, Vec::<String>::new());
        for way in 0..3 {
            check_columns(&world, way);
            let (lifecycle, ids) = world.of(way);
            let stages = world.crm.lifecycles().get(lifecycle).unwrap().stages;
            let place = |name: &str| stages.iter().position(|stage| stage.name == name).unwrap();
            for id in ids {
                let request =
                    GetLifecycleHistory { limit: 10_000, ..GetLifecycleHistory::new(lifecycle, *id) };
                let history = world.crm.lifecycles().history(&request).unwrap();
                let (standing, visits) = (&history.standing, &history.visits);
                prop_assert_eq!(standing.visits as usize, visits.len());
                prop_assert_eq!(standing.stage.as_ref(), visits.last().map(|visit| &visit.stage));
                let mut last = None;
                for (visit, next) in visits.iter().zip(visits.iter().skip(1).map(Some).chain([None])) {
                    prop_assert_eq!(visit.exited_at, next.map(|next| next.entered_at));
                    let at = place(&visit.stage);
                    if stages[at].kind.is_ordered() {
                        if let Some((cycle, before)) = last
                            && cycle == visit.cycle
                            && visit.cause != StageCause::Reset
                        {
                            prop_assert!(before <= at, "{} in {:?}", visit.stage, visits);
                        }
                        last = Some((visit.cycle, at));
                    }
                }
                let of_cycle = visits.iter().filter(|visit| visit.cycle == standing.cycle);
                let ordered = of_cycle.map(|visit| place(&visit.stage));
                let furthest = ordered.filter(|at| stages[*at].kind.is_ordered()).max();
                prop_assert_eq!(standing.reached.as_deref().map(place), furthest);
            }
        }
    }
}
