//! Random definitions and values, nasty ones above all, drawn from small pools so that they collide.

use crm_core::{Address, Attribute, ChoiceOption, FileRef, Kind, Money, RecordId, Value};
use proptest::prelude::*;

/// Texts that have broken programs before.
const NASTY: &[&str] = &[
    "",
    " ",
    "a",
    "A",
    "null",
    "0",
    "-0.0",
    "é",
    "e\u{301}",
    "👩‍👩‍👧‍👦",
    "'; --",
    "\"\\\u{8}\u{1f}\u{7f}",
    "a\0b",
    "\u{2028}\r\n\t",
    "\u{feff}x",
    "ẞ𝒳",
    "%_*?[",
];

/// Some of them make sense, depending on the kinds of what they read.
const FORMULAS: &[&str] = &[
    "a",
    "b",
    "a + 1",
    "b * 1.5",
    "c / d",
    "coalesce(a, b, c)",
    "concat(a, \"·\", b)",
    "is_missing(c)",
    "length(d)",
    "if(is_missing(a), b, c)",
    "add_months(b, 1)",
    "upper(trim(c))",
    "currency(a)",
    "d > c or not is_missing(a)",
    "count(gamma)",
    "count(any)",
    "sum(a of delta)",
    "max(b of gamma)",
    "latest(c of delta)",
    "max(at of any)",
    "count(related near)",
    "count(related inverse near role \"x\")",
    "sum(a of related inverse under as alpha)",
    "max(b of related near as beta open)",
    "latest(c of related inverse near as alpha)",
];

/// A random choice, made into a value once the kind of its attribute is known.
#[derive(Debug, Clone)]
pub(super) struct Draw {
    pub(super) attribute: u8,
    pick: u8,
    text: String,
}

pub(super) fn draw() -> impl Strategy<Value = Draw> {
    let text = prop_oneof![any::<String>(), prop::sample::select(NASTY).prop_map(str::to_owned)];
    (any::<u8>(), any::<u8>(), text).prop_map(|(attribute, pick, text)| Draw {
        attribute,
        pick,
        text,
    })
}

impl Draw {
    /// A value for an attribute of `kind`: mostly one that fits, and often one that others have.
    /// `ids` and `hashes` are those of stored records and files.
    #[expect(clippy::too_many_lines, reason = "one arm per kind")]
    pub(super) fn value(&self, kind: Kind, ids: &[RecordId], hashes: &[String]) -> Value {
        let pick = usize::from(self.pick);
        let of = |pool: &[&str]| Value::from(pool[pick % pool.len()]);
        if pick.is_multiple_of(7) {
            return Value::Null;
        }
        match kind {
            Kind::Text | Kind::LongText if pick.is_multiple_of(2) => {
                Value::from(self.text.as_str())
            }
            Kind::Text | Kind::LongText => of(NASTY),
            Kind::Choice => of(&["s", "m", "l", "ß 🦊", "x"]),
            Kind::Choices => {
                let all = ["s", "m", "l", "ß 🦊"];
                let chosen = all.iter().enumerate().filter(|(place, _)| pick >> place & 1 == 1);
                Value::List(chosen.map(|(_, option)| (*option).to_owned()).rev().collect())
            }
            Kind::Checkbox => Value::Bool(pick.is_multiple_of(2)),
            Kind::Integer | Kind::Rating => {
                Value::Integer([0, 1, 2, 3, 5, 6, -1, i64::MAX, i64::MIN][pick % 9])
            }
            Kind::Decimal => of(&["1", "1.5", "-0.01", "0.0", "1.005", "92233720368547758.07"]),
            Kind::Real => Value::Real(
                [
                    0.0,
                    -0.0,
                    0.1,
                    -1e300,
                    5e-324,
                    1.257_165_289_668_901_3e17,
                    f64::NAN,
                    f64::INFINITY,
                ][pick % 8],
            ),
            Kind::Money => {
                let currency = ["EUR", "JPY", "kwd", "XXX"][pick % 4];
                Value::Money(Money::new(["1", "-7", "1.5", "0.125"][pick / 4 % 4], currency))
            }
            Kind::Date => {
                of(&["2024-02-29", "0001-01-01", "9999-12-31", "2023-02-29", "1969-12-31"])
            }
            Kind::Timestamp => of(&[
                "2024-02-29T12:00:00Z",
                "2024-02-29T13:00:00+01:00",
                "0001-01-01T00:00:00Z",
                "9999-12-31T23:59:59.999999Z",
                "2024-02-29T12:00:00",
            ]),
            Kind::Email => of(&["a@example.org", "a@EXAMPLE.org", "ä@Über.example", "b@x.y", "no"]),
            Kind::Phone => of(&["+493012345678", "+49 30 12345678", "+16502530000", "030"]),
            Kind::Url => of(&["https://a.b/", "HTTPS://A.B", "http://ü.example/ä", "a.b"]),
            Kind::Country => of(&["DE", "de", "FR", "Germany"]),
            Kind::Locale => of(&["de", "DE-at", "zh-hant", "de_DE"]),
            Kind::TimeZone => of(&["UTC", "utc", "Europe/Berlin", "Mars"]),
            Kind::Address => {
                let part = |at: u32, text: &str| (pick >> at & 1 == 1).then(|| text.to_owned());
                Value::Address(Address {
                    street: part(0, "Markt 3\nHof"),
                    city: part(1, "Ulm"),
                    region: part(2, ""),
                    postal_code: part(3, &self.text),
                    country: part(4, "de"),
                })
            }
            Kind::File => match hashes.get(pick % (hashes.len() + 1)) {
                Some(hash) => file(hash.clone()),
                None => file("0".repeat(64)),
            },
            Kind::Reference => match ids.get(pick % (ids.len() + 1)) {
                Some(id) => Value::from(*id),
                None => of(&["00000000-0000-7000-8000-000000000000", "no id"]),
            },
        }
    }
}

fn file(hash: String) -> Value {
    let (name, media_type) = ("a.txt".into(), "text/plain".into());
    Value::File(FileRef { hash, name, media_type, size: 1 })
}

/// A definition of an attribute: mostly one that makes sense.
pub(super) fn attribute(
    name: &'static str,
    targets: &'static [&'static str],
) -> BoxedStrategy<Attribute> {
    let flags = prop::array::uniform6(any::<bool>());
    (prop::sample::select(Kind::ALL), flags, any::<u8>())
        .prop_map(move |(kind, [unique, index, required, tight, hidden, default], pick)| {
            let mut attribute = Attribute::new(name, kind);
            attribute.label = if tight { "Label".into() } else { String::new() };
            attribute.required = required && pick.is_multiple_of(4);
            match kind {
                Kind::Reference => {
                    attribute.target = Some(targets[usize::from(pick) % targets.len()].into());
                }
                Kind::Text if tight => attribute.length = Some(1 + u32::from(pick % 3)),
                Kind::LongText if tight => attribute.pattern = Some("(?s).{0,2}".into()),
                Kind::Choice | Kind::Choices => {
                    let dropped = if tight { usize::from(pick % 4) } else { 4 };
                    let options = ["s", "m", "l", "ß 🦊"].iter().enumerate();
                    let options = options.filter(|(place, _)| *place != dropped);
                    attribute.options =
                        options.map(|(_, value)| ChoiceOption::new(*value)).collect();
                    attribute.options[0].hidden = hidden;
                }
                Kind::Integer if tight => attribute.minimum = Some(Value::Integer(0)),
                Kind::Real if tight => attribute.maximum = Some(Value::Real(0.5)),
                Kind::Date if tight => attribute.minimum = Some("1970-01-01".into()),
                Kind::Money if tight => attribute.currency = Some("EUR".into()),
                _ => {}
            }
            if unique && pick.is_multiple_of(5) {
                attribute.formula = FORMULAS.get(usize::from(pick) / 5).map(|text| (*text).into());
                if kind == Kind::Money {
                    attribute.currency = Some("EUR".into());
                }
            }
            attribute.default = (default && kind == Kind::Integer).then_some(Value::Integer(1));
            let is_key = matches!(
                kind,
                Kind::Text | Kind::Integer | Kind::Email | Kind::Date | Kind::Decimal | Kind::Phone
            );
            attribute.unique = unique && is_key;
            attribute.index = index && (is_key || kind == Kind::Choices);
            let is_text = matches!(
                kind,
                Kind::Text | Kind::LongText | Kind::Email | Kind::Phone | Kind::Url | Kind::Address
            );
            attribute.searched = hidden && is_text;
            attribute
        })
        .boxed()
}

/// Any value at all, whatever the kind it is handed to.
pub(super) fn any_value() -> BoxedStrategy<Value> {
    let text = || prop_oneof![any::<String>(), prop::sample::select(NASTY).prop_map(str::to_owned)];
    let part = || prop::option::of(text());
    let address = (part(), part(), part(), part(), prop::option::of("[a-zA-Z]{2}"));
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Integer),
        prop::sample::select(vec![0, -1, 1 << 53, i64::MAX, i64::MIN]).prop_map(Value::Integer),
        prop::num::f64::ANY.prop_map(Value::Real),
        prop::sample::select(vec![0.0, -0.0, 1e15, f64::MAX, f64::NAN]).prop_map(Value::Real),
        text().prop_map(Value::Text),
        "-?[0-9]{1,20}(\\.[0-9]{1,4})?".prop_map(Value::Text),
        "[0-9]{4}-[01][0-9]-[0-3][0-9]".prop_map(Value::Text),
        "[0-9]{4}-0[1-9]-[0-2][0-9]T[0-2][0-9]:[0-5][0-9]:00(\\.[0-9]{1,7})?(Z|[+-][01][0-9]:30)"
            .prop_map(Value::Text),
        " ?[a-zA-Zäß.+]{1,9}@[a-zA-ZäÖ]{1,9}\\.[A-Za-z]{2}".prop_map(Value::Text),
        "\\+[1-9][0-9 ()-]{6,14}".prop_map(Value::Text),
        "[hH]ttps?://[a-zA-Zäö.]{1,12}(:[0-9]{1,4})?/?[a-z ./é%]{0,8}".prop_map(Value::Text),
        "[a-zA-Z]{2,3}(-[a-zA-Z]{4})?(-[a-zA-Z]{2})?".prop_map(Value::Text),
        prop::sample::select(vec!["utc", "europe/berlin", "Asia/Calcutta"]).prop_map(Value::from),
        prop::collection::vec(prop::sample::select(vec!["s", "m", "l", "x"]), 0..6)
            .prop_map(Value::from),
        ("-?[0-9]{1,18}(\\.[0-9]{1,3})?", prop::sample::select(vec!["EUR", "jpy", "KWD", "XAU"]))
            .prop_map(|(amount, currency)| Value::Money(Money::new(amount, currency))),
        address.prop_map(|(street, city, region, postal_code, country)| {
            Value::Address(Address { street, city, region, postal_code, country })
        }),
        ("[0-9a-f]{63,64}", text()).prop_map(|(hash, name)| {
            Value::File(FileRef { hash, name, media_type: "text/plain".into(), size: 0 })
        }),
    ]
    .boxed()
}
