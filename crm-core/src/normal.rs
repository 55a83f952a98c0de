//! Normal forms: how text that people type becomes the one form that is stored.
//!
//! Two spellings of one e-mail address, phone number or currency must compare equal, be found by
//! an index and clash when unique; so each kind has one canonical text, and each function here
//! leads to it. The invariants: normalising twice changes nothing more, text that is already
//! canonical is returned without a copy, nothing is guessed, and no error repeats the text.
//! What the text meant to its author, where normalising loses it, is kept by the caller.

pub(crate) mod country;
pub(crate) mod currency;
pub(crate) mod decimal;
pub(crate) mod email;
pub(crate) mod locale;
pub(crate) mod name;
pub(crate) mod phone;
pub(crate) mod time_zone;
pub(crate) mod url;

/// The text without the white space and the invisible characters around it.
///
/// Spreadsheets and web pages leave no-break spaces, byte order marks and marks of direction at
/// the ends of what is copied from them. Nobody sees them, so nobody can have meant them.
pub(crate) fn trim(text: &str) -> &str {
    // Nearly all text needs no trimming, and two bytes show it.
    match text.as_bytes() {
        [b'!'..=b'~', .., b'!'..=b'~'] => text,
        _ => text.trim_matches(is_invisible),
    }
}

/// Whether a reader cannot see the character: white space, control and format characters.
fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::trim;

    #[test]
    fn invisible_characters_are_trimmed_at_the_ends_only() {
        assert_eq!(trim("\u{FEFF}\u{A0} a\u{200B}b \u{202C}\n\0"), "a\u{200B}b");
        assert_eq!(trim("\u{200B} "), "");
    }
}
