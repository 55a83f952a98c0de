//! One property of a card: `group.NAME;PARAM=value:value`, as vCard 2.1, 3.0 and 4.0 write it.
//!
//! Whatever version it came from, a property is held in one form: text in UTF-8 on one line, escaped
//! as in vCard 4.0, without quoted-printable. The invariant: [`Property::line`] and
//! [`Property::read`] are inverse, and nothing of a property that was parsed is left out. What a
//! value means is not asked here.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use encoding_rs::Encoding;

use super::CardVersion;
use crate::{Error, ErrorKind, Result};

/// Bytes of a property's name and of its group.
const NAME_BYTES: usize = 255;
/// Properties whose values are texts, in which a comma of vCard 2.1 means itself.
const TEXTS: [&str; 9] = ["N", "FN", "NICKNAME", "ADR", "LABEL", "ORG", "TITLE", "ROLE", "NOTE"];
/// Properties whose values are addresses on the web, in which nothing is escaped.
const ADDRESSES: [&str; 6] = ["URL", "SOURCE", "FBURL", "CALURI", "CALADRURI", "IMPP"];

/// A property of a card.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Property {
    pub(crate) group: Option<String>,
    /// The name, as it was written; letter case has no meaning.
    pub(crate) name: String,
    pub(crate) params: Vec<Param>,
    /// The value, escaped.
    pub(crate) value: String,
}

/// A parameter of a property.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Param {
    pub(crate) name: String,
    /// The values without quotes; empty for a parameter that is only named.
    pub(crate) values: Vec<String>,
}

impl Property {
    /// A property without group and parameters.
    pub(crate) fn new(name: &str, value: String) -> Self {
        Self { group: None, name: name.to_owned(), params: Vec::new(), value }
    }

    /// Reads an unfolded line of a card. What `fallback` is for is text without a charset that is
    /// not UTF-8. A value that is no text is kept in quoted-printable, and comes with the error.
    ///
    /// # Errors
    ///
    /// `InvalidValue` if the line is no property.
    pub(crate) fn parse(
        line: &[u8],
        version: CardVersion,
        fallback: Option<&'static Encoding>,
    ) -> Result<(Self, Option<Error>)> {
        let (header, value) = split_value(line)?;
        let mut property = read_header(&header_text(header, fallback)?)?;
        let encoding = property.take_encoding();
        let charset = property.take("CHARSET");
        if encoding == Coding::Base64 {
            property.params.push(Param::new("ENCODING", "b"));
            let is_space = |byte: &&u8| !byte.is_ascii_whitespace();
            let compact: Vec<u8> = value.iter().filter(is_space).copied().collect();
            return Ok(match String::from_utf8(compact) {
                Ok(value) => (Self { value, ..property }, None),
                Err(error) => property.keep_bytes(error.as_bytes(), not_base64()),
            });
        }
        let bytes = match encoding {
            Coding::QuotedPrintable => unquote(value),
            _ => value.to_vec(),
        };
        let charset = charset.and_then(|label| Encoding::for_label(label.as_bytes()));
        Ok(match decode(&bytes, charset, fallback) {
            Some(text) => {
                property.value = one_line(&text);
                if version == CardVersion::V2 && property.is_one_of(&TEXTS) {
                    property.value = escape_commas(&property.value);
                }
                (property, None)
            }
            None => property.keep_bytes(&bytes, not_text()),
        })
    }

    /// Reads a line that [`Self::line`] wrote.
    ///
    /// # Errors
    ///
    /// `InvalidValue` if it is no property.
    pub(crate) fn read(line: &str) -> Result<Self> {
        let (header, value) = split_value(line.as_bytes())?;
        let value = String::from_utf8_lossy(value).into_owned();
        let header = String::from_utf8_lossy(header);
        Ok(Self { value, ..read_header(&header)? })
    }

    /// The property on one line, which is never folded.
    pub(crate) fn line(&self) -> String {
        let mut line = String::with_capacity(self.value.len() + 32);
        self.write_name(&mut line);
        for param in &self.params {
            param.write(&mut line);
        }
        line.push(':');
        line.push_str(&self.value);
        line
    }

    pub(super) fn write_name(&self, out: &mut String) {
        if let Some(group) = &self.group {
            out.push_str(group);
            out.push('.');
        }
        out.push_str(&self.name);
    }

    /// Whether it has this name.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn is_one_of(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.is(name))
    }

    /// Whether a comma of its value means itself in vCard 2.1.
    pub(super) fn is_text(&self) -> bool {
        self.is_one_of(&TEXTS)
    }

    /// Whether nothing is escaped in its value.
    pub(super) fn is_address(&self) -> bool {
        self.is_one_of(&ADDRESSES)
    }

    /// Whether its value is bytes in base64.
    pub(super) fn is_base64(&self) -> bool {
        self.param("ENCODING").any(|value| value.eq_ignore_ascii_case("b"))
    }

    /// Whether its value is no text, and kept as it came.
    pub(super) fn is_kept_as_bytes(&self) -> bool {
        self.param("ENCODING").any(|value| value.eq_ignore_ascii_case("QUOTED-PRINTABLE"))
    }

    /// The values of a parameter; a quoted list counts as one value for each of its items.
    pub(crate) fn param<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> {
        let found = self.params.iter().filter(|param| param.name.eq_ignore_ascii_case(name));
        found.flat_map(|param| &param.values).flat_map(|value| value.split(','))
    }

    /// Whether it is of this type, such as `work` or `cell`.
    pub(crate) fn has_type(&self, label: &str) -> bool {
        self.param("TYPE").any(|value| value.eq_ignore_ascii_case(label))
    }

    /// How much it is preferred: 1 most, 101 if nothing is said.
    pub(crate) fn preference(&self) -> u32 {
        if self.has_type("pref") {
            return 1;
        }
        self.param("PREF").find_map(|value| value.parse().ok()).unwrap_or(101)
    }

    /// The parts of a structured value, each with what stands between its commas.
    pub(crate) fn components(&self) -> Vec<Vec<String>> {
        split(&self.value, b';').map(|part| split(part, b',').map(unescape).collect()).collect()
    }

    /// The value as one text.
    pub(crate) fn text(&self) -> String {
        unescape(&self.value)
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Vec<String> {
        split(&self.value, b',').map(unescape).filter(|item| !item.is_empty()).collect()
    }

    /// Gives a part of a structured value this text.
    pub(crate) fn set_component(&mut self, place: usize, text: &str) {
        let mut parts: Vec<&str> = split(&self.value, b';').collect();
        let text = escape(text);
        parts.resize(parts.len().max(place + 1), "");
        parts[place] = &text;
        self.value = parts.join(";");
    }

    /// Whether the value says nothing.
    pub(crate) fn is_blank(&self) -> bool {
        self.value.bytes().all(|byte| byte == b';' || byte == b',' || byte.is_ascii_whitespace())
    }

    /// The bytes that the value holds, with their media type where it is told.
    ///
    /// # Errors
    ///
    /// `InvalidValue` if they are not in base64.
    pub(crate) fn binary(&self) -> Result<Option<(Vec<u8>, Option<String>)>> {
        if self.is_base64() {
            let content = from_base64(&self.value)?;
            return Ok(Some((content, self.media_type())));
        }
        let text = self.text();
        let Some((head, body)) = data_uri(&text) else { return Ok(None) };
        let Some(media_type) = strip_suffix_ignoring_case(head, ";base64") else {
            return Ok(None);
        };
        let media_type = (!media_type.is_empty()).then(|| media_type.to_owned());
        let content = from_base64(body)?;
        Ok(Some((content, media_type.or_else(|| self.media_type()))))
    }

    /// The media type that a parameter tells: `MEDIATYPE=image/png`, or `TYPE=PNG` of a picture.
    pub(super) fn media_type(&self) -> Option<String> {
        let told = self.param("MEDIATYPE").chain(self.param("TYPE")).map(str::to_ascii_lowercase);
        let top = match () {
            () if self.is("SOUND") => "audio",
            () if self.is("KEY") => "application",
            () => "image",
        };
        let is_format = |value: &String| !matches!(value.as_str(), "home" | "work" | "pref");
        told.filter(is_format)
            .map(|value| if value.contains('/') { value } else { format!("{top}/{value}") })
            .next()
    }

    /// Takes a parameter out, and says what it was.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let is_meant = |param: &Param| param.name.eq_ignore_ascii_case(name);
        let place = self.params.iter().position(is_meant)?;
        let param = self.params.remove(place);
        self.params.retain(|param| !is_meant(param));
        Some(param.values.into_iter().next().unwrap_or_default())
    }

    fn take_encoding(&mut self) -> Coding {
        let Some(encoding) = self.take("ENCODING") else { return Coding::Plain };
        match encoding.to_ascii_uppercase().as_str() {
            "QUOTED-PRINTABLE" | "Q" => Coding::QuotedPrintable,
            "BASE64" | "B" => Coding::Base64,
            _ => Coding::Plain,
        }
    }

    fn keep_bytes(mut self, bytes: &[u8], error: Error) -> (Self, Option<Error>) {
        self.params.retain(|param| !param.name.eq_ignore_ascii_case("ENCODING"));
        self.params.push(Param::new("ENCODING", "QUOTED-PRINTABLE"));
        self.value = quote(bytes);
        (self, Some(error))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Plain,
    QuotedPrintable,
    Base64,
}

impl Param {
    pub(super) fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), values: vec![value.to_owned()] }
    }

    /// `;NAME=value,"other value"`.
    pub(super) fn write(&self, out: &mut String) {
        out.push(';');
        out.push_str(&self.name);
        for (place, value) in self.values.iter().enumerate() {
            out.push(if place == 0 { '=' } else { ',' });
            match value.contains([',', ';', ':']) {
                true => {
                    let _ = write!(out, "\"{value}\"");
                }
                false => out.push_str(value),
            }
        }
    }
}

/// Name and parameters before the first colon outside of quotes, and the value after it.
pub(super) fn split_value(line: &[u8]) -> Result<(&[u8], &[u8])> {
    let mut is_quoted = false;
    let colon = line.iter().position(|byte| {
        is_quoted ^= *byte == b'"';
        *byte == b':' && !is_quoted
    });
    // A quote that is never closed means nothing.
    let colon = colon.or_else(|| line.iter().position(|byte| *byte == b':'));
    let colon = colon.ok_or_else(|| {
        Error::new(ErrorKind::InvalidValue, "the line has no colon")
            .with_hint("a property is its name, a colon and its value; a line that goes on begins with a space")
    })?;
    Ok((&line[..colon], &line[colon + 1..]))
}

fn header_text(header: &[u8], fallback: Option<&'static Encoding>) -> Result<String> {
    decode(header, None, fallback)
        .filter(|text| !text.contains(char::is_control))
        .ok_or_else(no_name)
}

fn read_header(header: &str) -> Result<Property> {
    let mut pieces = split_unquoted(header, ';');
    let name = pieces.next().unwrap_or_default().trim();
    let (group, name) = match name.rsplit_once('.') {
        Some((group, name)) => (Some(group), name),
        None => (None, name),
    };
    let is_name = |name: &str| {
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=NAME_BYTES).contains(&name.len()) && name.bytes().all(is_sign)
    };
    if !is_name(name) || group.is_some_and(|group| !is_name(group)) {
        return Err(no_name());
    }
    let params = pieces.filter(|piece| !piece.trim().is_empty()).map(read_param).collect();
    Ok(Property {
        group: group.map(str::to_owned),
        name: name.to_owned(),
        params,
        value: String::new(),
    })
}

/// A parameter, whose name vCard 2.1 leaves out where its value tells it.
fn read_param(piece: &str) -> Param {
    let unquoted = |value: &str| value.replace('"', "").trim_matches([' ', '\t']).to_owned();
    if let Some((name, values)) = piece.split_once('=') {
        let values = split_unquoted(values, ',').map(unquoted).collect();
        return Param { name: unquoted(name), values };
    }
    let value = unquoted(piece);
    let name = match value.to_ascii_uppercase().as_str() {
        "QUOTED-PRINTABLE" | "BASE64" | "B" | "7BIT" | "8BIT" => "ENCODING",
        "INLINE" | "URL" | "URI" | "CID" | "CONTENT-ID" => "VALUE",
        _ => "TYPE",
    };
    Param::new(name, &value)
}

/// The pieces between separators outside of quotes.
fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |sign| {
        is_quoted ^= sign == '"';
        sign == separator && !is_quoted
    })
}

/// The pieces between separators that no backslash stands before.
fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut is_escaped = false;
    text.split(move |sign| {
        let was_escaped = is_escaped;
        is_escaped = sign == '\\' && !was_escaped;
        sign == char::from(separator) && !was_escaped
    })
}

/// The text that an escaped one stands for. A backslash before another sign stands for itself.
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        let next = signs.peek().copied().filter(|_| sign == '\\');
        plain.push(match next {
            Some('n' | 'N') => '\n',
            Some(next @ ('\\' | ',' | ';' | ':' | '"')) => next,
            _ => {
                plain.push(sign);
                continue;
            }
        });
        signs.next();
    }
    plain
}

/// The escaped form of a text, on one line.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        if matches!(sign, '\\' | ',' | ';') {
            escaped.push('\\');
        }
        escaped.push(sign);
    }
    one_line(&escaped)
}

/// The text with its line breaks escaped.
pub(super) fn one_line(text: &str) -> String {
    match text.contains(['\r', '\n']) {
        true => text.replace("\r\n", "\n").replace(['\r', '\n'], "\\n"),
        false => text.to_owned(),
    }
}

/// Escapes the commas that are not.
fn escape_commas(text: &str) -> String {
    split(text, b',').collect::<Vec<_>>().join("\\,")
}

fn decode(
    bytes: &[u8],
    charset: Option<&'static Encoding>,
    fallback: Option<&'static Encoding>,
) -> Option<String> {
    let text = match (charset, std::str::from_utf8(bytes), fallback) {
        (None, Ok(text), _) => Some(text.to_owned()),
        (None, Err(_), None) => None,
        (Some(encoding), ..) | (None, Err(_), Some(encoding)) => encoding
            .decode_without_bom_handling_and_without_replacement(bytes)
            .map(std::borrow::Cow::into_owned),
    };
    text.filter(|text| !text.contains('\0'))
}

/// The bytes that quoted-printable stands for; what is no escape stands for itself.
fn unquote(text: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = Vec::with_capacity(text.len());
    let mut place = 0;
    while let Some(&byte) = text.get(place) {
        match (byte, digit(text.get(place + 1)), digit(text.get(place + 2))) {
            (b'=', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                place += 3;
            }
            _ => {
                bytes.push(byte);
                place += 1;
            }
        }
    }
    bytes
}

/// Bytes in quoted-printable, on one line.
pub(super) fn quote(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b' '..=b'~' if *byte != b'=' => text.push(char::from(*byte)),
            _ => {
                let _ = write!(text, "={byte:02X}");
            }
        }
    }
    text
}

fn from_base64(text: &str) -> Result<Vec<u8>> {
    STANDARD.decode(text.trim()).map_err(|_| not_base64())
}

/// What stands before and after the comma of `data:image/png;base64,…`.
pub(super) fn data_uri(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_at_checked(5)?;
    if !scheme.eq_ignore_ascii_case("data:") {
        return None;
    }
    rest.split_once(',')
}

pub(super) fn strip_suffix_ignoring_case<'t>(text: &'t str, suffix: &str) -> Option<&'t str> {
    let (head, tail) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    tail.eq_ignore_ascii_case(suffix).then_some(head)
}

fn no_name() -> Error {
    Error::new(ErrorKind::InvalidValue, "the line does not begin with the name of a property")
        .with_hint("a name has letters, digits and hyphens")
}

fn not_text() -> Error {
    Error::new(ErrorKind::InvalidValue, "the value is not text in its charset")
        .with_hint("declare the encoding of the file, such as windows-1252")
}

fn not_base64() -> Error {
    Error::new(ErrorKind::InvalidValue, "the value is not in base64")
        .with_hint("look for a line of it that is missing or cut")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(line: &str, version: CardVersion) -> Property {
        let (property, fault) = Property::parse(line.as_bytes(), version, None).unwrap();
        assert!(fault.is_none(), "{line}");
        property
    }

    #[test]
    fn each_version_has_its_ways() {
        use CardVersion::{V2, V3, V4};
        for (version, line, expected) in [
            (V2, "TEL;CELL;PREF:1", "TEL;TYPE=CELL;TYPE=PREF:1"),
            (V2, "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=A9;b", "N:é;b"),
            (V2, "NOTE;QUOTED-PRINTABLE:a=0D=0Ab, c", "NOTE:a\\nb\\, c"),
            (V2, "ORG:Company, The;Unit", "ORG:Company\\, The;Unit"),
            (V2, "URL:http://a/b,c", "URL:http://a/b,c"),
            (V2, "PHOTO;JPEG;BASE64:AA AA", "PHOTO;TYPE=JPEG;ENCODING=b:AAAA"),
            (V2, "NOTE;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:=E9", "NOTE:é"),
            (V3, "item1.X-ABLabel:_$!<Home>!$_", "item1.X-ABLabel:_$!<Home>!$_"),
            (V3, "TEL;TYPE=\"work,cell\";X-A=\"b:c\":1", "TEL;TYPE=\"work,cell\";X-A=\"b:c\":1"),
            (V4, "X-A;C:c\\;d;e\\,f,g", "X-A;TYPE=C:c\\;d;e\\,f,g"),
        ] {
            assert_eq!(parsed(line, version).line(), expected);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_kept() {
        let latin = b"NOTE:Stra\xDFe=1";
        let (kept, fault) = Property::parse(latin, CardVersion::V3, None).unwrap();
        assert_eq!(fault.unwrap().kind(), ErrorKind::InvalidValue);
        assert_eq!(kept.line(), "NOTE;ENCODING=QUOTED-PRINTABLE:Stra=DFe=3D1");
        let windows = Encoding::for_label(b"windows-1252");
        let (property, _) = Property::parse(latin, CardVersion::V3, windows).unwrap();
        assert_eq!(property.text(), "Straße=1");
        let nul = Property::parse(b"NOTE:a\0b", CardVersion::V3, None).unwrap().0;
        assert_eq!(nul.line(), "NOTE;ENCODING=QUOTED-PRINTABLE:a=00b");
    }

    #[test]
    fn what_is_no_property_is_refused() {
        for line in ["", "no colon", ":x", "a b:c", ".A:b", "g.:b", "\u{1}A:b", ";;:x"] {
            assert!(Property::parse(line.as_bytes(), CardVersion::V3, None).is_err(), "{line}");
        }
        assert!(Property::parse("X\"A:b".as_bytes(), CardVersion::V3, None).is_err());
    }

    #[test]
    fn binary_values_are_read_from_both_forms() {
        let old = parsed("PHOTO;ENCODING=b;TYPE=PNG:aGk=", CardVersion::V3).binary().unwrap();
        assert_eq!(old, Some((b"hi".to_vec(), Some("image/png".into()))));
        let new = parsed("PHOTO:data:image/png;base64\\,aGk=", CardVersion::V4).binary().unwrap();
        assert_eq!(new, old);
        assert_eq!(parsed("PHOTO:http://a/b.png", CardVersion::V4).binary().unwrap(), None);
        assert!(parsed("PHOTO;ENCODING=b:a", CardVersion::V3).binary().is_err());
    }

    proptest! {
        #[test]
        fn lines_are_read_as_they_were_written(
            group in proptest::option::of("[a-z][a-z0-9]{0,5}"),
            name in "[A-Z][A-Z0-9-]{0,8}",
            params in proptest::collection::vec(("[A-Z]{1,5}", proptest::collection::vec("[^\"\r\n\\p{Cc} ]{1,6}", 1..3)), 0..3),
            text in "[^\r]{0,20}",
        ) {
            let params = params.into_iter().map(|(name, values)| Param { name, values }).collect();
            let property = Property { group, name, params, value: escape(&text) };
            let read = Property::read(&property.line()).unwrap();
            prop_assert_eq!(read.line(), property.line());
            prop_assert!(read == property);
            prop_assert_eq!(read.text(), text);
        }

        #[test]
        fn a_component_is_what_it_was_set_to(place in 0..7usize, text in "[^\r]{0,12}") {
            let mut property = Property::new("ADR", "a\\;b;c".into());
            property.set_component(place, &text);
            prop_assert_eq!(property.components()[place].join(","), text);
        }

        #[test]
        fn any_bytes_are_read_or_refused(line in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok((property, _)) = Property::parse(&line, CardVersion::V2, None) {
                prop_assert!(Property::read(&property.line()).unwrap() == property);
            }
        }
    }
}
