//! Random work on segments: members that were kept true with each write are those that are found anew.

use crm_core::{
    AddAssociation, AssociationPreset, Condition, Crm, DefineActivityKind, DefineSegment, Flow,
    IdentifyVisitor, LifecyclePreset, ListMembers, MoveStage, NewActivity, RecordId, RecordRef,
    TickTimers, Timestamp, Value, values,
};
use proptest::prelude::*;

use super::{cases, memory};

#[derive(Debug, Clone)]
enum Step {
    Contact,
    Company(u8),
    Deal(u8, u8),
    Activity(u8, u8, i64),
    Supersede(u8, u8),
    Visit(u8, i64),
    Identify(u8, u8),
    Release(u8),
    Employ(u8, u8, u8),
    EndJob(u8),
    Patch(u8, u8),
    Grow(u8, u8),
    Refer(u8, u8),
    Move(u8, u8),
    Archive(u8, u8, bool),
    Redefine(bool),
    Tick,
}

fn step() -> impl Strategy<Value = Step> {
    let n = any::<u8>;
    prop_oneof![
        3 => Just(Step::Contact),
        2 => n().prop_map(Step::Company),
        2 => (n(), n()).prop_map(|(a, b)| Step::Deal(a, b)),
        6 => (n(), n(), 0_i64..60).prop_map(|(a, b, day)| Step::Activity(a, b, day)),
        2 => (n(), n()).prop_map(|(a, b)| Step::Supersede(a, b)),
        2 => (n(), 0_i64..60).prop_map(|(a, day)| Step::Visit(a, day)),
        2 => (n(), n()).prop_map(|(a, b)| Step::Identify(a, b)),
        1 => n().prop_map(Step::Release),
        3 => (n(), n(), n()).prop_map(|(a, b, c)| Step::Employ(a, b, c)),
        1 => n().prop_map(Step::EndJob),
        4 => (n(), n()).prop_map(|(a, b)| Step::Patch(a, b)),
        2 => (n(), n()).prop_map(|(a, b)| Step::Grow(a, b)),
        2 => (n(), n()).prop_map(|(a, b)| Step::Refer(a, b)),
        2 => (n(), n()).prop_map(|(a, b)| Step::Move(a, b)),
        3 => (n(), n(), any::<bool>()).prop_map(|(a, b, c)| Step::Archive(a, b, c)),
        1 => any::<bool>().prop_map(Step::Redefine),
        2 => Just(Step::Tick),
    ]
}

/// Name and condition of each segment of contacts.
const SEGMENTS: [(&str, &str); 9] = [
    ("named", "family_name = \"B\""),
    ("active", "count(form within 30d) >= 2"),
    ("quiet", "not count(buy within 10d) >= 1"),
    ("staff", "related(employed_by: employees >= 10)"),
    ("client", "related(inverse deal.contact: stage(at_least \"proposal\"))"),
    ("referred", "related(company: employees >= 5)"),
    ("ripe", "stage(at_least \"mql\")"),
    ("fresh", "changed(family_name within 1d)"),
    ("best", "in segment \"active\" or (in segment \"staff\" and not in segment \"named\")"),
];

struct World {
    crm: Crm,
    contacts: Vec<RecordId>,
    companies: Vec<RecordId>,
    deals: Vec<RecordId>,
    activities: Vec<RecordId>,
    jobs: Vec<RecordId>,
}

fn pick(ids: &[RecordId], number: u8) -> RecordId {
    let id = ids.get(usize::from(number) % ids.len().max(1)).copied();
    id.unwrap_or(RecordId::from_bytes([7; 16]))
}

fn day(day: i64) -> Timestamp {
    // Some before the beginning, some after it.
    Timestamp::from_micros(1_764_000_000_000_000 + day * 86_400_000_000).unwrap()
}

impl World {
    fn new() -> Self {
        let crm = memory();
        crm.association_types().define_preset(AssociationPreset::EmployedBy).unwrap();
        for kind in ["form", "buy"] {
            crm.activity_kinds().define(DefineActivityKind::new(kind, [])).unwrap();
        }
        crm.lifecycles().define_preset(LifecyclePreset::Contact).unwrap();
        crm.lifecycles().define_preset(LifecyclePreset::Deal).unwrap();
        for (name, text) in SEGMENTS {
            let condition: Condition = text.parse().unwrap();
            crm.segments().define(DefineSegment::live(name, "contact", condition)).unwrap();
        }
        let (contacts, companies, deals) = (Vec::new(), Vec::new(), Vec::new());
        Self { crm, contacts, companies, deals, activities: Vec::new(), jobs: Vec::new() }
    }

    #[expect(clippy::too_many_lines, reason = "a branch for each step")]
    fn perform(&mut self, step: &Step) {
        let crm = self.crm.clone();
        let activity = |kind: &u8| if kind.is_multiple_of(2) { "form" } else { "buy" };
        match step {
            Step::Contact => {
                let ann = values! { "given_name" => "A" };
                self.contacts.push(crm.contacts().create(ann).unwrap().id);
            }
            Step::Company(size) => {
                let firm = values! { "name" => "A", "employees" => i64::from(size % 16) };
                self.companies.push(crm.companies().create(firm).unwrap().id);
            }
            Step::Deal(contact, stage) => {
                let deal = values! { "name" => "A", "contact" => pick(&self.contacts, *contact) };
                if let Ok(deal) = crm.deals().create(deal) {
                    self.deals.push(deal.id);
                    let stages = ["prospecting", "proposal", "won"];
                    let to = stages[usize::from(*stage) % 3];
                    let _ = crm.lifecycles().move_to(MoveStage::new("deal", deal.id, to));
                }
            }
            Step::Activity(id, kind, at) => {
                let subject = RecordRef::new("contact", pick(&self.contacts, *id));
                let new = NewActivity::of(activity(kind), subject, day(*at));
                self.activities.extend(crm.activities().record(new).map(|done| done.activity.id));
            }
            Step::Supersede(id, old) => {
                let subject = RecordRef::new("contact", pick(&self.contacts, *id));
                let supersedes = Some(pick(&self.activities, *old));
                let new = NewActivity { supersedes, ..NewActivity::of("form", subject, day(1)) };
                let _ = crm.activities().record(new);
            }
            Step::Visit(visitor, at) => {
                let visitor = format!("v{}", visitor % 3);
                let _ = crm.activities().record(NewActivity::of_visitor("form", visitor, day(*at)));
            }
            Step::Identify(visitor, id) => {
                let (visitor, id) = (format!("v{}", visitor % 3), pick(&self.contacts, *id));
                let request = IdentifyVisitor { visitor, entity_type: "contact".into(), id };
                let _ = crm.activities().identify(&request);
            }
            Step::Release(visitor) => {
                let _ = crm.activities().release(&format!("v{}", visitor % 3));
            }
            Step::Employ(contact, company, until) => {
                let contact = RecordRef::new("contact", pick(&self.contacts, *contact));
                let company = RecordRef::new("company", pick(&self.companies, *company));
                let job = AddAssociation::new("employed_by", contact, company);
                let valid_to = (until % 2 == 0).then(|| "2026-01-01".parse().unwrap());
                let job = crm.associations().add(AddAssociation { valid_to, ..job });
                self.jobs.extend(job.map(|job| job.id));
            }
            Step::EndJob(job) => {
                let _ = crm.associations().archive(pick(&self.jobs, *job), None);
            }
            Step::Patch(id, name) => {
                let name = if name % 2 == 0 { Value::from("B") } else { Value::Null };
                let id = pick(&self.contacts, *id);
                let _ = crm.contacts().patch(id, values! { "family_name" => name });
            }
            Step::Grow(id, size) => {
                let size = i64::from(size % 16);
                let id = pick(&self.companies, *id);
                let _ = crm.companies().patch(id, values! { "employees" => size });
            }
            Step::Refer(contact, company) => {
                let company = pick(&self.companies, *company);
                let id = pick(&self.contacts, *contact);
                let _ = crm.contacts().patch(id, values! { "company" => company });
            }
            Step::Move(id, stage) => {
                let stages = ["lead", "mql", "customer"];
                let to = stages[usize::from(*stage) % 3];
                let request = MoveStage::new("contact", pick(&self.contacts, *id), to);
                let _ = crm.lifecycles().move_to(request);
            }
            Step::Archive(what, id, archive) => {
                let (records, ids) = match what % 3 {
                    0 => (crm.contacts(), &self.contacts),
                    1 => (crm.companies(), &self.companies),
                    _ => (crm.deals(), &self.deals),
                };
                let id = pick(ids, *id);
                let _ = match archive {
                    true => records.archive(id, None),
                    false => records.restore(id, None),
                };
            }
            Step::Redefine(other) => {
                let text = if *other { "family_name is missing" } else { SEGMENTS[0].1 };
                let named = DefineSegment::live("named", "contact", text.parse().unwrap());
                crm.segments().define(named).unwrap();
            }
            Step::Tick => {
                crm.timers().tick(&TickTimers::default(), &mut |_| Flow::Continue).unwrap();
            }
        }
    }

    fn members(&self, segment: &str) -> Vec<RecordId> {
        let request = ListMembers { limit: 10_000, ..ListMembers::new(segment) };
        let page = self.crm.segments().members(&request).unwrap();
        page.members.into_iter().map(|member| member.id).collect()
    }
}

proptest! {
    #![proptest_config(cases(150))]

    /// Whatever is written, in whatever order: the file holds what conditions, journal and tables say;
    /// and asking all records anew after a tick changes nobody.
    #[test]
    fn members_kept_true_are_members_found_anew(steps in prop::collection::vec(step(), 1..50)) {
        let mut world = World::new();
        for step in &steps {
            world.perform(step);
        }
        let report = world.crm.verify(&mut |_| Flow::Continue).unwrap();
        prop_assert_eq!(report.problems, Vec::<String>::new());
        world.perform(&Step::Tick);
        for (name, _) in SEGMENTS {
            let kept = world.members(name);
            let report = world.crm.segments().refresh(name, &mut |_| Flow::Continue).unwrap();
            prop_assert_eq!((name, report.entered, report.left), (name, 0, 0));
            prop_assert_eq!(report.members as usize, kept.len());
        }
    }
}
