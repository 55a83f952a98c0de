//! Web addresses.
//!
//! The canonical form is the one that browsers compute (the WHATWG URL standard): host in small
//! letters and ASCII, default port and dot segments gone, what may not stand there percent-encoded.
//! Only `http` and `https` are accepted, and the scheme must be written: `example.com` may mean
//! either, and other schemes do things when somebody clicks on them. Nothing is fetched.

use std::borrow::Cow;

use ::url::{ParseError, Url};

use super::trim;
use crate::{Error, ErrorKind, Result};

/// Returns the canonical form of a web address.
///
/// # Errors
///
/// `invalid_value` when the text is not an `http` or `https` address.
pub(crate) fn url(text: &str) -> Result<Cow<'_, str>> {
    let text = trim(text);
    if !has_prefix(text, "http://") && !has_prefix(text, "https://") {
        let hint = if text.contains("://") || has_prefix(text, "mailto:") {
            "only http and https addresses are kept"
        } else {
            "write the scheme too, such as https://example.com"
        };
        return Err(Error::new(ErrorKind::InvalidValue, "not a web address").with_hint(hint));
    }
    // The standard would drop them silently: a line break inside is two values in one cell.
    if text.contains(|c: char| c.is_ascii_control()) {
        return Err(malformed("write one address on one line"));
    }
    let canonical = Url::parse(text).map_err(|error| {
        malformed(match error {
            ParseError::InvalidPort => "write a port from 1 to 65535, or none",
            _ => "write a host name after the scheme, such as https://example.com",
        })
    })?;
    let canonical = String::from(canonical);
    Ok(if canonical == text { Cow::Borrowed(text) } else { Cow::Owned(canonical) })
}

fn has_prefix(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn malformed(hint: &str) -> Error {
    Error::new(ErrorKind::InvalidValue, "not a web address").with_hint(hint)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn canonical_forms() {
        for (text, canonical) in [
            ("https://example.com/a?b=c#d", "https://example.com/a?b=c#d"),
            (" HTTPS://Example.COM:443 ", "https://example.com/"),
            ("http://example.com/a/../b c", "http://example.com/b%20c"),
            ("https://b\u{FC}cher.example", "https://xn--bcher-kva.example/"),
            ("https://example.com:8443/", "https://example.com:8443/"),
        ] {
            assert_eq!(url(text).unwrap(), canonical);
        }
        assert!(matches!(url("https://example.com/"), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn other_texts_are_refused_with_a_fitting_hint() {
        for (text, hint) in [
            ("", "scheme"),
            ("example.com", "scheme"),
            ("example.com:8080/x", "scheme"),
            ("www.example.com", "scheme"),
            ("ftp://example.com", "only http"),
            ("mailto:max@example.com", "only http"),
            ("javascript://example.com/%0aalert(1)", "only http"),
            ("https://", "host name"),
            ("https://exa mple.com", "host name"),
            ("https://example.com:99999", "port"),
            ("https://example.com\nhttps://example.org", "one line"),
        ] {
            let error = url(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidValue, "{text}");
            assert!(error.hint().unwrap().contains(hint), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing_more(text in any::<String>(), host in "[a-zA-Z0-9.\\[\\]:@-]{1,16}") {
            for text in [format!("http://{text}"), format!("https://{host}/{text}"), text] {
                if let Ok(once) = url(&text) {
                    let twice = url(&once);
                    prop_assert!(matches!(&twice, Ok(Cow::Borrowed(same)) if *same == once), "{text:?} {once:?}");
                }
            }
        }
    }
}
