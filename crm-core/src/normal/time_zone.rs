//! Time zones.
//!
//! A zone is its name in the IANA time zone database, spelled as the database spells it. The
//! database is the one inside the library, never the machine's, so that every device that opens a
//! file knows the same zones. Old names (`Asia/Calcutta`) are kept and not replaced by new ones.
//! Offsets (`+01:00`) and abbreviations (`PST`) are no zones: they do not know of summer time.

use jiff::tz::TimeZoneDatabase;

use super::trim;
use crate::{Error, ErrorKind, Result};

/// Returns the name of the time zone as the IANA database spells it.
///
/// # Errors
///
/// `invalid_value` when the database has no such zone.
pub(crate) fn time_zone(text: &str) -> Result<String> {
    let name = trim(text);
    // The database answers for this name too, with a placeholder that has no rules.
    let is_placeholder = name.eq_ignore_ascii_case("Etc/Unknown");
    let zone = TimeZoneDatabase::bundled().get(name).ok().filter(|_| !is_placeholder);
    zone.as_ref().and_then(|zone| zone.iana_name()).map(str::to_owned).ok_or_else(|| {
        Error::new(ErrorKind::InvalidValue, "no such time zone")
            .with_hint("write a name of the IANA time zone database, such as Europe/Berlin")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_read_in_any_case_and_spelled_as_the_database_does() {
        assert_eq!(time_zone("europe/BERLIN").unwrap(), "Europe/Berlin");
        assert_eq!(time_zone(" america/new_york\u{A0}").unwrap(), "America/New_York");
        assert_eq!(time_zone("asia/calcutta").unwrap(), "Asia/Calcutta");
        assert_eq!(time_zone("utc").unwrap(), "UTC");
        assert_eq!(time_zone("etc/gmt+5").unwrap(), "Etc/GMT+5");
    }

    #[test]
    fn every_zone_of_the_database_is_its_own_canonical_form() {
        let database = TimeZoneDatabase::bundled();
        let mut count = 0;
        for name in database.available() {
            assert_eq!(time_zone(&name.as_str().to_ascii_lowercase()).unwrap(), name.as_str());
            count += 1;
        }
        assert!(count > 500, "the bundled database has {count} zones");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "Berlin", "+01:00", "CEST", "Europe/B\u{E4}rlin", "Etc/Unknown", "../UTC"]
        {
            assert_eq!(time_zone(text).unwrap_err().kind(), ErrorKind::InvalidValue, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = time_zone(&text);
        }
    }
}
