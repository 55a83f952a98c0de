//! Currencies.
//!
//! An amount of money is a whole number of the smallest units of its currency, and the exponent of
//! ISO 4217 says how many of them make one: 2 for cents, 0 for the yen, 3 for the dinars. So the
//! exponent belongs to the meaning of stored amounts and never changes here for a known code.
//! Precious metals, units of account and codes for tests have no exponent and are no currencies
//! here. Rates and symbols are not our business.

use super::trim;
use crate::{Error, ErrorKind, Result};

/// The active codes of ISO 4217 that have an exponent, sorted.
#[rustfmt::skip]
const ACTIVE: [(&str, u8); 165] = [
    ("AED", 2), ("AFN", 2), ("ALL", 2), ("AMD", 2), ("AOA", 2), ("ARS", 2), ("AUD", 2),
    ("AWG", 2), ("AZN", 2), ("BAM", 2), ("BBD", 2), ("BDT", 2), ("BHD", 3), ("BIF", 0),
    ("BMD", 2), ("BND", 2), ("BOB", 2), ("BOV", 2), ("BRL", 2), ("BSD", 2), ("BTN", 2),
    ("BWP", 2), ("BYN", 2), ("BZD", 2), ("CAD", 2), ("CDF", 2), ("CHE", 2), ("CHF", 2),
    ("CHW", 2), ("CLF", 4), ("CLP", 0), ("CNY", 2), ("COP", 2), ("COU", 2), ("CRC", 2),
    ("CUP", 2), ("CVE", 2), ("CZK", 2), ("DJF", 0), ("DKK", 2), ("DOP", 2), ("DZD", 2),
    ("EGP", 2), ("ERN", 2), ("ETB", 2), ("EUR", 2), ("FJD", 2), ("FKP", 2), ("GBP", 2),
    ("GEL", 2), ("GHS", 2), ("GIP", 2), ("GMD", 2), ("GNF", 0), ("GTQ", 2), ("GYD", 2),
    ("HKD", 2), ("HNL", 2), ("HTG", 2), ("HUF", 2), ("IDR", 2), ("ILS", 2), ("INR", 2),
    ("IQD", 3), ("IRR", 2), ("ISK", 0), ("JMD", 2), ("JOD", 3), ("JPY", 0), ("KES", 2),
    ("KGS", 2), ("KHR", 2), ("KMF", 0), ("KPW", 2), ("KRW", 0), ("KWD", 3), ("KYD", 2),
    ("KZT", 2), ("LAK", 2), ("LBP", 2), ("LKR", 2), ("LRD", 2), ("LSL", 2), ("LYD", 3),
    ("MAD", 2), ("MDL", 2), ("MGA", 2), ("MKD", 2), ("MMK", 2), ("MNT", 2), ("MOP", 2),
    ("MRU", 2), ("MUR", 2), ("MVR", 2), ("MWK", 2), ("MXN", 2), ("MXV", 2), ("MYR", 2),
    ("MZN", 2), ("NAD", 2), ("NGN", 2), ("NIO", 2), ("NOK", 2), ("NPR", 2), ("NZD", 2),
    ("OMR", 3), ("PAB", 2), ("PEN", 2), ("PGK", 2), ("PHP", 2), ("PKR", 2), ("PLN", 2),
    ("PYG", 0), ("QAR", 2), ("RON", 2), ("RSD", 2), ("RUB", 2), ("RWF", 0), ("SAR", 2),
    ("SBD", 2), ("SCR", 2), ("SDG", 2), ("SEK", 2), ("SGD", 2), ("SHP", 2), ("SLE", 2),
    ("SOS", 2), ("SRD", 2), ("SSP", 2), ("STN", 2), ("SVC", 2), ("SYP", 2), ("SZL", 2),
    ("THB", 2), ("TJS", 2), ("TMT", 2), ("TND", 3), ("TOP", 2), ("TRY", 2), ("TTD", 2),
    ("TWD", 2), ("TZS", 2), ("UAH", 2), ("UGX", 0), ("USD", 2), ("USN", 2), ("UYI", 0),
    ("UYU", 2), ("UYW", 4), ("UZS", 2), ("VED", 2), ("VES", 2), ("VND", 0), ("VUV", 0),
    ("WST", 2), ("XAD", 2), ("XAF", 0), ("XCD", 2), ("XCG", 2), ("XOF", 0), ("XPF", 0),
    ("YER", 2), ("ZAR", 2), ("ZMW", 2), ("ZWG", 2),
];

/// Codes withdrawn since 2015. Deals of those years are in the books, so they are still accepted.
#[rustfmt::skip]
const WITHDRAWN: [(&str, u8); 11] = [
    ("ANG", 2), ("BGN", 2), ("BYR", 0), ("CUC", 2), ("HRK", 2), ("LTL", 2), ("MRO", 2),
    ("SLL", 2), ("STD", 2), ("VEF", 2), ("ZWL", 2),
];

/// Returns the ISO 4217 code, in capitals, and how many decimal places its smallest unit has.
///
/// # Errors
///
/// `invalid_value` when there is no such code, or when it has no smallest unit.
pub(crate) fn currency(text: &str) -> Result<(&'static str, u8)> {
    find(trim(text)).ok_or_else(|| {
        Error::new(ErrorKind::InvalidValue, "no such currency code")
            .with_hint("write the three letters of ISO 4217, such as EUR or USD")
    })
}

/// The codes whose smallest unit has `places` decimal places.
pub(crate) fn codes_with(places: u8) -> impl Iterator<Item = &'static str> {
    let all = ACTIVE.iter().chain(&WITHDRAWN);
    all.filter(move |(_, exponent)| *exponent == places).map(|(code, _)| *code)
}

fn find(code: &str) -> Option<(&'static str, u8)> {
    let code = <[u8; 3]>::try_from(code.as_bytes()).ok()?.map(|byte| byte.to_ascii_uppercase());
    [ACTIVE.as_slice(), WITHDRAWN.as_slice()].into_iter().find_map(|table| {
        let index = table.binary_search_by(|(known, _)| known.as_bytes().cmp(&code)).ok()?;
        Some(table[index])
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_tables_are_sorted_and_without_doubles() {
        for table in [ACTIVE.as_slice(), WITHDRAWN.as_slice()] {
            assert!(table.windows(2).all(|pair| pair[0].0 < pair[1].0));
            assert!(table.iter().all(|(code, exponent)| code.len() == 3 && *exponent <= 4));
        }
        assert!(ACTIVE.iter().all(|(code, _)| WITHDRAWN.iter().all(|(old, _)| old != code)));
    }

    #[test]
    fn exponents_of_each_sort() {
        for (code, expected) in
            [("EUR", 2), ("usd", 2), ("JPY", 0), ("XAF", 0), ("KWD", 3), ("CLF", 4), ("HRK", 2)]
        {
            assert_eq!(currency(code).unwrap().1, expected, "{code}");
        }
        let unusual: Vec<_> = ACTIVE.iter().filter(|(_, exponent)| *exponent != 2).collect();
        assert_eq!(unusual.len(), 26);
        assert!(codes_with(3).eq(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]));
    }

    #[test]
    fn codes_are_read_in_any_case_and_others_refused() {
        assert_eq!(currency(" eur\u{A0}").unwrap(), ("EUR", 2));
        for text in ["", "EU", "EURO", "€", "XXX", "XTS", "XAU", "\u{E9}a"] {
            assert_eq!(currency(text).unwrap_err().kind(), ErrorKind::InvalidValue, "{text}");
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing_more(text in any::<String>(), code in "[a-zA-Z]{3}") {
            let _ = currency(&text);
            if let Ok(once) = currency(&code) {
                prop_assert_eq!(currency(once.0).unwrap(), once);
            }
        }
    }
}
