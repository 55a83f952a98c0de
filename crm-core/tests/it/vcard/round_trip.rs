//! The law of cards: what was imported and is exported, in any version, says the same when it is
//! imported again.

use crm_core::{
    Attribute, CardMapping, CardVersion, Crm, DefineType, ExportVcard, Flow, ImportVcard, Kind,
    Record, Value, values,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{book, card, export, import, records};
use crate::support::{define_care, repetitions};

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z]{1,8}", "[ ,;:\\\\\"=+ü🙂a]{0,5}[a-z0-9ü]", "[^\\p{Cc}]{0,10}[a-z]"]
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace(',', "\\,").replace(';', "\\;").replace('\n', "\\n")
}

fn labels() -> impl Strategy<Value = &'static str> {
    select(vec!["", ";TYPE=HOME", ";TYPE=WORK;TYPE=VOICE", ";X-P=\"a;b:c\";TYPE=x-own"])
}

/// Some lines of a card.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let group = || select(vec!["", "item1.", "g-2."]);
    let value = || text().prop_map(|text| escaped(&text));
    let plain = (
        group(),
        select(vec!["NOTE", "TITLE", "NICKNAME", "ROLE", "X-Thing", "X-AB-CD"]),
        labels(),
        value(),
    )
        .prop_map(|(group, name, labels, value)| format!("{group}{name}{labels}:{value}"));
    let lines_of_note = (value(), value()).prop_map(|(a, b)| format!("NOTE:{a}\\n{b}"));
    let mail = (group(), labels(), "[a-z]{1,6}", 0..1_000_000u32).prop_map(
        |(group, labels, name, number)| format!("{group}EMAIL{labels}:{name}{number}@example.org"),
    );
    let tel = (group(), labels(), 1_000_000..9_999_999u32)
        .prop_map(|(group, labels, number)| format!("{group}TEL{labels}:+4930{number}"));
    let address = (labels(), vec(option::of(value()), 7), any::<bool>()).prop_map(
        |(labels, mut parts, has_code)| {
            if has_code {
                parts[6] = Some("DE".into());
            }
            let parts: Vec<_> = parts.into_iter().map(Option::unwrap_or_default).collect();
            format!("ADR{labels}:{}", parts.join(";"))
        },
    );
    let structured = (value(), value()).prop_map(|(a, b)| format!("X-LIST;A=B:{a};{b}\\,c"));
    let birthday =
        (1900..2020u32, 1..13u32, 1..29u32).prop_map(|(y, m, d)| format!("BDAY:{y}-{m:02}-{d:02}"));
    let other = select(vec![
        "BDAY:--0203",
        "PHOTO;ENCODING=b;TYPE=PNG:aGk=",
        "LOGO;VALUE=uri:https://example.org/a,b;c.png",
        "REV:2008-04-24T19:52:43Z",
        "TEL:not a number",
        "X-EMPTY:",
    ]);
    vec(
        prop_oneof![
            plain,
            lines_of_note,
            mail,
            tel,
            address,
            structured,
            birthday,
            other.prop_map(str::to_owned)
        ],
        0..10,
    )
}

fn name() -> impl Strategy<Value = String> {
    let part = || option::of(text()).prop_map(|text| escaped(&text.unwrap_or_default()));
    let whole = (part(), part(), part(), part(), part())
        .prop_map(|(a, b, c, d, e)| format!("N:{a};{b};{c};{d};{e}\r\n"));
    let full = option::of(text())
        .prop_map(|text| text.map(|text| format!("FN:{}\r\n", escaped(&text))).unwrap_or_default());
    (option::of(whole), full).prop_map(|(whole, full)| whole.unwrap_or_default() + &full)
}

/// The values without the remainder, and the lines of that.
fn said(record: &Record) -> (Vec<(String, Value)>, Vec<String>) {
    let values = record.values.iter().filter(|(name, _)| *name != "vcard");
    let values = values.map(|(name, value)| (name.to_owned(), value.clone())).collect();
    let kept = record.get("vcard").as_str().unwrap_or_default();
    (values, kept.lines().map(str::to_owned).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(repetitions(250)))]

    #[test]
    fn what_is_exported_says_the_same_again(
        name in name(),
        lines in lines(),
        version in select(vec![CardVersion::V2, CardVersion::V3, CardVersion::V4]),
    ) {
        let original = card(&format!("{name}UID:1\r\n{}", lines.join("\r\n")));
        let (first, second) = (book(), book());
        import(&first, &ImportVcard::from_text("contact", original.as_str())).unwrap();
        let record = records(&first, "contact").remove(0);
        let cards = export(&first, &ExportVcard { version, ..ExportVcard::new("contact") }).unwrap();
        let report = import(&second, &ImportVcard::from_text("contact", cards.as_str())).unwrap();
        prop_assert_eq!(report.created, 1);
        let again = records(&second, "contact").remove(0);
        let ((values, mut kept), (values_again, mut kept_again)) = (said(&record), said(&again));
        prop_assert_eq!(values, values_again, "{}\n{}", original, cards);
        // Pictures are written differently by the versions; all else is not.
        let is_same = |line: &String| !line.starts_with("PHOTO") && !line.starts_with("LOGO");
        kept.retain(is_same);
        kept_again.retain(is_same);
        kept.sort();
        kept_again.sort();
        prop_assert_eq!(kept, kept_again, "{}\n{}", original, cards);
    }
}

#[test]
fn what_is_special_is_on_a_card_only_where_it_is_named() {
    let crm = Crm::in_memory().unwrap();
    define_care(&crm);
    let special = |name: &str, kind| Attribute::new(name, kind).special("care");
    let attributes = [
        special("note", Kind::Text),
        special("illness", Kind::LongText),
        special("nickname", Kind::Text),
        special("vcard", Kind::LongText),
    ];
    crm.types().define(DefineType::new("contact", attributes)).unwrap();
    let values = values! {
        "family_name" => "Lee", "note" => "flu", "nickname" => "Red", "vcard" => "X-KIN:Bob",
    };
    crm.contacts().create(values).unwrap();

    let report = crm.export_vcard(&ExportVcard::new("contact"), &mut |_| Flow::Continue).unwrap();
    let text = report.text.unwrap();
    assert!(text.contains("FN:Lee") && !text.contains("Red") && !text.contains("X-KIN"), "{text}");
    assert_eq!(report.hidden, ["nickname", "vcard"]);

    let mapping =
        vec![CardMapping::new("n.family", "family_name"), CardMapping::new("note", "note")];
    let remainder = Some("vcard".to_owned());
    let named = ExportVcard { mapping, remainder, ..ExportVcard::new("contact") };
    let report = crm.export_vcard(&named, &mut |_| Flow::Continue).unwrap();
    let text = report.text.unwrap();
    assert!(text.contains("NOTE:flu") && text.contains("X-KIN:Bob"), "{text}");
    assert!(report.hidden.is_empty() && !text.contains("Red"), "{text}");
}
