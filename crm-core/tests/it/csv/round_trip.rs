//! The law of CSV: what is exported in the machine form and imported again is the same.

use crm_core::{
    AddFile, Address, Attribute, Crm, CsvDialect, DefineType, ExportCsv, FileRef, ImportCsv, Kind,
    Money, ProposeMapping, RecordId, Timestamp, Value, Values, values,
};
use proptest::{collection::vec, option, prelude::*, sample::select, strategy::ValueTree as _};

use super::{export, import};

const OPTIONS: [&str; 5] = ["red", " odd ", "a;b", "x|y", "no, yes"];

/// A type of this name with an attribute of every kind.
fn define(crm: &Crm, name: &str) {
    let attributes = Kind::ALL.iter().map(|kind| {
        let attribute = Attribute::new(kind.name(), *kind);
        match kind {
            Kind::Choice | Kind::Choices => attribute.options(OPTIONS),
            Kind::Reference => attribute.target("company"),
            Kind::Decimal => Attribute { scale: Some(3), ..attribute },
            _ => attribute,
        }
    });
    crm.types().define(DefineType::new(name, attributes)).unwrap();
}

fn text() -> impl Strategy<Value = String> {
    let awkward = "[ ,;\"'\r\n\t=+|\\\\ü🙂\u{FEFF}\u{A0}a]{1,6}";
    prop_oneof![awkward, "[^\0]{1,20}"]
}

fn address() -> impl Strategy<Value = Address> {
    let part = || option::of(text());
    (text(), part(), part(), part(), option::of(select(vec!["DE", "US"]))).prop_map(
        |(street, city, region, postal_code, country)| Address {
            street: Some(street),
            city,
            region,
            postal_code,
            country: country.map(str::to_owned),
        },
    )
}

fn value(kind: Kind, file: &FileRef, company: RecordId) -> BoxedStrategy<Value> {
    let one_of = |texts: &[&'static str]| select(texts.to_vec()).prop_map(Value::from).boxed();
    match kind {
        Kind::Text | Kind::LongText => text().prop_map(Value::from).boxed(),
        Kind::Choice => one_of(&OPTIONS),
        Kind::Choices => vec(select(OPTIONS.to_vec()), 1..4).prop_map(Value::from).boxed(),
        Kind::Checkbox => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Integer => any::<i64>().prop_map(Value::from).boxed(),
        Kind::Decimal => any::<i32>().prop_map(Value::from).boxed(),
        Kind::Real => any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(Value::from)
            .boxed(),
        Kind::Money => (any::<i64>(), select(vec!["EUR", "JPY", "KWD"]))
            .prop_map(|(minor, code)| Value::from(Money::from_minor_units(minor, code).unwrap()))
            .boxed(),
        Kind::Date => one_of(&["0001-01-01", "2024-02-29", "9999-12-31"]),
        Kind::Timestamp => (Timestamp::MIN.micros()..=Timestamp::MAX.micros())
            .prop_map(|micros| Value::from(Timestamp::from_micros(micros).unwrap()))
            .boxed(),
        Kind::Email => one_of(&["Ann.O'Neil+crm@EXAMPLE.org", "\"a b\"@example.org"]),
        Kind::Phone => one_of(&["+49 30 123456", "+12125550123"]),
        Kind::Url => one_of(&["https://example.org/a,b?c=\"d\"", "HTTP://EXAMPLE.org"]),
        Kind::Country => one_of(&["de", "US"]),
        Kind::Locale => one_of(&["de-at", "en"]),
        Kind::TimeZone => one_of(&["europe/berlin", "UTC"]),
        Kind::Address => address().prop_map(Value::from).boxed(),
        Kind::Rating => (0..=5i64).prop_map(Value::from).boxed(),
        Kind::File => Just(Value::from(file.clone())).boxed(),
        Kind::Reference => Just(Value::from(company)).boxed(),
    }
}

fn all_values(crm: &Crm, entity_type: &str) -> Vec<Values> {
    crm.records(entity_type).iter().map(|record| record.unwrap().values).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_exported_is_imported_as_it_was(
        (delimiter, quote) in select(vec![(",", "\""), (";", "'"), ("\t", "\""), ("|", "~")]),
        seed in any::<[u8; 32]>(),
    ) {
        let crm = Crm::in_memory().unwrap();
        define(&crm, "one");
        define(&crm, "other");
        let company = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
        let file = crm.files().add(&AddFile::new("a, b.pdf", "application/pdf", "content")).unwrap();
        // Attributes are many and a case has few rows: each is drawn by itself.
        let rng = proptest::test_runner::TestRng::from_seed(
            proptest::test_runner::RngAlgorithm::ChaCha, &seed);
        let mut runner = proptest::test_runner::TestRunner::new_with_rng(
            proptest::test_runner::Config::default(), rng);
        for _ in 0..5 {
            let mut values = Values::new();
            for kind in Kind::ALL {
                let drawn = option::weighted(0.8, value(*kind, &file, company));
                let drawn = drawn.new_tree(&mut runner).unwrap().current();
                values.insert(kind.name(), drawn);
            }
            crm.records("one").create(values).unwrap();
        }
        let dialect = CsvDialect { delimiter: delimiter.into(), quote: quote.into(), encoding: None };
        let request = ExportCsv { dialect: dialect.clone(), ..ExportCsv::new("one") };
        let text = export(&crm, &request).unwrap();
        let proposal = crm.propose_mapping(&ProposeMapping {
            entity_type: "other".into(), path: None, text: Some(text.clone()), dialect: dialect.clone(),
        }).unwrap();
        prop_assert_eq!(proposal.unmapped, ["id"]);
        let request = ImportCsv { dialect, ..ImportCsv::from_text("other", text, proposal.columns) };
        let report = import(&crm, &request).unwrap();
        prop_assert_eq!(report.problems, vec![]);
        let (ours, theirs) = (all_values(&crm, "one"), all_values(&crm, "other"));
        // Not by the assertion's own words: a value's debug form does not show it.
        let json = |values: &[Values]| serde_json::to_string_pretty(values).unwrap();
        prop_assert!(ours == theirs, "{}\n{}", json(&ours), json(&theirs));
    }
}
