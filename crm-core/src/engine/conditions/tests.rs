//! Activities and associations, written straight into their tables: SQL and memory agree on them.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    Attribute, DefineActivityKind, DefineAssociationType, DefineType, Kind, OpenOptions, Replay,
    Values, values,
};

fn define_kinds(crm: &Crm) {
    let purchase = vec![
        Attribute::new("points", Kind::Integer),
        Attribute::new("ratio", Kind::Real),
        Attribute::new("price", Kind::Money),
        Attribute::new("note", Kind::Text),
        Attribute::new("day", Kind::Date),
        Attribute::new("tags", Kind::Choices).options(["x", "y"]),
    ];
    for (name, properties) in [("visit", vec![]), ("purchase", purchase)] {
        crm.activity_kinds().define(DefineActivityKind::new(name, properties)).unwrap();
    }
}

#[derive(Debug, Clone)]
struct Happening {
    subject: usize,
    is_purchase: bool,
    at: &'static str,
    channel: Option<&'static str>,
    amount: Option<(i64, &'static str)>,
    points: Option<i64>,
    ratio: Option<f64>,
    note: Option<&'static str>,
    day: Option<i64>,
    tags: Option<&'static str>,
    is_superseded: bool,
}

#[derive(Debug, Clone)]
struct Association {
    knows: bool,
    from: usize,
    to: usize,
    role: Option<&'static str>,
    valid: (Option<i64>, Option<i64>),
    is_archived: bool,
}

fn some<T: Clone + std::fmt::Debug + 'static>(pool: &'static [T]) -> BoxedStrategy<Option<T>> {
    prop::option::weighted(0.75, prop::sample::select(pool)).boxed()
}

fn one<T: Clone + std::fmt::Debug + 'static>(pool: &'static [T]) -> BoxedStrategy<T> {
    prop::sample::select(pool).boxed()
}

const TIMES: &[&str] = &[
    "2026-02-28T12:00:00Z",
    "2026-02-27T23:59:59.999999Z",
    "2026-02-28T12:00:00.000001Z",
    "2026-01-29T12:00:00Z",
    "2026-01-01T00:00:00Z",
    "2025-02-28T12:00:00Z",
    "2026-03-05T00:00:00Z",
];
/// When conditions are evaluated; days around it are 20,512.
const NOW: &str = "2026-02-28T12:00:00Z";
const DAYS: &[i64] = &[20_511, 20_512, 20_513, 0, 11_016];

fn happening() -> impl Strategy<Value = Happening> {
    let common = (
        0_usize..8,
        any::<bool>(),
        one(TIMES),
        some(&["email", "phone"]),
        prop::bool::weighted(0.2),
    );
    let amount = some(&[(500, "EUR"), (500, "USD"), (-1, "EUR"), (i64::MAX, "EUR")]);
    let numbers =
        (some(&[1, 2, -3, i64::MAX, i64::MIN]), some(&[0.1, 0.2, 0.3, 1e16, -1e16, 1e308]));
    let rest = (some(&["a", "ẞA", "ab"]), some(DAYS), some(&["[\"x\"]", "[\"x\",\"y\"]"]));
    (common, amount, numbers, rest).prop_map(|(common, amount, numbers, rest)| Happening {
        subject: common.0,
        is_purchase: common.1,
        at: common.2,
        channel: common.3,
        is_superseded: common.4,
        amount,
        points: numbers.0,
        ratio: numbers.1,
        note: rest.0,
        day: rest.1,
        tags: rest.2,
    })
}

fn association() -> impl Strategy<Value = Association> {
    let ends = (any::<bool>(), 0_usize..8, 0_usize..8);
    (ends, some(&["CFO", "friend"]), some(DAYS), some(DAYS), prop::bool::weighted(0.2)).prop_map(
        |((knows, from, to), role, first, last, is_archived)| Association {
            knows,
            from,
            to,
            role,
            valid: (first, last),
            is_archived,
        },
    )
}

// ---- conditions, as text

fn events() -> BoxedStrategy<String> {
    let frame = one(&[
        "",
        " within 30d",
        " within 1y",
        " within 2h",
        " from \"2026-01-01T00:00:00Z\"",
        " until \"2026-03-06T00:00:00Z\"",
        " from \"2026-01-01T00:00:00Z\" until \"2026-02-28T12:00:00Z\"",
    ]);
    let plain = one(&[
        "",
        " where channel = \"email\"",
        " where not amount > 4 EUR",
        " where amount.currency = \"USD\"",
        " where at within last 1d",
    ]);
    let bought = one(&[
        "",
        " where points >= 1 and (ratio < 0.25 or missing)",
        " where note contains \"ßa\" or tags has all (\"x\", \"y\")",
        " where not (price is set or day anniversary within next 1mo)",
        " where tags has none (\"y\")",
        " where points in (1, 2) and channel != \"phone\"",
    ]);
    (any::<bool>(), frame, plain, bought)
        .prop_map(|(is_purchase, frame, plain, bought)| match is_purchase {
            true => format!("purchase{frame}{bought}"),
            false => format!("any{frame}{plain}"),
        })
        .boxed()
}

fn event_leaf() -> BoxedStrategy<String> {
    let op = || one(&["=", "!=", "<", "<=", ">", ">="]);
    let count = (events(), op(), 0_u32..4).prop_map(|(e, op, n)| format!("count({e}) {op} {n}"));
    let figure = (
        one(&["sum", "min", "max"]),
        one(&[
            ("points", "3"),
            ("points", "9223372036854775807"),
            ("ratio", "0.6"),
            ("ratio", "0.30000000000000004"),
            ("amount", "5 EUR"),
            ("amount", "5 USD"),
            ("price", "1 EUR"),
        ]),
        events(),
        op(),
    );
    let figure = figure.prop_map(|(figure, (property, value), events, op)| {
        // What only a purchase has needs purchases.
        let events = match property {
            "amount" => events,
            _ => events.replacen("any", "purchase", 1),
        };
        format!("{figure}({property} of {events}) {op} {value}")
    });
    let when = one(&[
        "before \"2026-01-29T12:00:00Z\"",
        "after \"2026-01-29T12:00:00Z\"",
        "within last 30d",
        "older than 30d",
    ]);
    let moment = (one(&["first", "last"]), events(), when)
        .prop_map(|(end, e, when)| format!("{end}({e}) {when}"));
    prop_oneof![2 => count, 2 => figure, 1 => moment].boxed()
}

fn counted() -> BoxedStrategy<&'static str> {
    one(&["", "", " >= 2", " = 0", " = 1", " < 2", " != 1"])
}

/// A condition about a person, or about a firm.
fn about(person: bool, depth: u32) -> BoxedStrategy<String> {
    let own = match person {
        true => one(&["age > 30", "(age < 30 or missing)", "name is set"])
            .prop_map(str::to_owned)
            .boxed(),
        false => one(&["employees >= 10", "employees is missing"]).prop_map(str::to_owned).boxed(),
    };
    let mut leaves = vec![(2, own), (3, event_leaf())];
    if depth > 0 {
        let filter = |person| prop::option::of(about(person, depth - 1));
        let with = |head: String, filter: Option<String>, count: &str| match filter {
            Some(filter) => format!("related({head}: {filter}){count}"),
            None => format!("related({head}){count}"),
        };
        let role = || one(&["", " role \"CFO\""]);
        if person {
            leaves.push((
                2,
                (role(), filter(false), counted())
                    .prop_map(move |(role, filter, count)| {
                        with(format!("works_at{role}"), filter, count)
                    })
                    .boxed(),
            ));
            leaves.push((
                2,
                (
                    one(&["knows as person", "inverse knows", "boss", "inverse person.boss"]),
                    filter(true),
                    counted(),
                )
                    .prop_map(move |(head, filter, count)| with(head.into(), filter, count))
                    .boxed(),
            ));
            leaves.push((1, counted().prop_map(|count| format!("related(knows){count}")).boxed()));
        } else {
            leaves.push((
                3,
                (one(&["inverse works_at", "inverse knows"]), role(), filter(true), counted())
                    .prop_map(move |(head, role, filter, count)| {
                        with(format!("{head}{role}"), filter, count)
                    })
                    .boxed(),
            ));
        }
    }
    let leaf = prop::strategy::Union::new_weighted(leaves);
    leaf.prop_recursive(2, 6, 3, |part| {
        prop_oneof![
            (part.clone(), part.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (part.clone(), part.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            part.prop_map(|part| format!("not ({part})")),
        ]
    })
    .boxed()
}

// ---- the file

fn crm() -> Crm {
    let start = "2026-01-01T00:00:00Z".parse().unwrap();
    let replay = Some(Replay { start, step_micros: 1000 });
    let crm = Crm::open_with(":memory:", OpenOptions { replay, ..OpenOptions::default() }).unwrap();
    crm.types()
        .define(DefineType::new(
            "person",
            [
                Attribute::new("age", Kind::Integer).indexed(),
                Attribute::new("name", Kind::Text),
                Attribute::new("boss", Kind::Reference).target("person"),
            ],
        ))
        .unwrap();
    crm.types()
        .define(DefineType::new("firm", [Attribute::new("employees", Kind::Integer)]))
        .unwrap();
    define_kinds(&crm);
    for (name, to) in [("works_at", &["firm"] as &[_]), ("knows", &["person", "firm"])] {
        let definition = DefineAssociationType::new(name, ["person"], to.iter().copied());
        crm.association_types().define(definition).unwrap();
    }
    crm
}

/// People and firms; the last of each is archived.
fn populate(
    crm: &Crm,
    ages: &[Option<i64>],
    sizes: &[Option<i64>],
) -> (Vec<RecordId>, Vec<RecordId>) {
    let (people, firms) = (crm.records("person"), crm.records("firm"));
    let mut boss: Option<RecordId> = None;
    let people_ids: Vec<RecordId> = ages
        .iter()
        .map(|age| {
            let id =
                people.create(values! { "age" => *age, "boss" => boss, "name" => "x" }).unwrap().id;
            boss = boss.or(Some(id));
            id
        })
        .collect();
    let firm_ids: Vec<RecordId> = sizes
        .iter()
        .map(|size| firms.create(Values::from([("employees", *size)])).unwrap().id)
        .collect();
    people.archive(*people_ids.last().unwrap(), None).unwrap();
    firms.archive(*firm_ids.last().unwrap(), None).unwrap();
    (people_ids, firm_ids)
}

fn record(
    crm: &Crm,
    people: &[RecordId],
    firms: &[RecordId],
    happenings: &[Happening],
    associations: &[Association],
) {
    let catalog = crm.catalog();
    let (person, firm) =
        (catalog.table("person").unwrap().model.id, catalog.table("firm").unwrap().model.id);
    let kind = |name| catalog.kind(name).unwrap().model.id;
    let (visit, purchase) = (kind("visit"), kind("purchase"));
    let of_type = |name| catalog.associations(name).unwrap().model.id;
    let (works_at, knows) = (of_type("works_at"), of_type("knows"));
    let pick = |ids: &[RecordId], place: usize| ids[place % ids.len()];
    crm.shared
        .store
        .write(|tx| {
            for (seq, it) in (1_i64..).zip(happenings) {
                let subject = match it.subject % 2 {
                    0 => pick(people, it.subject / 2),
                    _ => pick(firms, it.subject / 2),
                };
                let (kind, at) = (if it.is_purchase { purchase } else { visit }, it.at.parse::<Timestamp>()?.micros());
                let (amount, currency) = it.amount.unzip();
                tx.execute(
                    "INSERT INTO crm_activity (seq, id, kind, at, subject, channel, amount, currency, superseded_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (seq, seq.to_be_bytes(), kind, at, subject.as_bytes(), it.channel, amount, currency, it.is_superseded.then_some([1_u8])),
                )?;
                if it.is_purchase && (it.points.is_some() || it.ratio.is_some()) {
                    tx.execute(
                        "INSERT INTO crm_activity_purchase (seq, points, ratio, price, price_currency, note, day, tags) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        (seq, it.points, it.ratio, amount, currency, it.note, it.day, it.tags),
                    )?;
                }
            }
            for (seq, it) in (1_i64..).zip(associations) {
                let (to, to_type) = match it.knows && it.to % 2 == 0 {
                    true => (pick(people, it.to / 2), person),
                    false => (pick(firms, it.to / 2), firm),
                };
                let from = pick(people, it.from);
                let (first, last) = it.valid;
                tx.execute(
                    "INSERT INTO crm_association VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, 0, ?, ?, 0, 0, ?)",
                    (seq, seq.to_be_bytes(), if it.knows { knows } else { works_at }, person, from.as_bytes(), to_type, to.as_bytes(), it.role, first, last, it.is_archived.then_some(0)),
                )?;
            }
            Ok(())
        })
        .unwrap();
}

fn found(conn: &Connection, entity_type: &str, wanted: &Expression) -> Result<BTreeSet<RecordId>> {
    let sql = format!("SELECT id FROM {entity_type} WHERE {}", wanted.sql);
    let mut statement = conn.prepare(&sql)?;
    for (place, cell) in (1..).zip(&wanted.parameters) {
        statement.raw_bind_parameter(place, cell)?;
    }
    let mut rows = statement.raw_query();
    let mut ids = BTreeSet::new();
    while let Some(row) = rows.next()? {
        ids.insert(RecordId::from_bytes(row.get(0)?));
    }
    Ok(ids)
}

fn compare(crm: &Crm, entity_type: &str, ids: &[RecordId], condition: &Condition, moment: &Moment) {
    let catalog = crm.catalog();
    let check = |condition: &Condition| {
        condition::check(condition, &*catalog, entity_type)
            .unwrap_or_else(|e| panic!("{condition}: {e}"))
    };
    let checked = check(condition);
    crm.shared
        .store
        .read(|conn| {
            let wanted = sql::compile(&checked, moment);
            let by_sql = found(conn, entity_type, &wanted)?;
            for id in ids {
                let subject = subject(conn, &catalog, &checked, *id, &mut Known::default())?;
                let (is_true, leaves) = condition::explain(&checked, &subject, moment);
                assert_eq!(is_true, by_sql.contains(id), "{condition}\n{leaves:?}\n{}", wanted.sql);
            }
            let normal = check(&condition.clone().normalise());
            assert_eq!(found(conn, entity_type, &sql::compile(&normal, moment))?, by_sql);
            let others =
                found(conn, entity_type, &sql::compile(&check(&!condition.clone()), moment))?;
            assert_eq!(others.len() + by_sql.len(), ids.len(), "not {condition}");
            assert!(others.is_disjoint(&by_sql), "not {condition}");
            Ok(())
        })
        .unwrap();
}

/// From now on, the answer of a condition stays as it is until it is due, again and again.
fn foresee(crm: &Crm, entity_type: &str, ids: &[RecordId], text: &str, start: &Moment) {
    let catalog = crm.catalog();
    let condition = text.parse().unwrap();
    let checked = condition::check(&condition, &*catalog, entity_type)
        .unwrap_or_else(|e| panic!("{condition}: {e}"));
    crm.shared
        .store
        .read(|conn| {
            for id in ids {
                let subject = subject(conn, &catalog, &checked, *id, &mut Known::default())?;
                let answer = |at: &Moment| condition::explain(&checked, &subject, at).0;
                let mut now = start.clone();
                for _ in 0..12 {
                    let (is_true, due) = condition::due(&checked.root, &subject, &now);
                    assert_eq!(is_true, answer(&now), "{condition}");
                    let (first, last) = (now.now().micros(), due.map(Timestamp::micros));
                    let last = last.unwrap_or(first + LONG);
                    assert!(first < last, "{condition} at {:?}", now.now());
                    let fractions = (1..40).map(|nth| first + (last - first) / 40 * nth);
                    let near = [1, HOUR, 24 * HOUR, 7 * 24 * HOUR].into_iter();
                    let near = near.flat_map(|far| [first + far, last - far]);
                    for t in fractions.chain(near).filter(|t| first < *t && *t < last) {
                        let at = now.at(Timestamp::clamped(t));
                        assert_eq!(
                            is_true,
                            answer(&at),
                            "{condition} at {:?} after {:?}, due {due:?}",
                            at.now(),
                            now.now()
                        );
                    }
                    let Some(due) = due else { break };
                    now = now.at(due);
                }
            }
            Ok(())
        })
        .unwrap();
}

const HOUR: i64 = 3_600_000_000;
/// Longer than any span of the conditions here: three years.
const LONG: i64 = 3 * 366 * 24 * HOUR;

/// Questions about a person, its past and its firms that time answers.
fn timed() -> BoxedStrategy<String> {
    let own = one(&[
        "changed(age within 3d)",
        "not changed(name within 1mo)",
        "changed(age)",
        "created_at within last 59d",
        "updated_at within next 2h",
        "updated_at anniversary within next 1mo",
        "created_at anniversary within last 0d",
        "related(inverse person.boss: created_at within last 2mo) >= 2",
        "related(works_at: updated_at anniversary within last 1w)",
    ])
    .prop_map(str::to_owned);
    (own, about(true, 2), any::<bool>())
        .prop_map(|(own, other, both)| match both {
            true => format!("{own} and ({other})"),
            false => format!("{own} or ({other})"),
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn answers_change_by_time_only_when_they_are_due(
        ages in prop::collection::vec(some(&[20, 30, 40]), 2..5),
        sizes in prop::collection::vec(some(&[5, 10, 50]), 2..4),
        happenings in prop::collection::vec(happening(), 0..25),
        associations in prop::collection::vec(association(), 0..12),
        conditions in prop::collection::vec(prop_oneof![timed(), about(true, 2)], 4),
        firm_conditions in prop::collection::vec(about(false, 2), 2),
        zone in one(&["UTC", "Europe/Berlin", "America/St_Johns"]),
        start in one(&[NOW, "2025-12-31T23:00:00Z", "2026-03-28T12:00:00Z", "2026-10-24T22:30:00Z"]),
    ) {
        let crm = crm();
        let (people, firms) = populate(&crm, &ages, &sizes);
        record(&crm, &people, &firms, &happenings, &associations);
        let start = Moment::new(start.parse().unwrap(), zone).unwrap();
        for text in &conditions {
            foresee(&crm, "person", &people, text, &start);
        }
        for text in &firm_conditions {
            foresee(&crm, "firm", &firms, text, &start);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn activities_and_associations_mean_the_same_in_sql_and_in_memory(
        ages in prop::collection::vec(some(&[20, 30, 40]), 2..5),
        sizes in prop::collection::vec(some(&[5, 10, 50]), 2..4),
        happenings in prop::collection::vec(happening(), 0..25),
        associations in prop::collection::vec(association(), 0..12),
        people_conditions in prop::collection::vec(about(true, 2), 4),
        firm_conditions in prop::collection::vec(about(false, 2), 4),
        zone in one(&["UTC", "Europe/Berlin", "Pacific/Kiritimati"]),
    ) {
        let crm = crm();
        let (people, firms) = populate(&crm, &ages, &sizes);
        record(&crm, &people, &firms, &happenings, &associations);
        let moment = Moment::new(NOW.parse().unwrap(), zone).unwrap();
        for text in &people_conditions {
            compare(&crm, "person", &people, &text.parse().unwrap(), &moment);
        }
        for text in &firm_conditions {
            compare(&crm, "firm", &firms, &text.parse().unwrap(), &moment);
        }
    }
}

/// 28 February is a month before 28 March, and before the three days that follow it.
#[test]
fn what_has_left_a_month_comes_back_where_months_end_on_different_days() {
    let crm = Crm::in_memory().unwrap();
    crm.activity_kinds().define_preset(crate::ActivityPreset::WebVisit).unwrap();
    let id = crm.contacts().create(values! { "given_name" => "Ann" }).unwrap().id;
    for at in ["2025-02-28T05:00:00Z", "2025-02-28T23:59:59.999999Z"] {
        let subject = crate::RecordRef::new("contact", id);
        let visit = crate::NewActivity::of("web_visit", subject, at.parse().unwrap());
        crm.activities().record(visit).unwrap();
    }
    for start in ["2025-03-27T04:00:00Z", "2025-03-28T06:00:00Z", "2025-03-29T06:00:00Z"] {
        let start = Moment::new(start.parse().unwrap(), "UTC").unwrap();
        for text in ["count(web_visit within 1mo) >= 1", "count(web_visit within 1mo) = 1"] {
            foresee(&crm, "contact", &[id], text, &start);
        }
    }
}

/// The first that leaves makes no difference, the second does, and the third once more.
#[test]
fn a_sum_changes_when_the_activity_leaves_that_makes_the_difference() {
    let crm = Crm::in_memory().unwrap();
    crm.activity_kinds().define_preset(crate::ActivityPreset::Purchase).unwrap();
    let id = crm.contacts().create(values! { "given_name" => "Ann" }).unwrap().id;
    let bought = [("2025-03-01", 0, "EUR"), ("2025-03-03", 300, "EUR"), ("2025-03-04", 900, "USD")];
    for (nth, (day, cents, currency)) in
        bought.iter().chain(&[("2025-03-07", 500, "EUR")]).enumerate()
    {
        let subject = crate::RecordRef::new("contact", id);
        let at = format!("{day}T10:00:00Z").parse().unwrap();
        let purchase = crate::NewActivity {
            amount: Some(crate::Money::from_minor_units(*cents, currency).unwrap()),
            properties: values! { "order_id" => format!("A-{nth}") },
            ..crate::NewActivity::of("purchase", subject, at)
        };
        crm.activities().record(purchase).unwrap();
    }
    let start = Moment::new("2025-03-08T00:00:00Z".parse().unwrap(), "UTC").unwrap();
    for op in ["= 5", "> 5", "< 8", ">= 8", "= 0"] {
        for span in ["30d", "1mo"] {
            let text = format!("sum(amount of purchase within {span}) {op}.00 EUR");
            foresee(&crm, "contact", &[id], &text, &start);
        }
    }
}
