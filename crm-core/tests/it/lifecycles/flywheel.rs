//! The flywheel: who came by existing customers, and where the way rubs.

use crm_core::{
    AddAssociation, Crm, DefineAssociationType, ErrorKind, Flywheel, GetFlywheel, MoveStage,
    RecordId, RecordRef, RelatedStage, ResetStage, StageFriction, StageTrigger, Timestamp, WinBack,
    values,
};

use super::{contact, open};

const DAY: i64 = 86_400_000_000;

fn at(day: i64) -> Timestamp {
    Timestamp::from_micros(1_704_067_200_000_000 + day * DAY).unwrap()
}

fn on(crm: &Crm, lifecycle: &str, id: RecordId, to: &str, day: i64) {
    let request = MoveStage { at: Some(at(day)), ..MoveStage::new(lifecycle, id, to) };
    assert!(crm.lifecycles().move_to(request.because("other")).unwrap().is_moved, "{to}");
}

fn figures(flywheel: &Flywheel) -> (u64, u64, u64, u64, Option<f64>) {
    let Flywheel { customers, referred, repeated, by_existing, share, .. } = flywheel;
    (*customers, *referred, *repeated, *by_existing, *share)
}

/// A file in which contacts refer others.
fn referring() -> Crm {
    let crm = open();
    let referred = DefineAssociationType::new("referred_by", ["contact"], ["contact"]);
    crm.association_types().define(referred).unwrap();
    crm
}

fn refer(crm: &Crm, who: RecordId, by: RecordId) {
    let end = |id| RecordRef::new("contact", id);
    crm.associations().add(AddAssociation::new("referred_by", end(who), end(by))).unwrap();
}

fn by_referral() -> GetFlywheel {
    let referral = vec![RelatedStage::new("referred_by", "contact", "customer")];
    GetFlywheel { referral, ..GetFlywheel::new("contact") }
}

#[test]
fn new_customers_come_by_those_who_were_customers_before() {
    let crm = referring();
    let [ann, bob, eve, joe, kim] = [0; 5].map(|_| contact(&crm));
    on(&crm, "contact", ann, "customer", 0);
    // Ann was a customer when Bob became one; Joe became one only after Eve.
    refer(&crm, bob, ann);
    on(&crm, "contact", bob, "customer", 2);
    refer(&crm, eve, joe);
    on(&crm, "contact", eve, "advocate", 3);
    on(&crm, "contact", joe, "customer", 4);
    // Nobody brings himself.
    refer(&crm, kim, kim);
    on(&crm, "contact", kim, "customer", 5);
    // A win-back is a customer of its own, by one who was one.
    on(&crm, "contact", ann, "churned", 6);
    on(&crm, "contact", ann, "customer", 7);
    // And one who goes on within the cycle has not come again.
    on(&crm, "contact", bob, "advocate", 8);
    let all = crm.lifecycles().flywheel(&by_referral()).unwrap();
    assert_eq!(all.stage, "customer");
    assert_eq!(figures(&all), (6, 1, 1, 2, Some(2.0 / 6.0)));
    let some = GetFlywheel { from: Some(at(2)), until: Some(at(4)), ..by_referral() };
    let some = crm.lifecycles().flywheel(&some).unwrap();
    assert_eq!(figures(&some), (2, 1, 0, 1, Some(0.5)));
    let later = GetFlywheel { stage: Some("advocate".into()), ..GetFlywheel::new("contact") };
    assert_eq!(crm.lifecycles().flywheel(&later).unwrap().customers, 2);
    let none = GetFlywheel { from: Some(at(90)), ..by_referral() };
    assert_eq!(figures(&crm.lifecycles().flywheel(&none).unwrap()), (0, 0, 0, 0, None));
}

#[test]
fn a_deal_is_a_repeat_if_its_contact_had_bought_before() {
    let crm = open();
    let mut contacts = crm_core::LifecyclePreset::Contact.definition();
    let won = RelatedStage::new("deal.contact", "deal", "won").inverse();
    contacts.triggers = vec![StageTrigger::related("customer", won)];
    crm.lifecycles().define(contacts).unwrap();
    let ann = contact(&crm);
    let deal =
        |name: &str| crm.deals().create(values! { "name" => name, "contact" => ann }).unwrap().id;
    let go = |id: RecordId| {
        crm.lifecycles().move_to(MoveStage::new("deal", id, "won")).unwrap();
    };
    let (first, second) = (deal("A"), deal("B"));
    go(first);
    std::thread::sleep(std::time::Duration::from_millis(2));
    go(second);
    let repeat = vec![RelatedStage::new("contact", "contact", "customer")];
    let request = GetFlywheel { repeat, ..GetFlywheel::new("deal") };
    let flywheel = crm.lifecycles().flywheel(&request).unwrap();
    assert_eq!(figures(&flywheel), (2, 0, 1, 1, Some(0.5)));
}

#[test]
fn friction_says_what_became_of_the_stays() {
    let crm = open();
    crm.activity_kinds().define(crm_core::DefineActivityKind::new("form", [])).unwrap();
    let mut definition = crm_core::LifecyclePreset::Contact.definition();
    definition.triggers = vec![StageTrigger::activity("lead", "form")];
    crm.lifecycles().define(definition).unwrap();
    let [ann, bob, eve] = [0; 3].map(|_| contact(&crm));
    on(&crm, "contact", ann, "mql", 0);
    on(&crm, "contact", ann, "sql", 2);
    let back = ResetStage { at: Some(at(3)), ..ResetStage::new("contact", ann, "mql", "mistaken") };
    crm.lifecycles().reset(back).unwrap();
    on(&crm, "contact", bob, "mql", 0);
    on(&crm, "contact", bob, "lost", 4);
    on(&crm, "contact", eve, "mql", 0);
    let form = crm_core::NewActivity::of("form", RecordRef::new("contact", eve), at(1));
    crm.activities().record(form).unwrap();
    let flywheel = crm.lifecycles().flywheel(&GetFlywheel::new("contact")).unwrap();
    let by_name = |name: &str| -> StageFriction {
        flywheel.friction.iter().find(|friction| friction.stage == name).unwrap().clone()
    };
    let mql = by_name("mql");
    assert_eq!(
        (mql.left, mql.lost, mql.drop_off, mql.resets, mql.suppressed),
        (2, 1, Some(0.5), 0, 1)
    );
    assert_eq!(
        mql.median_micros,
        Some(3 * DAY),
        "of two and four days; those that last do not count"
    );
    let sql = by_name("sql");
    assert_eq!((sql.left, sql.lost, sql.resets, sql.median_micros), (1, 0, 1, Some(DAY)));
    assert_eq!((by_name("lead").left, by_name("lead").drop_off), (0, None), "skipped");
    let early = GetFlywheel { until: Some(at(4)), ..GetFlywheel::new("contact") };
    let early = crm.lifecycles().flywheel(&early).unwrap();
    let mql = &early.friction[2];
    assert_eq!((mql.left, mql.lost, mql.suppressed), (1, 0, 0), "recorded today");
}

#[test]
fn what_cannot_be_asked_is_refused_with_its_path() {
    let crm = referring();
    let way =
        |related: &str, lifecycle: &str, stage: &str| RelatedStage::new(related, lifecycle, stage);
    let asked = |related| GetFlywheel { referral: vec![related], ..GetFlywheel::new("contact") };
    for (request, kind, field) in [
        (GetFlywheel::new("contakt"), ErrorKind::NotFound, "lifecycle"),
        (
            GetFlywheel { stage: Some("custom".into()), ..GetFlywheel::new("contact") },
            ErrorKind::UnknownOption,
            "stage",
        ),
        (
            asked(way("refered_by", "contact", "customer")),
            ErrorKind::UnknownType,
            "referral[0].related",
        ),
        (
            asked(way("referred_by", "kontakt", "customer")),
            ErrorKind::NotFound,
            "referral[0].lifecycle",
        ),
        (
            asked(way("referred_by", "contact", "custom")),
            ErrorKind::UnknownOption,
            "referral[0].stage",
        ),
        (
            GetFlywheel {
                repeat: vec![way("referred_by", "contact", "customer"); 17],
                ..GetFlywheel::new("contact")
            },
            ErrorKind::LimitExceeded,
            "repeat",
        ),
    ] {
        let error = crm.lifecycles().flywheel(&request).unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, Some(field)), "{error}");
    }
    let plain = crm_core::DefineLifecycle::new("plain", "contact", [crm_core::Stage::new("a")]);
    crm.lifecycles().define(plain).unwrap();
    let error = crm.lifecycles().flywheel(&GetFlywheel::new("plain")).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Required, Some("stage")));
}

#[test]
fn customers_who_were_lost_come_back() {
    let crm = open();
    let ids = [0; 6].map(|_| contact(&crm));
    let [ann, bob, eve, joe, kim, liz] = ids;
    for id in [ann, bob, eve, kim, liz] {
        on(&crm, "contact", id, "customer", 0);
    }
    // Ann is a customer again on day 6, Bob a lead only, and Eve stays away.
    for (id, day) in [(ann, 2), (bob, 2), (eve, 3)] {
        on(&crm, "contact", id, "churned", day);
    }
    on(&crm, "contact", ann, "lead", 4);
    on(&crm, "contact", ann, "customer", 6);
    on(&crm, "contact", bob, "lead", 5);
    // Joe was no customer when he was lost, and that of Kim was a mistake.
    on(&crm, "contact", joe, "lost", 1);
    on(&crm, "contact", joe, "customer", 2);
    on(&crm, "contact", kim, "churned", 2);
    let back = ResetStage { at: Some(at(3)), ..ResetStage::new("contact", kim, "customer", "no") };
    crm.lifecycles().reset(back).unwrap();
    // Liz is lost, set aside and lost again, which is one loss, and comes and goes once more.
    for (stage, day) in [("churned", 1), ("other", 2), ("lost", 3), ("customer", 4), ("churned", 5)]
    {
        on(&crm, "contact", liz, stage, day);
    }
    let asked = |from: Option<i64>, until: Option<i64>| {
        let (from, until) = (from.map(at), until.map(at));
        let request = GetFlywheel { from, until, ..GetFlywheel::new("contact") };
        let WinBack { churned, returned, recovered, rate } =
            crm.lifecycles().flywheel(&request).unwrap().win_back;
        assert_eq!(rate, (churned > 0).then(|| returned as f64 / churned as f64));
        (churned, returned, recovered)
    };
    assert_eq!(asked(None, None), (5, 3, 2));
    assert_eq!(asked(None, Some(1)), (0, 0, 0), "nobody was lost yet");
    assert_eq!(asked(None, Some(4)), (4, 0, 0));
    assert_eq!(asked(Some(4), Some(6)), (5, 3, 1), "Ann began anew, and Liz was a customer");
    assert_eq!(asked(Some(5), Some(9)), (3, 1, 0), "who was back before cannot come back");
    assert_eq!(asked(Some(6), None), (2, 0, 0));
}
