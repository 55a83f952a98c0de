//! Countries.
//!
//! A country is its code of two letters in ISO 3166-1, in capitals. The list is the standard's own:
//! no user-assigned codes (`XK`) and no reserved ones (`UK`, `EU`), because other systems do not
//! know them. Names of countries are for the platform to show.

use crate::{Error, ErrorKind, Result};

use super::trim;

/// The officially assigned codes, sorted.
#[rustfmt::skip]
const CODES: [&str; 249] = [
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW",
    "AX", "AZ", "BA", "BB", "BD", "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN",
    "BO", "BQ", "BR", "BS", "BT", "BV", "BW", "BY", "BZ", "CA", "CC", "CD", "CF", "CG",
    "CH", "CI", "CK", "CL", "CM", "CN", "CO", "CR", "CU", "CV", "CW", "CX", "CY", "CZ",
    "DE", "DJ", "DK", "DM", "DO", "DZ", "EC", "EE", "EG", "EH", "ER", "ES", "ET", "FI",
    "FJ", "FK", "FM", "FO", "FR", "GA", "GB", "GD", "GE", "GF", "GG", "GH", "GI", "GL",
    "GM", "GN", "GP", "GQ", "GR", "GS", "GT", "GU", "GW", "GY", "HK", "HM", "HN", "HR",
    "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT", "JE", "JM",
    "JO", "JP", "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW", "KY", "KZ", "LA",
    "LB", "LC", "LI", "LK", "LR", "LS", "LT", "LU", "LV", "LY", "MA", "MC", "MD", "ME",
    "MF", "MG", "MH", "MK", "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS", "MT", "MU",
    "MV", "MW", "MX", "MY", "MZ", "NA", "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP",
    "NR", "NU", "NZ", "OM", "PA", "PE", "PF", "PG", "PH", "PK", "PL", "PM", "PN", "PR",
    "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS", "RU", "RW", "SA", "SB", "SC", "SD",
    "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS", "ST", "SV",
    "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK", "TL", "TM", "TN", "TO",
    "TR", "TT", "TV", "TW", "TZ", "UA", "UG", "UM", "US", "UY", "UZ", "VA", "VC", "VE",
    "VG", "VI", "VN", "VU", "WF", "WS", "YE", "YT", "ZA", "ZM", "ZW",
];

/// Returns the ISO 3166-1 code of two letters, in capitals.
///
/// # Errors
///
/// `invalid_value` when there is no such code.
pub(crate) fn country(text: &str) -> Result<&'static str> {
    let text = trim(text);
    let code = <[u8; 2]>::try_from(text.as_bytes()).ok().and_then(|code| {
        let code = code.map(|byte| byte.to_ascii_uppercase());
        let index = CODES.binary_search_by(|known| known.as_bytes().cmp(&code)).ok()?;
        Some(CODES[index])
    });
    code.ok_or_else(|| {
        let hint = if text.eq_ignore_ascii_case("uk") {
            "write GB for the United Kingdom"
        } else if text.eq_ignore_ascii_case("el") {
            "write GR for Greece"
        } else {
            "write the two letters of ISO 3166-1, such as DE or US"
        };
        Error::new(ErrorKind::InvalidValue, "no such country code").with_hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_table_is_sorted_and_without_doubles() {
        assert!(CODES.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(
            CODES
                .iter()
                .all(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()))
        );
    }

    #[test]
    fn codes_are_read_in_any_case() {
        assert_eq!(country("de").unwrap(), "DE");
        assert_eq!(country(" Us\u{A0}").unwrap(), "US");
        for code in CODES {
            assert_eq!(country(&code.to_lowercase()).unwrap(), code);
        }
    }

    #[test]
    fn other_texts_are_refused_with_a_fitting_hint() {
        for (text, hint) in [
            ("", "two letters"),
            ("DEU", "two letters"),
            ("Germany", "two letters"),
            ("XK", "two letters"),
            ("\u{E9}", "two letters"),
            ("uk", "GB"),
            ("EL", "GR"),
        ] {
            let error = country(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidValue);
            assert!(error.hint().unwrap().contains(hint), "{text}");
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing_more(text in any::<String>(), code in "[a-zA-Z]{2}") {
            let _ = country(&text);
            if let Ok(once) = country(&code) {
                prop_assert_eq!(country(once).unwrap(), once);
            }
        }
    }
}
