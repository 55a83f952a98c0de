//! Phone numbers.
//!
//! A number is stored in E.164 form, `+` and the digits from the country code on, because that is
//! the one form that means the same everywhere. It must be typed in international form: a number
//! without its country code belongs to no country, and we do not guess one; `00` is how some
//! countries dial `+`, and others do not. Extensions are not part of E.164 and are refused.
//!
//! With the feature `phone` the country code must exist, the length must be possible in that
//! country, and a trunk prefix such as the `(0)` in `+49 (0)30 …` is dropped where the country
//! drops it. Without the feature only the shape is checked: 8 to 15 digits. Whether the number is
//! assigned to anybody is not asked.

use std::borrow::Cow;

use super::{is_invisible, trim};
use crate::{Error, ErrorKind, Result};

/// Bytes that can be `+` and a number with its trunk prefix; the longest number itself has 15 digits.
#[cfg(feature = "phone")]
const MAX_LENGTH: usize = 20;

/// Returns the E.164 form of a phone number.
///
/// # Errors
///
/// `invalid_value` when the text is not a number in international form, or has an extension;
/// `out_of_range` when it has more or fewer digits than a number can have.
pub(crate) fn phone(text: &str) -> Result<Cow<'_, str>> {
    let text = trim(text);
    let Some(rest) = text.strip_prefix('+') else {
        return Err(no_country_code(text));
    };
    if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()) {
        let canonical = country_rules(text)?;
        return Ok(if canonical == text {
            Cow::Borrowed(text)
        } else {
            canonical.into_owned().into()
        });
    }
    let mut compact = String::with_capacity(text.len());
    compact.push('+');
    for c in rest.chars() {
        match c {
            '0'..='9' => compact.push(c),
            ' ' | '-' | '.' | '/' | '(' | ')' | '\u{2010}'..='\u{2015}' => {}
            'a'..='z' | 'A'..='Z' | '#' | ',' | ';' | ':' => return Err(extension()),
            _ if is_invisible(c) => {}
            _ => return Err(malformed()),
        }
    }
    if compact.len() == 1 {
        return Err(malformed());
    }
    country_rules(&compact).map(|canonical| Cow::Owned(canonical.into_owned()))
}

/// Checks `+` and digits against what is known of the countries; returns the E.164 form.
#[cfg(feature = "phone")]
fn country_rules(compact: &str) -> Result<Cow<'_, str>> {
    if compact.len() > MAX_LENGTH {
        return Err(wrong_length());
    }
    if is_plainly_canonical(&compact[1..]) {
        return Ok(Cow::Borrowed(compact));
    }
    let canonical = parsed(compact)?;
    // A trunk prefix is dropped once. Where there is another one, such as in a row of zeros, the
    // digits are no number, and what is left of them would change again when it is read again.
    if canonical != compact && parsed(&canonical)? != canonical {
        return Err(malformed());
    }
    Ok(Cow::Owned(canonical))
}

/// The E.164 form of `+` and digits, without their trunk prefix.
#[cfg(feature = "phone")]
fn parsed(compact: &str) -> Result<String> {
    use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, ParseError, PhoneNumberFormat};

    let number = PHONE_NUMBER_UTIL.parse(compact, None).map_err(|error| match error {
        ParseError::InvalidCountryCode => unknown_country(),
        _ => wrong_length(),
    })?;
    match PHONE_NUMBER_UTIL.is_possible_number_with_reason(&number) {
        Ok(NumberLengthType::IsPossible) => {}
        _ => return Err(wrong_length()),
    }
    Ok(PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned())
}

/// Country codes whose trunk prefix, if they have one, begins with 0; with +1 it is 1.
#[cfg(feature = "phone")]
#[rustfmt::skip]
const LITERAL_TRUNK_PREFIX: [&str; 26] = [
    "1", "27", "30", "31", "32", "33", "34", "39", "40", "41", "43", "44", "45", "46", "47", "48",
    "49", "65", "81", "90", "91", "351", "353", "358", "420", "421",
];

/// Whether the digits are a possible number from which parsing would strip nothing, which most are.
/// Parsing runs a handful of regular expressions, at many times the cost of this look-up; it stays
/// the judge of all other countries and of all that may begin with a trunk prefix.
#[cfg(feature = "phone")]
fn is_plainly_canonical(digits: &str) -> bool {
    use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber};

    // No country code is the beginning of another one, so at most one fits.
    let code = LITERAL_TRUNK_PREFIX.iter().find(|code| digits.starts_with(**code));
    let Some((code, number)) = code.and_then(|code| digits.split_at_checked(code.len())) else {
        return false;
    };
    let (Ok(country_code), Ok(national_number)) = (code.parse(), number.parse()) else {
        return false;
    };
    let has_trunk_prefix = number.starts_with(['0', '1']);
    let number = PhoneNumber { country_code, national_number, ..PhoneNumber::default() };
    let length = PHONE_NUMBER_UTIL.is_possible_number_with_reason(&number);
    !has_trunk_prefix && matches!(length, Ok(NumberLengthType::IsPossible))
}

/// Checks `+` and digits by their shape alone.
#[cfg(not(feature = "phone"))]
fn country_rules(compact: &str) -> Result<Cow<'_, str>> {
    let digits = &compact[1..];
    if digits.starts_with('0') {
        return Err(unknown_country());
    }
    if !(8..=15).contains(&digits.len()) {
        return Err(wrong_length());
    }
    Ok(Cow::Borrowed(compact))
}

fn no_country_code(text: &str) -> Error {
    let hint = if text.starts_with("00") {
        "write + in place of the leading 00"
    } else {
        "begin with + and the country code, such as +49 30 123456"
    };
    Error::new(ErrorKind::InvalidValue, "the phone number has no country code").with_hint(hint)
}

fn extension() -> Error {
    Error::new(ErrorKind::InvalidValue, "the phone number has letters or an extension")
        .with_hint("write digits only, and keep the extension in an attribute of its own")
}

fn malformed() -> Error {
    Error::new(ErrorKind::InvalidValue, "not a phone number")
        .with_hint("write + and digits 0-9, such as +49 30 123456")
}

fn unknown_country() -> Error {
    Error::new(ErrorKind::InvalidValue, "the phone number has no known country code")
        .with_hint("begin with + and the country code, such as +49 30 123456")
}

fn wrong_length() -> Error {
    Error::new(ErrorKind::OutOfRange, "the phone number has too many or too few digits")
        .with_hint("write the whole number, with country and area code")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn separators_are_dropped() {
        for (text, canonical) in [
            ("+493012345678", "+493012345678"),
            (" +49 30 / 123-456-78\u{A0}", "+493012345678"),
            ("\u{202A}+1 (650) 253.0000\u{202C}", "+16502530000"),
            ("+49 30 1234\u{2011}5678", "+493012345678"),
        ] {
            assert_eq!(phone(text).unwrap(), canonical);
        }
        assert!(matches!(phone("+493012345678"), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn other_texts_are_refused_with_a_fitting_hint() {
        for (text, hint) in [
            ("", "begin with +"),
            ("030 123456", "begin with +"),
            ("0049 30 123456", "in place of the leading 00"),
            ("+49 30 123456 ext. 7", "extension"),
            ("+49 30 123456;ext=7", "extension"),
            ("+1 800 FLOWERS", "extension"),
            ("+49 30 123456 #7", "extension"),
            ("+49 30 \u{661}\u{662}", "digits 0-9"),
            ("++493012345678", "digits 0-9"),
            ("+0 30 12345678", "country code"),
            ("+", "+"),
        ] {
            let error = phone(text).unwrap_err();
            assert!(error.hint().unwrap().contains(hint), "{text}: {error}");
        }
    }

    #[test]
    fn numbers_that_nobody_can_dial_are_out_of_range() {
        for text in ["+49 1", "+4930123456789012345", "+49301234567890123456789"] {
            assert_eq!(phone(text).unwrap_err().kind(), ErrorKind::OutOfRange, "{text}");
        }
    }

    #[cfg(feature = "phone")]
    #[test]
    fn trunk_prefixes_go_where_the_country_drops_them() {
        assert_eq!(phone("+49 (0)30 12345678").unwrap(), "+493012345678");
        assert_eq!(phone("+44 (0)20 7946 0958").unwrap(), "+442079460958");
        assert_eq!(phone("+39 06 1234 5678").unwrap(), "+390612345678");
        assert!(phone("+43 000 000").is_err(), "a row of trunk prefixes is no number");
    }

    #[cfg(feature = "phone")]
    #[test]
    fn examples_of_all_regions() {
        // A service number of Canada without an area code: nobody reaches it from abroad.
        const DOMESTIC: &str = "+13101234";
        // The examples are not ours to copy: they are read where a copy of the data lies.
        let directory =
            std::env::var("CRM_TEST_DATA").unwrap_or_else(|_| "../../shared/data".into());
        let Ok(examples) =
            std::fs::read_to_string(format!("{directory}/email_phone/phone_examples.csv"))
        else {
            eprintln!("not run: data absent (set CRM_TEST_DATA)");
            return;
        };
        let mut reader = csv::Reader::from_reader(examples.as_bytes());
        let mut count = 0;
        for row in reader.records() {
            let row = row.unwrap();
            let (e164, international) = (&row[3], &row[5]);
            count += 1;
            if e164 == DOMESTIC {
                assert!(phone(e164).is_err());
                continue;
            }
            assert!(matches!(phone(e164), Ok(Cow::Borrowed(_))), "{e164}");
            assert_eq!(phone(international).unwrap(), e164, "{international}");
        }
        assert!(count > 600, "{count} examples");
    }

    #[cfg(feature = "phone")]
    #[test]
    fn the_length_must_be_possible_in_the_country() {
        assert_eq!(phone("+1 650 253 00001").unwrap_err().kind(), ErrorKind::OutOfRange);
        assert_eq!(phone("+1 253 0000").unwrap_err().kind(), ErrorKind::OutOfRange);
    }

    #[cfg(feature = "phone")]
    #[test]
    fn the_country_code_must_exist() {
        let error = phone("+999 123 456 789").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidValue);
        assert!(error.message().contains("country code"));
    }

    proptest! {
        #[cfg(feature = "phone")]
        #[test]
        fn the_short_way_agrees_with_parsing(code in 0..LITERAL_TRUNK_PREFIX.len(), number in "[2-9][0-9]{4,13}") {
            let digits = format!("{}{number}", LITERAL_TRUNK_PREFIX[code]);
            if is_plainly_canonical(&digits) {
                let text = format!("+{digits}");
                prop_assert_eq!(parsed(&text).unwrap(), text);
            }
        }

        #[test]
        fn normalising_twice_changes_nothing_more(text in any::<String>(), digits in "[1-9][0-9]{6,15}") {
            for text in [text, format!("+{digits}"), format!("+{} {}", &digits[..3], &digits[3..])] {
                if let Ok(once) = phone(&text) {
                    let twice = phone(&once);
                    prop_assert!(matches!(&twice, Ok(Cow::Borrowed(same)) if *same == once), "{text:?} {once:?} {twice:?}");
                }
            }
        }
    }
}
