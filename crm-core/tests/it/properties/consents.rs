//! Laws of consent in a file: a condition finds by SQL whom memory and the decision permit, and what the
//! file keeps follows from the journal.

use crm_core::{
    ApplyErasures, BasisFacts, ChannelRule, Condition, ConfirmConsent, ConsentCondition,
    ConsentEvent, ConsentEvidence, ConsentKind, ConsentOutcome, ConsentPolicy, ConsentRegime, Crm,
    DecideMany, EraseSubject, ErasedSubject, ErasureReason, Error, EvaluateCondition, Flow,
    GetConsents, LegalBasis, LiftSuppression, LinkPeople, ListErasures, ListRecords, MayContact,
    NewConsent, OpenOptions, Outcome, Party, PartyRole, Problem, PublishNotice, Purpose,
    RecordConsentUses, RecordConsents, RecordId, RecordRef, Replay, RequestConsent, Timestamp,
    UseConsent, values,
};
use proptest::prelude::*;

use super::{cases, memory};

const CHANNELS: [&str; 3] = ["email", "phone", "post"];
const POINTS: [&str; 3] = ["ann@example.org", "+49301234567", "Ulm"];
const PURPOSES: [&str; 3] = ["news", "offers", "invoice"];
const DAY: i64 = 86_400_000_000;

#[derive(Debug, Clone)]
struct Act {
    person: usize,
    kind: u8,
    channel: usize,
    purpose: usize,
    wide: u8,
    days: i64,
    ends: Option<i64>,
    flag: bool,
}

fn act() -> impl Strategy<Value = Act> {
    let ends = prop::option::weighted(0.3, 1_i64..400);
    (0_usize..3, any::<u8>(), 0_usize..3, 0_usize..3, any::<u8>(), 0_i64..900, ends, any::<bool>())
        .prop_map(|(person, kind, channel, purpose, wide, days, ends, flag)| Act {
            person,
            kind,
            channel,
            purpose,
            wide,
            days,
            ends,
            flag,
        })
}

fn at(days: i64) -> Timestamp {
    let first: Timestamp = "2023-01-01T00:00:00Z".parse().unwrap();
    Timestamp::from_micros(first.micros() + days * DAY).unwrap()
}

/// A file with purposes under a policy that has something of everything.
fn open(regime: bool) -> (Crm, Vec<RecordId>) {
    let crm = memory();
    let people = fill(&crm, regime);
    (crm, people)
}

/// The same in a file that is there, with the ids of the people.
fn fill(crm: &Crm, regime: bool) -> Vec<RecordId> {
    let consents = crm.consents();
    let text = |text: &str| PublishNotice::new("text", "en", text);
    consents.publish_notice(text("first")).unwrap();
    consents.publish_notice(PublishNotice::new("other", "en", "first")).unwrap();
    let left = if regime { ConsentRegime::OptOut } else { ConsentRegime::OptIn };
    let lapses = Some(if regime { "P1M" } else { "P1Y" }.to_owned());
    let policy = ConsentPolicy::new(
        "mixed",
        [
            ChannelRule {
                existing_customers: true,
                lapses_after: lapses,
                ..ChannelRule::new("email", left)
            },
            ChannelRule {
                double_opt_in: true,
                valid_for: Some("P1Y".into()),
                ..ChannelRule::new("phone", ConsentRegime::OptIn)
            },
            ChannelRule {
                legitimate_interest: true,
                lapses_after: regime.then(|| "P11M".into()),
                valid_for: Some("P18M".into()),
                ..ChannelRule::new("", left)
            },
        ],
    );
    consents.define_policy(policy).unwrap();
    consents.define_party(Party::new("acme", PartyRole::Controller)).unwrap();
    for name in PURPOSES {
        let offered = if name == "offers" { &CHANNELS[..2] } else { &CHANNELS[..] };
        let offered = offered.iter().copied();
        let mut purpose = Purpose::new(name, offered).notice("text").policy("mixed");
        purpose.is_transactional = name == "invoice";
        purpose.controller = (name == "offers").then(|| "acme".into());
        consents.define_purpose(purpose).unwrap();
    }
    let person = || crm.contacts().create(values! { "given_name" => "A" }).unwrap().id;
    (0..3).map(|_| person()).collect()
}

/// Requests what an act is about, and confirms it.
fn confirm(crm: &Crm, subject: RecordRef, act: &Act) {
    let point = POINTS[act.channel];
    let (channel, purpose) = (CHANNELS[act.channel], PURPOSES[act.purpose]);
    let asked = RequestConsent::new(subject, channel, point, purpose);
    // At a contact point that is suppressed nobody is asked.
    if let Ok(waiting) = crm.consents().request(asked) {
        crm.consents().confirm(ConfirmConsent::new(waiting.token)).unwrap();
    }
}

/// Says on what an act rests that is no consent.
fn base(new: &mut NewConsent, act: &Act) {
    let basis = match act.wide % 6 {
        0 | 3 => LegalBasis::ExistingCustomer,
        1 => LegalBasis::LegitimateInterest,
        2 => LegalBasis::LegalObligation,
        4 => LegalBasis::PublicTask,
        _ => LegalBasis::Contract,
    };
    if basis == LegalBasis::ExistingCustomer {
        new.contact_point = Some(POINTS[act.channel].into());
    }
    new.basis = Some(basis);
    new.facts = Some(BasisFacts {
        reference: Some("r".into()),
        sale: Some("s".into()),
        similar_goods: Some("g".into()),
        told_at_collection: true,
    });
}

/// Records an act; what does not fit is refused, and that is all.
fn perform(crm: &Crm, people: &[RecordId], act: &Act) {
    match event(crm, people, act) {
        Some(new) => drop(crm.consents().record(new)),
        None => confirm(crm, RecordRef::new("contact", people[act.person]), act),
    }
}

/// The event of an act; `None` if it is a double opt-in.
fn event(crm: &Crm, people: &[RecordId], act: &Act) -> Option<NewConsent> {
    const KINDS: [ConsentKind; 17] = [
        ConsentKind::Granted,
        ConsentKind::Granted,
        ConsentKind::Renewed,
        ConsentKind::Confirmed,
        ConsentKind::Imported,
        ConsentKind::Based,
        ConsentKind::Based,
        ConsentKind::Withdrawn,
        ConsentKind::Withdrawn,
        ConsentKind::Objected,
        ConsentKind::Restricted,
        ConsentKind::Denied,
        ConsentKind::Paused,
        ConsentKind::Minor,
        ConsentKind::Lifted,
        ConsentKind::Revoked,
        ConsentKind::Requested,
    ];
    let kind = KINDS[usize::from(act.kind) % KINDS.len()];
    let subject = RecordRef::new("contact", people[act.person]);
    if kind == ConsentKind::Confirmed {
        return None;
    }
    let mut new = NewConsent::new(kind, subject.clone()).at(at(act.days));
    if kind.is_permitting() || act.wide & 1 == 0 {
        new = new.on(CHANNELS[act.channel]);
    }
    if kind.is_permitting() || act.wide & 2 == 0 {
        new = new.purpose(PURPOSES[act.purpose]);
    } else if act.wide & 4 == 0 {
        new.controller = Some("acme".into());
    }
    let ends = matches!(kind, ConsentKind::Restricted | ConsentKind::Paused);
    if ends || !kind.is_restricting() {
        new.expires_at = act.ends.map(|days| at(act.days + days));
    }
    new.by_guardian = act.flag;
    if kind.is_permitting() && act.wide & 8 == 0 {
        // Not the text of the purpose.
        new.notice = Some("other".into());
    }
    match kind {
        ConsentKind::Imported if act.flag => {
            let shown = ConsentEvidence { note: Some("list".into()), ..Default::default() };
            new.notice = Some("text".into());
            new.evidence = Some(shown.clone());
            if act.wide & 1 == 0 {
                new.requested_at = Some(at(act.days - 1));
                new.request_evidence = Some(shown);
            }
        }
        ConsentKind::Based => base(&mut new, act),
        ConsentKind::Lifted => {
            let history = crm.consents().history(&GetConsents::new(subject)).unwrap();
            let events = history.events;
            new.supersedes =
                events.get(usize::from(act.wide) % events.len().max(1)).map(|e| vec![e.id]);
        }
        _ => {}
    }
    Some(new)
}

fn lift(crm: &Crm, point: &str) {
    crm.privacy().lift_suppression(&LiftSuppression::new(point)).unwrap();
}

/// The erasure of somebody who had the addresses of the others, which were let back in since. Applied once
/// more, as a list that was kept elsewhere is, it suppresses them whoever has permitted something through
/// them meanwhile.
fn erased_with_the_addresses(crm: &Crm) -> ApplyErasures {
    let values = values! { "email" => POINTS[0], "phone" => POINTS[1] };
    let twin = RecordRef::new("contact", crm.contacts().create(values).unwrap().id);
    crm.privacy().erase(&EraseSubject::new(twin)).unwrap();
    let list = crm.privacy().erasures(&ListErasures::after(0)).unwrap();
    assert_eq!(list.erased[0].hashes.len(), 2);
    POINTS[..2].iter().for_each(|point| lift(crm, point));
    list.into()
}

/// Whom the decision permits, for every channel and purpose.
fn permitted(crm: &Crm, people: &[RecordId], moment: Timestamp) -> Vec<bool> {
    let mut all = Vec::new();
    for (channel, purpose) in CHANNELS.iter().flat_map(|c| PURPOSES.map(|p| (*c, p))) {
        let many = DecideMany { at: Some(moment), ..DecideMany::new("contact", channel, purpose) };
        let decided = crm.consents().decide_many(&many).unwrap().decisions;
        all.extend(
            people
                .iter()
                .map(|id| decided.iter().find(|decision| decision.id == *id).unwrap().is_allowed),
        );
    }
    all
}

fn ends(people: &[RecordId], (a, b): (usize, usize)) -> LinkPeople {
    let one = |place: usize| RecordRef::new("contact", people[place]);
    LinkPeople::new(one(a), one(b))
}

proptest! {
    #![proptest_config(cases(150))]

    /// No order of links and of what is said between them lets a link permit what was denied.
    #[test]
    fn a_link_never_permits_and_taking_it_away_restores(
        regime in any::<bool>(),
        before in prop::collection::vec(act(), 0..16),
        between in prop::collection::vec(act(), 0..6),
        days in 0_i64..1600,
        chain in any::<bool>(),
    ) {
        let (crm, people) = open(regime);
        before.iter().for_each(|act| perform(&crm, &people, act));
        let moment = at(days);
        let apart = permitted(&crm, &people, moment);
        let links = if chain { vec![(0, 1), (2, 1)] } else { vec![(1, 0)] };
        let link = || links.iter().for_each(|one| drop(crm.consents().link(&ends(&people, *one)).unwrap()));
        let unlink = || links.iter().for_each(|one| drop(crm.consents().unlink(&ends(&people, *one)).unwrap()));
        let never_more = |apart: &[bool], linked: &[bool]| apart.iter().zip(linked).all(|(a, l)| *a || !*l);
        link();
        prop_assert!(never_more(&apart, &permitted(&crm, &people, moment)));
        unlink();
        prop_assert_eq!(&permitted(&crm, &people, moment), &apart);
        link();
        between.iter().for_each(|act| perform(&crm, &people, act));
        let linked = permitted(&crm, &people, moment);
        unlink();
        let apart = permitted(&crm, &people, moment);
        prop_assert!(never_more(&apart, &linked));
        link();
        prop_assert_eq!(&permitted(&crm, &people, moment), &linked);
        let report = crm.verify(&mut |_| Flow::Continue).unwrap();
        prop_assert_eq!(report.problems, Vec::<String>::new());
    }
}

/// What an act is about at an address, which a restriction may name too.
fn perform_at(crm: &Crm, people: &[RecordId], act: &Act) {
    let subject = RecordRef::new("contact", people[act.person]);
    let point = ADDRESSES[usize::from(act.wide) % ADDRESSES.len()];
    let (channel, purpose) = (CHANNELS[act.channel], PURPOSES[act.purpose]);
    let new = match act.kind % 3 {
        0 => NewConsent::grant(subject, channel, purpose),
        1 => NewConsent::withdraw(subject).on(channel),
        _ => NewConsent::withdraw(subject),
    };
    let _ = crm.consents().record(new.contact_point(point).at(at(act.days)));
}

const ADDRESSES: [&str; 4] = ["ann@example.org", "b@example.org", "+49301234567", "Ulm"];

/// Whether somebody may be contacted, for every channel and purpose and at each of the addresses.
fn permitted_at(crm: &Crm, people: &[RecordId], moment: Timestamp) -> Vec<bool> {
    let mut all = Vec::new();
    for (channel, purpose) in CHANNELS.iter().flat_map(|c| PURPOSES.map(|p| (*c, p))) {
        for id in people {
            let mut question = MayContact::new(RecordRef::new("contact", *id), channel, purpose);
            question.at = Some(moment);
            for point in ADDRESSES {
                let asked = question.clone().contact_point(point);
                all.push(crm.consents().decide(&asked).is_ok_and(|one| one.is_allowed));
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(cases(150))]

    /// Whichever record of a person is erased, in whatever order, nothing is permitted for those
    /// that stay that was denied before.
    #[test]
    fn an_erasure_permits_nothing_for_the_other_records_of_the_person(
        regime in any::<bool>(),
        before in prop::collection::vec((act(), any::<bool>()), 0..14),
        between in prop::collection::vec(act(), 0..6),
        days in 1_100_i64..1600,
        chain in any::<bool>(),
        order in Just(vec![0_usize, 1, 2]).prop_shuffle(),
    ) {
        let (crm, mut people) = open(regime);
        for (act, is_at) in &before {
            if *is_at { perform_at(&crm, &people, act) } else { perform(&crm, &people, act) }
        }
        let links = if chain { vec![(0, 1), (2, 1)] } else { vec![(1, 0)] };
        for link in links {
            crm.consents().link(&ends(&people, link)).unwrap();
        }
        between.iter().for_each(|act| perform(&crm, &people, act));
        let moment = at(days);
        let all = people.clone();
        for place in &order[..2] {
            people.retain(|id| *id != all[*place]);
            let asked = |crm: &Crm| {
                let mut asked = permitted(crm, &people, moment);
                asked.extend(permitted_at(crm, &people, moment));
                asked
            };
            let denied = asked(&crm);
            // By a list, for which nobody asks what speaks against it.
            let erased = ErasedSubject {
                subject: RecordRef::new("contact", all[*place]),
                erased_at: moment,
                reason: ErasureReason::Requested,
                hashes: Vec::new(),
                lifted: Vec::new(),
            };
            let list = ApplyErasures { key: None, erased: vec![erased] };
            crm.privacy().apply_erasures(&list).unwrap();
            let after = asked(&crm);
            prop_assert!(denied.iter().zip(&after).all(|(before, after)| *before || !*after));
            let report = crm.verify(&mut |_| Flow::Continue).unwrap();
            prop_assert_eq!(report.problems, Vec::<String>::new());
        }
    }
}

proptest! {
    #![proptest_config(cases(150))]

    /// What waits for a confirmation while a record of the person is erased permits nothing that it would
    /// not permit if the record had stayed.
    #[test]
    fn what_waits_permits_no_more_when_another_record_of_the_person_is_erased(
        regime in any::<bool>(),
        before in prop::collection::vec((act(), any::<bool>()), 0..10),
        between in prop::collection::vec((act(), any::<bool>()), 0..8),
        days in 1_100_i64..1600,
        chain in any::<bool>(),
        gone in 0_usize..3,
    ) {
        let moment = at(days);
        let history = |acts: &[(Act, bool)], crm: &Crm, people: &[RecordId]| {
            for (act, is_at) in acts {
                if *is_at { perform_at(crm, people, act) } else { perform(crm, people, act) }
            }
        };
        let confirmed = |is_erased: bool| {
            let (crm, people) = open(regime);
            for link in if chain { vec![(0, 1), (2, 1)] } else { vec![(1, 0)] } {
                crm.consents().link(&ends(&people, link)).unwrap();
            }
            history(&before, &crm, &people);
            let staying: Vec<RecordId> =
                people.iter().copied().filter(|id| *id != people[gone]).collect();
            let tokens: Vec<String> = staying
                .iter()
                .flat_map(|id| (0..2).map(|place| (*id, place)))
                .map(|(id, place)| {
                    let subject = RecordRef::new("contact", id);
                    let asked =
                        RequestConsent::new(subject, CHANNELS[place], POINTS[place], PURPOSES[0]);
                    crm.consents().request(asked).unwrap().token
                })
                .collect();
            history(&between, &crm, &people);
            if is_erased {
                let subject = RecordRef::new("contact", people[gone]);
                let (reason, hashes) = (ErasureReason::Requested, Vec::new());
                let lifted = Vec::new();
                let one = ErasedSubject { subject, erased_at: moment, reason, hashes, lifted };
                let erased = vec![one];
                crm.privacy().apply_erasures(&ApplyErasures { key: None, erased }).unwrap();
            }
            for token in tokens {
                crm.consents().confirm(ConfirmConsent::new(token)).unwrap();
            }
            let mut asked = permitted(&crm, &staying, moment);
            asked.extend(permitted_at(&crm, &staying, moment));
            asked
        };
        let (stayed, erased) = (confirmed(false), confirmed(true));
        prop_assert!(stayed.iter().zip(&erased).all(|(stayed, erased)| *stayed || !*erased));
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn sql_finds_whom_memory_and_the_decision_permit(
        regime in any::<bool>(),
        acts in prop::collection::vec(act(), 0..25),
        asks_again in prop::option::of(0_usize..25),
        links in prop::collection::vec((0_usize..25, 0_usize..3, 1_usize..3), 0..3),
        moments in prop::collection::vec(0_i64..1600, 1..4),
        suppressed in prop::option::of(0_usize..25),
        lifted in prop::option::weighted(0.3, (0_usize..25, 0_usize..2)),
    ) {
        let (crm, people) = open(regime);
        let list = erased_with_the_addresses(&crm);
        for (place, act) in acts.iter().enumerate() {
            if asks_again == Some(place) {
                let text = PublishNotice::new("text", "en", "second");
                crm.consents().publish_notice(PublishNotice { asks_again: true, ..text }).unwrap();
                let other = PublishNotice::new("other", "en", "new");
                crm.consents().publish_notice(PublishNotice { asks_again: true, ..other }).unwrap();
            }
            for (_, a, step) in links.iter().filter(|link| link.0 == place) {
                crm.consents().link(&ends(&people, (*a, (a + step) % 3))).unwrap();
            }
            if suppressed == Some(place) {
                crm.privacy().apply_erasures(&list).unwrap();
            }
            if let Some((_, point)) = lifted.filter(|(when, _)| *when == place) {
                lift(&crm, POINTS[point]);
            }
            perform(&crm, &people, act);
        }
        if suppressed.is_some_and(|place| place >= acts.len()) {
            crm.privacy().apply_erasures(&list).unwrap();
        }
        for (channel, purpose) in CHANNELS.iter().flat_map(|c| PURPOSES.map(|p| (*c, p))) {
            let condition = Condition::Consent(ConsentCondition { channel: channel.into(), purpose: purpose.into() });
            for days in &moments {
                let moment = at(*days);
                let list = ListRecords {
                    condition: Some(condition.clone()),
                    at: Some(moment),
                    ..ListRecords::new("contact")
                };
                let found = crm.list_records(&list).unwrap().records;
                let found: Vec<RecordId> = found.iter().map(|record| record.id).collect();
                let many = DecideMany { at: Some(moment), ..DecideMany::new("contact", channel, purpose) };
                let decided = crm.consents().decide_many(&many).unwrap();
                for id in &people {
                    let asked = EvaluateCondition {
                        entity_type: "contact".into(),
                        id: *id,
                        condition: condition.clone(),
                        at: Some(moment),
                        zone: None,
                    };
                    let in_memory = crm.evaluate_condition(&asked).unwrap().is_true;
                    prop_assert_eq!(found.contains(id), in_memory, "{} {} {}", channel, purpose, moment);
                    let decision = decided.decisions.iter().find(|one| one.id == *id).unwrap();
                    prop_assert_eq!(decision.is_allowed, in_memory, "{} {} {} {:?}", channel, purpose, moment, &decision.reasons);
                }
            }
        }
        let report = crm.verify(&mut |_| Flow::Continue).unwrap();
        prop_assert_eq!(report.problems, Vec::<String>::new());
    }
}

/// A file whose clock stands still, so that as many events have the same ids and times however they are
/// recorded.
fn standing(regime: bool) -> (Crm, Vec<RecordId>) {
    let start = "2026-01-01T00:00:00Z".parse().unwrap();
    let replay = Some(Replay { start, step_micros: 0 });
    let options = OpenOptions { replay, ..OpenOptions::default() };
    let crm = Crm::open_with(":memory:", options).unwrap();
    let people = fill(&crm, regime);
    (crm, people)
}

/// What a call by itself answers, as a batch says it.
fn outcome(answer: Result<ConsentEvent, Error>) -> ConsentOutcome {
    match answer {
        Ok(event) => {
            ConsentOutcome { outcome: Outcome::Created, id: Some(event.id), problem: None }
        }
        Err(error) => {
            let problem = Some(Problem::from(&error));
            ConsentOutcome { outcome: Outcome::Failed, id: None, problem }
        }
    }
}

proptest! {
    #![proptest_config(cases(150))]

    /// Deciding for many and recording many is nothing but what asking and recording one by one is: the same
    /// answers, tokens, errors and ids, and the same file afterwards.
    #[test]
    fn a_batch_is_what_the_calls_one_by_one_are(
        regime in any::<bool>(),
        batches in prop::collection::vec(prop::collection::vec(act(), 0..8), 1..4),
        asked in prop::collection::vec((0_usize..3, 0_usize..3), 4),
        twice in any::<bool>(),
        link in prop::option::of((0_usize..3, 1_usize..3)),
        suppresses in any::<bool>(),
    ) {
        let (single, people) = standing(regime);
        let (many, same) = standing(regime);
        prop_assert_eq!(&people, &same);
        for crm in [&single, &many] {
            let list = erased_with_the_addresses(crm);
            if suppresses {
                crm.privacy().apply_erasures(&list).unwrap();
            }
            if let Some((a, step)) = link {
                crm.consents().link(&ends(&people, (a, (a + step) % 3))).unwrap();
            }
        }
        for (batch, (channel, purpose)) in batches.iter().zip(asked) {
            let consents: Vec<NewConsent> =
                batch.iter().filter_map(|act| event(&single, &people, act)).collect();
            let answers: Vec<ConsentOutcome> =
                consents.iter().map(|new| outcome(single.consents().record(new.clone()))).collect();
            let report = RecordConsents { consents, all_or_nothing: false };
            let report = many.consents().record_many(report).unwrap();
            prop_assert_eq!(report.outcomes, answers);

            let (channel, purpose) = (CHANNELS[channel], PURPOSES[purpose]);
            let request = DecideMany { with_tokens: true, ..DecideMany::new("contact", channel, purpose) };
            let decided = many.consents().decide_many(&request).unwrap().decisions;
            prop_assert_eq!(decided.len(), people.len());
            let mut uses = Vec::new();
            for one in decided {
                let question = MayContact::new(RecordRef::new("contact", one.id), channel, purpose);
                let decision = single.consents().decide(&question).unwrap();
                prop_assert_eq!(one.is_allowed, decision.is_allowed);
                prop_assert_eq!(one.contact_point, decision.contact_point);
                prop_assert_eq!(one.token.as_ref(), Some(&decision.token));
                let used = UseConsent::new(&question, decision.token);
                uses.extend(std::iter::repeat_n(used, 1 + usize::from(twice)));
            }
            let answers: Vec<ConsentOutcome> =
                uses.iter().map(|used| outcome(single.consents().record_use(used.clone()))).collect();
            let report = RecordConsentUses { uses, all_or_nothing: false };
            let report = many.consents().record_uses(report).unwrap();
            prop_assert_eq!(report.outcomes, answers);
        }
        for id in &people {
            let ledger = GetConsents { limit: 1_000, ..GetConsents::new(RecordRef::new("contact", *id)) };
            let [one, other] = [&single, &many].map(|crm| crm.consents().history(&ledger).unwrap());
            prop_assert_eq!(one, other);
        }
        // `verify` compares what follows for conditions with the ledger.
        for crm in [&single, &many] {
            let report = crm.verify(&mut |_| Flow::Continue).unwrap();
            prop_assert_eq!(report.problems, Vec::<String>::new());
        }
    }
}
