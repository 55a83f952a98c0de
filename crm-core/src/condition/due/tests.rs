//! When what the ledger permits changes by itself.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    ConsentKind, ConsentRegime, LegalBasis, RecordId,
    consent::{Entry, Ledger, Proof, Rule},
};

const HOUR: i64 = 3_600_000_000;
const NOW: i64 = 1_767_225_600_000_000;

fn at(hours: i64) -> Timestamp {
    Timestamp::clamped(NOW + hours * HOUR)
}

fn parts(text: &str) -> Parts {
    text.parse::<crate::Span>().unwrap().parts().unwrap()
}

fn rule(lapses_after: Option<&str>, guards_minors: bool) -> Rule {
    Rule {
        channel: "email".into(),
        purpose: "news".into(),
        controller: None,
        is_offered: true,
        regime: ConsentRegime::OptIn,
        least_proof: Proof::Single,
        bases: Vec::new(),
        valid_for: None,
        lapses_after: lapses_after.map(parts),
        warns_before: None,
        retention: None,
        confirms_within: parts("P2D"),
        least_versions: BTreeMap::new(),
        guards_minors,
        is_transactional: false,
        quiet: None,
        caps: Vec::new(),
        pressure: None,
    }
}

fn entry(number: u8, kind: ConsentKind, hours: i64, lasts: Option<i64>) -> Entry {
    let mut bytes = [0; 16];
    bytes[15] = number;
    let names = kind.is_permitting() || kind == ConsentKind::Used;
    Entry {
        id: RecordId::from_bytes(bytes),
        kind,
        channel: names.then(|| "email".into()),
        purpose: names.then(|| "news".into()),
        controller: None,
        contact_point: None,
        basis: kind.is_permitting().then_some(LegalBasis::Consent),
        proof: Proof::Double,
        notice: None,
        language: None,
        notice_version: None,
        occurred_at: at(hours),
        expires_at: lasts.map(|lasts| at(hours + lasts)),
        supersedes: Vec::new(),
        by_guardian: false,
        frequency: None,
    }
}

fn asked(rule: Rule) -> Node {
    let test = Test::Consent(ConsentTest { fact: 0, rule });
    let (path, text) = (String::new(), String::new());
    Node::Leaf(Box::new(Leaf { path, text, test }))
}

fn event() -> impl Strategy<Value = (ConsentKind, i64, Option<i64>)> {
    use ConsentKind::{Granted, Minor, Paused, Restricted, Used, Withdrawn};
    let kind = prop::sample::select(vec![
        Granted, Granted, Granted, Used, Paused, Paused, Minor, Withdrawn, Restricted,
    ]);
    (kind, -200_i64..100, prop::option::of(1_i64..250))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, max_shrink_iters: 500, ..ProptestConfig::default() })]

    /// The answer stays as it is until the moment that is given, and for ever without one: grants of
    /// the future, ends, pauses, lapses and coming of age are all told beforehand.
    #[test]
    fn what_the_ledger_permits_stays_until_it_is_due(
        events in prop::collection::vec(event(), 1..7),
        lapses in prop::sample::select(vec![None, Some("P3D"), Some("PT40H")]),
        valid in prop::sample::select(vec![None, Some("P5D"), Some("PT70H")]),
        guards_minors in any::<bool>(),
        is_negated in any::<bool>(),
    ) {
        let entries = events.iter().zip(1..).map(|((kind, hours, lasts), number)| {
            // A pause has an end, and only what is given or ends by itself has one.
            let lasts = match kind {
                ConsentKind::Paused | ConsentKind::Minor => Some(lasts.unwrap_or(60)),
                ConsentKind::Granted => *lasts,
                _ => None,
            };
            entry(number, *kind, *hours, lasts)
        });
        let ledger = Ledger::new(entries.collect());
        let subject = Subject { row: Arc::default(), facts: vec![Facts::Consent(ledger)] };
        let mut node = asked(Rule { valid_for: valid.map(parts), ..rule(lapses, guards_minors) });
        if is_negated {
            node = Node::Not(Box::new(node));
        }
        let mut moment = Moment::new(at(0), "UTC").unwrap();
        let end = at(1000);
        for _ in 0..40 {
            let (answer, next) = due(&node, &subject, &moment);
            prop_assert_eq!(answer, is_true(&node, &subject, &moment));
            let until = next.unwrap_or(end).min(end);
            prop_assert!(until > moment.now());
            // Whatever happens in the ledger happens at a full hour, or a microsecond from it.
            let mut probe = moment.now().micros() / HOUR * HOUR;
            while probe <= until.micros() {
                for micros in [probe - 1, probe, probe + 1] {
                    if micros >= moment.now().micros() && micros < until.micros() {
                        let then = moment.at(Timestamp::clamped(micros));
                        prop_assert_eq!(is_true(&node, &subject, &then), answer, "at {}", micros - NOW);
                    }
                }
                probe += HOUR;
            }
            if next.is_none() || until == end {
                return Ok(());
            }
            moment = moment.at(until);
        }
        prop_assert!(false, "it goes on changing");
    }
}

#[test]
fn a_pause_an_end_and_a_lapse_are_due_at_their_own_moments() {
    let told = |entries: Vec<Entry>, rule: Rule| {
        let facts = vec![Facts::Consent(Ledger::new(entries))];
        let subject = Subject { row: Arc::default(), facts };
        due(&asked(rule), &subject, &Moment::new(at(0), "UTC").unwrap())
    };
    let grant = |lasts| entry(1, ConsentKind::Granted, -10, lasts);
    assert_eq!(told(vec![grant(None)], rule(None, false)), (true, None));
    assert_eq!(told(vec![grant(Some(30))], rule(None, false)), (true, Some(at(20))));
    let paused = entry(2, ConsentKind::Paused, -1, Some(6));
    assert_eq!(told(vec![grant(None), paused], rule(None, false)), (false, Some(at(5))));
    let coming = entry(1, ConsentKind::Granted, 7, None);
    assert_eq!(told(vec![coming], rule(None, false)), (false, Some(at(7))));
    let (is_true, lapse) = told(vec![grant(None)], rule(Some("P3D"), false));
    assert!(is_true);
    assert_eq!(lapse, Some(at(62)), "three days after it was given");
    let used = entry(3, ConsentKind::Used, -2, None);
    let (_, later) = told(vec![grant(None), used], rule(Some("P3D"), false));
    assert!(later.unwrap() >= at(70), "what is used does not lapse yet");
    assert_eq!(told(Vec::new(), rule(None, false)), (false, None));
}
