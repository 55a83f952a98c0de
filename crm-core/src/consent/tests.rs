//! The law of the ledger, over random histories of several devices that know different parts of it.

use super::{
    Book, ConsentKind, ConsentPreset, ConsentRegime, ContactCap, DenyReason, Entry, Key, Ledger,
    LegalBasis, Proof, Purpose, Question, QuietHours, Rule, decide, rule::Quiet,
};
use crate::{RecordId, Timestamp, condition::Moment};

const HISTORIES: u64 = 20_000;

/// Numbers from a seed (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn shuffled<T: Clone>(&mut self, all: &[T]) -> Vec<T> {
        let mut all = all.to_vec();
        for place in (1..all.len()).rev() {
            let other = self.roll(place as u64 + 1);
            all.swap(place, usize::try_from(other).unwrap());
        }
        all
    }
}

fn at(hours: i64) -> Timestamp {
    Timestamp::clamped(1_767_225_600_000_000 + hours * 3_600_000_000)
}

fn entry(number: u64, kind: ConsentKind, hours: i64) -> Entry {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    let permits = kind.is_permitting();
    Entry {
        id: RecordId::from_bytes(bytes),
        kind,
        channel: permits.then(|| "email".into()),
        purpose: permits.then(|| "news".into()),
        controller: None,
        contact_point: None,
        basis: permits.then_some(LegalBasis::Consent),
        proof: Proof::Double,
        notice: None,
        language: None,
        notice_version: None,
        occurred_at: at(hours),
        expires_at: None,
        supersedes: Vec::new(),
        by_guardian: false,
        frequency: None,
    }
}

fn book(regime: ConsentRegime) -> Book {
    let mut policy = ConsentPreset::EuGeneral.policy();
    policy.rules.retain(|rule| rule.channel == "email");
    policy.rules[0].regime = regime;
    let mut book = Book::default();
    book.policies.insert("eu_strict".into(), policy);
    book.purposes.insert("news".into(), Purpose::new("news", ["email"]));
    book
}

/// A history of a person as three devices wrote it, each with its own clock and knowing what reached it.
fn history(dice: &mut Dice) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    let mut known: [Vec<Entry>; 3] = Default::default();
    let skews = [0, -24, 1].map(|skew| skew * 2);
    for number in 1..=2 + dice.roll(8) {
        let device = usize::try_from(dice.roll(3)).unwrap();
        let hours = i64::try_from(number).unwrap() + skews[device];
        let kind = match dice.roll(11) {
            0..=3 => ConsentKind::Granted,
            4 | 5 => ConsentKind::Withdrawn,
            6 => ConsentKind::Objected,
            7 => ConsentKind::Imported,
            8 | 9 => ConsentKind::Lifted,
            _ => ConsentKind::Renewed,
        };
        let mut new = entry(number, kind, hours);
        if kind == ConsentKind::Lifted {
            // Of one in three nobody said it; what it names may be dated after it.
            new.proof = if dice.roll(3) == 0 { Proof::None } else { Proof::Single };
            let targets: Vec<&Entry> = all.iter().filter(|one| one.kind != kind).collect();
            let target = dice.roll(targets.len().max(1) as u64);
            let target = targets.get(usize::try_from(target).unwrap());
            new.supersedes = target.iter().map(|one| one.id).collect();
        }
        if kind == ConsentKind::Withdrawn && dice.roll(2) == 0 {
            new.purpose = Some("news".into());
        }
        if matches!(kind, ConsentKind::Granted | ConsentKind::Renewed) {
            let key =
                Key { channel: "email", purpose: "news", controller: None, contact_point: None };
            new.supersedes = Ledger::new(known[device].clone()).answered(&key, new.occurred_at);
        }
        all.push(new.clone());
        known[device].push(new);
        if dice.roll(3) == 0 {
            // One device tells another what it knows.
            let other = usize::try_from(dice.roll(3)).unwrap();
            let told = known[device].clone();
            known[other].extend(told);
        }
    }
    all
}

/// The law, written without the ledger: some grant names every restriction there is. Nothing lifts a
/// withdrawal; an objection is lifted by somebody's word of the same time or later.
fn is_lawful(all: &[Entry]) -> bool {
    let lifting = |id: RecordId| {
        let named = all.iter().filter(move |one| one.supersedes.contains(&id));
        named.filter(|one| one.kind == ConsentKind::Lifted)
    };
    let is_lifted = |entry: &&Entry| {
        let mut said = lifting(entry.id).filter(|one| one.proof == Proof::Single);
        entry.kind == ConsentKind::Objected && said.any(|one| one.occurred_at >= entry.occurred_at)
    };
    let restricting = all.iter().filter(|entry| entry.kind.is_restricting());
    let restrictions: Vec<RecordId> =
        restricting.filter(|entry| !is_lifted(entry)).map(|entry| entry.id).collect();
    let grants = all.iter().filter(|entry| entry.kind.is_permitting());
    let mut grants = grants.filter(|grant| lifting(grant.id).next().is_none());
    grants.any(|grant| restrictions.iter().all(|id| grant.supersedes.contains(id)))
}

fn ask(rule: &Rule, ledger: &Ledger, moment: &Moment) -> bool {
    let question = Question { contact_point: None, moment, is_german: false };
    decide(&book(rule.regime), rule, ledger, question).unwrap().is_allowed
}

/// Runs all histories and answers how many have a permission that is against the law.
fn unlawful(allows: impl Fn(&Rule, &Ledger, &Moment, &[Entry]) -> bool) -> u64 {
    let (mut dice, mut unlawful) = (Dice(0x5eed), 0);
    let rule = Rule::new(&book(ConsentRegime::OptIn), "news", "email").unwrap();
    let moment = Moment::new(at(1000), "UTC").unwrap();
    for _ in 0..HISTORIES {
        let all = history(&mut dice);
        let ledger = Ledger::new(all.clone());
        unlawful += u64::from(allows(&rule, &ledger, &moment, &all) && !is_lawful(&all));
    }
    unlawful
}

#[test]
fn in_any_order_a_withdrawal_that_nobody_knew_of_wins() {
    let mut dice = Dice(0x0abc);
    let rule = Rule::new(&book(ConsentRegime::OptIn), "news", "email").unwrap();
    let moment = Moment::new(at(1000), "UTC").unwrap();
    let (mut allowed, mut denied) = (0, 0);
    for _ in 0..HISTORIES {
        let all = history(&mut dice);
        let ledger = Ledger::new(all.clone());
        let mut twice = dice.shuffled(&all);
        twice.extend(dice.shuffled(&all));
        assert_eq!(Ledger::new(twice), ledger, "order and repetition do not matter");
        // In parts, whichever is merged first.
        let half = all.len() / 2;
        let mut merged = Ledger::new(all[half..].to_vec()).entries().to_vec();
        merged.extend(Ledger::new(all[..half].to_vec()).entries().to_vec());
        assert_eq!(Ledger::new(merged), ledger);
        let is_allowed = ask(&rule, &ledger, &moment);
        assert_eq!(is_allowed, is_lawful(&all), "{all:?}");
        assert_eq!(rule.permits(&ledger, &moment), is_allowed, "a condition says the same");
        if is_allowed { allowed += 1 } else { denied += 1 }
    }
    assert!(allowed > HISTORIES / 10 && denied > HISTORIES / 10, "{allowed} {denied}");
    assert_eq!(unlawful(|rule, ledger, moment, _| ask(rule, ledger, moment)), 0);
}

#[test]
fn the_last_writer_would_permit_what_was_withdrawn() {
    let last_writer = |_: &Rule, _: &Ledger, _: &Moment, all: &[Entry]| {
        let acts = all.iter().filter(|one| one.kind.is_permitting() || one.kind.is_restricting());
        acts.max_by_key(|one| (one.occurred_at, one.id))
            .is_some_and(|last| last.kind.is_permitting())
    };
    assert!(unlawful(last_writer) > HISTORIES / 10);
}

#[test]
fn without_a_permission_needed_a_restriction_still_counts() {
    let rule = Rule::new(&book(ConsentRegime::OptOut), "news", "email").unwrap();
    let moment = Moment::new(at(10), "UTC").unwrap();
    let of = |entries: Vec<Entry>| ask(&rule, &Ledger::new(entries), &moment);
    assert!(of(Vec::new()));
    let withdrawn = entry(1, ConsentKind::Withdrawn, 1);
    assert!(!of(vec![withdrawn.clone()]));
    let mut granted = entry(2, ConsentKind::Granted, 2);
    assert!(!of(vec![withdrawn.clone(), granted.clone()]));
    granted.supersedes = vec![withdrawn.id];
    assert!(of(vec![withdrawn.clone(), granted]));
    let mut lifted = entry(3, ConsentKind::Lifted, 3);
    lifted.supersedes = vec![withdrawn.id];
    assert!(!of(vec![withdrawn.clone(), lifted.clone()]), "only a grant answers it");
    let objected = Entry { kind: ConsentKind::Objected, ..withdrawn };
    assert!(of(vec![objected.clone(), lifted.clone()]));
    let nobody = Entry { proof: Proof::None, ..lifted.clone() };
    assert!(!of(vec![objected.clone(), nobody]), "nobody said it");
    lifted.occurred_at = at(0);
    assert!(!of(vec![objected, lifted]), "it was said before");
}

#[test]
fn an_opt_out_ends_what_rests_on_the_person_and_no_contract() {
    use ConsentKind::{
        Denied, Expired, Invalidated, Lapsed, Objected, Paused, Restricted, Revoked, Withdrawn,
    };
    let mut book = book(ConsentRegime::OptIn);
    let rules = &mut book.policies.get_mut("eu_strict").unwrap().rules;
    (rules[0].existing_customers, rules[0].legitimate_interest) = (true, true);
    let ordered = |is_transactional| {
        let mut book = book.clone();
        let purpose = book.purposes.get_mut("news").unwrap();
        purpose.is_transactional = is_transactional;
        book
    };
    let moment = Moment::new(at(10), "UTC").unwrap();
    let question = Question { contact_point: None, moment: &moment, is_german: false };
    for basis in LegalBasis::ALL.iter().copied() {
        let beyond = matches!(
            basis,
            LegalBasis::Contract | LegalBasis::LegalObligation | LegalBasis::VitalInterest
        );
        if basis == LegalBasis::NotRequired {
            continue;
        }
        for kind in
            [Denied, Expired, Invalidated, Lapsed, Objected, Paused, Restricted, Revoked, Withdrawn]
        {
            for scope in 0..4 {
                let mut based = entry(1, ConsentKind::Based, 1);
                based.basis = Some(basis);
                let mut against = entry(2, kind, 2);
                against.channel = (scope & 1 == 1).then(|| "email".into());
                against.purpose = (scope & 2 == 2).then(|| "news".into());
                against.expires_at = (kind == Paused).then(|| at(20));
                let ledger = Ledger::new(vec![based, against]);
                let decided = |is_transactional| {
                    let book = ordered(is_transactional);
                    let rule = Rule::new(&book, "news", "email").unwrap();
                    let decision = decide(&book, &rule, &ledger, question).unwrap();
                    assert_eq!(rule.permits(&ledger, &moment), decision.is_allowed);
                    decision.is_allowed
                };
                let is_opt_out = matches!(kind, Denied | Objected | Withdrawn);
                let is_heard = match kind {
                    Paused => false,
                    _ => !(beyond && is_opt_out),
                };
                assert_eq!(decided(true), !is_heard, "{basis:?} {kind:?} {scope}");
                assert!(!decided(false), "nobody ordered it: {basis:?} {kind:?} {scope}");
            }
        }
    }
}

#[test]
fn reasons_are_listed_in_their_order() {
    let rule = Rule::new(&book(ConsentRegime::OptIn), "news", "email").unwrap();
    let moment = Moment::new(at(10), "UTC").unwrap();
    let mut narrow = entry(2, ConsentKind::Withdrawn, 2);
    narrow.purpose = Some("news".into());
    let mut paused = entry(4, ConsentKind::Paused, 3);
    paused.expires_at = Some(at(20));
    let mut granted = entry(5, ConsentKind::Imported, 1);
    (granted.proof, granted.expires_at) = (Proof::None, Some(at(5)));
    let all = vec![
        paused,
        narrow,
        granted,
        entry(1, ConsentKind::Withdrawn, 2),
        entry(3, ConsentKind::Restricted, 2),
    ];
    let question = Question { contact_point: None, moment: &moment, is_german: true };
    let decision = decide(&book(ConsentRegime::OptIn), &rule, &Ledger::new(all), question).unwrap();
    let reasons: Vec<DenyReason> = decision.reasons.iter().map(|reason| reason.reason).collect();
    let expected = [
        DenyReason::Restricted,
        DenyReason::WithdrawnEverything,
        DenyReason::WithdrawnPurpose,
        DenyReason::Expired,
        DenyReason::Unproven,
        DenyReason::Paused,
    ];
    assert_eq!(reasons, expected);
    assert_eq!(decision.reasons[0].text, "Die Verarbeitung ist eingeschränkt.");
    assert_eq!(decision.reasons[5].until, Some(at(20)));
    assert_eq!(decision.valid_until, None, "most of them never end by themselves");
}

/// Events of which many end by themselves, with two addresses; contacts lie in the past.
fn passing(dice: &mut Dice) -> Vec<Entry> {
    use ConsentKind::{Granted, Minor, Paused, Restricted, Used, Withdrawn};
    const KINDS: [ConsentKind; 9] =
        [Granted, Granted, Granted, Granted, Withdrawn, Restricted, Paused, Minor, Used];
    let mut one = |number: u64| {
        let kind = KINDS[usize::try_from(dice.roll(9)).unwrap()];
        let hours = -i64::try_from(dice.roll(120)).unwrap();
        let hours = if kind == Granted { hours + 40 } else { hours };
        let mut new = entry(number, kind, hours);
        if kind == Used {
            (new.channel, new.purpose) = (Some("email".into()), Some("news".into()));
        }
        let ends =
            matches!(kind, Restricted | Paused | Minor) || (kind == Granted && dice.roll(2) == 0);
        new.expires_at = ends.then(|| at(hours + 1 + i64::try_from(dice.roll(200)).unwrap()));
        let points = [None, Some("a@example.org"), Some("b@example.org")];
        new.contact_point = points[usize::try_from(dice.roll(3)).unwrap()].map(Into::into);
        new
    };
    (1..=6).map(&mut one).collect()
}

#[test]
fn an_answer_holds_until_the_moment_that_it_says_and_no_longer() {
    let mut dice = Dice(0xcafe);
    let (mut ended, mut denied_for_ever) = (0, 0);
    for regime in [ConsentRegime::OptIn, ConsentRegime::OptOut] {
        let mut book = book(regime);
        let rules = &mut book.policies.get_mut("eu_strict").unwrap().rules;
        (rules[0].lapses_after, rules[0].valid_for) = (Some("P4D".into()), Some("P6D".into()));
        rules[0].caps = vec![ContactCap { most: 2, within: "P2D".into() }];
        let awake = Rule::new(&book, "news", "email").unwrap();
        let night = QuietHours { from: "20:00".into(), until: "08:00".into(), weekends: true };
        book.policies.get_mut("eu_strict").unwrap().rules[0].quiet = Some(night);
        let asleep = Rule::new(&book, "news", "email").unwrap();
        for round in 0..800 {
            let rule = if round % 2 == 0 { &awake } else { &asleep };
            let all = passing(&mut dice);
            let ledger = Ledger::new(all.clone());
            let contact_point = [None, Some("a@example.org")][usize::from(dice.roll(2) == 0)];
            let decide_at = |hours: i64| {
                let moment = Moment::new(at(hours), "UTC").unwrap();
                let question = Question { contact_point, moment: &moment, is_german: false };
                decide(&book, rule, &ledger, question).unwrap()
            };
            let first = decide_at(0);
            let until = first.valid_until.unwrap_or(at(400));
            for hours in (0..400).take_while(|hours| at(*hours) < until) {
                assert_eq!(decide_at(hours).is_allowed, first.is_allowed, "{hours} {all:?}");
            }
            if !first.is_allowed && first.valid_until.is_some() {
                let hours = (until.micros() - at(0).micros()) / 3_600_000_000;
                assert!(decide_at(hours).is_allowed, "{hours} {all:?}");
                ended += 1;
            } else if !first.is_allowed {
                denied_for_ever += 1;
            }
        }
    }
    assert!(ended > 160 && denied_for_ever > 160, "{ended} {denied_for_ever}");
}

#[test]
fn where_nothing_is_needed_no_basis_is_missing() {
    use ConsentKind::{Granted, Imported, Minor, Paused, Withdrawn};
    let book = book(ConsentRegime::OptOut);
    let rule = Rule::new(&book, "news", "email").unwrap();
    let moment = Moment::new(at(10), "UTC").unwrap();
    let question = Question { contact_point: None, moment: &moment, is_german: false };
    let until =
        |number, kind, hours| Entry { expires_at: Some(at(hours)), ..entry(number, kind, 1) };
    let unproven = Entry { proof: Proof::None, ..entry(3, Imported, 1) };
    let mut answered = until(4, Granted, 5);
    answered.supersedes = vec![entry(5, Withdrawn, 1).id];
    for (all, reasons, ends) in [
        (vec![until(1, Minor, 20)], vec![DenyReason::Minor], Some(at(20))),
        (vec![until(2, Paused, 30)], vec![DenyReason::Paused], Some(at(30))),
        (
            vec![until(1, Minor, 20), until(2, Paused, 30)],
            vec![DenyReason::Minor, DenyReason::Paused],
            Some(at(30)),
        ),
        (vec![entry(1, Minor, 1)], vec![DenyReason::Minor], None),
        (vec![unproven, until(2, Paused, 30)], vec![DenyReason::Paused], Some(at(30))),
        (vec![entry(5, Withdrawn, 1)], vec![DenyReason::WithdrawnEverything], None),
        (vec![entry(5, Withdrawn, 1), answered], vec![DenyReason::Expired], None),
    ] {
        let ledger = Ledger::new(all);
        let decision = decide(&book, &rule, &ledger, question).unwrap();
        let told: Vec<DenyReason> = decision.reasons.iter().map(|reason| reason.reason).collect();
        assert_eq!((told, decision.valid_until), (reasons, ends));
        assert!(decision.reasons.iter().all(|reason| !reason.events.is_empty()));
        assert!(!rule.permits(&ledger, &moment));
    }
}

#[test]
fn pressure_ends_at_the_first_microsecond_at_which_it_is_low_enough() {
    let mut book = book(ConsentRegime::OptOut);
    let policy = book.policies.get_mut("eu_strict").unwrap();
    policy.pressure = Some(crate::ContactPressure { limit: 3.3, half_life_days: 365 });
    let rule = Rule::new(&book, "news", "email").unwrap();
    let mut dice = Dice(0xbeef);
    let decide_at = |ledger: &Ledger, micros: i64| {
        let moment = Moment::new(Timestamp::clamped(micros), "UTC").unwrap();
        let question = Question { contact_point: None, moment: &moment, is_german: false };
        decide(&book, &rule, ledger, question).unwrap()
    };
    let mut ended = 0;
    for _ in 0..600 {
        let used = |number| {
            let mut used = entry(number, ConsentKind::Used, 0);
            (used.channel, used.purpose) = (Some("email".into()), Some("news".into()));
            let age = i64::try_from(dice.roll(1_000_000_000_000)).unwrap();
            used.occurred_at = Timestamp::clamped(at(0).micros() - age);
            used
        };
        let ledger = Ledger::new((1..=6).map(used).collect());
        let first = decide_at(&ledger, at(0).micros());
        let Some(end) = first.valid_until.filter(|_| !first.is_allowed) else { continue };
        assert_eq!(first.reasons[0].until, Some(end));
        assert!(decide_at(&ledger, end.micros()).is_allowed);
        assert!(!decide_at(&ledger, end.micros() - 1).is_allowed, "{end}");
        ended += 1;
    }
    assert!(ended > 100, "{ended}");
}

#[test]
fn quiet_hours_are_those_where_the_person_is() {
    let hours = |from: &str, until: &str, weekends| {
        Quiet::new(&QuietHours { from: from.into(), until: until.into(), weekends })
    };
    let quiet = hours("20:00", "08:00", true).unwrap();
    let moment = |text: &str, zone| Moment::new(text.parse().unwrap(), zone).unwrap();
    // A Friday: 19:30 in Berlin is 03:30 on Saturday in Tokyo.
    let friday = "2026-01-02T18:30:00Z";
    assert_eq!(quiet.ends(&moment(friday, "Europe/Berlin")), None);
    let begins = quiet.begins(&moment(friday, "Europe/Berlin")).unwrap();
    assert_eq!(begins.to_string(), "2026-01-02T19:00:00Z");
    let ends = quiet.ends(&moment(friday, "Asia/Tokyo")).unwrap();
    assert_eq!(ends.to_string(), "2026-01-04T23:00:00Z", "on Monday at eight");
    // On the last Sunday of October the hour from two is there twice, on that of March it is not.
    let night = hours("22:00", "02:30", false).unwrap();
    for (now, ends, begins) in [
        ("2026-10-24T23:00:00Z", Some("2026-10-25T00:30:00Z"), None),
        ("2026-10-25T00:45:00Z", None, Some("2026-10-25T01:00:00Z")),
        ("2026-10-25T01:15:00Z", Some("2026-10-25T01:30:00Z"), None),
        ("2026-10-25T01:30:00Z", None, Some("2026-10-25T21:00:00Z")),
        ("2026-03-29T00:30:00Z", Some("2026-03-29T01:00:00Z"), None),
    ] {
        let moment = moment(now, "Europe/Berlin");
        assert_eq!(night.ends(&moment), ends.map(|end| end.parse().unwrap()), "{now}");
        assert_eq!(night.begins(&moment), begins.map(|begin| begin.parse().unwrap()), "{now}");
    }
    assert!(hours("20:00", "20:00", false).is_err());
    assert!(hours("24:00", "08:00", false).is_err());
    assert!(hours("8:00", "09:00", false).is_err());
}
