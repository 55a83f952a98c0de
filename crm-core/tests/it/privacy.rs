//! Planted personal data: it is in no message, no `Debug`, and no cause of the journal, whatever
//! goes wrong with it.

mod refusals;
mod requests;

use std::error::Error as _;

use crm_core::{AddFile, Address, Crm, Error, FileRef, Money, RecordId, Value, Values, values};

/// What must not be seen, in any case of letters: as text, as a number, and in parts.
const NEEDLES: [&str; 4] = ["zanzibarine", "8675309", "quillfeather", "zHN0cmVldA"];

#[track_caller]
fn assert_hidden(text: &str, where_: &str) {
    let text = text.to_lowercase();
    for needle in NEEDLES {
        assert!(!text.contains(&needle.to_lowercase()), "{where_} shows {needle:?}: {text}");
    }
}

/// The error in every form that may get into a log.
#[track_caller]
fn assert_silent(error: &Error, where_: &str) {
    assert_hidden(&format!("{error} {error:?} {error:#?}"), where_);
    assert_hidden(error.message(), where_);
    assert_hidden(error.hint().unwrap_or_default(), where_);
    assert_hidden(error.field().unwrap_or_default(), where_);
    let mut source = error.source();
    while let Some(cause) = source {
        assert_hidden(&format!("{cause} {cause:?}"), where_);
        source = cause.source();
    }
}

fn street() -> Address {
    let part = |text: &str| Some(text.to_owned());
    Address {
        street: part("Zanzibarine 1"),
        city: part("Quillfeather"),
        region: part("Zanzibarine"),
        postal_code: part("8675309"),
        country: part("de"),
    }
}

/// A good value of every kind, with a needle in it where the kind has room for one.
fn planted(crm: &Crm) -> Values {
    let file = AddFile::new("Zanzibarine.pdf", "text/plain", "Quillfeather");
    let file = crm.files().add(&file).unwrap();
    let company = crm.companies().create(values! { "name" => "Zanzibarine" }).unwrap();
    values! {
        "a_text" => "Zanzibarine", "a_long_text" => "Quillfeather\nZanzibarine",
        "a_choice" => "red", "a_choices" => vec!["red"], "a_checkbox" => true,
        "a_integer" => 8_675_309, "a_decimal" => "86753.09", "a_real" => 8_675_309.0,
        "a_money" => Money::new("8675309", "EUR"), "a_date" => "1984-02-29",
        "a_timestamp" => "1984-02-29T12:00:00Z", "a_email" => "Zanzibarine@QUILLFEATHER.example",
        "a_phone" => "+49 30 8675309", "a_url" => "https://Zanzibarine.example/8675309",
        "a_country" => "de", "a_locale" => "de-DE", "a_time_zone" => "Europe/Berlin",
        "a_address" => street(), "a_rating" => 5, "a_file" => file, "a_reference" => company.id,
        "code" => "Zanzibarine", "price" => "8675309", "fine" => "8675.309",
    }
}

/// Wrong values of every shape, each with a needle.
fn wrong() -> Vec<Value> {
    let hash = "0".repeat(64);
    let file = |hash: &str, name: &str, media_type: &str| {
        let (hash, name, media_type) = (hash.into(), name.into(), media_type.into());
        Value::File(FileRef { hash, name, media_type, size: 8_675_309 })
    };
    vec![
        Value::from("Zanzibarine Quillfeather"),
        Value::from("zanzibarine\0"),
        Value::from("Zanzibarine@@quillfeather"),
        Value::from("https://zanzibarine quillfeather/"),
        Value::from("8675309-13-77"),
        Value::from("8675309,8675309"),
        Value::from("8675309867530986753098675309"),
        Value::from("Zanzibarine".repeat(200_000)),
        Value::from(8_675_309),
        Value::from(8_675_309.123_456_7),
        Value::from(f64::NAN),
        Value::from(true),
        Value::from(vec!["Zanzibarine", "Quillfeather"]),
        Value::Money(Money::new("8675309.8675309", "EUR")),
        Value::Money(Money::new("Zanzibarine", "EUR")),
        Value::Money(Money::new("1", "Zanzibarine")),
        Value::Address(Address { country: Some("Zanzibarine".into()), ..street() }),
        Value::Address(Address { street: Some("Zanzibarine\0".into()), ..street() }),
        file("Zanzibarine", "a", "a/b"),
        file(&hash, "Zanzibarine/8675309", "a/b"),
        file(&hash, "a", "Zanzibarine"),
        file(&hash, "Zanzibarine", "text/plain"),
        Value::from(RecordId::from_bytes([9; 16])),
    ]
}
