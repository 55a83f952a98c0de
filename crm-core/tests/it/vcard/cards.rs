//! What cards say and where it goes: invented ones, and the exports of real address books.

use std::{collections::BTreeSet, path::Path};

use calcard::{
    Entry, Parser,
    vcard::{VCard, VCardProperty},
};
use crm_core::{
    Address, Attribute, CardMapping, CardVersion, Crm, DefineType, ErrorKind, ExportVcard,
    ImportMode, ImportVcard, Kind, Value, values,
};

use super::{book, card, data, export, import, records, text};

#[test]
fn an_old_telephones_card_is_read_whole() {
    let crm = book();
    let request = ImportVcard {
        create_missing: true,
        ..ImportVcard::from_path("contact", data("telephone-2.1.vcf"))
    };
    let report = import(&crm, &request).unwrap();
    // Countries are codes.
    let problems: Vec<_> =
        report.problems.iter().map(|p| (p.column.as_deref().unwrap(), p.kind.as_str())).collect();
    assert_eq!((report.created, problems), (1, vec![("ADR", "invalid_value")]));
    let [zoe] = &records(&crm, "contact")[..] else { panic!("one contact") };
    for (attribute, expected) in [
        ("given_name", "Zoë"),
        ("family_name", "Löwe"),
        ("phone", "+4915123456789"),
        ("email", "zoe@example.org"),
        ("description", "first line\nsecond line, still the second"),
    ] {
        assert_eq!(text(zoe, attribute), expected);
    }
    let company = crm.companies().get(text(zoe, "company").parse().unwrap()).unwrap();
    assert_eq!(text(&company, "name"), "Acme, Inc.");
    let Value::File(photo) = zoe.get("photo") else { panic!("a photo") };
    assert_eq!((photo.media_type.as_str(), photo.size), ("image/gif", 42));
    let kept = text(zoe, "vcard");
    for line in [
        "N:;;;Dr.;",
        "TEL;TYPE=CELL;TYPE=PREF:",
        "TEL;TYPE=HOME:030 1234567",
        "ORG:;Research",
        "ADR;TYPE=HOME:;;;;;;Germany",
        "X-ANDROID-CUSTOM:vnd.android.cursor.item/nickname;Zö;1;;;;",
        "AGENT:BEGIN:VCARD\\nVERSION:2.1\\nN:Helper\\;Hal\\nEND:VCARD\\n",
    ] {
        assert!(kept.lines().any(|kept| kept == line), "{line} in {kept}");
    }
}

#[test]
fn charsets_are_read_where_they_are_told_and_reported_where_not() {
    let crm = book();
    let request = ImportVcard::from_path("contact", data("latin.vcf"));
    let report = import(&crm, &request).unwrap();
    assert_eq!((report.created, report.problems.len()), (2, 1));
    assert_eq!((report.problems[0].row, report.problems[0].column.as_deref()), (2, Some("N")));
    let names: Vec<_> = records(&crm, "contact").iter().map(|r| text(r, "family_name")).collect();
    assert_eq!(names, ["Müller", ""]);

    let crm = book();
    let request = ImportVcard { encoding: Some("windows-1252".into()), ..request };
    assert!(import(&crm, &request).unwrap().problems.is_empty());
    assert_eq!(text(&records(&crm, "contact")[1], "family_name"), "Weiß");
}

#[test]
fn several_values_have_a_first_and_the_others_are_kept() {
    let crm = book();
    let report = import(&crm, &ImportVcard::from_path("contact", data("phone-3.0.vcf"))).unwrap();
    assert_eq!((report.created, report.problems.len()), (1, 0));
    let eve = &records(&crm, "contact")[0];
    assert_eq!(text(eve, "email"), "eve@home.example.com");
    assert_eq!(text(eve, "birthday"), "1984-02-29");
    assert_eq!(text(eve, "job_title"), "Head of Things, and more");
    let address = Address {
        street: Some("1 Main St\n2nd floor".into()),
        city: Some("Springfield".into()),
        region: Some("IL".into()),
        postal_code: Some("62701".into()),
        country: Some("US".into()),
    };
    assert_eq!(eve.get("address"), &Value::Address(address));
    let kept = text(eve, "vcard");
    for line in [
        "item1.EMAIL;type=INTERNET:eve@work.example.com",
        "item1.X-ABLabel:_$!<School>!$_",
        "EMAIL;TYPE=HOME,pref:",
        "item2.ADR;TYPE=HOME:PO Box 1;Rear;;;;;",
        "N:;;Maria,Anna;;",
        "URL:https://example.com/eve?a=1,2;b",
        "X-SPACED:  leading and trailing  ",
    ] {
        assert!(kept.lines().any(|kept| kept == line), "{line} in {kept}");
    }
    assert!(!kept.contains("home.example.com"), "a value stands in one place only");
}

#[test]
fn what_does_not_fit_is_reported_and_kept() {
    let crm = book();
    let report = import(&crm, &ImportVcard::from_path("contact", data("broken.vcf"))).unwrap();
    let seen: Vec<_> = report
        .problems
        .iter()
        .map(|p| (p.row, p.column.as_deref(), p.kind.as_str(), p.rejects_row))
        .collect();
    assert_eq!(
        seen,
        [
            (1, None, "invalid_value", false),
            (1, None, "invalid_value", false),
            (2, Some("VERSION"), "invalid_value", false),
            (2, None, "invalid_value", false),
            (2, None, "invalid_value", false),
            (2, Some("EMAIL"), "invalid_value", false),
            (2, Some("TEL"), "invalid_value", false),
            (2, Some("ADR"), "invalid_value", false),
            (2, Some("BDAY"), "invalid_value", false),
            (3, None, "required", true),
            (0, None, "invalid_value", false),
        ]
    );
    assert!(report.problems.iter().all(|p| p.hint.is_some() || p.kind == "required"));
    assert_eq!((report.rows, report.created, report.rejected), (4, 3, 1));
    let kept = records(&crm, "contact");
    let [cut, benny, last] = &kept[..] else { panic!("three contacts") };
    assert_eq!(text(cut, "family_name"), "Cut");
    assert_eq!(text(benny, "email"), "benny@example.org");
    let rest = "EMAIL:this is no address\nTEL:12\nBDAY:yesterday\nADR:;;;;;;Nowhereland";
    assert_eq!(text(benny, "vcard"), rest);
    assert_eq!(text(last, "family_name"), "Last One");
}

#[test]
fn without_a_place_for_the_rest_it_is_reported() {
    let crm = Crm::in_memory().unwrap();
    let request = ImportVcard::from_text("contact", card("N:A;B\r\nX-ONE:1\r\nX-TWO:"));
    let report = import(&crm, &request).unwrap();
    assert_eq!((report.created, report.problems.len()), (1, 1));
    assert_eq!(report.problems[0].column.as_deref(), Some("X-ONE"));
    assert!(report.problems[0].hint.as_deref().unwrap().contains("long_text"));
}

#[test]
fn companies_are_found_by_name_and_created_only_when_asked() {
    let crm = book();
    crm.companies().create(values! { "name" => "Twice" }).unwrap();
    crm.companies().create(values! { "name" => "Twice" }).unwrap();
    let cards = [card("N:A\r\nORG:Twice"), card("N:B\r\nORG:New;Unit"), card("N:C\r\nORG:New")];
    let request = ImportVcard::from_text("contact", cards.concat());
    let report = import(&crm, &request).unwrap();
    let kinds: Vec<_> = report.problems.iter().map(|p| p.kind.as_str()).collect();
    assert_eq!(kinds, ["duplicate", "not_found", "not_found"]);
    assert_eq!(text(&records(&crm, "contact")[1], "vcard"), "ORG:New;Unit");

    let request = ImportVcard { create_missing: true, ..request };
    let report = import(&crm, &request).unwrap();
    assert_eq!((report.created, report.problems.len()), (3, 1));
    assert_eq!(crm.companies().count().unwrap(), 3);
    // The card of a company goes to the company.
    let request =
        ImportVcard::from_text("company", card("FN:Acme\r\nORG:Acme\r\nURL:https://acme.example"));
    assert!(import(&crm, &request).unwrap().problems.is_empty());
    let acme = records(&crm, "company").pop().unwrap();
    assert_eq!(
        (text(&acme, "name"), text(&acme, "website")),
        ("Acme".into(), "https://acme.example/".into())
    );
    assert!(acme.get("vcard").is_null());
}

#[test]
fn a_rejected_card_leaves_nothing_beside_it() {
    let crm = book();
    crm.contacts().create(values! { "email" => "a@example.org" }).unwrap();
    let photo = "PHOTO;ENCODING=b;TYPE=PNG:aGk=";
    let text = card(&format!("N:A\r\nORG:New\r\n{photo}\r\nEMAIL:a@example.org"));
    let request = ImportVcard { create_missing: true, ..ImportVcard::from_text("contact", text) };
    let report = import(&crm, &request).unwrap();
    assert_eq!((report.rejected, report.problems[0].column.as_deref()), (1, Some("EMAIL")));
    assert_eq!((crm.companies().count().unwrap(), crm.stats().unwrap().files), (0, 0));
}

#[test]
fn modes_find_the_record_by_its_key() {
    let crm = book();
    let ann = card("N:Old;Ann\r\nEMAIL:ann@example.org");
    let request = ImportVcard {
        mode: ImportMode::Update,
        key: Some("email".into()),
        ..ImportVcard::from_text("contact", &ann)
    };
    assert_eq!(import(&crm, &request).unwrap().problems[0].kind, "not_found");
    let request = ImportVcard { mode: ImportMode::Upsert, ..request };
    assert_eq!(import(&crm, &request).unwrap().created, 1);
    assert_eq!(import(&crm, &request).unwrap().unchanged, 1);
    let text_of = |body: &str| Some(card(body));
    let request = ImportVcard { text: text_of("N:New;Ann\r\nEMAIL:ann@EXAMPLE.org"), ..request };
    assert_eq!(import(&crm, &request).unwrap().updated, 1);
    let request = ImportVcard { text: text_of("N:Nobody"), ..request };
    assert_eq!(import(&crm, &request).unwrap().problems[0].kind, "required");
    assert_eq!(text(&records(&crm, "contact")[0], "family_name"), "New");
}

#[test]
fn a_mapping_names_types_and_takes_the_next_value() {
    let crm = Crm::in_memory().unwrap();
    let attributes = [
        Attribute::new("name", Kind::Text),
        Attribute::new("mobile", Kind::Phone),
        Attribute::new("first_mail", Kind::Email),
        Attribute::new("second_mail", Kind::Email),
        Attribute::new("tags", Kind::Choices).options(["a", "b", "c"]),
        Attribute::new("since", Kind::Timestamp),
        Attribute::new("rest", Kind::LongText),
    ];
    crm.types().define(DefineType::new("person", attributes)).unwrap();
    let map = |property: &str, attribute: &str| CardMapping::new(property, attribute);
    let mapping = vec![
        map("FN", "name"),
        CardMapping { label: Some("cell".into()), ..map("tel", "mobile") },
        map("email", "first_mail"),
        map("email", "second_mail"),
        map("categories", "tags"),
        map("rev", "since"),
    ];
    let body = "FN:Ann\r\nTEL;TYPE=WORK:+4930123456\r\nTEL;TYPE=CELL:+491511234567\r\nEMAIL:a@example.org\r\n\
                EMAIL;PREF=1:b@example.org\r\nCATEGORIES:c,a\r\nREV:20080424T195243Z";
    let request = ImportVcard {
        mapping: mapping.clone(),
        remainder: Some("rest".into()),
        ..ImportVcard::from_text("person", card(body))
    };
    assert!(import(&crm, &request).unwrap().problems.is_empty());
    let ann = &records(&crm, "person")[0];
    assert_eq!(text(ann, "mobile"), "+491511234567");
    assert_eq!(
        (text(ann, "first_mail"), text(ann, "second_mail")),
        ("b@example.org".into(), "a@example.org".into())
    );
    assert_eq!(ann.get("tags"), &Value::from(vec!["a".to_owned(), "c".to_owned()]));
    assert_eq!(text(ann, "since"), "2008-04-24T19:52:43Z");

    let request =
        ExportVcard { mapping, remainder: Some("rest".into()), ..ExportVcard::new("person") };
    let cards = export(&crm, &request).unwrap();
    for line in
        ["TEL;TYPE=CELL:+491511234567", "EMAIL;TYPE=PREF:b@example.org", "EMAIL:a@example.org"]
    {
        assert!(cards.lines().any(|other| other == line), "{line} in {cards}");
    }

    for (property, attribute, field) in [
        ("n.middle", "name", "n.middle"),
        ("n", "name", "n"),
        ("email.x", "name", "email.x"),
        ("adr", "name", "adr"),
        ("tel", "nmae", "nmae"),
    ] {
        let request = ImportVcard {
            mapping: vec![map(property, attribute)],
            ..ImportVcard::from_text("person", "")
        };
        assert_eq!(import(&crm, &request).unwrap_err().field(), Some(field));
    }
    let request =
        ImportVcard { remainder: Some("name".into()), ..ImportVcard::from_text("person", "") };
    assert_eq!(import(&crm, &request).unwrap_err().field(), Some("remainder"));
    let request = ImportVcard { key: Some("name".into()), ..ImportVcard::from_text("person", "") };
    assert_eq!(import(&crm, &request).unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[test]
fn a_changed_name_makes_the_full_name_anew() {
    let crm = book();
    let cards = [
        card("N:Byron;Ada;;;\r\nFN:The Hon. Ada Byron"),
        card("N:Smith;Michael;;;\r\nFN:Mike the Great"),
    ];
    import(&crm, &ImportVcard::from_text("contact", cards.concat())).unwrap();
    let names = |crm: &Crm| -> Vec<String> {
        let text = export(crm, &ExportVcard::new("contact")).unwrap();
        text.lines().filter_map(|line| line.strip_prefix("FN:")).map(str::to_owned).collect()
    };
    assert_eq!(names(&crm), ["The Hon. Ada Byron", "Mike the Great"]);
    let ada = records(&crm, "contact")[0].id;
    crm.contacts().patch(ada, values! { "family_name" => "Lovelace" }).unwrap();
    assert_eq!(names(&crm), ["Ada Lovelace", "Mike the Great"]);
}

/// The cards of a file, as an independent reader sees them.
fn independently(text: &str) -> Vec<VCard> {
    let mut parser = Parser::new(text);
    let mut cards = Vec::new();
    loop {
        match parser.entry() {
            Entry::VCard(card) => cards.push(card),
            Entry::Eof => return cards,
            _ => {}
        }
    }
}

/// The texts of all properties of this name that have one.
fn texts(card: &VCard, name: &VCardProperty) -> BTreeSet<String> {
    let found = card.properties(name).flat_map(|entry| &entry.values);
    let texts = found.filter_map(|value| value.as_text()).map(str::trim);
    texts.filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

/// The digits of each number: how it is written apart from them is ours to normalise.
fn numbers(card: &VCard) -> BTreeSet<String> {
    let digits =
        |text: String| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    let plain = |text: String| text.strip_prefix("tel:").map(str::to_owned).unwrap_or(text);
    texts(card, &VCardProperty::Tel).into_iter().map(|text| digits(plain(text))).collect()
}

/// The parts of the name. A comma of vCard 2.1 means itself, and that reader takes it for another name.
fn names(card: &VCard) -> BTreeSet<String> {
    let found = card.properties(&VCardProperty::N).flat_map(|entry| entry.values.clone());
    let texts = found.filter_map(|value| value.into_text());
    let plain = texts.map(|text| text.replace([',', ' '], ""));
    plain.filter(|text| !text.is_empty()).collect()
}

fn mails(card: &VCard) -> BTreeSet<String> {
    let mails = texts(card, &VCardProperty::Email);
    mails.into_iter().map(|mail| mail.trim_start_matches("mailto:").to_lowercase()).collect()
}

/// Imports every card of a file, exports it in each version, and has an independent reader find the
/// same names, e-mails and telephone numbers. Returns how many cards there were.
fn check_file(path: &Path) -> usize {
    let crm = Crm::in_memory().unwrap();
    let attributes = [
        Attribute::new("given_name", Kind::Text),
        Attribute::new("family_name", Kind::Text),
        Attribute::new("email", Kind::Email),
        Attribute::new("phone", Kind::Phone),
        Attribute::new("address", Kind::Address),
        Attribute::new("birthday", Kind::Date),
        Attribute::new("description", Kind::LongText),
        Attribute::new("photo", Kind::File),
        Attribute::new("vcard", Kind::LongText),
    ];
    crm.types().define(DefineType::new("person", attributes)).unwrap();
    let shown = path.file_name().unwrap().to_string_lossy();
    let request = ImportVcard::from_path("person", path.to_str().unwrap());
    let report = import(&crm, &request).unwrap();
    assert_eq!(report.rejected, 0, "{shown}: {report:?}");
    let original = independently(&String::from_utf8_lossy(&std::fs::read(path).unwrap()));
    // A card within a card ends the outer one for that reader.
    let is_nested = original.len() != report.rows as usize;
    let people = records(&crm, "person");
    for version in [CardVersion::V2, CardVersion::V3, CardVersion::V4] {
        let text = export(&crm, &ExportVcard { version, ..ExportVcard::new("person") }).unwrap();
        let again = independently(&text);
        if is_nested {
            continue;
        }
        for ((before, after), person) in original.iter().zip(&again).zip(&people) {
            let number = format!("{shown} {}", person.id);
            assert_eq!(mails(before), mails(after), "{number}");
            assert_eq!(numbers(before), numbers(after), "{number}");
            let is_plain = names(before).iter().all(|text| text.is_ascii());
            assert!(!is_plain || names(before).is_subset(&names(after)), "{number}");
            let has_name =
                !names(before).is_empty() || !texts(before, &VCardProperty::Fn).is_empty();
            let parts = [text_of(person, "given_name"), text_of(person, "family_name")];
            assert_eq!(has_name, !parts.concat().is_empty(), "{number}");
            let has_mail = mails(before).iter().any(|mail| mail.contains('@'));
            assert_eq!(has_mail, !person.get("email").is_null(), "{number}");
            let kept = text_of(person, "vcard");
            let has_number = !person.get("phone").is_null()
                || kept.lines().any(|line| line.to_uppercase().contains("TEL"));
            assert_eq!(!numbers(before).is_empty(), has_number, "{number}");
        }
    }
    people.len()
}

fn text_of(record: &crm_core::Record, attribute: &str) -> String {
    text(record, attribute)
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|kind| kind == "vcf")).collect();
    files.sort();
    files
}

#[test]
fn real_address_books_give_names_mails_and_numbers() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/vcard");
    if !shared.is_dir() {
        eprintln!("not run: data absent");
        return;
    }
    let folders = ["calcard", "ez-vcard"].map(|name| shared.join(name));
    let counts: Vec<usize> = folders
        .iter()
        .map(|folder| files(folder).iter().map(|path| check_file(path)).sum())
        .collect();
    assert!(counts.iter().all(|count| *count >= 15), "{counts:?}");
}

#[test]
fn invented_cards_are_written_as_an_independent_reader_expects() {
    for name in ["phone-3.0.vcf", "server-4.0.vcf", "telephone-2.1.vcf"] {
        check_file(Path::new(&data(name)));
    }
}
