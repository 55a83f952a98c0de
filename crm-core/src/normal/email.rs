//! E-mail addresses.
//!
//! An address is what RFC 5321 calls a mailbox, with the letters of all scripts that RFC 6531
//! adds: one address, without display name, comment or folding. The canonical form has a domain in
//! small letters and NFC, and a local part as it was typed, but in NFC: only the receiving host
//! knows whether `Max` and `max` are one mailbox. A domain with letters beyond ASCII has two
//! spellings, `bücher.example` and `xn--bcher-kva.example`; the canonical one is what people read,
//! as far as the other can be read at all. Whether the mailbox exists is not asked.
//!
//! Addresses at a bare network address (`max@[192.0.2.1]`) are refused: such mail reaches a machine
//! and not a person, and their spellings of one address are many. A domain of one label is accepted,
//! since the syntax allows it and internal hosts have it.
//!
//! The grammar is written out here rather than taken from a parser of message headers, because it
//! is small, because it is the hot path of an import, and because it must admit combining marks
//! (without which the addresses of India cannot be written) and refuse all but letters, digits and
//! hyphens in a host name.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::{is_invisible, trim};
use crate::{Error, ErrorKind, Result};

/// Octets of a whole address: a path of 256 (RFC 5321 §4.5.3.1.3) less its angle brackets.
const MAX_ADDRESS: usize = 254;
/// Octets before the `@` (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL_PART: usize = 64;
/// Octets between two dots of a domain (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;

/// Returns the canonical form of an e-mail address.
///
/// # Errors
///
/// `invalid_value` when the text is not an address.
pub(crate) fn email(text: &str) -> Result<Cow<'_, str>> {
    let text = trim(text);
    if text.is_ascii() {
        let (local_part, domain) = text.rsplit_once('@').ok_or_else(|| malformed(text))?;
        check(text, local_part, domain)?;
        if !is_host_name(domain) {
            return Err(malformed(text));
        }
        if let Some(readable) = readable(domain)
            && check(text, local_part, &readable).is_ok()
        {
            return Ok(Cow::Owned(format!("{local_part}@{readable}")));
        }
        if !domain.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Ok(Cow::Borrowed(text));
        }
        return Ok(Cow::Owned(format!("{local_part}@{}", domain.to_ascii_lowercase())));
    }

    let (local_part, domain) = text.rsplit_once('@').ok_or_else(|| malformed(text))?;
    let mut canonical: String = local_part.nfc().collect();
    canonical.push('@');
    let at = canonical.len();
    // NFC after the small letters too: some of them are typed as a letter and a mark.
    canonical.extend(domain.nfc().collect::<String>().to_lowercase().nfc().map(plain_dot));
    let (local_part, domain) = (&canonical[..at - 1], &canonical[at..]);
    check(text, local_part, domain)?;
    if !is_international_host_name(domain) {
        return Err(malformed(text));
    }
    if let Some(readable) = readable(domain) {
        check(text, local_part, &readable)?;
        canonical.truncate(at);
        canonical.push_str(&readable);
    }
    if canonical == text { Ok(Cow::Borrowed(text)) } else { Ok(Cow::Owned(canonical)) }
}

/// Checks all but the domain.
fn check(text: &str, local_part: &str, domain: &str) -> Result<()> {
    if local_part.len() + 1 + domain.len() > MAX_ADDRESS || local_part.len() > MAX_LOCAL_PART {
        return Err(Error::new(ErrorKind::InvalidValue, "the e-mail address is too long")
            .with_hint("write at most 254 bytes, of which at most 64 before the @"));
    }
    let quoted = local_part.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let is_well_formed = match quoted {
        Some(content) => is_quoted_content(content),
        None => local_part.split('.').all(is_atom),
    };
    if is_well_formed { Ok(()) } else { Err(malformed(text)) }
}

fn is_atom(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| {
            matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '!' | '#'..='\'' | '*' | '+' | '-'
                | '/' | '=' | '?' | '^'..='`' | '{'..='~')
                || is_visible_unicode(c)
        })
}

/// RFC 5321 §4.1.2, `QcontentSMTP`: blanks may stand in it, and a backslash escapes.
fn is_quoted_content(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let is_allowed = match c {
            '"' => false,
            '\\' => chars.next().is_some_and(|escaped| matches!(escaped, ' '..='~')),
            _ => matches!(c, ' '..='~') || is_visible_unicode(c),
        };
        if !is_allowed {
            return false;
        }
    }
    true
}

/// Beyond ASCII all is allowed that can be seen, and the two joiners, which some scripts need.
fn is_visible_unicode(c: char) -> bool {
    !c.is_ascii() && (!is_invisible(c) || matches!(c, '\u{200C}' | '\u{200D}'))
}

/// Letters, digits and hyphens between dots; no hyphen at the end of a label.
fn is_host_name(domain: &str) -> bool {
    domain.split('.').all(|label| {
        (1..=MAX_LABEL).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

/// Whether the name has a form that the domain name system can look up (IDNA).
fn is_international_host_name(domain: &str) -> bool {
    let is_plausible = domain
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.') || is_visible_unicode(c));
    // The ASCII test comes first: the URL parser would decode percent signs and read IP addresses.
    is_plausible
        && matches!(::url::Host::parse(domain), Ok(::url::Host::Domain(ascii)) if is_host_name(&ascii))
}

/// The letters that a domain means: those of labels that begin with `xn--`, and of several that the
/// domain name system takes for one the usual one. `None` of a domain that has nothing of that, or
/// of which nothing can be read.
fn readable(domain: &str) -> Option<String> {
    let is_encoded = |label: &str| label.get(..4).is_some_and(|s| s.eq_ignore_ascii_case("xn--"));
    if domain.is_ascii() && !domain.split('.').any(is_encoded) {
        return None;
    }
    let readable = ::url::quirks::domain_to_unicode(domain);
    let is_same = || {
        let looked_up = ::url::quirks::domain_to_ascii(domain);
        !looked_up.is_empty() && looked_up == ::url::quirks::domain_to_ascii(&readable)
    };
    (is_international_host_name(&readable) && is_same()).then_some(readable)
}

/// The dots of East Asian keyboards separate labels like the ASCII one (RFC 3490 §3.1).
fn plain_dot(c: char) -> char {
    if matches!(c, '\u{3002}' | '\u{FF0E}' | '\u{FF61}') { '.' } else { c }
}

fn malformed(text: &str) -> Error {
    let hint = if text.ends_with('>') {
        "write the address alone, without the name and the angle brackets"
    } else if text.ends_with(']') {
        "write a domain name after the @, not a network address"
    } else if text.matches('@').count() > 1 && text.contains([',', ';']) {
        "write one address only"
    } else {
        "write it like name@example.com"
    };
    Error::new(ErrorKind::InvalidValue, "not an e-mail address").with_hint(hint)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A copy of the cases of is_email; see the note beside it.
    const CASES: &str = include_str!("../../tests/data/email/isemail.tsv");

    /// Diagnoses that are valid for SMTP, and that we refuse nevertheless.
    const REFUSED: [(&str, &str); 1] =
        [("ISEMAIL_RFC5321_ADDRESSLITERAL", "a network address is a machine and no person")];
    /// The address that is left when the white space of the cases about it is trimmed: is_email
    /// reads headers, where it is significant, and we read cells of tables, where it is not.
    const TRIMMED: &str = "test@iana.org";

    #[test]
    fn verdicts_of_is_email() {
        let mut wrong = Vec::new();
        let mut count = 0;
        for line in CASES.lines().skip(1) {
            let mut columns = line.split('\t');
            let mut next = || columns.next().expect("four columns");
            let (id, category, diagnosis, address) = (next(), next(), next(), next());
            // The list shows control characters by the pictures that Unicode has for them.
            let address: String = address
                .chars()
                .map(|c| match c {
                    '\u{2400}'..='\u{241F}' => char::from_u32(c as u32 - 0x2400).unwrap(),
                    _ => c,
                })
                .collect();
            let is_smtp = matches!(
                category,
                "ISEMAIL_VALID_CATEGORY" | "ISEMAIL_DNSWARN" | "ISEMAIL_RFC5321"
            );
            let is_refused = REFUSED.iter().any(|(name, _reason)| *name == diagnosis);
            let is_surrounded = trim(&address) != address;
            let expected =
                if is_surrounded { trim(&address) == TRIMMED } else { is_smtp && !is_refused };
            count += 1;
            if email(&address).is_ok() != expected {
                wrong.push(format!("{id} {diagnosis} {address:?} expected {expected}"));
            }
        }
        assert_eq!(count, 164);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn canonical_forms() {
        for (text, canonical) in [
            ("max@example.com", "max@example.com"),
            (" \u{A0}Max.Muster@EXAMPLE.Com\u{200B}\r\n", "Max.Muster@example.com"),
            ("\u{202A}max@example.com\u{202C}", "max@example.com"),
            ("max@BU\u{308}CHER.example", "max@b\u{FC}cher.example"),
            ("mu\u{308}ller@example.com", "m\u{FC}ller@example.com"),
            ("M\u{DC}LLER@example.com", "M\u{DC}LLER@example.com"),
            ("उपयोगकर्ता@उदाहरण.परीक्षा", "उपयोगकर्ता@उदाहरण.परीक्षा"),
            ("用户@例え。jp", "用户@例え.jp"),
            ("\"max @ home\"@Example.com", "\"max @ home\"@example.com"),
            ("max+news@xn--bcher-kva.example", "max+news@b\u{FC}cher.example"),
            ("Max@Mail.XN--BCHER-KVA.Example", "Max@mail.b\u{FC}cher.example"),
            ("max@b\u{FC}cher.xn--bcher-kva.example", "max@b\u{FC}cher.b\u{FC}cher.example"),
            ("max@\u{FF45}xample.com", "max@example.com"),
            ("max@stra\u{DF}e.example", "max@stra\u{DF}e.example"),
            // Nothing can be read of these.
            ("max@xn--99999999.example", "max@xn--99999999.example"),
            ("max@xn--a-ecp.RU", "max@xn--a-ecp.ru"),
            ("root@localhost", "root@localhost"),
            ("😀@example.com", "😀@example.com"),
        ] {
            assert_eq!(email(text).unwrap(), canonical);
        }
    }

    #[test]
    fn canonical_text_is_not_copied() {
        for text in ["max@example.com", "m\u{FC}ller@b\u{FC}cher.example"] {
            assert!(matches!(email(text), Ok(Cow::Borrowed(_))), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_a_fitting_hint() {
        for (text, hint) in [
            ("", "name@example.com"),
            ("example.com", "name@example.com"),
            ("Max Muster <max@example.com>", "angle brackets"),
            ("max@[192.0.2.1]", "domain name"),
            ("a@example.com; b@example.com", "one address"),
            ("max@example.com.", "name@example.com"),
            ("max@exa_mple.com", "name@example.com"),
            ("max@ex\u{200B}ample.com", "name@example.com"),
            ("max@b\u{FC}cher%2Ecom", "name@example.com"),
            ("m\u{A0}x@example.com", "name@example.com"),
            ("max@１.2.3.4", "name@example.com"),
        ] {
            let error = email(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidValue, "{text}");
            assert!(error.hint().unwrap().contains(hint), "{text}: {error}");
        }
    }

    #[test]
    fn limits_are_those_of_smtp() {
        let local_part = "x".repeat(64);
        assert!(email(&format!("{local_part}@example.com")).is_ok());
        assert!(email(&format!("{local_part}x@example.com")).is_err());
        let label = "x".repeat(63);
        assert!(email(&format!("a@{label}.com")).is_ok());
        assert!(email(&format!("a@{label}x.com")).is_err());
        let domain = [label.as_str(); 3].join(".");
        assert!(email(&format!("{}@{domain}", "x".repeat(62))).is_ok());
        assert!(email(&format!("{}@{domain}", "x".repeat(63))).is_err());
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing_more(text in any::<String>(), local_part in "\\PC{1,12}", domain in "[\\p{L}\\p{M}0-9.-]{1,20}") {
            for text in [text, format!("{local_part}@{domain}"), format!("a@{domain}.de")] {
                if let Ok(once) = email(&text) {
                    let twice = email(&once);
                    prop_assert!(matches!(&twice, Ok(Cow::Borrowed(same)) if *same == once), "{text:?} {once:?}");
                }
            }
        }
    }
}
